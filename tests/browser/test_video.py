"""Video between two pages: moving pictures arrive, a camera comes and goes, and a phone gets audio alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import PATIENCE

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.support.browser import PagePhone
    from tests.support.browser_world import BrowserWorld

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.timeout(300)]

ANNA, BEN = "1001", "1002"
EYES = Path(__file__).parent / "video.js"
MOVING = 20
"""Different pictures: more than a key frame now and then."""


async def page_of(browser: Browser, world: BrowserWorld, user: str) -> PagePhone:
    """A registered page with eyes."""
    page = await world.phone(browser, user)
    await page.page.add_script_tag(path=EYES)
    return page


async def sees(page: PagePhone, count: int = MOVING) -> None:
    """Wait until so many different pictures more have been shown."""
    before = await page.say("phone.seen.length")
    try:
        await page.page.wait_for_function(
            "(count) => phone.seen.length >= count", arg=before + count, polling=50, timeout=PATIENCE * 1000
        )
    except Exception as error:
        known = await page.say("Promise.all([phone.videoStats('inbound-rtp'), phone.told, phone.seen.length])")
        raise AssertionError(f"nothing moves: {known}") from error


async def call(caller: PagePhone, callee: PagePhone, *, cameras: bool) -> None:
    """Anna calls Ben."""
    await caller.do(*(("withCamera", "call") if cameras else ("call",)), "sip:1002@127.0.0.1")
    await callee.told("session")
    await callee.do(*(("withCamera", "answer") if cameras else ("answer",)))
    await asyncio.gather(caller.told("confirmed"), callee.told("confirmed"))


async def over(world: BrowserWorld, page: PagePhone) -> list[str]:
    """Hang up; what the story of the call says."""
    (running,) = await world.running()
    await page.do("hangup")
    await world.nothing_left()
    ended = await world.node.get(f"/api/calls/{running['id']}")
    return [line["event"] for line in ended["story"]]


async def test_two_cameras(browser: Browser, world: BrowserWorld) -> None:
    anna, ben = await page_of(browser, world, ANNA), await page_of(browser, world, BEN)
    await call(anna, ben, cameras=True)
    await asyncio.gather(sees(anna), sees(ben))
    assert await anna.say("phone.size") == await ben.say("phone.size") == "320x240"
    # What Ben's browser reports comes back through the switch in her own terms: else there is no round trip.
    measured = "phone.videoStats('remote-inbound-rtp').then((each) => each.roundTripTimeMeasurements || 0)"
    async with asyncio.timeout(PATIENCE):
        while not await anna.say(measured):  # noqa: ASYNC110  the page is another process
            await asyncio.sleep(0.1)
    assert "audio only" not in await over(world, anna)


async def test_who_has_heard_something_before_the_answer_sees_and_is_seen(
    browser: Browser, world: BrowserWorld
) -> None:
    anna, ben = await page_of(browser, world, ANNA), await page_of(browser, world, BEN)
    await anna.do("withCamera", "call", "sip:*44@127.0.0.1")
    await ben.told("session")
    await ben.do("withCamera", "answer")
    await asyncio.gather(anna.told("confirmed"), ben.told("confirmed"))
    await asyncio.gather(sees(anna), sees(ben))
    story = await over(world, anna)
    assert "video rests" in story
    assert "audio only" not in story


async def test_a_camera_and_a_screen_within_the_call(browser: Browser, world: BrowserWorld) -> None:
    anna, ben = await page_of(browser, world, ANNA), await page_of(browser, world, BEN)
    await call(anna, ben, cameras=False)
    await anna.do("show", "camera")
    await sees(ben)
    await ben.do("show", "camera")
    await sees(anna)
    await anna.page.click("body")
    await anna.do("show", "screen")
    await ben.page.wait_for_function("phone.size !== '320x240'", polling=50, timeout=PATIENCE * 1000)
    await sees(ben, 5)
    await anna.do("hide")
    await sees(anna)
    story = await over(world, ben)
    assert story.count("video offered") == 3
    assert "audio only" not in story


async def test_a_page_with_a_camera_calls_a_telephone(browser: Browser, world: BrowserWorld) -> None:
    anna = await page_of(browser, world, ANNA)
    async with world.carrier() as carrier:
        await anna.do("withCamera", "call", "sip:+4989123@127.0.0.1")
        await carrier.expect("incoming")
        carrier.tell("answer")
        await asyncio.gather(anna.told("confirmed"), carrier.expect("media"))
        await anna.told("audio")
        # A refused section ends its transceiver (RFC 9429 5.10).
        assert await anna.say("phone.connection.getTransceivers().map((each) => each.receiver.track.kind)") == ["audio"]
        assert "audio only" in await over(world, anna)
        await carrier.expect("ended")
