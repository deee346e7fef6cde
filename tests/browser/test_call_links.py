"""A guest's page calls an agent's: what is said arrives and is on record, and a link that is over says so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from softswitch.admin.pages import BUILT
from tests.support.browser import PATIENCE, chromium, microphone
from tests.support.browser_world import CONFIG, BrowserWorld
from tests.support.speech import SHORT_TEXT, score_within, spoken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not BUILT.is_dir(), reason="the pages are not built: scripts/setup run"),
]

AGENT = "1001"
RECOGNISED = 3.0
"""Narrowband PESQ at least: this is who spoke, and whole. How well pages sound is told by test_calls.py."""
PERIOD = len(spoken(48000, SHORT_TEXT)) / 48000 + 0.7
"""Seconds after which the microphones say the same again: how long it takes until somebody answers does not matter."""
RAW = """
const open = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = function (wanted) {
    const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    return open.call(this, wanted.audio ? { ...wanted, audio: { ...wanted.audio, ...raw } } : wanted);
};
"""
"""What is heard is to be compared with what was said, and not with what Chromium makes of a voice."""
WEB = "web: {{address: {host}, port: {web}, https: false}}"
LINKS = (
    'web: {{address: {host}, port: {web}, https: false, url: "http://{host}:{web}", operator_api: true}}\n'
    "call_links: {{destination: support, title: Support}}"
)
DIALPLAN = f"""\
timezone: UTC
routes:
  - {{name: guests, when: {{from: guests, called: support}}, do: [{{dial: {{phone: {AGENT}, ring_for: 30s}}}}]}}
"""


class LinkWorld(BrowserWorld):
    """A switch whose links lead to an agent at a page of ours."""

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Of the operators' API."""
        token = (self.folder / "var" / "secrets" / "admin-token").read_text().strip()
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
            http.request(method, self.origin + path, json=body) as answer,
        ):
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def link(self, **wish: Any) -> Any:
        """A new link."""
        return await self.ask("POST", "/api/call-links", {"identity": "Anna", **wish})

    async def open(self, browser: Browser, url: str) -> Page:
        """A page in a profile of its own, as large as a telephone."""
        context = await browser.new_context(
            permissions=["microphone", "camera"], viewport={"width": 390, "height": 780}
        )
        context.set_default_timeout(PATIENCE * 1000)
        self._contexts.append(context)
        await context.add_init_script(RAW)
        page = await context.new_page()
        await page.goto(url)
        return page

    async def agent(self, browser: Browser) -> Page:
        """The agent's phone, ready."""
        page = await self.open(browser, f"{self.origin}/phone")
        await page.fill("input[name=user]", AGENT)
        await page.fill("input[name=password]", self.node.password)
        await page.click("button[type=submit]")
        await page.get_by_text("Ready", exact=True).wait_for()
        return page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """Chromium, whose microphones say SHORT_TEXT over and over."""
    file = microphone(tmp_path_factory.mktemp("microphone") / "voice.wav", SHORT_TEXT, lead=0.2, tail=0.5)
    async with chromium(file, repeat=True) as process:
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LinkWorld]:
    """The switch."""
    config = CONFIG.replace(WEB, LINKS)
    assert config != CONFIG
    async with LinkWorld(tmp_path_factory.mktemp("switch"), config, DIALPLAN) as world:
        yield world


async def talked(page: Page, seconds: float) -> None:
    """Wait until the page says that the call lasts this long."""
    await page.wait_for_function(
        "(seconds) => { const [m, s] = (document.querySelector('time')?.textContent ?? '0:00').split(':');"
        " return 60 * +m + +s >= seconds; }",
        arg=seconds,
        polling=100,
    )


@pytest.mark.real_time
async def test_a_guest_talks_to_the_agent(browser: Browser, world: LinkWorld) -> None:
    link = await world.link()
    agent, guest = await world.agent(browser), await world.open(browser, link["url"])
    await guest.get_by_text("Support", exact=True).wait_for()
    await guest.get_by_text("Start audio call").click()
    await agent.get_by_role("heading", name="Anna").wait_for()
    await agent.get_by_role("button", name="Answer").click()
    await asyncio.gather(talked(guest, 2 * PERIOD), talked(agent, 2 * PERIOD))
    await guest.get_by_role("button", name="Mute").click()
    await guest.get_by_role("button", name="Unmute").wait_for()
    await guest.keyboard.press("F4")
    await guest.get_by_text("This link was good for one call").wait_for()
    await agent.get_by_text("The other side ended the call").wait_for()
    call = await world.node.ended_call()
    assert [leg["endpoint"] for leg in call["legs"]] == [f"guest:{link['id']}", f"phone:{AGENT}"]
    assert [leg["codec"] for leg in call["legs"]] == ["opus", "opus"]
    for leg in (0, 1):
        assert score_within(spoken(8000, SHORT_TEXT), world.recording(call, leg, 8000), 8000) >= RECOGNISED


async def test_an_agent_who_declines_leaves_the_link_as_it_was(browser: Browser, world: LinkWorld) -> None:
    link = await world.link(kind="audio", title="Dr. Bloggs")
    agent, guest = await world.agent(browser), await world.open(browser, link["url"])
    await guest.get_by_text("Start audio call").wait_for()
    assert not await guest.get_by_text("Start video call").count()
    await guest.get_by_text("Start audio call").focus()
    await guest.keyboard.press("Enter")
    await agent.get_by_role("button", name="Decline").click()
    await guest.get_by_text("Declined").wait_for()
    await guest.get_by_text("Call again").wait_for()
    assert (await world.ask("GET", f"/api/call-links/{link['id']}"))["state"] == "open"


async def test_what_keeps_a_guest_from_calling_is_said(browser: Browser, world: LinkWorld) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    until = tomorrow + timedelta(hours=1)
    link = await world.link(type="time_frame", valid_from=tomorrow.isoformat(), valid_until=until.isoformat())
    guest = await world.open(browser, link["url"])
    await guest.get_by_text("It is too early for this call. Please come back later.").wait_for()
    guest = await world.open(browser, f"{world.origin}/call/nonsense")
    await guest.get_by_text("This link is not valid. Please check that you have all of it.").wait_for()
    assert not await guest.get_by_text("Start audio call").count()
    link = await world.link(type="expiration")
    guest = await world.open(browser, link["url"])
    await guest.get_by_text("Start video call").wait_for()
    await world.ask("DELETE", f"/api/call-links/{link['id']}")
    await guest.get_by_text("Start audio call").click()
    await guest.get_by_text("This link has been withdrawn. Please ask for a new one.").first.wait_for()
    assert not await guest.get_by_text("Start audio call").count()


async def test_revocation_ends_the_call_in_the_page(browser: Browser, world: LinkWorld) -> None:
    link = await world.link(type="expiration")
    agent, guest = await world.agent(browser), await world.open(browser, link["url"])
    await guest.get_by_text("Start audio call").click()
    await agent.get_by_role("button", name="Answer").click()
    await talked(guest, 1.0)
    revoked = await world.ask("DELETE", f"/api/call-links/{link['id']}?end_calls=true")
    assert revoked["ended_calls"] == 1
    await guest.get_by_text("This link has been withdrawn. Please ask for a new one.").wait_for()
    await agent.get_by_text("The other side ended the call").wait_for()


async def seen(page: Page, label: str, *, is_there: bool = True) -> None:
    """Wait until the page shows this moving picture, or does not any more."""
    await page.wait_for_function(
        "([label, there]) => { const video = document.querySelector(`video[aria-label='${label}']`);"
        " return there ? video !== null && video.videoWidth > 0 && video.currentTime > 0 : video === null; }",
        arg=[label, is_there],
        polling=100,
    )


async def test_a_guest_and_the_agent_see_each_other(browser: Browser, world: LinkWorld) -> None:
    link = await world.link()
    agent, guest = await world.agent(browser), await world.open(browser, link["url"])
    await guest.get_by_text("Start video call").click()
    await agent.get_by_role("button", name="With video").click()
    await asyncio.gather(seen(guest, "Picture of Support"), seen(agent, "Picture of Anna"))
    await guest.get_by_role("button", name="Camera off").click()
    await seen(agent, "Picture of Anna", is_there=False)
    await guest.get_by_role("button", name="End").click()
    await guest.get_by_text("This link was good for one call").wait_for()
