"""What each codec costs by itself and under loss: impairment factors, each with where it comes from.

A value nobody published is not made up: such a codec gets no score, and says why. Where values are published and
something about them is not certain, they are used and called `assumed`; the source says what is assumed. An operator
who knows better (a measurement of his own, a later edition of G.113) says so in the configuration: see `CodecFactors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from media.quality.emodel import FULLBAND, NARROWBAND, WIDEBAND, Scale, loss_impairment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from media.quality.opinion import Opinion

Grounding = Literal["itu", "published", "assumed"]
"""`itu`: a Recommendation of the ITU-T; `published`: refereed measurements; `assumed`: something about them is not
certain, or they are the operator's word."""


@dataclass(frozen=True, slots=True)
class CodecImpairment:
    """Equipment impairment of one codec. G.113 calls all such values provisional planning values."""

    ie: float
    """Ie: what coding alone takes off R."""
    bpl: float
    """Bpl: packet-loss robustness."""
    look_ahead_ms: float
    """Algorithmic delay beyond the packet itself."""
    grounding: Grounding
    source: str
    scale: Scale = NARROWBAND

    @property
    def best_rating(self) -> float:
        """R without loss or delay."""
        return self.scale.best_rating - self.ie

    @property
    def ceiling(self) -> Opinion:
        """The best score the codec can reach."""
        return self.scale.score(self.best_rating)

    def listening_rating(self, ppl: float, burst_ratio: float) -> float:
        """R without delay for `ppl` percent of packets missing."""
        lost = loss_impairment(self.ie, self.bpl, ppl, burst_ratio, ceiling=self.scale.loss_ceiling)
        return self.scale.best_rating - lost


@dataclass(frozen=True, slots=True)
class Unrated:
    """A codec without usable values, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Mode:
    """How a codec with several rates is being used, as far as its packets show; 0: not known."""

    sample_rate: int = 0
    """Of the audio in it, Hz: 8000 is narrowband, 16000 wideband. Not the RTP clock, which is 48000 for all of Opus."""
    kbps: float = 0.0
    """Bit rate of the coded audio."""


ANY_MODE = Mode()

_G711_PLC = CodecImpairment(0.0, 25.1, 0.25, "itu", "G.113 appendix I: G.711 with appendix I concealment")
_G711 = CodecImpairment(0.0, 4.3, 0.25, "itu", "G.113 (09/2024) table I.4: G.711 without concealment")
_G729 = CodecImpairment(11.0, 19.0, 5.0, "itu", "G.113 appendix I: G.729A with VAD, 20 ms")
_G723 = CodecImpairment(15.0, 16.1, 7.5, "itu", "G.113 appendix I: G.723.1 6.3 kbit/s with VAD")
_GSM_EFR = CodecImpairment(5.0, 10.0, 0.0, "itu", "G.113 appendix I: GSM-EFR")

# Bpl is the least that G.113 (09/2024) table IV.4 has for any wideband codec: loss may cost less than this says.
_G722 = CodecImpairment(
    13.0,
    4.3,
    1.5,
    "assumed",
    "Ie,wb as commonly quoted of G.113 for 64 kbit/s; Bpl,wb assumed to be its least",
    WIDEBAND,
)

# By encoding name in lower case: with concealment, and without. The decoders of the lower three conceal by design.
_RATED: dict[str, tuple[CodecImpairment, CodecImpairment]] = {
    "pcma": (_G711_PLC, _G711),
    "pcmu": (_G711_PLC, _G711),
    "g729": (_G729, _G729),
    "g723": (_G723, _G723),
    "gsm-efr": (_GSM_EFR, _GSM_EFR),
    "g722": (_G722, _G722),
}


def _amr_wb(ie: float, bpl: float) -> CodecImpairment:
    return CodecImpairment(ie, bpl, 5.0, "itu", "G.113 (09/2024) tables IV.3 and IV.4, diotic", WIDEBAND)


# By bit rate, kbit/s. Only the three modes that have both values in one listening context: the monotic Ie,wb of
# table IV.1 must not be paired with the diotic Bpl,wb of table IV.4.
AMR_WB = {23.85: _amr_wb(10.0, 4.9), 23.05: _amr_wb(8.0, 4.6), 12.65: _amr_wb(20.0, 4.3)}


def _evs(ie: float, bpl: float) -> CodecImpairment:
    return CodecImpairment(ie, bpl, 12.0, "itu", "G.113 appendix V: EVS-SWB", FULLBAND)


EVS = {
    48.0: _evs(10.2, 9.6),
    32.0: _evs(8.7, 9.3),
    24.4: _evs(7.2, 11.4),
    16.4: _evs(10.8, 10.3),
    13.2: _evs(17.1, 11.7),
    9.6: _evs(22.7, 13.0),
}

_ALAHMADI = "Alahmadi, Pocta, Melvin, ACM TOMM 17(4) 133 (2021): Opus"


def _opus(ie: float, bpl: float, what: str, scale: Scale) -> CodecImpairment:
    return CodecImpairment(ie, bpl, 6.5, "published", f"{_ALAHMADI} {what} kbit/s", scale)


OPUS_NARROWBAND_CBR_11 = _opus(2.03, 15.95, "NB CBR 11", NARROWBAND)
# Bpl is that of random loss; BurstR takes care of bursts (G.107 7-29). Where constant and variable bit rate were both
# measured at a rate, variable is taken: it is what encoders do unless told otherwise (RFC 7587 6.1, cbr=0).
OPUS_NARROWBAND = {
    6.0: _opus(23.00, 24.56, "NB VBR 6", NARROWBAND),
    7.0: _opus(21.26, 22.46, "NB VBR 7", NARROWBAND),
    8.0: _opus(16.02, 20.26, "NB VBR 8", NARROWBAND),
    9.0: _opus(11.74, 18.91, "NB VBR 9", NARROWBAND),
    10.0: _opus(6.20, 15.33, "NB CBR 10", NARROWBAND),
    11.0: OPUS_NARROWBAND_CBR_11,
}
OPUS_WIDEBAND = {
    11.0: _opus(28.41, 23.94, "WB VBR 11", WIDEBAND),
    12.0: _opus(23.30, 22.22, "WB VBR 12", WIDEBAND),
    13.0: _opus(19.96, 19.50, "WB VBR 13", WIDEBAND),
    14.0: _opus(20.77, 17.56, "WB CBR 14", WIDEBAND),
    15.0: _opus(18.06, 18.74, "WB CBR 15", WIDEBAND),
}


def _opus_super(ie: float, bpl: float, kbps: int) -> CodecImpairment:
    source = f"{_ALAHMADI} SWB VBR {kbps} kbit/s; its SWB E-model is assumed to be that of G.107.2"
    return CodecImpairment(ie, bpl, 6.5, "assumed", source, FULLBAND)


OPUS_SUPER_WIDEBAND = {
    float(kbps): _opus_super(ie, bpl, kbps)
    for kbps, ie, bpl in (
        (14, 38.06, 16.51),
        (15, 34.12, 15.00),
        (16, 30.16, 11.83),
        (19, 23.81, 10.67),
        (22, 20.22, 10.47),
        (25, 20.21, 11.28),
        (28, 18.48, 10.63),
        (31, 16.83, 10.44),
        (34, 14.76, 10.12),
        (37, 12.08, 10.38),
        (40, 10.67, 9.79),
    )
}

_BY_MODE: dict[tuple[str, int], dict[float, CodecImpairment]] = {
    ("opus", 8000): OPUS_NARROWBAND,
    ("opus", 16000): OPUS_WIDEBAND,
    ("opus", 24000): OPUS_SUPER_WIDEBAND,
    # Its highest octave is left out of account: nobody measured it.
    ("opus", 48000): OPUS_SUPER_WIDEBAND,
    ("amr-wb", 16000): AMR_WB,
    ("evs", 32000): EVS,
}
NEAR = 0.05
"""How far, relatively, a measured bit rate may lie from a published one to be it."""

_REASONS: dict[str, str] = {
    "opus": "no ITU-T values exist for Opus; published ones cover 6 to 11 kbit/s narrowband, 11 to 15 kbit/s "
    "wideband and 14 to 40 kbit/s of what is above",
    "amr-wb": "rated by mode, which its name does not tell, and with loss only at 12.65, 23.05 and 23.85 kbit/s",
    "evs": "rated by mode, which its name does not tell",
    "gsm": "G.113 gives no packet-loss robustness for GSM full rate",
    "ilbc": "G.113 gives no values for iLBC",
    "amr": "values depend on the mode, which changes during a call",
    "l16": "linear PCM has no G.113 value; which bandwidth it carries is not in its name",
}


def codec_impairment(name: str, *, plc: bool, mode: Mode = ANY_MODE) -> CodecImpairment | Unrated:
    """Look `name` (an RTP encoding name, any case) up; `plc`: whether the receiver conceals lost packets."""
    key = name.lower()
    rated = _RATED.get(key)
    if rated is not None:
        return rated[0] if plc else rated[1]
    by_rate = _BY_MODE.get((key, mode.sample_rate))
    if by_rate is not None and mode.kbps > 0:
        nearest = min(by_rate, key=lambda rate: abs(rate - mode.kbps))
        if abs(nearest - mode.kbps) <= NEAR * nearest:
            return by_rate[nearest]
    used = f" ({mode.sample_rate // 1000} kHz, {mode.kbps:.0f} kbit/s)" if mode.sample_rate and mode.kbps else ""
    return Unrated(f"{name}{used}: {_REASONS.get(key, 'no impairment values known')}")


class CodecFactors:
    """The built-in values, and what the operator says instead.

    `overrides` by encoding name in lower case, or by name and sample rate of the audio, which goes first: `opus/16000`.
    """

    __slots__ = ("_overrides",)

    def __init__(self, overrides: Mapping[str, CodecImpairment] = MappingProxyType({})) -> None:
        self._overrides = {name.lower(): impairment for name, impairment in overrides.items()}

    def find(self, name: str, *, plc: bool, mode: Mode = ANY_MODE) -> CodecImpairment | Unrated:
        """The values to score `name` (an RTP encoding name, any case) with."""
        if self._overrides:
            key = name.lower()
            for each in (f"{key}/{mode.sample_rate}", key):
                if each in self._overrides:
                    return self._overrides[each]
        return codec_impairment(name, plc=plc, mode=mode)

    def by_mode(self, name: str) -> bool:
        """Whether a codec's values depend on how it is used, so that it is worth looking."""
        key = name.lower()
        return any(key == each for each, _ in _BY_MODE) or any(each.startswith(f"{key}/") for each in self._overrides)
