"""UDP: who is heard, what address peers are told, and what happens when the network refuses."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.flow import Flow
from softswitch.transport import udp
from softswitch.transport.listener import Listener
from softswitch.transport.udp import UdpTransport
from tests.support.loopback import HOST, Answerer, UdpPeer, options, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def listening(address: str = HOST, advertised: str = "") -> AsyncIterator[tuple[Answerer, UdpTransport]]:
    """An answerer on any free UDP port."""
    near = Answerer()
    carrier = await UdpTransport.listen(near.driver, Listener("UDP", address, 0, advertised))
    try:
        yield near, carrier
    finally:
        await near.driver.close()


async def test_a_request_is_answered_to_where_it_came_from() -> None:
    async with listening() as (near, carrier):
        peer = UdpPeer()
        peer.send(options(peer.address), (HOST, carrier.listener.port))
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        assert near.flows == [Flow("UDP", (HOST, carrier.listener.port), peer.address)]
        peer.close()


async def test_strangers_get_silence_and_leave_no_trace() -> None:
    async with listening() as (near, carrier):
        near.strangers = {"127.0.0.2"}
        stranger, friend = UdpPeer("127.0.0.2"), UdpPeer()
        to = (HOST, carrier.listener.port)
        stranger.send(options(stranger.address), to)
        stranger.send(b"rubbish", to)
        friend.send(options(friend.address), to)
        await friend.hear()
        assert stranger.heard_nothing
        assert [flow.remote for flow in near.flows] == [friend.address]
        assert near.stack.statistics.received == {"OPTIONS": 1}
        stranger.close()
        friend.close()


async def test_a_friend_who_loses_admission_is_not_heard_any_more() -> None:
    async with listening() as (near, carrier):
        changed, friend = UdpPeer("127.0.0.2"), UdpPeer()
        to = (HOST, carrier.listener.port)
        changed.send(options(changed.address), to)
        await changed.hear()
        near.strangers = {"127.0.0.2"}
        changed.send(options(changed.address), to)
        friend.send(options(friend.address), to)
        await friend.hear()
        assert changed.heard_nothing
        changed.close()
        friend.close()


@pytest.mark.parametrize("nothing", [b"", b"\r\n", b"\r\n\r\n"])
async def test_keep_alives_end_here(nothing: bytes) -> None:
    async with listening() as (near, carrier):
        peer = UdpPeer()
        to = (HOST, carrier.listener.port)
        peer.send(nothing, to)
        peer.send(options(peer.address), to)
        await peer.hear()
        assert len(near.flows) == 1
        assert near.stack.statistics.parse_errors == 0
        peer.close()


@pytest.mark.parametrize("rubbish", [b"\0", b"\xff" * 65_000, b"INVITE", b"SIP/2.0 200", b"\r\n\r\nX", b"A" * 4])
async def test_rubbish_is_dropped_and_the_next_message_served(rubbish: bytes) -> None:
    async with listening() as (near, carrier):
        peer = UdpPeer()
        to = (HOST, carrier.listener.port)
        peer.send(rubbish, to)
        peer.send(options(peer.address), to)
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        assert near.stack.statistics.parse_errors == 1
        peer.close()


async def test_a_wildcard_listener_tells_peers_the_address_of_the_interface_that_leads_to_them() -> None:
    async with listening("0.0.0.0") as (near, carrier):
        with UdpPeer() as peer:
            peer.send(options(peer.address), (HOST, carrier.listener.port))
            assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        assert [flow.local for flow in near.flows] == [(HOST, carrier.listener.port)]


async def test_an_advertised_address_stands_for_the_bound_one() -> None:
    async with listening(advertised="203.0.113.9") as (near, carrier):
        peer = UdpPeer()
        peer.send(options(peer.address), (HOST, carrier.listener.port))
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        assert near.flows[0].local == ("203.0.113.9", carrier.listener.port)
        peer.close()


async def test_ipv6_has_its_own_listener_beside_ipv4() -> None:
    near = Answerer()
    four = await UdpTransport.listen(near.driver, Listener("UDP", "0.0.0.0", 0))
    port = four.listener.port
    await UdpTransport.listen(near.driver, Listener("UDP", "::", port))
    peers = [(UdpPeer("::1"), "::1"), (UdpPeer(), HOST)]
    for peer, host in peers:
        peer.send(options(peer.address), (host, port))
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        peer.close()
    assert [flow.local for flow in near.flows] == [("::1", port), (HOST, port)]
    await near.driver.close()


async def test_an_occupied_port_is_an_error_and_leaves_no_socket() -> None:
    async with listening() as (_, carrier):
        other = Answerer()
        with pytest.raises(OSError, match="in use"):
            await UdpTransport.listen(other.driver, Listener("UDP", HOST, carrier.listener.port))
        assert other.driver.listening() == []


async def test_an_address_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"):
        await UdpTransport.listen(Answerer().driver, Listener("UDP", "192.0.2.77", 0))


def call(near: Answerer, port: int, remote: tuple[str, int], *, display_name: str = "") -> None:
    """Send an INVITE to `remote`."""
    from softswitch.sip.headers import NameAddr
    from softswitch.sip.uri import Uri

    host = f"[{remote[0]}]" if ":" in remote[0] else remote[0]
    with near.driver.turn() as stack:
        stack.invite(
            uri=Uri("sip", "1", host, remote[1] or None),
            from_=NameAddr(display_name, Uri("sip", "us", HOST)),
            to=NameAddr("", Uri("sip", "1", host)),
            contact=NameAddr("", Uri("sip", None, HOST, port)),
            flow=Flow("UDP", (HOST, port), remote),
            body=b"",
            now=near.driver.now(),
        )


@pytest.mark.parametrize("remote", [("127.0.0.1", 0), ("255.255.255.255", 5060), ("::1", 5060)])
async def test_what_the_network_refuses_at_once_fails_at_once(remote: tuple[str, int]) -> None:
    """Port 0, a forbidden address, an address of the other family: a 503 now, not a time-out in half a minute."""
    async with listening() as (near, carrier):
        call(near, carrier.listener.port, remote)
        await until(lambda: bool(near.events))
        assert getattr(near.events[0], "status", None) == 503
        peer = UdpPeer()
        peer.send(options(peer.address), (HOST, carrier.listener.port))
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        peer.close()


async def test_one_message_too_long_for_a_datagram_fails_no_other_call() -> None:
    async with listening() as (near, carrier):
        peer = UdpPeer()
        call(near, carrier.listener.port, peer.address)
        assert (await peer.hear()).startswith(b"INVITE ")
        call(near, carrier.listener.port, peer.address, display_name="x" * 70_000)
        peer.send(options(peer.address), (HOST, carrier.listener.port))
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        assert near.stack.statistics.sessions == 2
        assert not [event for event in near.events if getattr(event, "status", 0) == 503]
        peer.close()


async def test_sending_after_closing_does_nothing() -> None:
    async with listening() as (_, carrier):
        await carrier.close()
        carrier.send(Flow("UDP", (HOST, carrier.listener.port), (HOST, 9)), b"late")


async def test_known_sources_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "FLOWS_KEPT", 2)
    async with listening() as (near, carrier):
        for last in range(1, 6):
            peer = UdpPeer(f"127.0.0.{last}")
            peer.send(options(peer.address), (HOST, carrier.listener.port))
            assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
            peer.close()
        assert len(carrier._flows) <= 2
        assert len(near.flows) == 5


async def test_while_the_socket_is_full_datagrams_are_lost_not_piled_up() -> None:
    async with listening() as (_, carrier):
        peer = UdpPeer()
        flow = Flow("UDP", (HOST, carrier.listener.port), peer.address)
        carrier.pause_writing()
        carrier.send(flow, b"lost")
        carrier.resume_writing()
        carrier.send(flow, b"kept")
        assert await peer.hear() == b"kept"
        peer.close()


async def test_the_receive_buffer_holds_a_burst() -> None:
    async with listening() as (_, carrier):
        assert carrier._transport is not None
        sock = carrier._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 200_000
        assert asyncio.get_running_loop().time() > 0


def link_local() -> str | None:
    """A link-local address of this machine, with its zone."""
    for line in Path("/proc/net/if_inet6").read_text().splitlines():
        digits, _, _, scope, _, name = line.split()
        if scope == "20":
            return f"{ipaddress.IPv6Address(int(digits, 16))}%{name}"
    return None


@pytest.mark.skipif(link_local() is None, reason="no interface here has a link-local IPv6 address")
async def test_a_link_local_peer_is_answered_in_its_zone() -> None:
    """RFC 4007: the address says nothing without the interface; a Via knows no zone (RFC 3261 25.1)."""
    here = link_local()
    assert here is not None
    near = Answerer()
    carrier = await UdpTransport.listen(near.driver, Listener("UDP", "::", 0))
    with UdpPeer(here) as peer:
        bare, port = peer.address[0].partition("%")[0], peer.address[1]
        peer.send(options((bare, port)), (here, carrier.listener.port))
        answer = await peer.hear()
        assert answer.startswith(b"SIP/2.0 200 ")
        assert f"received={bare};rport={port}".encode() in answer or f"[{bare}]:{port}".encode() in answer
        assert b"%" not in answer
        assert near.flows[0].remote == (here, port)
    await near.driver.close()


async def test_one_port_for_both_families() -> None:
    near = Answerer()
    four = await UdpTransport.listen(near.driver, Listener("UDP", "0.0.0.0", 0))
    await UdpTransport.listen(near.driver, Listener("UDP", "::", four.listener.port))
    for host in (HOST, "::1"):
        with UdpPeer(host) as peer:
            peer.send(options(peer.address), (host, four.listener.port))
            answer = await peer.hear()
            assert answer.startswith(b"SIP/2.0 200 ")
            assert f"received={host}".encode() in answer
    assert {flow.local[0] for flow in near.flows} == {HOST, "::1"}
    await near.driver.close()
