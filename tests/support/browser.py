"""Chromium as a phone: one process for many pages, a microphone that speaks from a file, ears that give back PCM."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from playwright.async_api import async_playwright

from tests.support.programs import required
from tests.support.speech import TEXT, Pcm, moved_to, spoken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Page

ROOT = Path(__file__).parent.parent.parent
JSSIP = ROOT / "softswitch" / "admin" / "web" / "node_modules" / ".cache" / "jssip.js"
PAGE = ROOT / "tests" / "browser" / "phone.js"
PATIENCE = 120.0
MICROPHONE_RATE = 48000
LEAD = 1.5
"""Seconds of silence before the microphone speaks: by then a call stands."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    # Everything is on loopback here, which browsers leave out otherwise.
    "--allow-loopback-in-peer-connection",
)
DEVICES = ("--use-fake-device-for-media-stream",)
NO_SOUND_SYSTEM = {"PULSE_SERVER": "unix:/nonexistent", "ALSA_CONFIG_PATH": "/dev/null"}


def bundle_jssip() -> None:
    """Make one script of JsSIP, unless it is there."""
    if JSSIP.exists():
        return
    JSSIP.parent.mkdir(parents=True, exist_ok=True)
    program = [sys.executable, str(ROOT / "scripts" / "pages.py"), "--library", str(JSSIP)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def microphone(path: Path, text: str = TEXT, *, lead: float = LEAD, tail: float = 1.0) -> Path:
    """Write what the microphone will say: silence, these sentences, silence."""
    before, after = (np.zeros(round(seconds * MICROPHONE_RATE), np.int16) for seconds in (lead, tail))
    said = np.concatenate([before, spoken(MICROPHONE_RATE, text), after])
    soundfile.write(path, said, MICROPHONE_RATE, "PCM_16")
    return path


@asynccontextmanager
async def chromium(
    speech: Path | None = None,
    *,
    repeat: bool = False,
    flags: tuple[str, ...] = (),
    program: Path | None = None,
    devices: bool = True,
) -> AsyncIterator[Browser]:
    """A browser process without a window. Its microphone speaks `speech` from when it is opened, once or for ever.

    Without `devices` it finds no microphone, speaker or camera.
    """
    file = () if speech is None else (f"--use-file-for-fake-audio-capture={speech}{'' if repeat else '%noloop'}",)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program or required("chromium"),
            args=[*FLAGS, *(DEVICES if devices else ()), *file, *flags],
            env=None if devices else {**os.environ, **NO_SOUND_SYSTEM},
            handle_sigint=False,
            timeout=PATIENCE * 1000,
        )
        try:
            yield browser
        finally:
            await browser.close()


class PagePhone:
    """A page with the phone of tests/browser/phone.js in it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    async def open(cls, context: BrowserContext, origin: str) -> PagePhone:
        """A page that the web server at `origin` has not, so that it is of there and empty, with JsSIP.

        It is asked for all the same: a page made up here would not count as local, and reach nothing on loopback.
        """
        await asyncio.to_thread(bundle_jssip)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        await page.goto(f"{origin}/no-such-page")
        await page.add_script_tag(path=JSSIP)
        await page.add_script_tag(path=PAGE)
        return cls(page)

    async def do(self, verb: str, *arguments: object) -> Any:
        """Call a function of `phone`."""
        return await self.page.evaluate("([verb, given]) => phone[verb](...given)", [verb, list(arguments)])

    async def say(self, script: str) -> Any:
        """Evaluate JavaScript in the page."""
        return await self.page.evaluate(script)

    async def start(self, user: str, password: str) -> None:
        """Sign in, connect and register; waits for it."""
        await self.do("signIn", user, password)
        await self.told("registered")

    async def told(self, what: str, *, count: int = 1) -> dict[str, Any]:
        """Wait until this has happened so many times; what is known of the last of them."""
        wait = "([what, count]) => phone.told.filter((each) => each.what === what).length >= count"
        try:
            await self.page.wait_for_function(wait, arg=[what, count], polling=20, timeout=PATIENCE * 1000)
        except Exception as error:
            everything = await self.page.evaluate("() => phone.told")
            raise AssertionError(f"{what} did not happen, but {everything}") from error
        found: dict[str, Any] = await self.page.evaluate(
            "([what, count]) => phone.told.filter((each) => each.what === what)[count - 1]", [what, count]
        )
        return found

    async def events(self) -> list[str]:
        """Names of what has happened so far."""
        found: list[str] = await self.page.evaluate("() => phone.told.map((each) => each.what)")
        return found

    async def heard(self, rate: int) -> Pcm:
        """What came out of its loudspeaker since the last time, at this rate."""
        sound = await self.do("sound")
        pcm = np.frombuffer(base64.b64decode(sound["pcm"]), np.int16)
        return moved_to(pcm, sound["rate"], rate) if len(pcm) else pcm

    async def has_said(self, seconds: float) -> None:
        """Wait until its microphone, which speaks at the pace of the clock, has been open for so long."""
        wait = "(seconds) => performance.now() - phone.opened >= seconds * 1000"
        await self.page.wait_for_function(wait, arg=seconds, polling=100, timeout=PATIENCE * 1000)

    async def close(self) -> None:
        """Close the page, as a user closes a tab."""
        await self.page.close()
