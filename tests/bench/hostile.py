"""The rows of a hostile hour in a minute: spoiled datagrams and streams by the thousand, and a good call meanwhile.

They come from a trunk's address, so that all of them are heard. The first volley fills caches and the allocator's
arenas and is not judged; memory is the daemon's own (resident set), looked at when everything is forgotten.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.rows import Row
from tests.support.daemon import Daemon
from tests.support.hostile import everything_forgotten, fire, good_call, hostile_stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Log = Callable[[str], None]

DATAGRAMS = 200_000
STREAMS = 2_000
SIDE_BY_SIDE = 100
WARM = 20_000


async def _streams(daemon: Daemon, dice: random.Random, count: int) -> None:
    """Of all kinds, some at a time: the next begins when one is over."""
    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for number in numbers:
            await hostile_stream(daemon, dice, number)

    await asyncio.gather(*(one_after_the_other() for _ in range(SIDE_BY_SIDE)))


async def _calls_meanwhile(daemon: Daemon, storm: Awaitable[None]) -> list[float]:
    """Seconds that calls took to be answered, one after the other until the storm is over."""
    running = asyncio.ensure_future(storm)
    took = [await good_call(daemon)]
    while not running.done():
        took.append(await good_call(daemon))
    await running
    return took


async def _measure(log: Log) -> list[Row]:
    dice = random.Random(11)
    with tempfile.TemporaryDirectory() as folder:
        async with Daemon(Path(folder)) as daemon:
            await daemon.start()
            await fire(daemon, WARM, dice)
            await _streams(daemon, dice, SIDE_BY_SIDE)
            await everything_forgotten(daemon)
            before = daemon.resident
            took = await _calls_meanwhile(daemon, fire(daemon, DATAGRAMS, dice))
            log(f"{DATAGRAMS} datagrams: {len(took)} calls meanwhile, slowest {max(took):.2f} s")
            during_streams = await _calls_meanwhile(daemon, _streams(daemon, dice, STREAMS))
            log(f"{STREAMS} streams: {len(during_streams)} calls meanwhile, slowest {max(during_streams):.2f} s")
            await everything_forgotten(daemon)
            grown = (daemon.resident - before) / 1e6
            faults = sum("Traceback" in line for line in daemon.log)
    how = f"{DATAGRAMS} mutated datagrams, then {STREAMS} hostile TCP streams, from a trunk"
    return [
        Row("hostile.memory_growth", grown, "MB", "<= 20", f"resident set after {how}"),
        Row("hostile.slowest_call", max(took + during_streams), "s", "<= 1", f"INVITE to 200 of calls during {how}"),
        Row("hostile.faults", faults, "", "<= 0", f"tracebacks in the log during {how}"),
    ]


def run(log: Log) -> list[Row]:
    """One storm."""
    return asyncio.run(_measure(log))
