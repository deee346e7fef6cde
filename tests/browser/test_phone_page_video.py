"""Pictures in calls between phone pages: they come, change camera, and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.support.browser import chromium
from tests.support.phone_page import PATIENCE_MS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.support.phone_page import PhonePage, PhonePages

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.timeout(600)]

ANNA, BEN = "1001", "1002"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium with two cameras."""
    async with chromium(flags=("--use-fake-device-for-media-stream=device-count=2",)) as process:
        yield process


async def calls(anna: PhonePage, ben: PhonePage) -> None:
    """Anna calls Ben, who answers."""
    await anna.dial(BEN)
    await ben.button("Answer").click()
    await anna.says("Connected")


async def test_pictures_come_and_go_in_a_call(signed_in: PhonePages) -> None:
    anna, ben = await signed_in(ANNA), await signed_in(BEN)
    await calls(anna, ben)
    await anna.button("Camera").click()
    picture = ben.page.get_by_label("Picture of Anna")
    await expect(picture).to_be_visible(timeout=PATIENCE_MS)
    await ben.page.wait_for_function("(element) => element.videoWidth > 0", arg=await picture.element_handle())
    await expect(anna.page.get_by_label("Your picture")).to_be_visible()
    await anna.button("Camera off").click()
    await expect(picture).to_have_count(0, timeout=PATIENCE_MS)
    assert await anna.sends("video") is None
    await anna.says("Connected")


async def test_a_call_switches_between_cameras(signed_in: PhonePages) -> None:
    anna, ben = await signed_in(ANNA), await signed_in(BEN)
    await calls(anna, ben)
    await expect(anna.button("Switch camera")).to_have_count(0)
    await anna.button("Camera").click()
    await expect(ben.page.get_by_label("Picture of Anna")).to_be_visible(timeout=PATIENCE_MS)
    first = await anna.sends("video")
    await anna.button("Switch camera").click()
    await anna.page.wait_for_function(
        "(before) => window.connections.at(-1).getSenders().some((each) => each.track?.kind === 'video'"
        " && each.track.getSettings().deviceId !== before)",
        arg=(first or {})["deviceId"],
    )
    await anna.press("F4")
    await ben.mentions("The other side ended the call")
