"""A browser's call over a bad link: 5 % of the packets lost and 60 ms of jitter, then no link at all for a while."""

from __future__ import annotations

import asyncio
from math import log2
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from tests.support.browser import MICROPHONE_RATE, chromium
from tests.support.browser_world import CONFIG, BrowserWorld
from tests.support.lossy_link import LossyLink
from tests.support.programs import required

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.support.lossy_link import Stream
    from tests.support.speech import Pcm

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LOSS, DELAY_MS, JITTER_MS = 0.05, 80.0, 60.0
SECONDS = 21.0
LONGEST_GAP = 0.2
"""Seconds without sound that concealment may leave."""


def hum(path: Path) -> Path:
    """A sound without pauses, so that every pause that is heard is the link's."""
    at = np.arange(MICROPHONE_RATE * 5) / MICROPHONE_RATE
    soundfile.write(path, (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32), MICROPHONE_RATE, "PCM_16")
    return path


def modelled(lost_percent: float, one_way_ms: float) -> float:
    """MOS-CQE of G.711 with concealment at random loss: ITU-T G.107, B-4, 7-27 to 7-29, G.113 Appendix I."""
    r = 93.2 - 95 * lost_percent / (lost_percent + 25.1)
    if one_way_ms > 100:
        x = log2(one_way_ms / 100)
        r -= 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    return 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6


def longest_gap(sound: Pcm, rate: int) -> float:
    """Seconds of the longest stretch in which the hum is not heard, once it has begun."""
    frame = rate // 100
    level = np.sqrt(np.mean(sound[: len(sound) // frame * frame].reshape(-1, frame).astype(float) ** 2, axis=1))
    heard = np.flatnonzero(level > 500)
    assert len(heard), "nothing was heard"
    return float(np.diff(heard).max() - 1) / 100


@pytest.mark.real_time
async def test_five_percent_loss_and_sixty_milliseconds_of_jitter(tmp_path: Path) -> None:
    async with LossyLink() as link:
        config = (
            CONFIG.replace("media:\n  address: {host}", f"media:\n  address: {link.here}")
            .replace("web: {{address: {host}", f"web: {{{{address: {link.here}")
            .replace("bandwidth: high", "codecs: [PCMA]")
            .replace("allow_from: [127.0.0.0/8]", "allow_from: [127.0.0.0/8, 10.201.0.0/16]")
        )
        world = BrowserWorld(tmp_path, config, web_host=link.here)
        flag = f"--unsafely-treat-insecure-origin-as-secure={world.origin}"
        program = link.inside(required("chromium"), tmp_path)
        async with chromium(hum(tmp_path / "hum.wav"), repeat=True, flags=(flag,), program=program) as browser, world:
            page = await world.phone(browser, "1001")
            await page.do("call", "sip:*43@127.0.0.1")
            await asyncio.gather(page.told("confirmed"), page.told("audio"))
            await link.set(loss=LOSS, delay=DELAY_MS, jitter=JITTER_MS)
            await page.has_said(SECONDS)
            streams = await link.streams()
            await link.set()
            await page.do("hangup")
            call = await world.node.ended_call()
            await world.close_phones()
    from_page = next(each for each in streams.values() if each.side == "there")
    heard: dict[str, Any] = call["legs"][0]["from_party"]
    assert abs(heard["mos_mean"] - modelled(*damage(from_page, heard["delay_ms"]))) <= 0.2, (
        heard,
        len(from_page.dropped),
    )
    assert longest_gap(world.recording(call, 0, 8000)[8000:], 8000) <= LONGEST_GAP


def damage(stream: Stream, delay_ms: float) -> tuple[float, float]:
    """Percent that was lost on the link, and the delay the switch reckons with, which it measures by RTCP."""
    return 100 * len(stream.dropped) / stream.sent, delay_ms
