"""One port for all browsers: whose datagram it is, is known by where it comes from, once Python has said so."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from media.commands import BindAddress, CloseLeg, Connect, SetPath, StartEcho
from media.control import MediaEngine
from media.events import HandshakeReceived
from media.ports import MOST_SHARING, LegPorts, PortPairs, PortsExhausted
from media.settings import MediaSettings
from tests.support.browser_far_end import CLIENT_HELLO, STUN, BrowserFarEnd, browser_leg, free_port
from tests.support.media_world import LOOPBACK, Rtp, media_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.media_world import MediaWorld

BURST = 50


@pytest.fixture
def port() -> int:
    return free_port()


@contextmanager
def many(count: int) -> Iterator[list[BrowserFarEnd]]:
    """So many browsers."""
    with ExitStack() as open_ends:
        yield [open_ends.enter_context(closing(BrowserFarEnd())) for _ in range(count)]


async def test_two_browsers_on_one_port_are_told_apart(port: int) -> None:
    async with media_world(browser_port=port) as world:
        phone = world.far_end()
        with closing(BrowserFarEnd()) as alice, closing(BrowserFarEnd()) as bob:
            a, b = browser_leg(world, alice, group="a"), browser_leg(world, bob, group="b")
            p = world.leg(phone, group="a")
            assert (a.port, b.port) == (port, port)
            world.engine.post(Connect(a.leg, p.leg), StartEcho(b.leg))
            alice.say_many(a, 3)
            bob.say(b, Rtp(0, 0, b"\x55" * 160))
            assert [each.payload for each in await phone.hear_many(3)] == [b"\xd5" * 160] * 3
            assert (await bob.hear()).payload == b"\x55" * 160
            phone.talk(p, 2)
            assert [(await alice.hear()).payload for _ in range(2)] == [b"\xd5" * 160] * 2
            assert world.engine.counters().drops.total == 0


async def test_a_handshake_from_nowhere_is_nobodys_until_its_address_is_bound(port: int) -> None:
    async with media_world(browser_port=port) as world:
        with closing(BrowserFarEnd()) as browser:
            a = browser_leg(world, browser, settled=False)
            browser.raw(a, STUN)
            first = await world.event(HandshakeReceived)
            assert (first.leg, first.data, first.address, first.port) == (0, STUN, LOOPBACK, browser.port)
            browser.say_many(a, 1)
            browser.raw(a, b"\x50")
            await world.until(lambda: world.engine.counters().drops.total == 2)
            drops = world.engine.counters().drops
            assert (drops.stranger, drops.malformed) == (1, 1)
            world.engine.post(BindAddress(a.leg, first.address, first.port))
            await world.settled()
            browser.raw(a, CLIENT_HELLO)
            told = await world.event(HandshakeReceived, lambda event: event.data == CLIENT_HELLO)
            assert told.leg == a.leg
            world.engine.send_datagram(a.leg, b"answer", told.address, told.port)
            assert await browser.take() == b"answer"
            browser.say_many(a, 1)
            await world.until(lambda: world.engine.counters().drops.stranger == 2)


async def test_an_address_goes_to_who_bound_it_last_and_is_free_when_the_leg_is_closed(port: int) -> None:
    async with media_world(browser_port=port) as world:
        with closing(BrowserFarEnd()) as browser:
            a, b = (browser_leg(world, browser, settled=False) for _ in range(2))

            async def owner() -> int:
                known = len(world.told(HandshakeReceived))
                browser.raw(a, STUN)
                await world.until(lambda: len(world.told(HandshakeReceived)) > known)
                return world.told(HandshakeReceived)[-1].leg

            world.engine.post(BindAddress(a.leg, LOOPBACK, browser.port))
            await world.settled()
            assert await owner() == a.leg
            world.engine.post(BindAddress(b.leg, LOOPBACK, browser.port), CloseLeg(a.leg))
            await world.gone(a)
            assert await owner() == b.leg
            world.engine.post(CloseLeg(b.leg))
            await world.gone(b)
            assert await owner() == 0


async def test_a_browser_keeps_its_newest_addresses_and_the_one_of_its_media(port: int) -> None:
    with many(20) as browsers:
        async with media_world(browser_port=port) as world:
            a = browser_leg(world, browsers[0], settled=False)
            world.engine.post(SetPath(a.leg, LOOPBACK, browsers[0].port))
            world.engine.post(*(BindAddress(a.leg, LOOPBACK, each.port) for each in browsers))
            await world.settled()
            for each in browsers:
                each.raw(a, STUN)
            await world.until(lambda: len(world.told(HandshakeReceived)) == len(browsers))
            bound = {each.port for each in world.told(HandshakeReceived) if each.leg == a.leg}
            assert bound == {each.port for each in (browsers[0], *browsers[-7:])}


async def test_a_thousand_addresses_come_and_go(port: int) -> None:
    """Many legs, each with many addresses that nobody uses, in whatever places they fall, cost no other its own."""
    async with media_world(browser_port=port) as world:
        with closing(BrowserFarEnd()) as browser:
            a = browser_leg(world, browser)
            world.engine.post(StartEcho(a.leg))
            for volley in range(3):
                others = [world.engine.open_leg(label="other", browser=True) for _ in range(150)]
                for n, each in enumerate(others):
                    world.engine.post(
                        *(BindAddress(each.leg, f"10.{volley}.{n}.{host}", 4000 + n % 7) for host in range(8))
                    )
                await _echoed(world, browser, port, a.leg)
                world.engine.post(*(CloseLeg(each.leg) for each in others))
                await world.settled()
                await _echoed(world, browser, port, a.leg)


async def _echoed(world: MediaWorld, browser: BrowserFarEnd, port: int, leg: int) -> None:
    await world.settled()
    browser.rtp.sendto(browser.sealed(), (LOOPBACK, port))
    await browser.hear()
    found = world.engine.statistics(leg)
    assert found is not None
    assert found.packets_received == browser.sequence


async def test_a_flood_from_everywhere_is_bounded_and_leaves_who_is_bound_alone(port: int) -> None:
    async with media_world(browser_port=port) as world:
        with closing(BrowserFarEnd()) as browser, closing(BrowserFarEnd("127.0.0.9")) as flooder:
            a = browser_leg(world, browser)
            await world.settled()
            for volley in range(1, 41):
                for _ in range(100):
                    flooder.raw(a, STUN)
                await world.until(lambda sent=100 * volley: world.engine.counters().packets_received == sent)  # type: ignore[misc]
            browser.raw(a, STUN)
            await world.event(HandshakeReceived, lambda event: event.leg == a.leg)
            assert world.engine.counters().drops.handshake > 1000


async def test_each_worker_has_a_port(port: int) -> None:
    with many(2) as browsers:
        async with media_world(browser_port=port, workers=2) as world:
            legs = [browser_leg(world, far, group=str(n)) for n, far in enumerate(browsers)]
            assert [each.port for each in legs] == [port, port + 1]
            for far, leg in zip(browsers, legs, strict=True):
                world.engine.post(StartEcho(leg.leg))
                far.say_many(leg, 1)
                await far.hear()


@pytest.mark.parametrize("acceleration", ["auto", "off"])
async def test_under_load_it_is_the_same(port: int, acceleration: str) -> None:
    """The engine gathers, and answers in batches where it can: nothing is lost or goes astray."""
    with many(8) as browsers:
        async with media_world(browser_port=port, acceleration=acceleration) as world:
            legs = [browser_leg(world, far, group=str(n)) for n, far in enumerate(browsers)]
            world.engine.post(*(StartEcho(each.leg) for each in legs))
            gathered = 0
            while gathered < 3:
                packets = [[far.sealed() for _ in range(BURST)] for far in browsers]
                for far, leg, volley in zip(browsers, legs, packets, strict=True):
                    for data in volley:
                        far.raw(leg, data)
                for far in browsers:
                    heard = [await far.hear() for _ in range(BURST)]
                    assert [each.sequence - heard[0].sequence & 0xFFFF for each in heard] == list(range(BURST))
                gathered += world.engine.counters().worst_delay_ms > 0
            assert world.engine.counters().drops.total == 0


async def test_a_port_that_is_taken_is_named(port: int) -> None:
    async with media_world(browser_port=port):
        settings = MediaSettings(address=LOOPBACK, priority=0, browser_port=port)
        with pytest.raises(OSError, match=rf"port {port}, which browsers are to share: .*configured port on"):
            MediaEngine.start(settings, lambda _: None, asyncio.get_running_loop())


def test_browsers_may_have_a_range_of_their_own() -> None:
    def pairs() -> PortPairs:
        return PortPairs(100, 103, drain=0.0, start=0)

    own = LegPorts(pairs(), PortPairs(201, 203, drain=0.0, start=0, single=True), sharing=0)
    assert [own.take(0.0, browser=True) for _ in range(3)] == [201, 202, 203]
    with pytest.raises(PortsExhausted, match="all 3 browser ports"):
        own.take(0.0, browser=True)
    own.put_back(202, 0.0, browser=True)
    assert (own.take(0.0, browser=True), own.take(0.0, browser=False), own.most_legs) == (202, 100, 5)
    common = LegPorts(pairs(), None, sharing=0)
    assert (common.take(0.0, browser=True), common.take(0.0, browser=False)) == (100, 102)
    shared = LegPorts(pairs(), None, sharing=2)
    assert [shared.take(0.0, browser=True) for _ in range(3)] == [0, 0, 0]
    assert shared.most_legs == 2 + 2 * MOST_SHARING
