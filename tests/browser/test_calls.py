"""Calls between a page and a trunk, and between two pages: what is said arrives, and is on record."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from tests.support.browser import LEAD, MICROPHONE_RATE
from tests.support.speech import SHORT_TEXT, moved_to, score_within, spoken

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from playwright.async_api import Browser

    from softswitch.demo.handset import Handset
    from tests.support.browser import PagePhone
    from tests.support.browser_world import BrowserWorld

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.timeout(600)]

ANNA, BEN = "1001", "1002"
NARROWBAND, WIDEBAND = 3.8, 4.0
"""PESQ at least, through G.711 and from Opus to Opus."""
PLAYED = 1.8
"""PESQ at least of what a page plays. Its jitter buffer stretches and conceals while its processes wait for a
processor, which is no fault of a switch; how well the sound was sent is judged by the recordings. Other speech, noise
and frames in the wrong order score 1.1 to 1.3 here."""
SECONDS = LEAD + len(spoken(48000, SHORT_TEXT)) / 48000 + 1.5


def kept(path: Path) -> np.ndarray:
    """What pjsua2 has recorded."""
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 8000
    return np.asarray(samples)


async def talk(page: PagePhone, carrier: Handset, said: Path, heard: Path) -> None:
    """Both say what they have to say, at the same time; the carrier keeps what it hears."""
    await asyncio.gather(page.told("confirmed"), carrier.expect("media"))
    carrier.tell("record", file=str(heard))
    carrier.tell("play", file=str(said))
    await asyncio.gather(page.has_said(SECONDS), carrier.expect("played"))


def recorded_well(world: BrowserWorld, call: dict[str, Any], page_leg: int) -> None:
    """Both legs of a call between a page and the trunk are on record as they were said."""
    at_page = world.recording(call, page_leg, 8000)
    at_carrier = world.recording(call, 1 - page_leg, 8000)
    assert score_within(spoken(8000, SHORT_TEXT), at_page, 8000) >= NARROWBAND
    assert score_within(spoken(8000, SHORT_TEXT, "en-gb"), at_carrier, 8000) >= NARROWBAND


@pytest.mark.real_time
async def test_from_a_page_to_the_trunk(browser: Browser, world: BrowserWorld, said: Path, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    page = await world.phone(browser, ANNA)
    async with world.carrier() as carrier:
        await page.do("call", "sip:+4989123@127.0.0.1")
        await carrier.expect("incoming")
        carrier.tell("answer")
        await talk(page, carrier, said, heard)
        await page.do("hangup")
        await carrier.expect("ended")
    call = await world.node.ended_call()
    events = [line["event"] for line in call["story"]]
    assert "browser connected" in events
    assert [leg["codec"] for leg in call["legs"]] == ["PCMA", "PCMA"]
    assert score_within(spoken(8000, SHORT_TEXT), kept(heard), 8000) >= NARROWBAND
    assert score_within(spoken(8000, SHORT_TEXT, "en-gb"), await page.heard(8000), 8000) >= PLAYED
    recorded_well(world, call, 0)


@pytest.mark.real_time
async def test_from_the_trunk_to_a_page(browser: Browser, world: BrowserWorld, said: Path, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    page = await world.phone(browser, ANNA)
    async with world.carrier() as carrier:
        carrier.tell("call", uri=f"sip:{ANNA}@127.0.0.1:{world.node.sip_port}")
        await page.told("session")
        await page.do("answer")
        await talk(page, carrier, said, heard)
        carrier.tell("hangup")
        await page.told("ended")
        await carrier.expect("ended")
    call = await world.node.ended_call()
    assert score_within(spoken(8000, SHORT_TEXT), kept(heard), 8000) >= NARROWBAND
    recorded_well(world, call, 1)


@pytest.mark.real_time
async def test_from_page_to_page_opus_is_relayed(browser: Browser, world: BrowserWorld) -> None:
    anna, ben = await world.phone(browser, ANNA), await world.phone(browser, BEN)
    await anna.do("call", f"sip:{BEN}@127.0.0.1")
    await ben.told("session")
    await ben.do("answer")
    await asyncio.gather(anna.told("confirmed"), ben.told("confirmed"))
    await asyncio.gather(anna.has_said(SECONDS), ben.has_said(SECONDS))
    await anna.do("hangup")
    await ben.told("ended")
    call = await world.node.ended_call()
    assert [leg["codec"] for leg in call["legs"]] == ["opus", "opus"]
    said = moved_to(spoken(MICROPHONE_RATE, SHORT_TEXT), MICROPHONE_RATE, 16000)
    for leg in (0, 1):
        assert score_within(said, world.recording(call, leg, 16000), 16000) >= WIDEBAND
    assert score_within(said, await ben.heard(16000), 16000) >= PLAYED
