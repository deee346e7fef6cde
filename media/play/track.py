"""Tracks: a sound encoded once for a codec, as packets that only need a header.

G.711 is there from the start. Everything else is made when the first listener needs it, in a thread, because a song
takes seconds to encode; from then on a thousand listeners cost a thousand packets and no encoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audiocodecs.coding import Encoder
from audiocodecs.registry import G722, G729, L16, OPUS, codec_by_number

from media.play.resample import Resampler
from media.play.source import LONGEST_PACKET_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from media.play.source import PlaySource

TICKS_A_MS = 8
OPUS_COMPLEXITY = 5
"""Nobody waits for the encoder here; more than this is hardly heard."""
OPUS_PACKETS_MS = (10, 20, 40, 60)
"""Of the packet times we send; a leg with another one gets 20 ms (RFC 7587 7)."""


def packet_ms(codec: int, ptime: int) -> int:
    """The packet time a track of this codec is made for, given what the leg asked for: whole frames only."""
    if codec == OPUS.number:
        return ptime if ptime in OPUS_PACKETS_MS else 20
    if codec == G729.number:
        return max(10, ptime // 10 * 10)
    return ptime


def ensure_track(source: PlaySource, codec: int, clock_rate: int, ptime: int) -> bool:
    """Make the track unless it is there; whether it is there now. Blocks while it encodes: in a thread, please.

    False: there is no way to send this sound as it is (a codec or clock rate nobody here encodes); it may still be
    encoded while it plays. Raises audiocodecs.coding.CodecUnavailable when a library is missing.
    """
    ticks = packet_ms(codec, ptime) * TICKS_A_MS
    if source.has_track(codec, clock_rate, ticks):
        return True
    known = codec_by_number(codec)
    if known is None or (known is not L16 and known.clock_rate != clock_rate):
        return False
    if known is G722:
        encoder = Encoder(known.name)
        octets = b"".join(_encoded(encoder, widened(source), 20))
        source.add_track(codec, clock_rate, octets[: source.length + LONGEST_PACKET_MS * TICKS_A_MS], 1)
    elif known is G729:
        source.add_track(codec, clock_rate, b"".join(_encoded(Encoder(known.name), source.narrow, 10)), 80)
    elif known is L16 and clock_rate in (8000, 16000):
        pcm = source.narrow if clock_rate == 8000 else widened(source)
        octets = b"".join(_encoded(Encoder(known.name, clock_rate), pcm, 20))
        unit = clock_rate // 8000 * 2
        source.add_track(codec, clock_rate, octets[: (source.length + LONGEST_PACKET_MS * TICKS_A_MS) * unit], 1)
    elif known is OPUS:
        rate = 8000 if source.wide is None else 16000
        encoder = Encoder(known.name, rate, complexity=OPUS_COMPLEXITY, fec=False)
        packets = list(_encoded(encoder, source.wide or source.narrow, ticks // TICKS_A_MS, tail=False))
        source.add_track(codec, clock_rate, packets, ticks)
    else:
        return False
    return True


def widened(source: PlaySource) -> bytes:
    """The PCM at 16 kHz: kept from decoding when the file had it, else made from what there is, once."""
    if source.wide is None:
        from array import array

        narrow = array("h", source.narrow)
        resampler = Resampler(8000, 1, 16000)
        wide = resampler.feed(array("f", (sample / 32768 for sample in narrow))) + resampler.finish()
        source.widen(wide[: 4 * source.length].ljust(4 * source.length, b"\0"))
    assert source.wide is not None
    return source.wide


def wav_file(source: PlaySource) -> bytes:
    """The sound as a WAV file, at 16 kHz where it has that."""
    import io
    import wave

    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000 if source.wide is None else 16000)
        file.writeframes(source.wide or source.narrow)
    return out.getvalue()


def _encoded(encoder: Encoder, pcm: bytes, packet: int, *, tail: bool = True) -> Iterator[bytes]:
    """Packets of `packet` ms of the whole sound; with `tail` so much silence behind it that the last one is whole."""
    size = encoder.sample_rate // 1000 * packet * 2
    behind = size + (encoder.sample_rate // 1000 * LONGEST_PACKET_MS * 2 if tail else 0)
    padded = memoryview(pcm + bytes(behind))
    end = len(pcm) + (behind - size if tail else 0)
    for start in range(0, end, size):
        yield encoder.encode(padded[start : start + size])
