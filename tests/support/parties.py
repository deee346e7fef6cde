"""Phones that meet in rooms of the media engine: each says a tone of its own, and keeps what it hears."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING

import numpy as np
from audiocodecs.coding import Decoder, Encoder

from media.commands import PayloadFormat, SetFormats
from tests.support.media_world import Rtp
from tests.support.tones import decibels, strength, tone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from media.legs import OpenedLeg
    from tests.support.media_world import FarEnd, MediaWorld

PACKET = 0.02
SPACING = 100
"""Hz between the tones of two parties; whole periods in 100 ms, which is what is looked at."""
DEADLINE = 120.0


class Party:
    """A phone with a codec, a tone, and its leg in the engine."""

    def __init__(
        self, world: MediaWorld, number: int, format_: PayloadFormat, *, amplitude: float = 0.1, group: str = "room"
    ) -> None:
        self.number = number
        self.format = format_
        self.frequency = 250 + SPACING * number
        self.amplitude = amplitude
        wide = {"opus": 48000, "G722": 16000, "L16": format_.clock_rate}
        self.rate = wide.get(format_.name, 8000)
        given = self.rate if format_.name in ("opus", "L16") else None
        self.encoder, self.decoder = Encoder(format_.name, given, complexity=5), Decoder(format_.name, given)
        self.far: FarEnd = world.far_end()
        self.opened: OpenedLeg = world.leg(self.far, (format_,), group=group)
        world.engine.post(SetFormats(self.opened.leg, (format_,), (format_,)))
        self.leg = self.opened.leg
        self.talks = True
        self.heard: list[int] = []
        self.packets: list[Rtp] = []
        self._said = itertools.count()

    def say(self) -> None:
        """The next 20 ms."""
        at = next(self._said)
        pcm = tone(self.rate, self.frequency, self.amplitude, PACKET, start=at * PACKET).astype(np.int16)
        payload = self.encoder.encode(pcm.tobytes())
        if self.talks:
            clock = self.format.clock_rate // 50
            self.far.send(self.opened, Rtp(at & 0xFFFF, at * clock, payload, self.format.payload_type))

    def hear(self) -> None:
        """Decode what has come."""
        for packet in self.far.hear_waiting():
            self.packets.append(packet)
            self.heard += np.frombuffer(self.decoder.decode(packet.payload), np.int16).tolist()

    def level_of(self, speaker: Party) -> float:
        """How loud the speaker's tone is in the last 100 ms, in dB of what the speaker says."""
        last = self.heard[-self.rate // 10 :]
        if len(last) < self.rate // 10:
            return -999.0
        return decibels(strength(last, self.rate, speaker.frequency) / (speaker.amplitude * 32767))


async def meet(parties: Sequence[Party], until: Callable[[], bool]) -> None:
    """Let all of them talk, at their pace, until the condition holds."""
    began, said = time.monotonic(), 0
    async with asyncio.timeout(DEADLINE):
        while not until():
            while said * PACKET <= time.monotonic() - began:
                said += 1
                for party in parties:
                    party.say()
            await asyncio.sleep(PACKET / 4)
            for party in parties:
                party.hear()
