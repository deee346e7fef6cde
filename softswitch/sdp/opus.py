"""The format parameters of Opus in SDP (RFC 7587 6.1, 7): what its author can receive, and what it will send.

`maxaveragebitrate`, `maxplaybackrate`, `stereo`, `useinbandfec`, `usedtx` and `cbr` speak of receiving, the `sprop-`
ones of sending; the two directions of a call are independent (RFC 7587 7.1).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.sdp.codec import Codec

Bandwidth = Literal["standard", "high"]

FULL_BAND: Final = 48_000
LEAST_BITRATE: Final = 6_000
MOST_BITRATE: Final = 510_000

_CLASSES: dict[Bandwidth, tuple[int, int]] = {"standard": (16_000, 50_000), "high": (FULL_BAND, 100_000)}
"""Highest sampling rate, and bit/s of a stream with all its headers."""
_HEADERS = 20 + 8 + 12 + 16
"""Octets around a payload: IPv4, UDP, RTP, and the longest authentication tag of SRTP."""
REFERENCE_PTIME: Final = 20
"""Milliseconds a packet for which `maxaveragebitrate` leaves room for headers."""
_MARGIN = 0.97
"""Of the bit rate asked for: what libopus sends in a second varies by as much around it."""


@value_class(frozen=True, slots=True)
class OpusParameters:
    """One `a=fmtp` of Opus. Rates in Hz, bit rates in bit/s of payload."""

    maxplaybackrate: int = FULL_BAND
    sprop_maxcapturerate: int = FULL_BAND
    maxaveragebitrate: int | None = None
    stereo: bool = False
    sprop_stereo: bool = False
    cbr: bool = False
    useinbandfec: bool = False
    usedtx: bool = False
    minptime: int | None = None
    """Milliseconds. Not in the RFC, but every browser says it: the shortest packet its author can take."""

    @staticmethod
    def read(fmtp: str) -> OpusParameters:
        """Read what follows `a=fmtp:<pt> `. What is absent, unreadable or beyond the codec has its default."""
        return _read(fmtp) if len(fmtp) <= _LONGEST_CACHED else _read.__wrapped__(fmtp)

    @property
    def fmtp(self) -> str:
        """As SDP carries it: what differs from the defaults."""
        values = {
            "minptime": self.minptime,
            "useinbandfec": int(self.useinbandfec) or None,
            "maxplaybackrate": None if self.maxplaybackrate == FULL_BAND else self.maxplaybackrate,
            "sprop-maxcapturerate": None if self.sprop_maxcapturerate == FULL_BAND else self.sprop_maxcapturerate,
            "maxaveragebitrate": self.maxaveragebitrate,
            "stereo": int(self.stereo) or None,
            "sprop-stereo": int(self.sprop_stereo) or None,
            "cbr": int(self.cbr) or None,
            "usedtx": int(self.usedtx) or None,
        }
        return ";".join(f"{name}={value}" for name, value in values.items() if value is not None)


def parameters_of(bandwidth: Bandwidth, *, fec: bool, dtx: bool, cbr: bool) -> OpusParameters:
    """What we say of ourselves for a class of bandwidth; we decode and encode one channel."""
    rate, _ = _CLASSES[bandwidth]
    return OpusParameters(
        maxplaybackrate=rate,
        sprop_maxcapturerate=rate,
        maxaveragebitrate=_payload_bitrate(bandwidth),
        cbr=cbr,
        useinbandfec=fec,
        usedtx=dtx,
        minptime=10,
    )


def _payload_bitrate(bandwidth: Bandwidth) -> int:
    """What the headers of packets of 20 ms leave of the class, in whole hundreds of bit/s."""
    _, total = _CLASSES[bandwidth]
    return int((total - _headers_bitrate(REFERENCE_PTIME)) * _MARGIN) // 100 * 100


def _headers_bitrate(ptime: int) -> int:
    return 8 * _HEADERS * 1000 // ptime


@value_class(frozen=True, slots=True)
class OpusSending:
    """How to encode towards a far end: what it can take, within what we allow ourselves."""

    highest_rate: int
    bitrate: int | None
    """bit/s of payload; None: nobody limits it."""
    fec: bool
    dtx: bool
    cbr: bool


def sending(theirs: OpusParameters, ours: OpusParameters, ptime: int) -> OpusSending:
    """Settle how we encode. Packets shorter than 20 ms have more headers, which `ours` did not reckon with."""
    limits = [theirs.maxaveragebitrate] if theirs.maxaveragebitrate is not None else []
    if ours.maxaveragebitrate is not None:
        limits.append(_beside_headers(ours.maxaveragebitrate, ptime))
    return OpusSending(
        highest_rate=min(theirs.maxplaybackrate, ours.sprop_maxcapturerate),
        bitrate=min(limits, default=None),
        fec=theirs.useinbandfec and ours.useinbandfec,
        dtx=theirs.usedtx and ours.usedtx,
        cbr=theirs.cbr or ours.cbr,
    )


def fmtp_for(codec: Codec, ptime: int) -> str:
    """The parameters to say of a codec where packets of `ptime` are asked for: Opus has less room in shorter ones."""
    if codec.name.lower() != "opus":
        return codec.fmtp
    said = OpusParameters.read(codec.fmtp)
    if said.maxaveragebitrate is None:
        return codec.fmtp
    return replace(said, maxaveragebitrate=_beside_headers(said.maxaveragebitrate, ptime)).fmtp


def _beside_headers(bitrate: int, ptime: int) -> int:
    """What is left of a payload's bit/s when packets are shorter than was reckoned with."""
    more = max(0, _headers_bitrate(ptime) - _headers_bitrate(REFERENCE_PTIME))
    return max(LEAST_BITRATE, bitrate - more)


def relayed(peer: Codec, ours: Codec) -> Codec:
    """What to promise on one leg when the other does Opus as well: what the peer can take, within our own limits."""
    said, limits = OpusParameters.read(peer.fmtp), OpusParameters.read(ours.fmtp)
    rates = [rate for rate in (said.maxaveragebitrate, limits.maxaveragebitrate) if rate is not None]
    both = replace(
        said,
        maxplaybackrate=min(said.maxplaybackrate, limits.maxplaybackrate),
        maxaveragebitrate=min(rates, default=None),
    )
    return peer if both == said else replace(peer, fmtp=both.fmtp)


def _read_parameters(fmtp: str) -> OpusParameters:
    said: dict[str, int] = {}
    for item in fmtp.split(";"):
        name, _, value = item.partition("=")
        value = value.strip()
        if value.isascii() and value.isdigit() and len(value) <= 7:
            said.setdefault(name.strip().lower(), int(value))
    bitrate = said.get("maxaveragebitrate")
    return OpusParameters(
        maxplaybackrate=_rate(said.get("maxplaybackrate")),
        sprop_maxcapturerate=_rate(said.get("sprop-maxcapturerate")),
        maxaveragebitrate=None if bitrate is None else min(max(bitrate, LEAST_BITRATE), MOST_BITRATE),
        stereo=said.get("stereo") == 1,
        sprop_stereo=said.get("sprop-stereo") == 1,
        cbr=said.get("cbr") == 1,
        useinbandfec=said.get("useinbandfec") == 1,
        usedtx=said.get("usedtx") == 1,
        minptime=said.get("minptime"),
    )


# Peers say the same in every call; only short strings from the network are remembered.
_LONGEST_CACHED = 200
_read = lru_cache(256)(_read_parameters)


def _rate(value: int | None) -> int:
    """A sampling rate Opus has: the next one above what was said."""
    return next((rate for rate in (8_000, 12_000, 16_000, 24_000) if value is not None and value <= rate), FULL_BAND)
