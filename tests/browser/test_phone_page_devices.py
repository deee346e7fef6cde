"""The phone page where something is missing or forbidden, and how it looks: no sound is judged here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.support.browser import chromium
from tests.support.phone_page import PATIENCE_MS, PhonePage, PhonePages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.support.browser_world import BrowserWorld

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.timeout(600)]

ANNA, BEN = "1001", "1002"
DENIED = "Permission to use camera and/or microphone denied."
MISSING = "No microphone or camera was found. Connect one and try again."
SIZES = ((320, 640), (768, 1024), (1280, 800))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, whose microphones beep."""
    async with chromium() as process:
        yield process


async def refusal(signed_in: PhonePages, world: BrowserWorld, elsewhere: Browser, text: str) -> None:
    """Ben calls Anna, who answers in a browser that gives her page no microphone; then she tries to call."""
    ben, anna = await signed_in(BEN), await signed_in(ANNA, await signed_in.context(elsewhere))
    await ben.dial(ANNA)
    await anna.button("Answer").click()
    await anna.mentions(text)
    await ben.mentions("Not available now")
    call = await world.node.ended_call(recorded=False)
    assert call["sip_status"] == 480
    assert next(line["facts"]["cause"] for line in call["story"] if line["event"] == "leg ended") == text
    calls = len((await world.node.get("/api/calls?state=ended"))["calls"])
    await anna.dial("*43")
    await expect(anna.page.get_by_role("button", name="Call *43. You called, ")).to_have_count(1, timeout=PATIENCE_MS)
    await anna.mentions(text)
    assert len((await world.node.get("/api/calls?state=ended"))["calls"]) == calls


async def test_a_denied_permission_refuses_the_call_and_says_so(signed_in: PhonePages, world: BrowserWorld) -> None:
    async with chromium(flags=("--use-fake-ui-for-media-stream=deny",)) as strict:
        await refusal(signed_in, world, strict, DENIED)


async def test_a_missing_microphone_refuses_the_call_and_says_so(signed_in: PhonePages, world: BrowserWorld) -> None:
    async with chromium(devices=False) as bare:
        await refusal(signed_in, world, bare, MISSING)


async def test_devices_are_tested_before_a_call(signed_in: PhonePages, world: BrowserWorld) -> None:
    anna = await signed_in(ANNA)
    await anna.button("Devices").click()
    await anna.button("Test microphone").click()
    await anna.page.wait_for_function("() => document.querySelector('meter').value > 0.3")
    await anna.button("Stop test").click()
    await anna.button("Test speakers").click()
    await anna.says("Music is playing for 5 seconds")
    await anna.silent_about("Music is playing for 5 seconds")
    await anna.button("Show camera").click()
    preview = anna.page.get_by_label("Preview of your camera")
    await anna.page.wait_for_function("(element) => element.videoWidth > 0", arg=await preview.element_handle())
    await anna.press("Escape")
    await expect(preview).to_have_count(0)


# Text whose contrast with what is behind it is less than WCAG 2.2 AA asks for (1.4.3): 4.5, or 3 for large text.
_FAINT = """() => {
  const parse = (colour) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return { rgb: [r, g, b], alpha: a / 255 };
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const { rgb, alpha } = parse(getComputedStyle(each).backgroundColor);
      if (alpha > 0.99) return rgb;
    }
    return [255, 255, 255];
  };
  const luminance = (rgb) => {
    const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((value) => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((each) => each.nodeType === 3).map((each) => each.data.trim()).join("");
    if (text === "" || element.closest("[disabled], noscript, .unseen") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [light, dark] = [luminance(parse(style.color).rgb), luminance(behind(element))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < needed) faint.push(`${text}: ${contrast.toFixed(2)}`);
  }
  return faint;
}"""
_WIDTHS = "() => [document.documentElement.scrollWidth, window.innerWidth]"


async def looks_right(phone: PhonePage, where: str) -> None:
    """Nothing is faint, nothing sticks out at the side, every control has a name."""
    assert await phone.page.evaluate(_FAINT) == [], where
    for width, height in SIZES:
        await phone.page.set_viewport_size({"width": width, "height": height})
        needed, there = await phone.page.evaluate(_WIDTHS)
        assert needed <= there, f"{where} at {width} px"
    nameless = await phone.page.evaluate(
        "() => [...document.querySelectorAll('button, input, select')]"
        ".filter((each) => !(each.ariaLabel || each.innerText || each.labels?.length || each.textContent.trim()))"
        ".map((each) => each.outerHTML)"
    )
    assert nameless == [], where


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_can_be_read_at_every_width(signed_in: PhonePages, world: BrowserWorld, scheme: str) -> None:
    anna = await PhonePage.open(await signed_in.context(color_scheme=scheme), f"{world.origin}/phone")
    await looks_right(anna, "signing in")
    await anna.sign_in(ANNA, world.node.password)
    await anna.says("Ready")
    await anna.dial(BEN)
    await anna.mentions(f"{BEN}: Not available now")
    await looks_right(anna, "dialling")
    for name in ("Devices", "Keyboard"):
        await anna.button(name).first.click()
        await looks_right(anna, name)
        await anna.press("Escape")
    await anna.dial("*43")
    await anna.says("Connected")
    await anna.button("Keypad").click()
    await looks_right(anna, "talking")
    await anna.button("Transfer").click()
    await looks_right(anna, "transferring")
    await anna.press("Escape")
    await anna.press("F4")
    await anna.mentions("You ended the call")


async def test_everything_is_reached_by_tab_and_the_focus_is_seen(signed_in: PhonePages, world: BrowserWorld) -> None:
    anna = await signed_in(ANNA)
    seen: set[str] = set()
    for _ in range(24):
        await anna.press("Tab")
        name, outline = await anna.page.evaluate(
            "() => { const it = document.activeElement;"
            " return [it === document.body ? '' : it.ariaLabel || it.innerText, getComputedStyle(it).outlineStyle]; }"
        )
        assert not name or outline != "none", name
        seen.add(name)
    assert {"1", "star", "hash", "Video call", "Call", "Devices", "Keyboard", "Sign out"} <= seen
