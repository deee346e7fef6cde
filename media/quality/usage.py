"""How a leg's payload is being used: which codec the newest packets carry, and in which mode.

SDP says what may come; the payload type says what does. Opus names its bandwidth in the first octet of each packet
(RFC 6716 3.1), so that its mode is known without decoding; its bit rate is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from media.quality.codecs import ANY_MODE, Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from media.commands import PayloadFormat

NOT_AUDIO = frozenset({"telephone-event", "cn", "red"})

# Sample rate by the five bits of the configuration, in fours (SILK, hybrid, CELT: RFC 6716 table 2).
_OPUS_RATES = (8000, 12000, 16000, 24000, 8000, 16000, 24000, 48000)
_SILK_MS, _HYBRID_MS, _CELT_MS = (10.0, 20.0, 40.0, 60.0), (10.0, 20.0, 10.0, 20.0), (2.5, 5.0, 10.0, 20.0)


class Use(NamedTuple):
    """One direction as the worker sees it; packets and octets of payload are cumulative."""

    payload_type: int
    first_octet: int
    packets: int
    octets: int


def audio_of(formats: Sequence[PayloadFormat]) -> PayloadFormat | None:
    """The first that carries speech."""
    return next((each for each in formats if each.name.lower() not in NOT_AUDIO), None)


def in_use(formats: Sequence[PayloadFormat], use: Use | None) -> PayloadFormat | None:
    """What `use` carries; None when nothing has, or nothing but events and noise."""
    if use is None:
        return None
    return next((each for each in formats if each.payload_type == use.payload_type and audio_of((each,))), None)


def opus_packet(first_octet: int) -> tuple[int, float]:
    """(sample rate of the audio in Hz, milliseconds in the packet; 0 ms when the next octet counts its frames)."""
    configuration, frames = first_octet >> 3, first_octet & 3
    if configuration < 12:
        rate, durations = _OPUS_RATES[configuration >> 2], _SILK_MS
    elif configuration < 16:
        rate, durations = (24000 if configuration < 14 else 48000), _HYBRID_MS
    else:
        rate, durations = _OPUS_RATES[configuration >> 2], _CELT_MS
    return rate, durations[configuration & 3] * (0 if frames == 3 else 2 if frames else 1)


def mode_of(codec: PayloadFormat, before: Use | None, after: Use) -> Mode:
    """How the codec was used between two looks."""
    packets = after.packets - (0 if before is None else before.packets)
    octets = after.octets - (0 if before is None else before.octets)
    name = codec.name.lower()
    if name == "l16":
        return Mode(codec.clock_rate)
    if name != "opus" or packets <= 0 or octets < 0:
        return ANY_MODE
    rate, milliseconds = opus_packet(after.first_octet)
    return Mode(rate, octets * 8 / (packets * milliseconds) if milliseconds else 0.0)
