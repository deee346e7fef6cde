"""The phone page as a person uses it: by what is written on it, and by keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.async_api import expect

if TYPE_CHECKING:
    from typing import Any

    from playwright.async_api import Browser, BrowserContext, Locator, Page

    from tests.support.browser_world import BrowserWorld

PATIENCE_MS = 120_000.0
"""A loaded machine is ten times slower than an idle one."""
expect.set_options(timeout=PATIENCE_MS)  # else five seconds

# Every peer connection of the page, for a look at what it really sends.
_WATCHED = """\
const Connection = window.RTCPeerConnection;
window.connections = [];
window.RTCPeerConnection = class extends Connection {
  constructor(...given) { super(...given); window.connections.push(this); }
};
"""
_SENT = """(kind) => {
  const connection = window.connections.at(-1);
  const sender = connection.getTransceivers().find((each) => each.receiver.track.kind === kind)?.sender;
  return sender?.track == null ? null : sender.track.getSettings();
}"""


class PhonePage:
    """One tab with `/phone` in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.set_default_timeout(PATIENCE_MS)

    @classmethod
    async def open(cls, context: BrowserContext, address: str) -> PhonePage:
        """Go there; nobody is signed in yet unless `address` or the tab says so."""
        page = await context.new_page()
        await page.add_init_script(_WATCHED)
        phone = cls(page)
        await page.goto(address)
        return phone

    async def sign_in(self, user: str, password: str) -> None:
        """By the form, with the keyboard alone."""
        await self.page.get_by_label("User").focus()
        await self.page.keyboard.type(user)
        await self.page.keyboard.press("Tab")
        await self.page.keyboard.type(password)
        await self.page.keyboard.press("Enter")

    def button(self, name: str, *, exact: bool = True) -> Locator:
        """The button of this name."""
        return self.page.get_by_role("button", name=name, exact=exact)

    def words(self, text: str) -> Locator:
        """Where this is written, exactly."""
        return self.page.get_by_text(text, exact=True)

    async def says(self, text: str) -> None:
        """Wait until this is written on the page."""
        await expect(self.words(text).first).to_be_visible(timeout=PATIENCE_MS)

    async def mentions(self, text: str) -> None:
        """Wait until this is part of something that is written on the page."""
        await expect(self.page.get_by_text(re.compile(re.escape(text))).first).to_be_visible(timeout=PATIENCE_MS)

    async def silent_about(self, text: str) -> None:
        """Wait until this is written nowhere."""
        await expect(self.words(text)).to_have_count(0, timeout=PATIENCE_MS)

    async def dial(self, target: str) -> None:
        """Type it, and press Enter."""
        await self.page.get_by_label("Number or name to call").fill(target)
        await self.page.keyboard.press("Enter")

    async def press(self, key: str) -> None:
        """One key, wherever the focus is."""
        await self.page.keyboard.press(key)

    async def sends(self, kind: str) -> dict[str, Any] | None:
        """Settings of the track that goes out: None for nothing."""
        found: dict[str, Any] | None = await self.page.evaluate(_SENT, kind)
        return found


class PhonePages:
    """Phones of users of a switch, each in a browser profile of its own; `close` ends them all."""

    def __init__(self, browser: Browser, world: BrowserWorld) -> None:
        self._browser = browser
        self._world = world
        self._contexts: list[BrowserContext] = []

    async def context(self, browser: Browser | None = None, **profile: Any) -> BrowserContext:
        """A profile, in this browser or another."""
        self._contexts.append(await (browser or self._browser).new_context(**profile))
        return self._contexts[-1]

    async def __call__(self, user: str, context: BrowserContext | None = None) -> PhonePage:
        """The phone of a user, signed in and ready."""
        phone = await PhonePage.open(context or await self.context(), f"{self._world.origin}/phone")
        await phone.sign_in(user, self._world.node.password)
        await phone.says("Ready")
        return phone

    async def close(self) -> None:
        """Close every profile, and with it its pages."""
        while self._contexts:
            await self._contexts.pop().close()
