"""Every way a browser may shake hands, with aiortc at the other end: roles, protection profiles, candidates, ports."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from softswitch.demo.node import HOST, Node, free_port
from tests.support.rtc_peer import PATIENCE, rtc_peer, without_candidates

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.timeout(300)]

CONFIG = """\
sip:
  listen:
    - {{transport: udp, address: {host}, port: {sip}}}
media:
  address: {host}
  ports: {{first: {first}, last: {last}}}
admin: {{address: {host}, port: {admin}}}
recording: {{enabled: false}}
webrtc: {{ice: {ice}, port: {shared}}}
phones:
  allow_from: [127.0.0.0/8]
  users:
    1001: {{password: {{file: var/secrets/desk}}}}
"""
DIALPLAN = """\
timezone: UTC
routes:
  - name: echo
    do: [answer, echo]
"""
FULL, LITE, SHARED, SHARED_LITE = ("full", False), ("lite", False), ("full", True), ("lite", True)
"""The kind of ICE, and whether all legs share one port."""
in_full = pytest.mark.parametrize("node", [FULL], indirect=True)
"""What does not depend on either."""
GCM_128, GCM_256, CM = b"SRTP_AEAD_AES_128_GCM", b"SRTP_AEAD_AES_256_GCM", b"SRTP_AES128_CM_SHA1_80"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[FULL, LITE, SHARED, SHARED_LITE])
async def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """A switch that echoes: full ICE and lite, a port for each leg and one for all."""
    ice, is_shared = request.param
    places = {"ice": ice, "shared": str(free_port()) if is_shared else "null"}
    folder = tmp_path_factory.mktemp("switch")
    async with Node(folder, config=CONFIG, dialplan=DIALPLAN, **places) as switch:
        yield switch


async def nothing_left(node: Node) -> None:
    """Wait until no call runs any more."""
    async with asyncio.timeout(PATIENCE):
        while (await node.get("/api/calls?state=running"))["calls"]:  # noqa: ASYNC110  the switch is another process
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("setup", "role"), [("", "server"), ("active", "client"), ("passive", "server")])
async def test_both_roles_of_dtls(node: Node, setup: str, role: str) -> None:
    """What it offers is what it gets; we take the active part where the choice is ours (RFC 8842 5.3)."""
    async with rtc_peer((HOST, node.sip_port), node.password) as peer:
        answer = await peer.call("*43", await peer.offer(setup=setup))
        await peer.take(answer)
        await peer.heard()
        assert peer.dtls_role == role
    await nothing_left(node)


@in_full
@pytest.mark.parametrize("profile", [GCM_128, GCM_256, CM])
async def test_every_protection_profile(node: Node, profile: bytes) -> None:
    async with rtc_peer((HOST, node.sip_port), node.password, profiles=(profile,)) as peer:
        await peer.take(await peer.call("*43", await peer.offer()))
        await peer.heard()
        assert peer.profile == profile.decode()
    await nothing_left(node)


@in_full
@pytest.mark.parametrize("codec", ["opus", "G722", "PCMA", "PCMU"])
async def test_every_codec_of_browsers(node: Node, codec: str) -> None:
    async with rtc_peer((HOST, node.sip_port), node.password) as peer:
        answer = await peer.call("*43", await peer.offer(codecs=(codec,)))
        assert f" {codec}/" in answer
        await peer.take(answer)
        await peer.heard()
    await nothing_left(node)


async def test_candidates_that_come_by_info_are_used(node: Node) -> None:
    """The peer is told none of ours: it hears of us by our checks alone, and those need its candidates."""
    async with rtc_peer((HOST, node.sip_port), node.password) as peer:
        offer, candidates = without_candidates(await peer.offer())
        answer = await peer.call("*43", offer)
        checks = "a=ice-lite" not in answer
        await peer.take(without_candidates(answer)[0] if checks else answer)
        await peer.trickle(candidates)
        await peer.heard()
    await nothing_left(node)


async def test_calls_at_the_same_time_find_their_own_legs(node: Node) -> None:
    async with (
        rtc_peer((HOST, node.sip_port), node.password) as first,
        rtc_peer((HOST, node.sip_port), node.password) as second,
    ):
        for peer in (first, second):
            await peer.take(await peer.call("*43", await peer.offer()))
        await asyncio.gather(first.heard(), second.heard())
    await nothing_left(node)
