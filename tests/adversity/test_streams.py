"""The real daemon, a real caller and a real WebSocket server: a bot is talked to, leaves, breaks, is lost; somebody
listens to a call; and no call waits for any of them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

import numpy as np
from audiocodecs.coding import Decoder, Encoder
from audiocodecs.g711 import ulaw_to_linear

from softswitch.sip.events import Answered, Ended, InviteReceived, Refused
from tests.support.bot import Bot, serving
from tests.support.daemon import CARRIER, CONFIG, Daemon, real_phone
from tests.support.loopback import HOST, free_port, until
from tests.support.phone import Plan, sdp
from tests.support.tones import strength, tone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.phone import Phone

STREAMS = """\
streams:
  assistant: {{url: "ws://127.0.0.1:{bot}/bot", token: {{env: BOT_TOKEN}}, encoding: l16, rate: 16000}}
  scribe: {{url: "ws://127.0.0.1:{bot}/bot"}}
"""
DIALPLAN = """\
timezone: UTC
routes:
  - name: the assistant
    when: {from: trunk:carrier, called: "77"}
    do:
      - stream: {to: assistant, parameters: {language: de}}
      - hangup
  - name: the assistant, or somebody
    when: {from: trunk:carrier, called: "78"}
    do:
      - stream: {to: assistant}
      - echo
  - name: through, with a scribe
    when: {from: trunks}
    do:
      - stream: {to: scribe, mode: listen}
      - dial: {trunk: carrier, ring_for: 30s}
"""


class Talker:
    """A far end's media in A-law, paced as a phone would."""

    def __init__(self, frequency: float) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((CARRIER, 0))
        self.port: int = self.socket.getsockname()[1]
        self.frequency = frequency
        self.heard = bytearray()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def offer(self) -> bytes:
        return sdp(self.port, host=CARRIER)

    def start(self, description: bytes) -> None:
        """Talk to the port the description names, and keep what comes."""
        (media,) = (line for line in description.decode().split("\r\n") if line.startswith("m=audio "))
        self._tasks = [
            asyncio.ensure_future(self._talk(int(media.split()[1]))),
            asyncio.ensure_future(self._listen()),
        ]

    async def _talk(self, port: int) -> None:
        encoder, sequence = Encoder("PCMA"), 0
        while True:
            pcm = tone(8000, self.frequency, 0.2, 0.02, start=sequence / 50).astype(np.int16)
            header = struct.pack("!BBHII", 0x80, 8, sequence & 0xFFFF, sequence * 160, 0x7A1C)
            self.socket.sendto(header + encoder.encode(pcm.tobytes()), (HOST, port))
            sequence += 1
            await asyncio.sleep(0.02)

    async def _listen(self) -> None:
        decoder = Decoder("PCMA")
        while True:
            packet = await asyncio.get_running_loop().sock_recv(self.socket, 2048)
            if packet[1] & 0x7F == 8:
                self.heard += decoder.decode(packet[12:])

    def hears(self, frequency: float) -> bool:
        """Whether the last fifth of a second is mostly this tone."""
        return contains(bytes(self.heard), 8000, frequency)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.socket.close()


def contains(audio: bytes, rate: int, frequency: float) -> bool:
    last = np.frombuffer(audio, np.int16)[-rate // 5 :]
    return len(last) == rate // 5 and strength(last.astype(np.int32), rate, frequency) > 2000


@contextlib.asynccontextmanager
async def switch(folder: Path, bot: Bot) -> AsyncIterator[Daemon]:
    async with serving(bot.serve) as port, Daemon(folder) as daemon:
        daemon.values["bot"] = port
        daemon.environment["BOT_TOKEN"] = "let-me-in"
        daemon.write(CONFIG + STREAMS, DIALPLAN)
        await daemon.start()
        yield daemon


@contextlib.asynccontextmanager
async def call(daemon: Daemon, number: str) -> AsyncIterator[tuple[Phone, Talker]]:
    talker = Talker(440)
    async with real_phone() as phone:
        session = phone.call(number, (HOST, daemon.sip), body=talker.offer)
        await until(lambda: any(isinstance(event, Answered) for event in phone.events))
        talker.start(next(event.body for event in phone.events if isinstance(event, Answered)))
        try:
            yield phone, talker
        finally:
            if not over(phone):
                phone.hang_up(session)
                await until(lambda: over(phone))
            await talker.close()
    await idle(daemon)


def over(phone: Phone) -> bool:
    return any(isinstance(event, Ended | Refused) for event in phone.events)


async def idle(daemon: Daemon) -> None:
    """Nothing is left of the call."""
    for name in ("softswitch_active_calls", "softswitch_media_legs"):
        async with asyncio.timeout(120):
            while await daemon.metric(name):
                pass


async def test_a_caller_talks_to_a_bot_until_it_is_done(tmp_path: Path) -> None:
    bot = Bot()
    async with switch(tmp_path, bot) as daemon, call(daemon, "77") as (phone, talker):
        await until(bot.came.is_set)
        assert bot.token == "Bearer let-me-in"
        await until(lambda: contains(bot.audio("inbound"), 16000, 440))
        start = bot.told("start")[0]["start"]
        assert start["customParameters"] == {"from": "caller", "to": "77", "language": "de"}
        for second in range(3):
            await bot.speak(tone(16000, 1000, 0.2, 1.0, start=second).astype(np.int16).tobytes())
        await bot.say("mark", name="said")
        await until(lambda: talker.hears(1000))
        await bot.say("clear")
        await until(lambda: bool(bot.told("mark")))
        await until(lambda: not talker.hears(1000))
        await bot.say("stop")
        await until(lambda: over(phone))
    assert "let-me-in" not in "\n".join(daemon.log)


async def test_a_bot_that_is_lost_leaves_the_caller_to_what_comes_next(tmp_path: Path) -> None:
    bot = Bot()
    async with switch(tmp_path, bot) as daemon, call(daemon, "78") as (_, talker):
        await until(bot.came.is_set)
        await until(lambda: contains(bot.audio("inbound"), 16000, 440))
        assert bot.socket is not None
        await bot.socket.send_str("this is no message")
        await until(lambda: talker.hears(440))  # the echo
        assert "expected a JSON object" in await daemon.said("stream ended")


async def test_no_bot_at_all(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        daemon.values["bot"] = free_port(socket.SOCK_STREAM)
        daemon.environment["BOT_TOKEN"] = "let-me-in"
        daemon.write(CONFIG + STREAMS, DIALPLAN)
        await daemon.start()
        async with call(daemon, "78") as (_, talker):
            await until(lambda: talker.hears(440))
            assert "could not be connected" in await daemon.said("stream ended")


async def test_a_scribe_hears_each_party_and_the_call_does_not_care(tmp_path: Path) -> None:
    bot, callee = Bot(), Talker(1300)
    answers = Plan(ring=0.0, answer=0.1)
    async with switch(tmp_path, bot) as daemon, real_phone(port=daemon.carrier, plan=answers) as called:
        called.media_host, called.media_port = CARRIER, callee.port
        async with call(daemon, "+4930123") as (_, talker):
            (offer,) = (event.request.body for event in called.events if isinstance(event, InviteReceived))
            callee.start(offer)
            await until(lambda: talker.hears(1300) and callee.hears(440))
            await until(lambda: contains(decoded(bot, "inbound"), 8000, 440))
            await until(lambda: contains(decoded(bot, "outbound"), 8000, 1300))
            assert not contains(decoded(bot, "inbound"), 8000, 1300)
            assert bot.socket is not None
            await bot.socket.close()
            talker.heard.clear()
            await until(lambda: talker.hears(1300))
        await callee.close()


def decoded(bot: Bot, track: str) -> bytes:
    """The last second of a track in mu-law."""
    return ulaw_to_linear(bot.audio(track)[-8000:])
