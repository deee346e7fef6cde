"""What happens to a page in the middle of a call: digits, holds, transfers, lost connections, other tabs, its end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import Any

    from playwright.async_api import Browser

    from softswitch.demo.handset import Handset
    from tests.support.browser import PagePhone
    from tests.support.browser_world import BrowserWorld

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.timeout(300)]

ANNA, BEN = "1001", "1002"


async def in_call(page: PagePhone, carrier: Handset) -> None:
    """The page calls the carrier, who answers; both hear."""
    await page.do("call", "sip:+4989123@127.0.0.1")
    await carrier.expect("incoming")
    carrier.tell("answer")
    await asyncio.gather(page.told("confirmed"), page.told("audio"), carrier.expect("media"))


async def story(world: BrowserWorld) -> list[dict[str, Any]]:
    """Of the only running call."""
    (call,) = await world.running()
    lines: list[dict[str, Any]] = (await world.node.get(f"/api/calls/{call['id']}"))["story"]
    return lines


async def happened(world: BrowserWorld, event: str, **facts: object) -> dict[str, Any]:
    """Wait for a line of the running call's story."""
    async with asyncio.timeout(60):
        while True:
            for line in await story(world):
                if line["event"] == event and facts.items() <= line["facts"].items():
                    return line
            await asyncio.sleep(0.05)


async def still_speaks(world: BrowserWorld, user: str) -> None:
    """Wait until more audio has come from this user's page than by now."""

    async def packets() -> int:
        (call,) = await world.running()
        legs = (await world.node.get(f"/api/calls/{call['id']}"))["legs"]
        return sum(
            leg["from_party"]["packets"] for leg in legs if leg["endpoint"] == f"phone:{user}" and leg["from_party"]
        )

    before = await packets()
    async with asyncio.timeout(60):
        while await packets() < before + 25:  # noqa: ASYNC110  the switch is another process
            await asyncio.sleep(0.1)


async def test_digits_go_both_ways(browser: Browser, world: BrowserWorld) -> None:
    page = await world.phone(browser, ANNA)
    async with world.carrier() as carrier:
        await in_call(page, carrier)
        await page.do("press", "5")
        assert (await carrier.expect("key"))["digit"] == "5"
        carrier.tell("press", digits="7")
        await happened(world, "digit", leg="trunk:carrier", digit="7")
        await page.do("hangup")
        await carrier.expect("ended")


async def test_a_page_holds_and_resumes(browser: Browser, world: BrowserWorld) -> None:
    page = await world.phone(browser, ANNA)
    async with world.carrier() as carrier:
        await in_call(page, carrier)
        assert await page.do("hold", True)
        await happened(world, "call on hold", leg=f"phone:{ANNA}")
        assert (await world.running())[0]["state"] == "held"
        assert await page.do("hold", False)
        await happened(world, "call resumed", leg=f"phone:{ANNA}")
        await still_speaks(world, ANNA)
        await page.do("hangup")
        await carrier.expect("ended")


async def test_a_page_transfers_its_caller_to_another_page(browser: Browser, world: BrowserWorld) -> None:
    anna, ben = await world.phone(browser, ANNA), await world.phone(browser, BEN)
    async with world.carrier() as carrier:
        await in_call(anna, carrier)
        await anna.do("transfer", f"sip:{BEN}@127.0.0.1")
        await ben.told("session")
        await ben.do("answer")
        await asyncio.gather(anna.told("ended"), ben.told("confirmed"), ben.told("audio"))
        await still_speaks(world, BEN)
        carrier.tell("hangup")
        await ben.told("ended")


async def test_a_page_hands_its_caller_to_a_page_it_has_asked(browser: Browser, world: BrowserWorld) -> None:
    """The asked page goes on in the caller's call: at another port of the switch, with DTLS begun anew."""
    anna, ben = await world.phone(browser, ANNA), await world.phone(browser, BEN)
    async with world.carrier() as carrier:
        await in_call(anna, carrier)
        await anna.do("hold", True)
        await anna.told("hold")
        await anna.do("call", f"sip:{BEN}@127.0.0.1")
        await ben.told("session")
        await ben.do("answer")
        await asyncio.gather(anna.told("confirmed", count=2), ben.told("confirmed"), ben.told("connected"))
        await anna.do("join", f"sip:{BEN}@127.0.0.1")
        await anna.told("ended", count=2)
        await still_speaks(world, BEN)
        await happened(world, "joined from another call", leg=f"phone:{BEN}")
        await happened(world, "browser connected", leg=f"phone:{BEN}")
        carrier.tell("hangup")
        await ben.told("ended")


async def test_a_call_outlives_its_websocket(browser: Browser, world: BrowserWorld) -> None:
    page = await world.phone(browser, ANNA)
    async with world.carrier() as carrier:
        await in_call(page, carrier)
        await page.do("drop")
        await page.told("disconnected")
        await still_speaks(world, ANNA)
        await page.told("registered", count=2)
        await still_speaks(world, ANNA)
        await page.do("hangup")  # over the new connection
        await carrier.expect("ended")


async def test_two_tabs_of_a_user_ring_and_one_has_the_call(browser: Browser, world: BrowserWorld) -> None:
    first, second = await world.phone(browser, ANNA), await world.phone(browser, ANNA)
    async with world.carrier() as carrier:
        carrier.tell("call", uri=f"sip:{ANNA}@127.0.0.1:{world.node.sip_port}")
        await asyncio.gather(first.told("session"), second.told("session"))
        await second.do("answer")
        missed = await first.told("failed")
        assert missed["originator"] == "remote"
        await asyncio.gather(second.told("confirmed"), second.told("audio"))
        await first.close()
        await still_speaks(world, ANNA)
        carrier.tell("hangup")
        await second.told("ended")


async def test_a_tab_that_crashes_ends_its_call_at_once(browser: Browser, world: BrowserWorld) -> None:
    """The browser itself says goodbye for it: the WebSocket is closed as by a page that was left."""
    page = await world.phone(browser, ANNA)
    async with world.carrier() as carrier:
        await in_call(page, carrier)
        with contextlib.suppress(Exception):
            await page.page.goto("chrome://crash", timeout=5000)
        await carrier.expect("ended")
    call = await world.node.ended_call()
    assert call["q850_cause"] == 27
