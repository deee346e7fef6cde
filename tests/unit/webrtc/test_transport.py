"""Our transport against somebody else's ICE and DTLS, over the real engine."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from media.events import HandshakeReceived, MediaStarted
from media.settings import MediaSettings
from softswitch.b2bua.web import WebState
from softswitch.webrtc import stun
from softswitch.webrtc.settings import WebSettings
from tests.support.loopback import PATIENCE, free_port, until
from tests.support.media_world import Rtp
from tests.support.ortc_peer import OrtcPeer
from tests.support.web_world import BrowserLeg, web_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.web_world import WebWorld


@asynccontextmanager
async def peers(count: int = 1) -> AsyncIterator[list[OrtcPeer]]:
    """Somebody else's, closed in the end."""
    opened = [await OrtcPeer.open() for _ in range(count)]
    try:
        yield opened
    finally:
        for peer in opened:
            await peer.close()


async def connect(leg: BrowserLeg, peer: OrtcPeer, *, client: bool = True, controlling: bool = False) -> None:
    """A call of a browser: it offered, we answer."""
    local = leg.transport.describe(restart=False)
    leg.transport.agree(peer.agreement(local, dtls_client=client, controlling=controlling))
    peer.start(local, dtls_client=not client, controlling=not controlling)
    await leg.told(WebState.CONNECTED)
    await peer.connected()


async def hears(world: WebWorld, leg: BrowserLeg, peer: OrtcPeer) -> None:
    """Media of the peer comes through the engine: keys and path are right."""
    async with asyncio.timeout(PATIENCE):
        for number in itertools.count():
            await peer.send(bytes(Rtp(number, 160 * number, ssrc=leg.leg & 0xFFFF)))
            await asyncio.sleep(0.005)
            if any(isinstance(each, MediaStarted) and each.leg == leg.leg for each in world.events):
                return


def wait_out(leg: BrowserLeg, seconds: float) -> None:
    """So much later nothing has come: without waiting for it."""
    leg.transport.on_timer(0, leg.world.web.now() + seconds)


@pytest.mark.parametrize(
    ("lite", "controlling"), [(False, False), (False, True), (True, False)], ids=["controlled", "controlling", "lite"]
)
@pytest.mark.parametrize("client", [False, True], ids=["server", "client"])
async def test_a_call_is_connected(lite: bool, controlling: bool, client: bool) -> None:
    async with web_world(WebSettings(lite=lite)) as world, peers() as (peer,):
        leg = BrowserLeg(world)
        await connect(leg, peer, client=client, controlling=controlling)
        assert leg.news[-1].ice_ms is not None
        assert leg.news[-1].dtls_ms is not None
        assert [each.state for each in leg.news] == [WebState.CONNECTING, WebState.CONNECTED]
        await hears(world, leg, peer)


@pytest.mark.parametrize("suite", ["AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80"])
async def test_every_profile(suite: str) -> None:
    async with web_world(WebSettings(suites=(suite,))) as world, peers() as (peer,):
        leg = BrowserLeg(world)
        await connect(leg, peer)
        await hears(world, leg, peer)


async def test_candidates_trickle_in() -> None:
    async with web_world() as world, peers() as (peer,):
        leg = BrowserLeg(world)
        local = leg.transport.describe(restart=False)
        remote = peer.describe(complete=False, candidates=False)
        leg.transport.agree(peer.agreement(local, remote=remote, controlling=True))
        leg.transport.add_candidate("this is none")
        leg.transport.add_candidate("candidate:1 1 udp 1 11111111-2222-3333-4444-555555555555.local 9 typ host")
        leg.transport.add_candidate(replace(peer.candidates()[0], fragment="of-another-call").line)
        leg.transport.add_candidate(peer.candidates()[0].line)
        leg.transport.end_of_candidates()
        peer.start(local, dtls_client=False, controlling=False)
        await leg.told(WebState.CONNECTED)
        await peer.connected()


async def test_a_browser_behind_names_is_found() -> None:
    """No candidate of it is of use: its own checks tell where it is."""
    async with web_world() as world, peers() as (peer,):
        leg = BrowserLeg(world)
        local = leg.transport.describe(restart=False)
        leg.transport.agree(peer.agreement(local, remote=peer.describe(candidates=False)))
        peer.start(local, dtls_client=False, controlling=True)
        await leg.told(WebState.CONNECTED)


async def test_all_browsers_share_a_port() -> None:
    """Known by the fragment their first datagram names, then by address."""
    port = free_port()
    media = MediaSettings(address="127.0.0.1", port_first=24000, port_last=29999, priority=0, browser_port=port)
    async with web_world(media=media) as world, peers(3) as (one, other, offered):
        legs = [BrowserLeg(world) for _ in range(3)]
        assert {each.opened.port for each in legs} == {port}
        await asyncio.gather(
            connect(legs[0], one),
            connect(legs[1], other, client=False),
            connect(legs[2], offered, controlling=True),
        )
        for leg, peer in zip(legs, (one, other, offered), strict=True):
            await hears(world, leg, peer)
        assert not any(world.web.dropped().values()), world.web.dropped()
        legs[0].transport.close()
        assert len(world.web) == 2


async def test_a_fingerprint_that_is_not_its_own() -> None:
    async with web_world() as world, peers() as (peer,):
        leg = BrowserLeg(world)
        local = leg.transport.describe(restart=False)
        leg.transport.agree(peer.agreement(local, remote=peer.describe(lies=True)))
        peer.start(local, dtls_client=False, controlling=True)
        news = await leg.told(WebState.FAILED)
        assert news.reason == "the browser's certificate is not the one its session description names"


async def test_dtls_of_whom_ice_has_not_proven() -> None:
    """A ClientHello of a stranger, before and after: not answered, and nothing comes of it."""
    async with web_world() as world, peers(2) as (peer, stranger):
        leg = BrowserLeg(world)
        local = leg.transport.describe(restart=False)
        hello = b"\x16\xfe\xff" + bytes(100)
        protocol = stranger.gatherer._connection._protocols[0]
        await protocol.send_data(hello, ("127.0.0.1", leg.opened.port))
        await until(lambda: leg.transport.counters().stranger == 1)
        leg.transport.agree(peer.agreement(local))
        peer.start(local, dtls_client=False, controlling=True)
        await leg.told(WebState.CONNECTED)
        await protocol.send_data(hello, ("127.0.0.1", leg.opened.port))
        await until(lambda: leg.transport.counters().stranger == 2)
        await peer.connected()


async def test_a_browser_that_is_gone() -> None:
    async with web_world() as world, peers() as (peer,):
        leg = BrowserLeg(world)
        await connect(leg, peer)
        peer.vanish()
        wait_out(leg, 6.0)
        news = await leg.told(WebState.LOST)
        assert news.reason == "nothing came from the browser for 5 s"
        assert leg.path is None


async def test_a_browser_that_says_goodbye() -> None:
    async with web_world() as world, peers() as (peer,):
        leg = BrowserLeg(world)
        await connect(leg, peer)
        await peer.dtls.stop()
        news = await leg.told(WebState.LOST)
        assert news.reason == "the browser has closed its connection"


async def test_we_say_goodbye() -> None:
    async with web_world() as world, peers() as (peer,):
        leg = BrowserLeg(world)
        await connect(leg, peer)
        leg.transport.close()
        leg.transport.close()
        await until(lambda: peer.dtls.state == "closed")
        assert len(world.web) == 0
        assert leg.news[-1].state is WebState.CONNECTED, "no news after close"


async def test_nobody_comes() -> None:
    async with web_world() as world, peers() as (peer,):
        leg = BrowserLeg(world)
        peer.vanish()
        leg.transport.agree(peer.agreement(leg.transport.describe(restart=False)))
        wait_out(leg, 21.0)
        news = await leg.told(WebState.FAILED)
        assert "no way to the browser within 20 s" in news.reason


async def test_a_handshake_that_never_ends() -> None:
    async with web_world() as world, peers() as (peer,):
        leg = BrowserLeg(world)
        local = leg.transport.describe(restart=False)
        leg.transport.agree(peer.agreement(local, dtls_client=False))
        peer.start(local, dtls_client=False, controlling=True)  # both wait for the other's hello
        await until(lambda: leg.path is not None)
        wait_out(leg, 21.0)
        news = await leg.told(WebState.FAILED)
        assert news.reason == "no DTLS handshake within 20 s"


async def test_a_restart_moves_the_call() -> None:
    """New credentials, the same certificate: ICE anew, the keys stay. A page that moved to another network."""
    async with web_world() as world, peers(2) as (peer, elsewhere):
        leg = BrowserLeg(world)
        await connect(leg, peer)
        before = leg.transport.describe(restart=False)
        local = leg.transport.describe(restart=True)
        assert local.credentials != before.credentials
        assert leg.transport.describe(restart=True).credentials != local.credentials, "nobody has used those"
        local = leg.transport.describe(restart=True)
        elsewhere.ice._connection.ice_controlling = True
        moved = replace(elsewhere.describe(), fingerprints=peer.describe().fingerprints)
        leg.transport.agree(replace(peer.agreement(local, remote=moved), restarted=True))
        await elsewhere.offer_candidates(local.candidates)
        await elsewhere.connect_ice(local)
        here = elsewhere.candidates()[0]
        await until(lambda: leg.path == (here.address, here.port))
        assert [each.state for each in leg.news] == [WebState.CONNECTING, WebState.CONNECTED]
        # What was sealed under the keys of before is still opened, now from there.
        vars(elsewhere.dtls).update(_state=peer.dtls._state, _tx_srtp=peer.dtls._tx_srtp)
        await hears(world, leg, elsewhere)


async def test_a_page_that_was_loaded_again() -> None:
    """New credentials and a new certificate, after the old page was lost: found and agreed anew, on the same leg."""
    async with web_world() as world, peers(2) as (old, new):
        leg = BrowserLeg(world)
        await connect(leg, old)
        old.vanish()
        wait_out(leg, 6.0)
        await leg.told(WebState.LOST)
        local = leg.transport.describe(restart=True)
        leg.transport.agree(replace(new.agreement(local), restarted=True))
        new.start(local, dtls_client=False, controlling=True)
        await leg.told(WebState.CONNECTED)
        await new.connected()
        states = [each.state for each in leg.news]
        assert states == [WebState.CONNECTING, WebState.CONNECTED, WebState.LOST, *states[:2]]
        await hears(world, leg, new)


@pytest.mark.parametrize("lite", [False, True], ids=["full", "lite"])
async def test_a_restart_after_one_that_came_to_nothing(lite: bool) -> None:
    """Lost, not found, found: told each time, and the keys of before still open what comes."""
    async with web_world(WebSettings(lite=lite)) as world, peers(3) as (peer, nobody, elsewhere):
        leg = BrowserLeg(world)
        await connect(leg, peer)
        keys = {"_state": peer.dtls._state, "_tx_srtp": peer.dtls._tx_srtp}
        fingerprints = peer.describe().fingerprints
        peer.vanish()
        nobody.vanish()
        wait_out(leg, 6.0)
        await leg.told(WebState.LOST)
        local = leg.transport.describe(restart=True)
        leg.transport.agree(
            replace(peer.agreement(local, remote=replace(nobody.describe(), fingerprints=fingerprints)), restarted=True)
        )
        wait_out(leg, 27.0)
        await leg.told(WebState.FAILED)
        assert leg.transport.describe(restart=False) == local, "an answer without a restart says what it said before"
        leg.transport.agree(
            replace(
                peer.agreement(local, remote=replace(nobody.describe(), fingerprints=fingerprints)),
                mid="1",
                restarted=False,
            )
        )
        local = leg.transport.describe(restart=True)
        elsewhere.ice._connection.ice_controlling = True
        moved = replace(elsewhere.describe(), fingerprints=fingerprints)
        leg.transport.agree(replace(peer.agreement(local, remote=moved), restarted=True))
        await elsewhere.offer_candidates(local.candidates)
        await elsewhere.connect_ice(local)
        await leg.told(WebState.CONNECTED)
        assert [each.state.value for each in leg.news] == (
            ["connecting", "connected", "lost", "connecting", "failed", "connecting", "connected"]
        )
        vars(elsewhere.dtls).update(keys)
        await hears(world, leg, elsewhere)


async def test_a_handshake_whose_path_is_lost_waits_for_another() -> None:
    """Its time does not run out meanwhile: that would end the search for the browser."""
    async with web_world() as world, peers(2) as (mute, new):
        leg = BrowserLeg(world)
        local = leg.transport.describe(restart=False)
        leg.transport.agree(mute.agreement(local))
        mute.ice._connection.ice_controlling = True
        await mute.offer_candidates(local.candidates)
        await mute.connect_ice(local)
        await until(lambda: leg.path is not None)
        mute.vanish()
        wait_out(leg, 6.0)
        await leg.told(WebState.LOST)
        local = leg.transport.describe(restart=True)
        wait_out(leg, 21.0)
        leg.transport.agree(replace(new.agreement(local), restarted=True))
        new.start(local, dtls_client=False, controlling=True)
        await leg.told(WebState.CONNECTED)
        assert [each.state.value for each in leg.news] == ["connecting", "lost", "connecting", "connected"]


async def test_a_restart_that_was_refused_changes_nothing() -> None:
    async with web_world() as world, peers() as (peer,):
        leg = BrowserLeg(world)
        await connect(leg, peer)
        before = leg.transport.describe(restart=False)
        leg.transport.describe(restart=True)
        assert leg.transport.describe(restart=False) == before
        leg.transport.agree(replace(peer.agreement(before), mid="1"))
        await hears(world, leg, peer)
        assert leg.news[-1].state is WebState.CONNECTED


async def test_another_answer_to_the_same_offer() -> None:
    """A fork: one browser rings, another one answers."""
    async with web_world() as world, peers(2) as (first, second):
        leg = BrowserLeg(world)
        local = leg.transport.describe(restart=False)
        leg.transport.agree(first.agreement(local, dtls_client=False, controlling=True))
        first.start(local, dtls_client=True, controlling=False)
        await leg.told(WebState.CONNECTED)
        leg.transport.agree(second.agreement(local, dtls_client=False, controlling=True))
        second.start(local, dtls_client=True, controlling=False)
        await second.connected()
        await hears(world, leg, second)


async def test_a_fork_of_which_nobody_comes_has_no_way() -> None:
    """The first browser's path is not the second one's: nothing is sent there any more."""
    async with web_world() as world, peers(2) as (first, second):
        leg = BrowserLeg(world)
        local = leg.transport.describe(restart=False)
        leg.transport.agree(first.agreement(local, dtls_client=False, controlling=True))
        first.start(local, dtls_client=True, controlling=False)
        await leg.told(WebState.CONNECTED)
        second.vanish()
        leg.transport.agree(second.agreement(local, dtls_client=False, controlling=True))
        assert leg.path is None
        wait_out(leg, 21.0)
        await leg.told(WebState.FAILED)


async def test_a_restart_that_comes_to_nothing_leaves_the_old_way() -> None:
    async with web_world() as world, peers(2) as (peer, nobody):
        leg = BrowserLeg(world)
        await connect(leg, peer)
        before = leg.transport.describe(restart=False)
        nobody.vanish()
        local = leg.transport.describe(restart=True)
        moved = replace(nobody.describe(), fingerprints=peer.describe().fingerprints)
        leg.transport.agree(replace(peer.agreement(local, remote=moved), restarted=True))
        for generation in leg.transport._ice._all[1:]:
            generation.handle_timers(world.web.now() + 21.0)
        leg.transport.on_timer(0, world.web.now())
        assert leg.transport.describe(restart=False) == before
        await hears(world, leg, peer)
        assert leg.news[-1].state is WebState.CONNECTED


async def test_a_datagram_to_the_shared_port_that_is_nobodys() -> None:
    media = MediaSettings(address="127.0.0.1", port_first=24000, port_last=29999, priority=0, browser_port=free_port())
    async with web_world(media=media) as world, peers() as (stranger,):
        leg = BrowserLeg(world)
        leg.transport.describe(restart=False)
        protocol = stranger.gatherer._connection._protocols[0]
        for data in (b"\0\1" + bytes(18), b"\x16\xfe\xff" + bytes(30), stun.indication(bytes(12))):
            await protocol.send_data(data, ("127.0.0.1", leg.opened.port))
        await until(lambda: world.web.dropped()["stranger"] == 3)


async def test_who_comes_from_everywhere_to_the_shared_port_is_kept_few_addresses() -> None:
    """Whoever has a call knows its password, and may send checks from as many ports as there are for as long."""
    media = MediaSettings(address="127.0.0.1", port_first=24000, port_last=29999, priority=0, browser_port=free_port())
    async with web_world(media=media) as world:
        legs = BrowserLeg(world), BrowserLeg(world)
        described = [leg.transport.describe(restart=False).credentials for leg in legs]

        def check(which: int, port: int) -> None:
            data = stun.request(
                port.to_bytes(12, "big"),
                described[which].password.encode(),
                username=f"{described[which].fragment}:them".encode(),
                priority=1,
                role="controlling",
                tie_breaker=1,
                nominate=False,
            )
            world.web.receive(HandshakeReceived(0, data, "127.0.0.1", port))

        for port in range(20_001, 20_061):
            check(0, port)
        assert [port for _, port in world.web._by_address] == list(range(20_053, 20_061))
        check(0, 20_001)  # the engine has forgotten it, and is told again
        check(1, 20_060)  # another call from where the last one was
        assert len(world.web._by_address) == 8
        legs[0].transport.close()
        assert list(world.web._by_address) == [("127.0.0.1", 20_060)]
        legs[1].transport.close()
        assert not world.web._by_address


async def test_a_flood_costs_nobody_else() -> None:
    """Not even the browser it is meant for, once that is there."""
    async with web_world() as world, peers(2) as (peer, another):
        leg = BrowserLeg(world)
        await connect(leg, peer)
        now = world.web.now()
        for _ in range(2000):
            leg.transport.receive(b"\0\1" + bytes(30), ("127.0.0.9", 9), now)
        counters = leg.transport.counters()
        assert world.web.dropped()["flooded"] == counters.flooded
        assert counters.malformed + counters.flooded == 2000
        assert counters.malformed <= 200
        assert leg.path is not None
        leg.transport.receive(b"\0\1" + bytes(30), leg.path, now)
        assert leg.transport.counters().malformed == counters.malformed + 1, "from where it is: looked at"
        await connect(BrowserLeg(world), another)


async def test_a_fault_of_one_leg_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it is: the clock goes on, and so do datagrams."""
    async with web_world() as world, peers() as (peer,):
        broken = BrowserLeg(world)
        broken.transport.describe(restart=False)
        del broken.transport._gate
        world.web.receive(HandshakeReceived(broken.leg, b"\0\1" + bytes(30), "127.0.0.9", 9))
        assert f"a datagram of leg {broken.leg} was not handled" in caplog.text
        await connect(BrowserLeg(world), peer)


async def test_a_timer_that_comes_a_moment_early_is_not_set_for_the_same_instant() -> None:
    async with web_world() as world, peers() as (peer,):
        leg = BrowserLeg(world)
        leg.transport.agree(peer.agreement(leg.transport.describe(restart=False)))
        due = leg.transport.timer_at
        leg.transport.on_timer(0, due - 1e-7)
        assert leg.transport.timer_at > due


@pytest.mark.parametrize("host", ["::1", "127.0.0.1"])
async def test_both_families_at_one_port(host: str) -> None:
    media = MediaSettings(address="::", port_first=24000, port_last=29999, priority=0)
    async with web_world(WebSettings(addresses=("127.0.0.1", "::1")), media) as world:
        peer = await OrtcPeer.open(host)
        try:
            leg = BrowserLeg(world)
            await connect(leg, peer)
            assert leg.path is not None
            assert leg.path[0] == host
            await hears(world, leg, peer)
        finally:
            await peer.close()
