"""Codecs as SDP names them, and the payload types that RFC 3551 fixes for all time."""

from __future__ import annotations

from dataclasses import field, replace
from functools import lru_cache

from softswitch.value import value_class

TELEPHONE_EVENT = "telephone-event"
COMFORT_NOISE = "CN"

FIRST_DYNAMIC = 96
LAST_PAYLOAD_TYPE = 127
_LONGEST_CACHED = 96  # strings from the network are only remembered while short, so that the cache stays small


@value_class(frozen=True, slots=True)
class Codec:
    """One RTP payload format: encoding name, RTP clock rate in Hz, channels, and its format parameters.

    `fmtp` is the text after `a=fmtp:<pt> `: what the owner of the description can receive (RFC 4566 6).
    """

    name: str
    clock_rate: int
    channels: int = 1
    fmtp: str = ""
    key: str = field(init=False, repr=False, compare=False)
    """Identity of the payload format without parameters; names are case-insensitive (RFC 4855 3)."""

    wire: str = field(init=False, repr=False, compare=False)
    """Identity on the wire: `key` and those parameters without whose agreement nothing is understood."""
    is_audio: bool = field(init=False, repr=False, compare=False)
    """Whether this carries speech by itself: events, comfort noise and redundancy do not."""
    is_telephone_event: bool = field(init=False, repr=False, compare=False)
    rtpmap: str = field(init=False, repr=False, compare=False)
    """The value after `a=rtpmap:<pt> ` (RFC 4566 6)."""

    def __post_init__(self) -> None:
        name = self.name.lower()
        key = wire = f"{name}/{self.clock_rate}/{self.channels}"
        for parameter, default in _WIRE_PARAMETERS.get(name, ()):
            wire += f";{parameter}={self.parameter(parameter, default)}"
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "wire", wire)
        object.__setattr__(self, "is_audio", name not in _AUXILIARY)
        object.__setattr__(self, "is_telephone_event", name == TELEPHONE_EVENT)
        tail = f"/{self.channels}" if self.channels > 1 else ""
        object.__setattr__(self, "rtpmap", f"{self.name}/{self.clock_rate}{tail}")

    def __hash__(self) -> int:
        # Equal codecs have equal keys, and a string knows its hash.
        return hash(self.key)

    @property
    def is_comfort_noise(self) -> bool:
        return self.name.upper() == COMFORT_NOISE

    def parameter(self, name: str, default: str) -> str:
        """Give one fmtp parameter in lower case, or `default` in its absence."""
        for item in self.fmtp.split(";"):
            key, _, value = item.partition("=")
            if key.strip().lower() == name:
                return value.strip().lower()
        return default

    def same_format(self, other: Codec) -> bool:
        """Tell whether the two describe one payload format on the wire, parameters that change the wire included."""
        return self.wire == other.wire


@value_class(frozen=True, slots=True)
class Format:
    """A codec bound to an RTP payload type number, 0 to 127."""

    payload_type: int
    codec: Codec


_AUXILIARY = frozenset({TELEPHONE_EVENT, COMFORT_NOISE.lower(), "red", "ulpfec", "flexfec"})

# Parameters whose values must be equal for two sides to understand each other (RFC 4867 8.3.1, RFC 5577 5).
_WIRE_PARAMETERS: dict[str, tuple[tuple[str, str], ...]] = {
    "amr": (("octet-align", "0"), ("robust-sorting", "0"), ("interleaving", "0"), ("crc", "0")),
    "amr-wb": (("octet-align", "0"), ("robust-sorting", "0"), ("interleaving", "0"), ("crc", "0")),
    "g7221": (("bitrate", ""),),
}

STATIC_CODECS: dict[int, Codec] = {
    0: Codec("PCMU", 8000),
    3: Codec("GSM", 8000),
    4: Codec("G723", 8000),
    5: Codec("DVI4", 8000),
    6: Codec("DVI4", 16000),
    7: Codec("LPC", 8000),
    8: Codec("PCMA", 8000),
    9: Codec("G722", 8000),
    10: Codec("L16", 44100, 2),
    11: Codec("L16", 44100),
    12: Codec("QCELP", 8000),
    13: Codec(COMFORT_NOISE, 8000),
    15: Codec("G728", 8000),
    16: Codec("DVI4", 11025),
    17: Codec("DVI4", 22050),
    18: Codec("G729", 8000),
}
"""RFC 3551 table 4: audio payload types that need no rtpmap. G722 says 8000 though it samples at 16 kHz (4.5.2)."""

STATIC_PAYLOAD_TYPES: dict[str, int] = {codec.key: number for number, codec in STATIC_CODECS.items()}

KNOWN_CODECS: dict[str, Codec] = {
    codec.name.lower(): codec
    for codec in (
        STATIC_CODECS[8],
        STATIC_CODECS[0],
        STATIC_CODECS[9],
        Codec("G729", 8000, 1, "annexb=no"),
        Codec("opus", 48000, 2, "useinbandfec=1"),
        STATIC_CODECS[3],
        STATIC_CODECS[4],
        Codec("iLBC", 8000, 1, "mode=20"),
        Codec("AMR", 8000, 1, "octet-align=1"),
        Codec("AMR-WB", 16000, 1, "octet-align=1"),
        Codec("L16", 8000),
        STATIC_CODECS[13],
        Codec(TELEPHONE_EVENT, 8000, 1, "0-16"),
    )
}
"""Codecs an operator can name, by lower-case name, with the parameters we offer."""


RED = Codec("red", 48000, 2)
"""Redundant audio (RFC 2198) over Opus, as browsers have it; which payload types it carries is said as its fmtp."""


def read_format(number: int, mapping: str | None, fmtp: str) -> Format | None:
    """Read one payload type with the values of its `a=rtpmap` and `a=fmtp`; None when it cannot be known.

    What RFC 3551 fixes is fixed for good: a deviating rtpmap ("G729A", "G722/16000") is a spelling mistake.
    """
    if len(mapping or "") + len(fmtp) <= _LONGEST_CACHED:
        return _remembered_format(number, mapping, fmtp)
    return _read_format(number, mapping, fmtp)


def _read_format(number: int, mapping: str | None, fmtp: str) -> Format | None:
    static = STATIC_CODECS.get(number)
    if static is not None:
        return Format(number, replace(static, fmtp=fmtp) if fmtp else static)
    codec = None if mapping is None else _read_rtpmap(mapping, fmtp)
    return None if codec is None else Format(number, codec)


_remembered_format = lru_cache(maxsize=1024)(_read_format)


def _read_rtpmap(value: str, fmtp: str) -> Codec | None:
    """`PCMA/8000` or `opus/48000/2` (RFC 4566 6)."""
    name, _, rest = value.strip().partition("/")
    rate, _, channels = rest.partition("/")
    if not name or not _is_number(rate) or (channels and not _is_number(channels)):
        return None
    return Codec(name, int(rate), int(channels) if channels else 1, fmtp)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 7 and int(text) > 0
