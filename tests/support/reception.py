"""A far end that talks through a channel to a receiver that is pulled by the clock: what the listener gets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from media.receive.pieces import Receiver

if TYPE_CHECKING:
    from audiocodecs.coding import Decoder, Encoder

    from media.receive.pieces import Heard
    from tests.support.speech import Pcm

FRAME_MS = 20


@dataclass(frozen=True, slots=True)
class Sent:
    """One RTP packet; `sequence` and `timestamp` as they are on the wire."""

    sequence: int
    timestamp: int
    payload: bytes
    index: int = 0
    noise: bool = False


def packets(
    pcm: Pcm, encoder: Encoder, *, ms: int = FRAME_MS, sequence: int = 65000, timestamp: int = 0xFFFF0000
) -> list[tuple[float, Sent]]:
    """All of some audio: (second at which its last sample was spoken, packet). What DTX holds back is left out."""
    samples = encoder.sample_rate * ms // 1000
    sent: list[tuple[float, Sent]] = []
    for number in range(len(pcm) // samples):
        payload = encoder.encode(pcm[number * samples : (number + 1) * samples].tobytes())
        if payload:
            stamp = (timestamp + number * ms * encoder.clock_rate // 1000) & 0xFFFFFFFF
            sent.append(((number + 1) * ms / 1000, Sent((sequence + len(sent)) & 0xFFFF, stamp, payload)))
    return sent


@dataclass(slots=True)
class Reception:
    """What was heard, and how."""

    pcm: Pcm
    kinds: list[frozenset[Heard]]
    delays: list[float]
    """Seconds, after each pull."""
    receiver: Receiver
    began: int = 0
    """Samples before the first packet was heard."""
    rates: list[int] = field(default_factory=list)

    def aligned(self, length: int) -> Pcm:
        """From the first packet on, `length` samples."""
        heard = self.pcm[self.began : self.began + length]
        return np.pad(heard, (0, length - len(heard)))


def receive(
    arrivals: list[tuple[float, Sent]],
    decoders: dict[int, Decoder],
    seconds: float,
    *,
    pull_ms: int = 20,
    most_delay_ms: int | None = None,
    index: int | None = None,
) -> Reception:
    """Pull for so many seconds; `index` is the format of all packets, where it is not theirs to say.

    The clock starts at an odd time; pulls are not in step with packets.
    """
    receiver = Receiver(most_delay_ms=most_delay_ms)
    for each, decoder in decoders.items():
        receiver.decoder(each, decoder)
    heard: list[Pcm] = []
    kinds, delays, rates = [], [], []
    began = None
    waiting = iter(arrivals)
    following = next(waiting, None)
    for number in range(round(seconds * 1000 / pull_ms)):
        now = number * pull_ms / 1000 + 0.0071
        while following is not None and following[0] <= now:
            put(receiver, following[0], following[1] if index is None else replace(following[1], index=index))
            following = next(waiting, None)
        rates.append(receiver.rate)
        pcm, kind = receiver.pull(microseconds(now), receiver.rate * pull_ms // 1000)
        if began is None and "voice" in kind:
            first = np.frombuffer(pcm, np.int16)
            began = sum(len(part) for part in heard) + int(np.argmax(first != 0))
        heard.append(np.frombuffer(pcm, np.int16))
        kinds.append(kind)
        delays.append(receiver.delay)
    return Reception(np.concatenate(heard), kinds, delays, receiver, began or 0, rates)


def microseconds(seconds: float) -> int:
    """On a clock that has run for a while."""
    return 7_000_000_000 + round(seconds * 1e6)


def put(receiver: Receiver, at: float, packet: Sent) -> None:
    """What the worker does with a packet that arrives."""
    if packet.noise:
        receiver.noise(microseconds(at), packet.sequence, packet.timestamp, packet.payload)
    else:
        receiver.put(microseconds(at), packet.index, packet.sequence, packet.timestamp, packet.payload)
