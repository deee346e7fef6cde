"""One call of a phone on real sockets that says a tone in G.711 A-law, and keeps what it hears."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import socket
import time
from typing import TYPE_CHECKING

import numpy as np
from audiocodecs.coding import Decoder, Encoder

from softswitch.sip.events import Answered
from tests.support.daemon import CARRIER
from tests.support.loopback import HOST, until
from tests.support.media_world import Rtp
from tests.support.phone import sdp
from tests.support.tones import decibels, strength, tone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.sip.session.session import InviteSession
    from tests.support.phone import Phone

RATE = 8000
PACKET = 0.02
AMPLITUDE = 0.1
WINDOW = RATE // 10
"""Samples that are looked at: whole periods of every tone that is a multiple of 10 Hz."""
DEADLINE = 60.0


class Line:
    """The media of one call. To be closed."""

    def __init__(self, frequency: int, host: str = CARRIER) -> None:
        self.frequency = frequency
        self.host = host
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((host, 0))
        self.port: int = self.socket.getsockname()[1]
        self.heard: list[int] = []
        self.events: list[Rtp] = []
        """Telephone events that came (RFC 4733)."""
        self._encoder, self._decoder = Encoder("PCMA"), Decoder("PCMA")
        self._to: tuple[str, int] | None = None
        self._said = itertools.count()
        self.session: InviteSession | None = None

    def offer(self, direction: str = "sendrecv") -> bytes:
        """SDP of its port."""
        return sdp(self.port, "8 101", direction, self.host)

    async def call(self, phone: Phone, number: str, sip: int) -> None:
        """Call a number of the switch at this port, and wait for the answer."""
        session = self.session = phone.call(number, (HOST, sip), body=self.offer())
        answer: list[bytes] = []

        def answered() -> bool:
            answer[:] = [each.body for each in phone.events if isinstance(each, Answered) and each.session is session]
            return bool(answer)

        await until(answered)
        self.take(answer[0])

    def take(self, body: bytes) -> None:
        """Their SDP: where to send."""
        found = re.search(rb"m=audio (\d+) ", body)
        assert found is not None, body
        self._to = (HOST, int(found[1]))

    def change(self, phone: Phone, direction: str) -> None:
        """re-INVITE: hold, or resume."""
        assert self.session is not None
        with phone.driver.turn():
            self.session.reinvite(self.offer(direction), phone.driver.now())

    def say(self) -> None:
        """The next 20 ms of the tone."""
        at = next(self._said)
        pcm = tone(RATE, self.frequency, AMPLITUDE, PACKET, start=at * PACKET).astype(np.int16)
        if self._to is not None:
            self.socket.sendto(bytes(Rtp(at & 0xFFFF, at * 160, self._encoder.encode(pcm.tobytes()))), self._to)

    def hear(self) -> None:
        """Decode what has come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = Rtp.parse(self.socket.recv(2048))
                if packet.payload_type == 8:
                    self.heard += np.frombuffer(self._decoder.decode(packet.payload), np.int16).tolist()
                elif packet.payload_type == 101:
                    self.events.append(packet)

    def level_of(self, other: Line) -> float:
        """How loud the other's tone is in the last 100 ms, in dB of what is said there."""
        return self.level(self.heard[-WINDOW:], other)

    @staticmethod
    def level(samples: Sequence[int], other: Line) -> float:
        """The same in any samples."""
        if len(samples) < WINDOW:
            return -999.0
        return decibels(strength(samples, RATE, other.frequency) / (AMPLITUDE * 32767))

    def close(self) -> None:
        """Give the port back."""
        self.socket.close()


async def converse(lines: Sequence[Line], until_: Callable[[], bool]) -> None:
    """Let all of them talk, at their pace, until the condition holds."""
    began, said = time.monotonic(), 0
    async with asyncio.timeout(DEADLINE):
        while not until_():
            while said * PACKET <= time.monotonic() - began:
                said += 1
                for line in lines:
                    line.say()
            await asyncio.sleep(PACKET / 4)
            for line in lines:
                line.hear()
