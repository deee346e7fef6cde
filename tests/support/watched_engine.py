"""A media engine at work with its worker thread watched (watch.c): run with the watcher preloaded.

Prints one line of JSON: whether system calls were filtered, and for each kind of work how many packets went and what
the worker called that it must not. System calls beyond the packet path's end the process at once.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import struct
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from audiocodecs.coding import Encoder

from media.commands import (
    Announce,
    BindAddress,
    CloseRecording,
    CloseRoom,
    Connect,
    JoinRoom,
    LeaveRoom,
    OpenRecording,
    OpenRoom,
    PayloadFormat,
    Play,
    SendDigits,
    SetDigits,
    SetFormats,
    SetGain,
    SetKeys,
    SetNack,
    SetPath,
    StartEcho,
    StartTap,
    StopPlay,
    StopTap,
    Tone,
)
from media.events import HandshakeReceived
from media.srtp.material import KeyMaterial
from tests.support.browser_far_end import CLIENT_HELLO, STUN, BrowserFarEnd, browser_leg, free_port
from tests.support.media_world import CN, DTMF, PCMA, PCMU, FarEnd, MediaWorld, Rtp, media_world
from tests.support.srtp import ReferenceSrtp
from tests.support.video_peer import RTX, block, pli, receiver_report, sender_report, two_watching

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from media.legs import OpenedLeg

    Work = Callable[[MediaWorld], Awaitable[Callable[[], Awaitable[int]]]]

G722 = PayloadFormat(9, "G722", 8000)
G729 = PayloadFormat(18, "G729", 8000)
OPUS = PayloadFormat(111, "opus", 48000)
SUITE = "AEAD_AES_128_GCM"
KEY = bytes(range(28))
SHARED = "browsers on one port"
"""Asked for by name: in an engine of its own."""

watch = ctypes.CDLL(None)
watch.watch_end.restype = ctypes.c_long
watch.watch_first.restype = ctypes.c_char_p


def payloads(format_: PayloadFormat, count: int) -> list[bytes]:
    """What a far end says: a ramp, encoded."""
    rate = {"opus": 48000, "G722": 16000}.get(format_.name, 8000)
    encoder = Encoder(format_.name, rate if format_.name == "opus" else None)
    pcm = b"".join((n % 100 * 60).to_bytes(2, sys.byteorder) for n in range(rate // 50))
    return [encoder.encode(pcm) for _ in range(count)]


def stream(format_: PayloadFormat, first: int, count: int) -> list[Rtp]:
    step = format_.clock_rate // 50
    return [
        Rtp(n & 0xFFFF, n * step, payload, format_.payload_type)
        for n, payload in enumerate(payloads(format_, count), first)
    ]


def bridged(
    world: MediaWorld, said: tuple[PayloadFormat, ...], heard: tuple[PayloadFormat, ...], ptime: int = 20
) -> tuple[FarEnd, FarEnd, OpenedLeg, OpenedLeg]:
    alice, bob = world.far_end(), world.far_end()
    a, b = world.leg(alice, said), world.leg(bob, heard)
    world.engine.post(SetFormats(b.leg, heard, heard, ptime), Connect(a.leg, b.leg))
    return alice, bob, a, b


async def passed(world: MediaWorld, far: FarEnd, leg: OpenedLeg, packets: Sequence[Rtp | bytes]) -> int:
    """Packets taken in, one after the other; those that went out in answer."""
    before = world.engine.counters()
    for each in packets:
        taken = world.engine.counters().packets_received
        far.send(leg, each)
        await world.until(lambda taken=taken: world.engine.counters().packets_received > taken)  # type: ignore[misc]
    return world.engine.counters().packets_sent - before.packets_sent


def between(said: PayloadFormat, heard: PayloadFormat, ptime: int = 20) -> Work:
    """A bridge, with losses, digits, noise and garbage on it."""

    async def prepare(world: MediaWorld) -> Callable[[], Awaitable[int]]:
        alice, bob, a, b = bridged(world, (said, DTMF, CN), (heard, DTMF), ptime)
        await world.settled()
        packets = [each for n, each in enumerate(stream(said, 0, 40)) if n % 7 != 3]
        events = [Rtp(40 + n, 40 * 160, bytes((5, 10, 0, 160)), 101) for n in range(3)]
        noise: list[Rtp | bytes] = [
            Rtp(43, 50 * 160, b"\x40", 13),
            Rtp(44, 60 * 160, b"", said.payload_type),
            b"\x80\x08\x00",
        ]
        jump = stream(said, 30000, 5)
        await passed(world, alice, a, stream(said, 65530, 3))

        async def work() -> int:
            world.engine.post(Connect(a.leg, b.leg))
            bob.send(b, Rtp(1, 160, payloads(heard, 1)[0], heard.payload_type))
            return await passed(world, alice, a, [*packets, *events, *noise, *jump])

        return work

    return prepare


async def silenced(world: MediaWorld) -> Callable[[], Awaitable[int]]:
    """Comfort noise for a partner that does not know it; the voice for it is made in between."""
    alice, bob, a, _ = bridged(world, (PCMA, CN), (PCMA,))
    await world.settled()

    async def work() -> int:
        await passed(world, alice, a, [Rtp(0, 0), Rtp(1, 160, b"\x28", 13)])
        return len(await bob.hear_many(16))

    return work


async def echoed(world: MediaWorld) -> Callable[[], Awaitable[int]]:
    alice = world.far_end()
    a = world.leg(alice)
    world.engine.post(StartEcho(a.leg))
    await world.settled()
    return lambda: passed(world, alice, a, stream(PCMA, 0, 20))


async def played(world: MediaWorld) -> Callable[[], Awaitable[int]]:
    alice = world.far_end()
    a = world.leg(alice)
    await world.settled()

    async def work() -> int:
        world.engine.post(Play(a.leg, 1, Tone((425,), (100, 100)), repeat=True))
        heard = await alice.hear_many(15)
        world.engine.post(StopPlay(a.leg))
        return len(heard)

    return work


def announced(format_: PayloadFormat) -> Work:
    """Music with an announcement over it, another song, and the end: mixed and encoded wherever sounds meet."""

    async def prepare(world: MediaWorld) -> Callable[[], Awaitable[int]]:
        alice = world.far_end()
        a = world.leg(alice, (format_, DTMF))
        songs = Tone((425,), (100, 100)), Tone((600,), (200, 20))
        words = Tone((1000,), (150, 50))

        async def work() -> int:
            alice.hear_waiting()
            world.engine.post(Play(a.leg, 1, songs[0], repeat=True))
            heard = await alice.hear_many(3)
            world.engine.post(Announce(a.leg, 2, (words, words)))
            heard += await alice.hear_many(12)
            world.engine.post(Play(a.leg, 3, songs[1], repeat=True, start_ms=40))
            heard += await alice.hear_many(5)
            world.engine.post(StopPlay(a.leg))
            return len(heard)

        await work()  # tracks and encoders are made by Python's threads, before
        await world.settled()
        return work

    return prepare


async def mixed(world: MediaWorld) -> Callable[[], Awaitable[int]]:
    """Three codecs in a room, with losses, one of them coming and going."""
    formats = (PCMA, G722, OPUS)
    ends = [world.far_end() for _ in formats]
    legs = [world.leg(far, (each, CN), group="room") for far, each in zip(ends, formats, strict=True)]
    world.engine.post(OpenRoom(1, "room", 10))
    await world.settled()

    async def work() -> int:
        world.engine.post(*(JoinRoom(1, leg.leg) for leg in legs))
        for n in range(40):
            for far, leg, each in zip(ends, legs, formats, strict=True):
                if n % 9:
                    far.send(leg, stream(each, n, 1)[0])
            await asyncio.sleep(0.01)
        ends[0].send(legs[0], Rtp(40, 6400, b"\x28", 13))
        world.engine.post(SetGain(1, legs[0].leg, legs[1].leg, -6.0), LeaveRoom(1, legs[2].leg))
        heard = await ends[1].hear_many(20)
        world.engine.post(CloseRoom(1))
        return len(heard)

    return work


def pressed(*formats: PayloadFormat) -> Work:
    """Keys, as events or as tones, to somebody who is being spoken to, and heard in what he says."""

    async def prepare(world: MediaWorld) -> Callable[[], Awaitable[int]]:
        alice, bob, a, b = bridged(world, (PCMA,), formats)
        world.engine.post(SetDigits(a.leg, sends=True, listens=True))
        await world.settled()

        async def work() -> int:
            world.engine.post(SendDigits(b.leg, "5", 60, 60))
            sent = await passed(world, alice, a, stream(PCMA, 0, 20))
            return sent + len(await bob.hear_many(5))

        return work

    return prepare


async def recorded(world: MediaWorld) -> Callable[[], Awaitable[int]]:
    folder = Path(tempfile.mkdtemp())
    alice, _, a, _ = bridged(world, (PCMA,), (PCMU,))
    await world.settled()

    async def work() -> int:
        world.engine.post(OpenRecording(1, None), StartTap(a.leg, 1, str(folder / "a.wav"), 0))
        sent = await passed(world, alice, a, stream(PCMA, 0, 20))
        world.engine.post(StopTap(a.leg), CloseRecording(1))
        return sent

    return work


async def secured(world: MediaWorld) -> Callable[[], Awaitable[int]]:
    """Behind the first packet of its source, at which libsrtp allocates (media.srtp.session)."""
    alice, _, a, b = bridged(world, (PCMA,), (PCMA,))
    key = KeyMaterial(SUITE, KEY)
    world.engine.post(SetKeys(a.leg, key, key), SetKeys(b.leg, key, key))
    await world.settled()
    sealer = ReferenceSrtp(SUITE, KEY)
    packets = [sealer.seal(bytes(each)) for each in stream(PCMA, 1, 20)]
    await passed(world, alice, a, packets[:3])
    return lambda: passed(world, alice, a, packets[3:])


async def browsed(world: MediaWorld) -> Callable[[], Awaitable[int]]:
    """A browser and a phone: handshakes, media, reports and garbage on one port, and a path that closes and opens."""
    phone, browser = world.far_end(), BrowserFarEnd()
    b = world.leg(phone, (PCMA, DTMF))
    a = browser_leg(world, browser, (PCMA, DTMF))
    world.engine.post(Connect(a.leg, b.leg))
    await world.settled()
    for n in range(3):  # one more than nobody knows of would be another source for libsrtp (media.srtp.session)
        browser.say(a, Rtp(n, n * 160))
        await phone.hear()
        phone.send(b, Rtp(n, n * 160))
        await browser.hear()
    browser.report(a, struct.pack("!BBHI", 0x80, 201, 1, browser.ssrc))
    report = struct.pack("!BBHI", 0x80, 201, 1, browser.ssrc)
    packets = [browser.sealing.seal(bytes(each)) for each in stream(PCMA, 3, 20)]
    beside = [STUN, CLIENT_HELLO, b"\x50", b"\x80", browser.sealing.seal_rtcp(report), packets[0]]

    async def work() -> int:
        sent = await passed(world, browser, a, [*packets, *beside])
        world.engine.post(SetPath(a.leg, "", 0))
        phone.send(b, Rtp(3, 480))
        world.engine.post(SetPath(a.leg, browser.host, browser.port), BindAddress(a.leg, browser.host, 9))
        sent += await passed(world, phone, b, [Rtp(n, n * 160) for n in range(4, 24)])
        return sent + len(world.told(HandshakeReceived))

    return work


async def repaired(world: MediaWorld) -> Callable[[], Awaitable[int]]:
    """A browser that loses packets, and whose packets are lost: repeated, asked for, and sent again."""
    phone, browser = world.far_end(), BrowserFarEnd()
    b = world.leg(phone, (OPUS,))
    a = browser_leg(world, browser, (OPUS, PayloadFormat(63, "red", 48000)))
    world.engine.post(SetNack(a.leg, on=True), Connect(a.leg, b.leg))
    await world.settled()
    said = payloads(OPUS, 1)[0]
    phone.send(b, Rtp(0, 0, said, 111))
    heard = await browser.hear()
    lossy = struct.pack("!BBHIIIIIII", 0x81, 201, 7, browser.ssrc, heard.ssrc, 1, heard.sequence, 0, 0, 0)
    asking = struct.pack("!BBHIIHH", 0x81, 205, 3, browser.ssrc, heard.ssrc, heard.sequence, 0xFFFF)
    browser.say(a, Rtp(0, 0, said, 111))
    browser.report(a, struct.pack("!BBHI", 0x80, 201, 1, browser.ssrc))
    await phone.hear()
    twice = struct.pack("!BHBB", 0x80 | 111, 960 << 2, len(said), 111) + said + said
    packets = [browser.sealing.seal(bytes(Rtp(n, n * 960, twice, 63))) for n in range(2, 40) if n % 5]
    reports = [browser.sealing.seal_rtcp(each) for each in (lossy, asking)]

    async def work() -> int:
        sent = await passed(world, browser, a, [reports[0], *packets])
        sent += await passed(world, phone, b, [Rtp(n, n * 960, said, 111) for n in range(1, 20)])
        return sent + await passed(world, browser, a, [reports[1]])

    return work


async def shown(world: MediaWorld) -> Callable[[], Awaitable[int]]:
    """Two browsers that see each other: pictures, retransmissions, losses, key frames asked for, reports.

    Behind the first packets of each source, at which libsrtp allocates.
    """
    alice, bob = await two_watching(world)

    async def show(count: int) -> int:
        came = 0
        for n in range(count):
            alice.show(1 if n % 5 else 2)
            alice.show(1, payload_type=RTX.payload_type)
            alice.tell(sender_report(0xA1, n, n * 3000))
            alice.talk()
            bob.talk()
            bob.tell(receiver_report(0xB1, block(0xA1)), pli(0xB1, 0xA1))
            for _ in range(2 if n % 5 else 3):
                await bob.see()
                came += 1
        return came

    await show(3)
    await world.settled()
    return lambda: show(20)


async def crowded(world: MediaWorld) -> Callable[[], Awaitable[int]]:
    """So many packets that the worker gathers them, and connects or steers the sockets of settled legs."""
    calls = [bridged(world, (PCMA,), (PCMU,)) for _ in range(10)]
    await world.settled()
    numbers = iter(range(1 << 16))

    async def work() -> int:
        before = world.engine.counters()
        async with asyncio.timeout(120):
            while world.engine.counters().worst_delay_ms == 0 or (
                world.engine.counters().packets_sent - before.packets_sent < 3000
            ):
                n = next(numbers)
                for alice, bob, a, _ in calls:
                    alice.send(a, Rtp(n, n * 160))
                    bob.hear_waiting()
                if n % 2:
                    await asyncio.sleep(0.001)
        return world.engine.counters().packets_sent - before.packets_sent

    return work


WORKS: dict[str, Work] = {
    "relay": between(PCMA, PCMA),
    "A-law to mu-law": between(PCMA, PCMU),
    "packet times": between(PCMA, PCMU, 30),
    "Opus to G.711": between(OPUS, PCMA),
    "G.711 to Opus": between(PCMA, OPUS),
    "G.722 to Opus": between(G722, OPUS, 40),
    "G.729 to G.722": between(G729, G722),
    "comfort noise": silenced,
    "echo": echoed,
    "playback": played,
    "announcements": announced(PCMU),
    "announcements in Opus": announced(OPUS),
    "room": mixed,
    "digits as events": pressed(PCMA, DTMF),
    "digits as tones": pressed(PCMU),
    "recording": recorded,
    "SRTP": secured,
    "browser": browsed,
    "browser with losses": repaired,
    "video": shown,
    "under load": crowded,
    SHARED: browsed,
}


async def worked(world: MediaWorld) -> dict[str, tuple[int, int, str]]:
    """Packets, forbidden calls and who made the first, by kind of work."""
    found: dict[str, tuple[int, int, str]] = {}
    await world.settled()
    for name, prepare in WORKS.items():
        if name not in (sys.argv[1:] or WORKS.keys() - {SHARED}):
            continue
        work = await prepare(world)
        await world.settled()
        watch.watch_begin()
        packets = await work()
        await world.settled()
        calls = watch.watch_end()
        found[name] = packets, calls, watch.watch_first().decode() if calls else ""
    return found


async def main() -> None:
    """End without the engine's end: there its worker takes the interpreter's lock, which is forbidden here."""
    async with media_world(browser_port=free_port() if SHARED in sys.argv else None) as world:
        status = 0
        try:
            found = await worked(world)
            sys.stdout.write(json.dumps({"filtered": bool(watch.watch_filtered()), "found": found}))
        except BaseException:  # noqa: BLE001 -- told, and then this process is over
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    asyncio.run(main())
