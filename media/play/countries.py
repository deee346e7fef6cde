"""The tones of national telephone networks: which sound means "it rings", "busy", "not now" in which country.

Source: ITU-T E.180 supplement 2 (various tones used in national networks), with ETSI TR 101 041-2 for Europe, BT SIN
350 for the United Kingdom and ANSI T1.401 for North America. Where a network documents a tone we have no figures for,
the one E.180 recommends stands in: 425 Hz; ringing 1 s on, 4 s off; busy 0.5 s and 0.5 s; congestion 0.2 s and 0.2 s;
special information 950, 1400, 1800 Hz of 330 ms each, then 1 s of silence.

A frequency modulated by another (400 x 25 in the supplement's notation) is written as the two frequencies it consists
of, 388 and 412 Hz. Times are milliseconds on, off, on, off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from media.commands import Tone

ToneName = Literal["dial", "ringback", "busy", "congestion", "special_information", "call_waiting"]


def _special_information(*frequencies: int, on: int = 330, gap: int = 0, off: int = 1000) -> Tone:
    first, second, third = frequencies or (950, 1400, 1800)
    return Tone((first,), (on, gap, on, gap, on, off), bursts=((first,), (second,), (third,)))


_DIAL = Tone((425,))
_RINGBACK = Tone((425,), (1000, 4000))
_BUSY = Tone((425,), (500, 500))
_CONGESTION = Tone((425,), (200, 200))
_SPECIAL_INFORMATION = _special_information()
_CALL_WAITING = Tone((425,), (300, 8000))


@dataclass(frozen=True, slots=True)
class CountryTones:
    """What a caller hears of the network. Play them with `repeat`."""

    dial: Tone = _DIAL
    ringback: Tone = _RINGBACK
    busy: Tone = _BUSY
    congestion: Tone = _CONGESTION
    special_information: Tone = _SPECIAL_INFORMATION
    call_waiting: Tone = _CALL_WAITING

    def named(self, name: ToneName) -> Tone:
        """One of them."""
        tone: Tone = getattr(self, name)
        return tone


RECOMMENDED = CountryTones()
"""As E.180 would have everybody do."""

_NORTH_AMERICA = CountryTones(
    dial=Tone((350, 440), (), -13.0),
    ringback=Tone((440, 480), (2000, 4000), -16.0),
    busy=Tone((480, 620), (500, 500), -21.0),
    congestion=Tone((480, 620), (250, 250), -21.0),
    special_information=_special_information(950, 1400, 1800, off=1000),
    call_waiting=Tone((440,), (300, 10000), -13.0),
)

TONES: dict[str, CountryTones] = {
    "AT": CountryTones(
        dial=Tone((420,)),
        ringback=Tone((420,), (1000, 5000)),
        busy=Tone((420,), (400, 400)),
        congestion=Tone((420,), (200, 200)),
        special_information=_special_information(950, 1450, 1850),
        call_waiting=Tone((420,), (40, 1960)),
    ),
    "AU": CountryTones(
        dial=Tone((413, 438)),
        ringback=Tone((413, 438), (400, 200, 400, 2000)),
        busy=Tone((425,), (375, 375)),
        congestion=Tone((425,), (375, 375)),
        special_information=Tone((425,), (2500, 500)),
        call_waiting=Tone((425,), (200, 200, 200, 4400)),
    ),
    "BE": CountryTones(
        ringback=Tone((425,), (1000, 3000)),
        congestion=Tone((425,), (167, 167)),
        special_information=_special_information(900, 1400, 1800),
        call_waiting=Tone((1400,), (175, 175, 175, 3500)),
    ),
    "BG": CountryTones(
        congestion=Tone((425,), (250, 250)),
        call_waiting=Tone((425,), (150, 150, 150, 4000)),
    ),
    "BR": CountryTones(
        busy=Tone((425,), (250, 250)),
        congestion=Tone((425,), (250, 250, 750, 250)),
        call_waiting=Tone((425,), (50, 1000)),
    ),
    "CA": _NORTH_AMERICA,
    "CH": CountryTones(call_waiting=Tone((425,), (200, 200, 200, 4000))),
    "CL": CountryTones(
        dial=Tone((400,)),
        ringback=Tone((400,), (1000, 3000)),
        busy=Tone((400,), (500, 500)),
        congestion=Tone((400,), (200, 200)),
        call_waiting=Tone((400,), (250, 8750)),
    ),
    "CN": CountryTones(
        dial=Tone((450,)),
        ringback=Tone((450,), (1000, 4000)),
        busy=Tone((450,), (350, 350)),
        congestion=Tone((450,), (700, 700)),
        special_information=Tone((450,), (100, 100, 100, 100, 100, 100, 400, 400)),
        call_waiting=Tone((450,), (400, 4000)),
    ),
    "CZ": CountryTones(
        dial=Tone((425,), (330, 330, 660, 660)),
        busy=Tone((425,), (330, 330)),
        congestion=Tone((425,), (165, 165)),
        special_information=_special_information(gap=30),
        call_waiting=Tone((425,), (330, 9000)),
    ),
    "DE": CountryTones(
        busy=Tone((425,), (480, 480)),
        congestion=Tone((425,), (240, 240)),
        call_waiting=Tone((425,), (200, 200, 200, 5000)),
    ),
    "DK": CountryTones(call_waiting=Tone((425,), (200, 600, 200, 3000))),
    "EE": CountryTones(
        busy=Tone((425,), (300, 300)),
        call_waiting=Tone((425,), (150, 150, 150, 8000)),
    ),
    "ES": CountryTones(
        ringback=Tone((425,), (1500, 3000)),
        busy=Tone((425,), (200, 200)),
        congestion=Tone((425,), (200, 200, 200, 200, 200, 600)),
        call_waiting=Tone((425,), (175, 175, 175, 3500)),
    ),
    "FI": CountryTones(
        busy=Tone((425,), (300, 300)),
        call_waiting=Tone((425,), (150, 150, 150, 8000)),
    ),
    "FR": CountryTones(
        dial=Tone((440,)),
        ringback=Tone((440,), (1500, 3500)),
        busy=Tone((440,), (500, 500)),
        congestion=Tone((440,), (250, 250)),
        call_waiting=Tone((440,), (300, 10000)),
    ),
    "GB": CountryTones(
        dial=Tone((350, 440)),
        ringback=Tone((400, 450), (400, 200, 400, 2000)),
        busy=Tone((400,), (375, 375)),
        congestion=Tone((400,), (400, 350, 225, 525)),
        special_information=_special_information(gap=15),
        call_waiting=Tone((400,), (100, 4000)),
    ),
    "GR": CountryTones(
        dial=Tone((425,), (200, 300, 700, 800)),
        busy=Tone((425,), (300, 300)),
        call_waiting=Tone((425,), (150, 150, 150, 8000)),
    ),
    "HU": CountryTones(
        ringback=Tone((425,), (1250, 3750)),
        busy=Tone((425,), (300, 300)),
        congestion=Tone((425,), (300, 300)),
        call_waiting=Tone((425,), (40, 1960)),
    ),
    "IE": CountryTones(
        ringback=Tone((400, 450), (400, 200, 400, 2000)),
        congestion=Tone((425,), (500, 500)),
        call_waiting=Tone((425,), (180, 200, 200, 4500)),
    ),
    "IL": CountryTones(
        dial=Tone((414,)),
        ringback=Tone((414,), (1000, 3000)),
        busy=Tone((414,), (500, 500)),
        congestion=Tone((414,), (250, 250)),
        special_information=_special_information(1000, 1400, 1800),
        call_waiting=Tone((414,), (100, 100, 100, 100, 600, 3000)),
    ),
    "IN": CountryTones(
        dial=Tone((388, 412)),
        ringback=Tone((388, 412), (400, 200, 400, 2000)),
        busy=Tone((400,), (750, 750)),
        congestion=Tone((400,), (250, 250)),
        call_waiting=Tone((400,), (200, 100, 200, 7500)),
    ),
    "IT": CountryTones(
        dial=Tone((425,), (200, 200, 600, 1000)),
        call_waiting=Tone((425,), (400, 100, 250, 100, 150, 14000)),
    ),
    "JP": CountryTones(
        dial=Tone((400,)),
        ringback=Tone((392, 408), (1000, 2000)),
        busy=Tone((400,), (500, 500)),
        congestion=Tone((400,), (500, 500)),
        call_waiting=Tone((392, 408), (500, 8000)),
    ),
    "KR": CountryTones(
        dial=Tone((350, 440)),
        ringback=Tone((440, 480), (1000, 2000), -16.0),
        busy=Tone((480, 620), (500, 500), -21.0),
        congestion=Tone((480, 620), (300, 200), -21.0),
        call_waiting=Tone((350, 440), (250, 250, 250, 3250)),
    ),
    "LT": CountryTones(
        busy=Tone((425,), (350, 350)),
        call_waiting=Tone((425,), (150, 150, 150, 4000)),
    ),
    "MX": CountryTones(
        busy=Tone((425,), (250, 250)),
        congestion=Tone((425,), (250, 250)),
        special_information=_special_information(gap=30),
        call_waiting=Tone((425,), (200, 600, 200, 10000)),
    ),
    "MY": CountryTones(
        ringback=Tone((425,), (400, 200, 400, 2000)),
        congestion=Tone((425,), (500, 500)),
    ),
    "NL": CountryTones(
        congestion=Tone((425,), (250, 250)),
        call_waiting=Tone((425,), (500, 9500)),
    ),
    "NO": CountryTones(call_waiting=Tone((425,), (200, 600, 200, 10000))),
    "NZ": CountryTones(
        dial=Tone((400,)),
        ringback=Tone((400, 450), (400, 200, 400, 2000)),
        busy=Tone((400,), (500, 500)),
        congestion=Tone((400,), (250, 250)),
        special_information=Tone((400,), (750, 100, 750, 100, 750, 100, 750, 400)),
        call_waiting=Tone((400,), (200, 3000)),
    ),
    "PH": CountryTones(
        ringback=Tone((425, 480), (1000, 4000), -16.0),
        busy=Tone((480, 620), (500, 500), -21.0),
        congestion=Tone((480, 620), (250, 250), -21.0),
        call_waiting=Tone((440,), (300, 10000)),
    ),
    "PL": CountryTones(
        congestion=Tone((425,), (500, 500)),
        call_waiting=Tone((425,), (150, 150, 150, 4000)),
    ),
    "PT": CountryTones(
        ringback=Tone((425,), (1000, 5000)),
        call_waiting=Tone((425,), (200, 200, 200, 5000)),
    ),
    "RU": CountryTones(
        busy=Tone((425,), (350, 350)),
        congestion=Tone((425,), (175, 175)),
        call_waiting=Tone((425,), (200, 5000)),
    ),
    "SE": CountryTones(
        ringback=Tone((425,), (1000, 5000)),
        busy=Tone((425,), (250, 250)),
        congestion=Tone((425,), (250, 750)),
        special_information=_special_information(on=332, gap=24, off=2024),
        call_waiting=Tone((425,), (200, 500, 200, 9100)),
    ),
    "SG": CountryTones(
        ringback=Tone((413, 437), (400, 200, 400, 2000)),
        busy=Tone((425,), (750, 750)),
        congestion=Tone((425,), (250, 250)),
        call_waiting=Tone((413, 437), (300, 200, 300, 3200)),
    ),
    "TH": CountryTones(
        dial=Tone((375, 425)),
        ringback=Tone((420,), (1000, 5000)),
        busy=Tone((400,), (500, 500)),
        congestion=Tone((400,), (300, 300)),
        call_waiting=Tone((1000,), (400, 10000)),
    ),
    "TR": CountryTones(
        dial=Tone((450,)),
        ringback=Tone((450,), (2000, 4000)),
        busy=Tone((450,), (500, 500)),
        congestion=Tone((450,), (200, 200, 200, 200, 200, 200, 600, 200)),
        special_information=_special_information(on=300),
        call_waiting=Tone((450,), (200, 600, 200, 8000)),
    ),
    "TW": CountryTones(
        dial=Tone((350, 440)),
        ringback=Tone((440, 480), (1000, 2000), -16.0),
        busy=Tone((480, 620), (500, 500), -21.0),
        congestion=Tone((480, 620), (250, 250), -21.0),
        call_waiting=Tone((350, 440), (250, 250, 250, 3250)),
    ),
    "US": _NORTH_AMERICA,
    "VE": CountryTones(
        congestion=Tone((425,), (250, 250)),
        special_information=_special_information(950, 1440, 1800),
        call_waiting=Tone((400, 450), (300, 6000)),
    ),
    "ZA": CountryTones(
        dial=Tone((383, 417)),
        ringback=Tone((383, 417), (400, 200, 400, 2000)),
        busy=Tone((400,), (500, 500)),
        congestion=Tone((400,), (250, 250)),
        special_information=_special_information(off=330),
        call_waiting=Tone((383, 417), (250, 250, 250, 250, 250, 250, 250, 7500)),
    ),
}
"""By ISO 3166-1 alpha-2 code."""

_BY_DIALLING_CODE = {
    "1": "US", "7": "RU", "27": "ZA", "30": "GR", "31": "NL", "32": "BE", "33": "FR", "34": "ES",
    "36": "HU", "39": "IT", "41": "CH", "43": "AT", "44": "GB", "45": "DK", "46": "SE", "47": "NO",
    "48": "PL", "49": "DE", "52": "MX", "55": "BR", "56": "CL", "58": "VE", "60": "MY", "61": "AU",
    "63": "PH", "64": "NZ", "65": "SG", "66": "TH", "81": "JP", "82": "KR", "86": "CN", "90": "TR",
    "91": "IN", "351": "PT", "353": "IE", "358": "FI", "359": "BG", "370": "LT", "372": "EE", "420": "CZ",
    "886": "TW", "972": "IL",
}  # fmt: skip


def tones_of(country: str | None, dialling_code: str | None = None) -> CountryTones:
    """The tones of a country (ISO code, any case), else of the country with this E.164 code, else E.180's own."""
    known = TONES.get((country or "").upper())
    if known is None and country is None:
        known = TONES.get(_BY_DIALLING_CODE.get(dialling_code or "", ""))
    return known or RECOMMENDED
