"""A media stream against a real WebSocket server, and a real room that ticks when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from aiohttp import web

from media.mix.room_pieces import TickedRoom
from media.mix.stream import StreamRings
from softswitch.streams.connection import StreamConnection, StreamEnd, StreamTarget
from softswitch.streams.messages import AudioFormat, Start
from tests.support.bot import Bot, serving
from tests.support.tones import tone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

MIX, TRACKS = 1, 2
BOT, CALLER = 100, 1
LINEAR = AudioFormat("l16", 8000)
DEADLINE = 120.0


class Scene:
    """A caller and a bot in one room."""

    def __init__(self, bot: Bot, connection: StreamConnection, room: TickedRoom, pipe: StreamRings) -> None:
        self.bot, self.connection, self.room, self.pipe = bot, connection, room, pipe
        self.caller = StreamRings(CALLER, 8000, 200, 400)
        room.join(self.caller)
        self.running = asyncio.ensure_future(connection.run())

    async def tick(self, times: int = 1) -> None:
        """Let the room go on, as time would, and tell what it tells."""
        for _ in range(times):
            self.room.tick()
            for kind, party, number, _ in self.room.told():
                if party == BOT and kind == MARK_REACHED:
                    self.connection.mark_reached(number)
            await asyncio.sleep(0)

    async def until(self, fact: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not fact():  # noqa: ASYNC110 - what is waited for happens behind a socket
                await asyncio.sleep(0.01)

    def caller_heard(self) -> bytes:
        return b"".join(pcm for _, _, _, pcm in self.caller.read())


MARK_REACHED = 22
"""EventKind of ring.pxd."""


@contextlib.asynccontextmanager
async def scene(audio: AudioFormat = LINEAR, hearings: int = 400, token: str = "") -> AsyncIterator[Scene]:
    bot = Bot()
    async with serving(bot.serve) as port:
        pipe = StreamRings(BOT, audio.rate, 50, hearings)
        room = TickedRoom(8000, 4)
        room.join(pipe, hears=TRACKS)
        target = StreamTarget("bot", f"http://127.0.0.1:{port}/bot", audio, token, 5.0)
        start = Start("stream-1", "call-1", ("inbound",), audio, "+4930", "+4989")
        connection = StreamConnection(target, start, pipe, no_conversion)
        assert await connection.connect(), connection.reason
        connection.name_track(CALLER, "inbound")
        stage = Scene(bot, connection, room, pipe)
        try:
            yield stage
        finally:
            connection.leave()
            async with asyncio.timeout(DEADLINE):
                await stage.running
                await bot.gone.wait()


def no_conversion(party: int, rate: int, pcm: bytes) -> bytes:
    raise AssertionError(f"party {party} at {rate} Hz, {len(pcm)} octets: rates agree in this test")


async def test_a_call_is_introduced_heard_and_left() -> None:
    async with scene(token="s3cret") as stage:
        said = tone(8000, 440, 0.3, 0.4).astype(np.int16)
        for frame in np.split(said, 20):
            assert stage.caller.say(frame.tobytes())
        await stage.tick(20)
        loud = np.abs(said).max()
        await stage.until(lambda: np.abs(np.frombuffer(stage.bot.audio("inbound"), np.int16)).max(initial=0) >= loud)
        await stage.until(lambda: stage.connection.counters.heard >= 20)
    bot = stage.bot
    assert bot.token == "Bearer s3cret"
    assert [each["event"] for each in bot.heard[:2]] == ["connected", "start"]
    assert bot.told("start")[0]["start"]["customParameters"] == {"from": "+4930", "to": "+4989"}
    assert bot.heard[-1]["event"] == "stop"
    assert said.tobytes() in bot.audio("inbound")
    stamps = [int(each["media"]["timestamp"]) for each in bot.told("media")]
    assert stamps == list(range(0, 20 * len(stamps), 20))
    assert await stage.running is StreamEnd.LEFT


async def test_silence_is_heard_as_silence() -> None:
    async with scene() as stage:
        await stage.until(lambda: len(stage.bot.audio("inbound")) >= 20 * 320)
        assert not any(stage.bot.audio("inbound"))
        assert stage.connection.counters.heard == 0


async def test_what_the_bot_says_is_said_and_its_marks_come_back_when_it_was() -> None:
    async with scene() as stage:
        said = tone(8000, 600, 0.3, 0.39).astype(np.int16).tobytes()  # not whole frames: the mark closes the last
        await stage.bot.speak(said[:1000])
        await stage.bot.speak(said[1000:])
        await stage.bot.say("mark", name="greeted")
        await stage.until(lambda: stage.pipe.waiting == 20)
        await stage.tick(19)
        assert not stage.bot.told("mark")
        await stage.tick(6)
        await stage.until(lambda: stage.bot.told("mark"))
        assert stage.bot.told("mark")[0]["mark"] == {"name": "greeted"}
        heard = np.frombuffer(stage.caller_heard(), np.int16)
        assert np.frombuffer(said, np.int16)[160:].tobytes() in heard.tobytes()  # the first frame fades in


async def test_clear_takes_back_what_waits_even_minutes_of_it() -> None:
    async with scene() as stage:
        for _ in range(20):
            await stage.bot.speak(tone(8000, 600, 0.3, 2.0).astype(np.int16).tobytes())
        await stage.bot.say("mark", name="never")
        await stage.until(lambda: not stage.pipe.say(bytes(320)))  # the ring is full, the rest waits behind it
        await stage.tick(5)
        await stage.bot.say("clear")
        await stage.until(lambda: stage.bot.told("mark"))
        stage.caller_heard()
        await stage.tick(1)  # the last sound fades in this one
        stage.caller_heard()
        await stage.tick(20)
        assert not any(stage.caller_heard())
        assert stage.connection.counters.cleared == 1


async def test_a_bot_that_is_far_ahead_is_not_read_until_there_is_room() -> None:
    async with scene() as stage:
        minute = tone(8000, 600, 0.3, 10.0).astype(np.int16).tobytes()

        async def babble() -> None:
            for _ in range(60):
                await stage.bot.speak(minute)

        babbling = asyncio.ensure_future(babble())
        await stage.until(lambda: len(stage.connection._ahead) * 0.02 > 60)
        waiting = len(stage.connection._ahead)
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert len(stage.connection._ahead) <= waiting
        assert not babbling.done()
        babbling.cancel()


async def test_a_bot_that_does_not_listen_loses_the_oldest_and_delays_nobody() -> None:
    async with scene(hearings=10) as stage:
        for _ in range(40):
            stage.caller.say(tone(8000, 440, 0.3, 0.02).astype(np.int16).tobytes())
        for _ in range(40):
            stage.room.tick()  # no turn for the connection meanwhile
        await stage.until(lambda: stage.connection.counters.lost == 30)
        assert stage.connection.counters.heard == 10


async def test_keys_are_told() -> None:
    async with scene() as stage:
        stage.connection.press("inbound", "5")
        await stage.until(lambda: stage.bot.told("dtmf"))
        assert stage.bot.told("dtmf")[0]["dtmf"] == {"track": "inbound", "digit": "5"}


async def test_the_bot_may_end_its_part() -> None:
    async with scene() as stage:
        await stage.bot.say("stop")
        assert await asyncio.wait_for(stage.running, DEADLINE) is StreamEnd.STOPPED


@pytest.mark.parametrize("text", ["hello", '{"event":"dance"}', '{"event":"media","media":{"payload":"A"}}'])
async def test_what_is_no_message_ends_the_stream_and_says_why(text: str) -> None:
    async with scene() as stage:
        assert stage.bot.socket is not None
        await stage.bot.socket.send_str(text)
        assert await asyncio.wait_for(stage.running, DEADLINE) is StreamEnd.BROKEN
        assert "expected" in stage.connection.reason


async def test_a_bot_that_closes_is_told_apart_from_one_that_stops() -> None:
    async with scene() as stage:
        assert stage.bot.socket is not None
        await stage.bot.socket.close(code=1001)
        assert await asyncio.wait_for(stage.running, DEADLINE) is StreamEnd.CLOSED


async def refused(url: str, patience: float = 5.0) -> str:
    target = StreamTarget("bot", url, LINEAR, "s3cret", patience)
    start = Start("s", "c", ("inbound",), LINEAR)
    connection = StreamConnection(target, start, StreamRings(BOT, 8000, 5, 5), no_conversion)
    assert not await connection.connect()
    assert "s3cret" not in connection.reason + repr(target)
    return connection.reason


async def test_a_bot_that_is_not_there_or_hangs_is_given_up_with_the_reason() -> None:
    given_up = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await given_up.wait()
        return web.Response()

    async def no_socket(request: web.Request) -> web.StreamResponse:
        return web.Response(text="hello")

    async with serving(no_socket) as port:
        assert "Invalid response status" in await refused(f"http://127.0.0.1:{port}/bot")
        assert "404" in await refused(f"http://127.0.0.1:{port}/elsewhere")
    assert "Cannot connect" in await refused(f"http://127.0.0.1:{port}/bot")
    async with serving(hang) as port:
        assert "no answer in 0.2 s" in await refused(f"http://127.0.0.1:{port}/bot", 0.2)
        given_up.set()
