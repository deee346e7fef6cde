"""Browsers come: how long until two-way audio in a real one, and how many a second one core of the switch takes on."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from softswitch.demo.node import HOST
from tests.bench.machine import cpu_ms
from tests.bench.rows import Row
from tests.bench.web_callers import measured
from tests.support.browser import chromium
from tests.support.browser_world import CONFIG, BrowserWorld

if TYPE_CHECKING:
    from collections.abc import Callable

CHROMIUM_CALLS = 9
CALLS = 300
AT_ONCE = 8
WARM = 20


def run(log: Callable[[str], None]) -> list[Row]:
    """Both figures."""
    waits = asyncio.run(_in_chromium())
    log(f"Chromium, INVITE to two-way audio: {', '.join(f'{wait:.0f}' for wait in waits)} ms")
    cpu, took = asyncio.run(_on_a_core())
    log(f"{CALLS} browsers, {AT_ONCE} at once: {cpu:.2f} ms CPU of the switch each, {median(took) * 1000:.0f} ms")
    return [
        Row(
            "browser_setup.audio_ms",
            median(waits),
            "ms",
            "<= 300",
            f"Chromium on loopback, INVITE sent to the first of its own audio coming back, median of {CHROMIUM_CALLS}",
        ),
        Row(
            "browser_setup.per_core",
            1000 / cpu,
            "/s",
            ">= 60",
            "1 s / CPU of the switch (/proc/PID/stat) a call: digest, SAVPF, full ICE, DTLS, SRTP keys, BYE; "
            f"{CALLS} calls, {AT_ONCE} at once, generator in another process",
        ),
        Row("browser_setup.cpu_ms_per_call", cpu, "ms", None, "the same"),
    ]


async def _in_chromium() -> list[float]:
    """Milliseconds from INVITE until audio that went to the switch's echo is back."""
    waits = []
    with tempfile.TemporaryDirectory(prefix="bench-browser-") as folder:
        async with chromium() as browser, BrowserWorld(Path(folder), config=CONFIG) as world:
            phone = await world.phone(browser, "1001")
            for number in range(1, CHROMIUM_CALLS + 1):
                await phone.do("call", f"sip:*43@{HOST}")
                heard = await phone.told("audio", count=number)
                sent = await phone.told("sending", count=number)
                waits.append(heard["at"] - sent["at"])
                await phone.do("hangup")
                await phone.told("ended", count=number)
            await world.close_phones()
    return waits


async def _on_a_core() -> tuple[float, list[float]]:
    """Milliseconds of CPU a call, and what the calls took."""
    with tempfile.TemporaryDirectory(prefix="bench-browser-") as folder:
        async with BrowserWorld(Path(folder), config=CONFIG.replace("enabled: true", "enabled: false")) as world:
            switch = (HOST, world.node.sip_port)
            await measured(switch, world.node.password, WARM, AT_ONCE)
            before = cpu_ms(world.node.pid)
            took = await measured(switch, world.node.password, CALLS, AT_ONCE)
            await world.nothing_left()
            return (cpu_ms(world.node.pid) - before) / len(took), took
