"""Video calls between two pages in Chromium, in every codec, recorded: each leg's pictures and sound play."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest
import pytest_asyncio

from tests.support.browser_world import CONFIG, BrowserWorld

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.support.browser import PagePhone

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.timeout(600)]

ANNA, BEN = "1001", "1002"
EYES = Path(__file__).parent / "video.js"
CODECS = {"VP8": "vp8", "VP9": "vp9", "H264": "h264", "AV1": "av1"}
"""As SDP and as FFmpeg name them."""
WANTED = 15
"""Pictures to be seen by each page, and to be recorded, at the least."""
SEEN = "phone.videoStats('inbound-rtp').then((each) => each.framesDecoded || 0)"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrowserWorld]:
    """A switch that records pictures."""
    config = CONFIG.replace("directory: recordings}}", "directory: recordings, video: video}}")
    assert config != CONFIG
    async with BrowserWorld(tmp_path_factory.mktemp("switch"), config=config) as world:
        yield world


async def page_of(browser: Browser, world: BrowserWorld, user: str, codec: str) -> PagePhone:
    """A page with a camera, that speaks this codec alone."""
    page = await world.phone(browser, user)
    await page.page.add_script_tag(path=EYES)
    able = await page.say("RTCRtpSender.getCapabilities('video').codecs.map((each) => each.mimeType)")
    assert f"video/{codec}" in able, f"this Chromium cannot encode {codec}: {able}"
    await page.say(f"phone.codec = 'video/{codec}'")
    return page


async def sees(page: PagePhone, codec: str) -> None:
    """Wait until the page has decoded further pictures of the other one."""
    before = int(await page.say(SEEN))
    async with asyncio.timeout(100):
        while int(await page.say(SEEN)) < before + WANTED:  # noqa: ASYNC110  the page is another process
            await asyncio.sleep(0.1)
    assert await page.say("phone.receivedCodec()") == f"video/{codec}"


async def recorded(world: BrowserWorld, call: str) -> list[tuple[Path, Path]]:
    """Sound and pictures of each leg, as soon as the first key frames are in their files."""
    async with asyncio.timeout(100):
        while True:
            sounds = [world.folder / leg["recording"] for leg in (await told(world, call))["legs"] if leg["recording"]]
            files = [(sound, path) for sound in sounds for path in sound.parent.glob(f"{sound.stem}.*")]
            begun = [(sound, path) for sound, path in files if path.suffix in (".webm", ".mkv")]
            if len(begun) == 2:
                return begun
            await asyncio.sleep(0.1)


async def finished(world: BrowserWorld, call: str) -> None:
    """Wait until its files are whole."""
    async with asyncio.timeout(100):
        while not any(line["event"] == "recording finished" for line in (await told(world, call))["story"] or ()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def told(world: BrowserWorld, call: str) -> dict[str, Any]:
    """All that the switch says of a call."""
    answer: dict[str, Any] = await world.node.get(f"/api/calls/{call}")
    return answer


@pytest.mark.parametrize("codec", CODECS)
async def test_pictures_of_both_pages_arrive_and_are_recorded(
    browser: Browser, world: BrowserWorld, codec: str
) -> None:
    anna, ben = await page_of(browser, world, ANNA, codec), await page_of(browser, world, BEN, codec)
    await anna.do("withCamera", "call", f"sip:{BEN}@127.0.0.1")
    await ben.told("session")
    (call,) = await world.running()
    await ben.do("withCamera", "answer")
    await asyncio.gather(anna.told("confirmed"), ben.told("confirmed"))
    files = await recorded(world, call["id"])
    await asyncio.gather(sees(ben, codec), sees(anna, codec))
    running = (await told(world, call["id"]))["legs"]
    assert all(leg["video"]["relayed"] >= WANTED for leg in running)
    await anna.do("hangup")
    await ben.told("ended")
    await finished(world, call["id"])
    for leg, before in zip((await told(world, call["id"]))["legs"], running, strict=True):
        assert leg["video"]["packets"] >= leg["video"]["relayed"] >= before["video"]["relayed"]
        assert leg["video"]["refused"] == 0
    for sound, pictures in files:
        plays(sound, pictures, codec)


def plays(sound: Path, pictures: Path, codec: str) -> None:
    """Every picture of the leg can be decoded, in time, beside the sound of its WAV."""
    with av.open(str(pictures), "r") as source:
        stream = source.streams.video[0]
        assert stream.codec_context.name.removeprefix("lib").startswith((CODECS[codec], "dav1d"))
        times = [float(frame.pts * frame.time_base) for frame in source.decode(video=0)]  # type: ignore[operator]
        # A browser that finds itself short of time sends smaller pictures.
        assert 0 < stream.width <= 320
        assert 0 < stream.height <= 240
    with av.open(str(pictures), "r") as source:
        seconds = sum(frame.samples for frame in source.decode(audio=0)) / 48000
    assert len(times) >= WANTED
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= seconds + 0.5
    with av.open(str(sound), "r") as source:
        (heard,) = source.streams.audio
        assert abs(sum(frame.samples for frame in source.decode(audio=0)) / heard.rate - seconds) < 0.5
