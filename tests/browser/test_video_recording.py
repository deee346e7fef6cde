"""A video call between two pages in Chromium, recorded: each leg's pictures and sound in a file that plays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import av
import pytest

from tests.support.browser_world import CONFIG, BrowserWorld

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser

    from tests.support.browser import PagePhone

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.timeout(600)]

ANNA, BEN = "1001", "1002"
CAMERA = "phone.microphone = () => navigator.mediaDevices.getUserMedia({audio: true, video: {width: 640, height: 480}})"
SHOWN = """phone.session.connection.getStats().then((report) =>
    [...report.values()].filter((each) => each.type === 'inbound-rtp' && each.kind === 'video')
    .reduce((sum, each) => sum + each.framesDecoded, 0))"""
WANTED = 60


async def has_seen(page: PagePhone) -> None:
    """Wait until the page has shown enough pictures of the other one."""
    async with asyncio.timeout(60):
        while int(await page.say(SHOWN)) < WANTED:  # noqa: ASYNC110  the page is another process
            await asyncio.sleep(0.1)


async def test_pictures_of_both_pages_are_recorded(browser: Browser, tmp_path: Path) -> None:
    config = CONFIG.replace("directory: recordings}}", "directory: recordings, video: video}}")
    assert config != CONFIG
    async with BrowserWorld(tmp_path, config=config) as world:
        anna, ben = await world.phone(browser, ANNA), await world.phone(browser, BEN)
        for page in (anna, ben):
            await page.say(CAMERA)
        await anna.do("call", f"sip:{BEN}@127.0.0.1")
        await ben.told("session")
        await ben.do("answer")
        await asyncio.gather(anna.told("confirmed"), ben.told("confirmed"))
        await asyncio.gather(has_seen(ben), has_seen(anna))
        await anna.do("hangup")
        await ben.told("ended")
        call = await world.node.ended_call()
        await world.close_phones()
    for leg in call["legs"]:
        path = (tmp_path / leg["recording"]).with_suffix(".webm")
        with av.open(str(path), "r") as source:
            times = [float(frame.pts * frame.time_base) for frame in source.decode(video=0)]  # type: ignore[operator]
            # A browser that finds itself short of time sends smaller pictures, of the same shape.
            assert 3 * source.streams.video[0].width == 4 * source.streams.video[0].height
        with av.open(str(path), "r") as source:
            seconds = sum(frame.samples for frame in source.decode(audio=0)) / 48000
        # Recording begins with the first key frame that comes after it was asked for.
        assert len(times) >= WANTED // 4
        assert times == sorted(times)
        assert times[0] >= 0
        assert times[-1] <= seconds + 0.5
