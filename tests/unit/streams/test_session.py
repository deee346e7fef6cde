"""Media streams as tasks of a node."""

from __future__ import annotations

import asyncio

from media.mix.stream import StreamRings
from softswitch.streams.connection import StreamEnd, StreamTarget
from softswitch.streams.messages import AudioFormat, Start
from softswitch.streams.session import Streams
from tests.support.bot import Bot, serving

FORMAT = AudioFormat("l16", 8000)


async def test_streams_that_go_on_when_the_node_stops_have_an_end() -> None:
    """Whoever is told of the end asks why it came."""
    bot = Bot()
    ends: list[StreamEnd | None] = []
    async with serving(bot.serve) as port:
        target = StreamTarget("bot", f"ws://127.0.0.1:{port}/bot", FORMAT, "", 5.0)
        streams = Streams({"bot": target})
        start = Start("s-1", "call-1", ("inbound",), FORMAT, "+49301", "100", {})
        session = streams.begin(target, start, StreamRings(1, 8000, 200, 400), lambda: ends.append(session.end))
        async with asyncio.timeout(120):
            await bot.came.wait()
        await streams.stop()
    assert ends == [StreamEnd.LEFT]
