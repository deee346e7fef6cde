"""A browser and a switch for each module of tests; pages, and what is left of calls, for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
import soundfile

from tests.interop.conftest import importable_by_children, patient  # noqa: F401 - fixtures
from tests.support.browser import chromium, microphone
from tests.support.browser_world import BrowserWorld
from tests.support.phone_page import PhonePages
from tests.support.speech import SHORT_TEXT, spoken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser


@pytest.fixture(scope="session")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the carrier says: 8 kHz."""
    path = tmp_path_factory.mktemp("speech") / "carrier.wav"
    soundfile.write(path, spoken(8000, SHORT_TEXT, "en-gb"), 8000, "PCM_16")
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """Chromium, whose microphones say SHORT_TEXT."""
    folder = tmp_path_factory.mktemp("microphone")
    async with chromium(microphone(folder / "microphone.wav", SHORT_TEXT)) as process:
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrowserWorld]:
    """The switch."""
    async with BrowserWorld(tmp_path_factory.mktemp("switch")) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def world(running: BrowserWorld) -> AsyncIterator[BrowserWorld]:
    """The same, and that nothing is left of the test's calls and pages."""
    yield running
    await running.close_phones()
    await running.nothing_left()


@pytest_asyncio.fixture(loop_scope="module")
async def signed_in(browser: Browser, world: BrowserWorld) -> AsyncIterator[PhonePages]:
    """Opens phone pages of users."""
    pages = PhonePages(browser, world)
    yield pages
    await pages.close()
