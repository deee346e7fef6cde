"""A talker with a clock of its own behind a network of our choosing: packets as a tap would get them, in no time."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from audiocodecs.registry import PCMU

if TYPE_CHECKING:
    from collections.abc import Iterator

    from media.record.tap import Tap

RATE = 8000
PACKET = 160
CLICK = 24  # samples
CLICK_CODE = 0x80  # mu-law's largest positive value, +32124
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet at the moment it is received."""

    arrival_ns: int
    ssrc: int
    timestamp: int
    sequence: int
    payload: bytes
    codec: int = PCMU.number
    clock_rate: int = 8000

    def into(self, tap: Tap) -> bool:
        """What the worker does with it."""
        return tap.push(
            self.arrival_ns, self.ssrc, self.timestamp, self.sequence, self.codec, self.codec, self.payload,
            clock_rate=self.clock_rate,
        )  # fmt: skip


@dataclass(slots=True)
class Network:
    """Delays in seconds; jitter is uniform, so that packets overtake one another when it exceeds their distance."""

    delay: float = 0.03
    jitter: float = 0.0
    loss: float = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(7))


@dataclass(slots=True)
class Talker:
    """Clicks once a second of real time (from second 1 on); in between loud noise, or silence.

    Its sampling clock is off by `ppm`. It starts to talk at `start` seconds; its last sample is taken at `end`.
    """

    start: float = 0.0
    end: float = 10.0
    ppm: float = 0.0
    loud: bool = True
    ssrc: int = 0x1234
    first_timestamp: int = 0xFFFFF000  # wraps within half a second
    first_sequence: int = 0xFFF0

    def codes(self) -> np.ndarray:
        """All it says, as mu-law."""
        rate = RATE * (1 + self.ppm / 1e6)
        count = int((self.end - self.start) * rate) // PACKET * PACKET
        dice = np.random.default_rng(self.ssrc)
        says = dice.choice(np.array([0x8F, 0x0F, 0x9F, 0x1F, 0xAF, 0x2F], "u1"), count) if self.loud else None
        if says is None:
            says = np.full(count, 0xFF, "u1")
        for second in range(int(self.start) + 1, int(self.end)):
            at = round((second - self.start) * rate)
            says[at : at + CLICK] = CLICK_CODE
        return says

    def packets(self, network: Network, t0_ns: int = 0) -> list[Packet]:
        """In order of arrival, on a clock that showed `t0_ns` at second 0."""
        says = self.codes().tobytes()
        rate = RATE * (1 + self.ppm / 1e6)
        sent = []
        for number in range(len(says) // PACKET):
            at = self.start + (number + 1) * PACKET / rate
            if network.dice.random() < network.loss:
                continue
            arrival = t0_ns + round((at + network.delay + network.dice.random() * network.jitter) * SECOND_NS)
            sent.append(
                Packet(
                    arrival,
                    self.ssrc,
                    (self.first_timestamp + number * PACKET) & 0xFFFFFFFF,
                    (self.first_sequence + number) & 0xFFFF,
                    says[number * PACKET : (number + 1) * PACKET],
                )
            )
        sent.sort(key=lambda packet: packet.arrival_ns)
        return sent


def clicks(wave: np.ndarray) -> np.ndarray:
    """Where clicks begin, in samples; one of which a part is missing, or that concealment repeats, counts once."""
    loud = np.flatnonzero(wave > 25000)
    return loud[np.diff(loud, prepend=-RATE) > RATE // 10] if len(loud) else loud


def click_errors(wave: np.ndarray, delay: float, *, after: float = 0.0) -> np.ndarray:
    """How far, in seconds, each click lies from where its second (plus `delay`) is."""
    heard = clicks(wave) / RATE - delay
    heard = heard[heard > after]
    return heard - np.round(heard)


def merged(*streams: tuple[Tap, list[Packet]]) -> Iterator[tuple[Tap, Packet]]:
    """Several streams as one sequence of arrivals."""
    every = [
        (packet.arrival_ns, order, tap, packet) for order, (tap, packets) in enumerate(streams) for packet in packets
    ]
    for _, _, tap, packet in sorted(every, key=lambda entry: entry[:2]):
        yield tap, packet
