"""What a browser says and hears: Opus relayed or transcoded, keys at either clock, and how well it went."""

from __future__ import annotations

import struct
from contextlib import closing

import numpy as np
import pytest
from audiocodecs.coding import Decoder, Encoder

from media.commands import Connect, PayloadFormat, SetDigits, StartEcho
from media.events import DigitReceived, QualityReport
from tests.support.browser_far_end import BrowserFarEnd, browser_leg
from tests.support.media_world import DTMF, PCMA, Rtp, media_world

OPUS = PayloadFormat(111, "opus", 48000)
EVENTS_48 = PayloadFormat(110, "telephone-event", 48000)
EVENTS_8 = PayloadFormat(126, "telephone-event", 8000)
CHROMIUM = (OPUS, EVENTS_48, EVENTS_8)
FIREFOX = (PayloadFormat(109, "opus", 48000), PayloadFormat(101, "telephone-event", 48000))
TONE = 1000.0


def pressed(key: int, ms: int, number: int, began: int, rate: int, payload_type: int) -> list[Rtp]:
    """A key as telephone events: a packet every 20 ms of its time, three ends (RFC 4733 2.5.1)."""
    packets = []
    for n in range(ms // 20 + 3):
        end = n >= ms // 20
        payload = struct.pack("!BBH", key, 0x8A if end else 0x0A, min(20 * (n + 1), ms) * rate // 1000)
        packets.append(Rtp(number + n, began, payload, payload_type, marker=n == 0))
    return packets


def tone(rate: int, seconds: float) -> list[bytes]:
    """Frames of 20 ms."""
    wave = np.sin(2 * np.pi * TONE / rate * np.arange(int(rate * seconds))) * 8000
    pcm, step = wave.astype(np.int16), rate // 50
    return [pcm[at : at + step].tobytes() for at in range(0, len(pcm), step)]


def pitch(pcm: bytes, rate: int) -> float:
    """Of the loudest tone, Hz, in the second half."""
    wave = np.frombuffer(pcm, np.int16)
    wave = wave[len(wave) // 2 :]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return float(spectrum.argmax() * rate / len(wave))


async def test_opus_between_two_browsers_is_relayed_as_it_is() -> None:
    """Their payload types differ, in Opus and in keys; nothing is decoded."""
    async with media_world() as world:
        with closing(BrowserFarEnd()) as chromium, closing(BrowserFarEnd()) as firefox:
            a, b = browser_leg(world, chromium, CHROMIUM), browser_leg(world, firefox, FIREFOX)
            world.engine.post(Connect(a.leg, b.leg))
            said = [bytes([0x7F, n]) * 60 for n in range(5)]
            for n, payload in enumerate(said):
                chromium.say(a, Rtp(n, n * 960, payload, 111))
            heard = [await firefox.hear() for _ in said]
            assert [(each.payload_type, each.payload) for each in heard] == [(109, payload) for payload in said]
            for packet in pressed(5, 100, 5, 4800, 48000, 110):
                chromium.say(a, packet)
            events = [await firefox.hear() for _ in range(8)]
            assert {each.payload_type for each in events} == {101}
            assert [struct.unpack("!BBH", each.payload)[2] for each in events] == [
                960, 1920, 2880, 3840, 4800, 4800, 4800, 4800
            ]  # fmt: skip
            firefox.say(b, Rtp(0, 0, said[0], 109))
            assert ((back := await chromium.hear()).payload_type, back.payload) == (111, said[0])
            assert (await world.event(DigitReceived)).duration_ms == 100
            assert world.engine.counters().drops.total == 0


@pytest.mark.parametrize(("payload_type", "rate"), [(110, 48000), (126, 8000)])
async def test_a_browsers_key_reaches_a_phone_at_its_own_clock(payload_type: int, rate: int) -> None:
    async with media_world() as world:
        phone = world.far_end()
        with closing(BrowserFarEnd()) as browser:
            a, b = browser_leg(world, browser, CHROMIUM), world.leg(phone)
            world.engine.post(Connect(a.leg, b.leg), SetDigits(b.leg, sends=True, listens=False))
            await world.settled()
            for packet in pressed(7, 120, 0, 0, rate, payload_type):
                browser.say(a, packet)
            told = await world.event(DigitReceived)
            assert (told.leg, told.digit, told.duration_ms) == (a.leg, "7", 120)
            heard = [await phone.hear()]
            while not heard[-1].payload[1] & 0x80:
                heard.append(await phone.hear())
            assert {each.payload_type for each in heard} == {DTMF.payload_type}
            assert struct.unpack("!BBH", heard[-1].payload)[::2] == (7, 960)
            assert len(world.told(DigitReceived)) == 1


async def test_a_phones_key_reaches_a_browser_at_the_clock_of_its_audio() -> None:
    async with media_world() as world:
        phone = world.far_end()
        with closing(BrowserFarEnd()) as browser:
            a, b = browser_leg(world, browser, CHROMIUM), world.leg(phone)
            world.engine.post(Connect(a.leg, b.leg), SetDigits(a.leg, sends=True, listens=False))
            await world.settled()
            for packet in pressed(3, 100, 0, 0, 8000, DTMF.payload_type):
                phone.send(b, packet)
            heard = [await browser.hear()]
            while not heard[-1].payload[1] & 0x80:
                heard.append(await browser.hear())
            assert {each.payload_type for each in heard} == {110}
            assert struct.unpack("!BBH", heard[-1].payload)[::2] == (3, 4800)


async def test_opus_of_a_browser_and_g711_of_a_phone() -> None:
    async with media_world() as world:
        phone = world.far_end()
        with closing(BrowserFarEnd()) as browser:
            a, b = browser_leg(world, browser, CHROMIUM), world.leg(phone)
            world.engine.post(Connect(a.leg, b.leg))
            await world.settled()
            encoder, frames = Encoder("opus", 48000), tone(48000, 0.4)
            for n, frame in enumerate(frames):
                browser.say(a, Rtp(n, n * 960, encoder.encode(frame), 111))
            heard = await phone.hear_many(len(frames))
            assert {each.payload_type for each in heard} == {PCMA.payload_type}
            assert [each.timestamp - heard[0].timestamp & 0xFFFFFFFF for each in heard] == [
                160 * n for n in range(len(frames))
            ]
            law = Decoder("PCMA")
            assert pitch(b"".join(law.decode(each.payload) for each in heard), 8000) == pytest.approx(TONE, abs=20)
            alaw = Encoder("PCMA")
            for n, frame in enumerate(tone(8000, 0.4)):
                phone.send(b, Rtp(n, n * 160, alaw.encode(frame)))
            back = [await browser.hear() for _ in range(20)]
            assert {each.payload_type for each in back} == {111}
            opus = Decoder("opus", 48000)
            assert pitch(b"".join(opus.decode(each.payload) for each in back), 48000) == pytest.approx(TONE, abs=20)


async def test_a_browser_is_scored_like_anybody() -> None:
    """Loss counts against the score, what redundancy made good does not; the far end's reports give the other half."""
    red = PayloadFormat(63, "red", 48000)
    async with media_world(quality_interval=0.2, rtcp_interval=0.1) as world:
        with closing(BrowserFarEnd()) as lossy, closing(BrowserFarEnd()) as repaired:
            a = browser_leg(world, lossy, (OPUS,), group="a")
            b = browser_leg(world, repaired, (OPUS, red), group="b")
            world.engine.post(StartEcho(a.leg), StartEcho(b.leg))
            said = bytes([0x48]) * 34  # SILK, wideband, 20 ms at 13.6 kbit/s
            heard = Rtp(0, 0)
            twice = struct.pack("!BHBB", 0x80 | 111, 960 << 2, len(said), 111) + said + said
            reports: list[bytes] = []

            async def echoed() -> Rtp:
                while 192 <= (data := await repaired.take())[1] <= 223:
                    reports.append(repaired.opening.open_rtcp(data))
                return Rtp.parse(repaired.opening.open(data))

            for n in range(100):
                if n % 5 != 3:
                    lossy.say(a, Rtp(n, n * 960, said, 111))
                    repaired.say(b, Rtp(n, n * 960, twice, 63))
                    await lossy.hear()
                    heard = await echoed()
                    if n % 5 == 4:
                        heard = await echoed()
            await world.until(lambda: sum(each.received.expected for each in world.told(QualityReport)) >= 200)
            summaries = [world.engine.quality(leg.leg) for leg in (a, b)]
            assert [each and (each.codec, each.received.lost) for each in summaries] == [("opus", 20), ("opus", 0)]
            scores = [each.received.mos_cq for each in summaries if each is not None]
            assert None not in scores
            assert scores[0] < scores[1]  # type: ignore[operator]
            while not reports or about_their_stream(reports[-1]) != (0x1234, 20):
                reports.append(await repaired.hear_rtcp())
            ssrc, ntp = next(struct.unpack_from("!4xI2xI", each) for each in reversed(reports) if each[1] == 200)
            assert ssrc == heard.ssrc
            block = struct.pack("!IIIIII", ssrc, 0, heard.sequence, 0, ntp, 0)
            repaired.report(b, struct.pack("!BBHI", 0x81, 201, 7, 0x1234) + block)
            await world.until(
                lambda: (found := world.engine.statistics(b.leg)) is not None and found.rtt_ms is not None
            )


def about_their_stream(report: bytes) -> tuple[int, int]:
    """Whom its report block is about, and how many packets of theirs it says are lost."""
    ssrc, lost = struct.unpack_from("!II", report, 28 if report[1] == 200 else 8)
    return ssrc, lost & 0xFFFFFF
