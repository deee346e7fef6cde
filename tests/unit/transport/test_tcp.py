"""TCP: framing however the stream is cut, reuse of connections, and peers that hold on to what they got."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.events import InviteReceived, Refused
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import Uri
from softswitch.transport.connection import TcpLimits
from softswitch.transport.listener import Listener
from softswitch.transport.tcp import TcpTransport
from tests.support.loopback import HOST, PATIENCE, Answerer, TcpPeer, free_port, options, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HASTY = TcpLimits(message_seconds=0.1)


@contextlib.asynccontextmanager
async def listening(
    limits: TcpLimits | None = None, address: str = HOST
) -> AsyncIterator[tuple[Answerer, TcpTransport]]:
    """An answerer on any free TCP port."""
    near = Answerer()
    carrier = await TcpTransport.listen(near.driver, Listener("TCP", address, 0), limits)
    try:
        yield near, carrier
    finally:
        await near.driver.close()
        assert not carrier._connections
        assert not carrier._by_place
        assert not carrier._per_source


def at(carrier: TcpTransport) -> tuple[str, int]:
    """Where it listens."""
    return carrier.listener.address, carrier.listener.port


def call(near: Answerer, local: tuple[str, int], remote: tuple[str, int]) -> None:
    """An INVITE of ours over TCP."""
    with near.driver.turn() as stack:
        stack.invite(
            uri=Uri("sip", "1", *remote),
            from_=NameAddr("", Uri("sip", "us", HOST)),
            to=NameAddr("", Uri("sip", "1", HOST)),
            contact=NameAddr("", Uri("sip", None, *local)),
            flow=Flow("TCP", local, remote),
            body=b"",
            now=near.driver.now(),
        )


# Framing.


async def test_one_message_byte_by_byte() -> None:
    async with listening() as (_, carrier):
        peer = await TcpPeer.connect(at(carrier))
        for octet in options(peer.address, transport="TCP", body=b"12345"):
            await peer.send(bytes((octet,)))
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        peer.close()


async def test_many_messages_in_one_segment_are_answered_in_order() -> None:
    async with listening() as (_, carrier):
        peer = await TcpPeer.connect(at(carrier))
        requests = [options(peer.address, transport="TCP") for _ in range(50)]
        await peer.send(b"".join(requests))
        for request in requests:
            call_id = request.partition(b"Call-ID: ")[2].partition(b"\r\n")[0]
            assert b"Call-ID: " + call_id in await peer.hear()
        peer.close()


async def test_a_message_and_a_half() -> None:
    async with listening() as (_, carrier):
        peer = await TcpPeer.connect(at(carrier))
        first, second = options(peer.address, transport="TCP"), options(peer.address, transport="TCP")
        await peer.send(first + second[:100])
        await peer.hear()
        await peer.send(second[100:])
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        peer.close()


async def test_a_ping_gets_a_pong_and_a_flood_of_them_one() -> None:
    """RFC 5626 4.4.1; the answer to a flood must be smaller than the flood."""
    async with listening() as (_, carrier):
        peer = await TcpPeer.connect(at(carrier))
        await peer.send(b"\r\n\r\n")
        assert await peer.read() == b"\r\n"
        await peer.send(b"\r\n\r\n" * 1000 + options(peer.address, transport="TCP"))
        heard = b""
        while b"SIP/2.0 200 " not in heard:
            heard += await peer.read()
        assert len(heard.partition(b"SIP/2.0")[0]) < 100
        peer.close()


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("", b"400"),
        ("Content-Length: ten\r\n", b"400"),
        ("Content-Length: 1\r\nContent-Length: 2\r\n", b"400"),
        ("Content-Length: 99999999\r\n", b"513"),
    ],
)
async def test_lost_framing_is_answered_then_closed(fault: str, status: bytes) -> None:
    """RFC 3261 18.3: 400, and the connection with its unknown rest is of no more use."""
    async with listening() as (near, carrier):
        peer = await TcpPeer.connect(at(carrier))
        good = options(peer.address, transport="TCP")
        bad = options(peer.address, transport="TCP").replace(b"Content-Length: 0\r\n", fault.encode())
        await peer.send(good + bad + good)
        heard = await peer.closed_by_far_end()
        answers = [line for line in heard.split(b"\r\n") if line.startswith(b"SIP/2.0 ")]
        assert [answer.split()[1] for answer in answers] == [b"200", status]
        assert near.stack.statistics.parse_errors == 1


@pytest.mark.parametrize("rubbish", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01" + b"\0" * 200 + b"\r\n\r\n"])
async def test_other_protocols_are_cut_without_an_answer(rubbish: bytes) -> None:
    async with listening() as (_, carrier):
        peer = await TcpPeer.connect(at(carrier))
        await peer.send(rubbish)
        assert await peer.closed_by_far_end() == b""


async def test_headers_without_end_are_cut_at_the_size_of_a_datagram() -> None:
    async with listening() as (_, carrier):
        peer = await TcpPeer.connect(at(carrier))
        await peer.send(b"OPTIONS sip:x SIP/2.0\r\n" + b"X: " + b"a" * 80_000)
        await peer.closed_by_far_end()


# Time.


async def test_a_message_that_takes_too_long_is_cut() -> None:
    async with listening(HASTY) as (_, carrier):
        peer = await TcpPeer.connect(at(carrier))
        await peer.send(options(peer.address, transport="TCP"))
        await peer.hear()
        await peer.send(b"OPTIONS sip:x SIP/2.0\r\nVia")
        assert await peer.closed_by_far_end() == b""


async def test_drops_of_a_message_do_not_win_time() -> None:
    async with listening(HASTY) as (_, carrier):
        peer = await TcpPeer.connect(at(carrier))
        began = asyncio.get_running_loop().time()
        await peer.send(b"OPTIONS sip:x SIP/2.0\r\nX: ")
        with contextlib.suppress(OSError):
            while asyncio.get_running_loop().time() - began < PATIENCE:
                await peer.send(b"a")
                await asyncio.sleep(0.02)
        assert asyncio.get_running_loop().time() - began < PATIENCE
        peer.close()


async def test_a_connection_that_never_says_anything_is_cut() -> None:
    async with listening(HASTY) as (_, carrier):
        peer = await TcpPeer.connect(at(carrier))
        assert await peer.closed_by_far_end() == b""


async def test_an_idle_connection_is_cut_but_later() -> None:
    async with listening(TcpLimits(message_seconds=0.05, idle_seconds=0.3)) as (_, carrier):
        peer = await TcpPeer.connect(at(carrier))
        await peer.send(options(peer.address, transport="TCP"))
        await peer.hear()
        began = asyncio.get_running_loop().time()
        assert await peer.closed_by_far_end() == b""
        assert asyncio.get_running_loop().time() - began > 0.2


async def test_a_peer_that_does_not_read_is_cut() -> None:
    async with listening(TcpLimits(unsent_bytes=50_000)) as (_, carrier):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, at(carrier))
            # A long name comes back in every answer: few of them fill the system's buffers.
            request = options(sock.getsockname(), transport="TCP").replace(b"From: ", b'From: "%b" ' % (b"a" * 2000))
            with contextlib.suppress(ConnectionError):
                async with asyncio.timeout(PATIENCE):
                    while True:
                        await loop.sock_sendall(sock, request * 50)
            await until(lambda: not carrier._connections)


# Admission and limits.


async def test_strangers_are_cut_at_once() -> None:
    async with listening() as (near, carrier):
        near.strangers = {"127.0.0.2"}
        peer = await TcpPeer.connect(at(carrier), "127.0.0.2")
        await peer.send(options(peer.address, transport="TCP"))
        assert await peer.closed_by_far_end() == b""
        assert near.flows == []


async def test_admission_counts_for_every_message() -> None:
    """A phone's messages are counted against its rate on TCP as on UDP."""
    async with listening() as (near, carrier):
        peer, other = await TcpPeer.connect(at(carrier), "127.0.0.2"), await TcpPeer.connect(at(carrier))
        await peer.send(options(peer.address, transport="TCP"))
        await peer.hear()
        near.strangers = {"127.0.0.2"}
        await peer.send(options(peer.address, transport="TCP") * 3)
        near_before = len(near.flows)
        await other.send(options(other.address, transport="TCP"))
        await other.hear()
        assert {flow.remote for flow in near.flows[near_before:]} <= {other.address}
        peer.close()
        other.close()


async def test_one_source_has_so_many_connections_and_refusals_win_it_none() -> None:
    async with listening(TcpLimits(per_source=3)) as (_, carrier):
        peers = [await TcpPeer.connect(at(carrier), "127.0.0.2") for _ in range(3)]
        await until(lambda: len(carrier._connections) == 3)
        for _ in range(5):
            refused = await TcpPeer.connect(at(carrier), "127.0.0.2")
            assert await refused.closed_by_far_end() == b""
            refused.close()
        other = await TcpPeer.connect(at(carrier), "127.0.0.3")
        await other.send(options(other.address, transport="TCP"))
        assert (await other.hear()).startswith(b"SIP/2.0 200 ")
        peers[0].close()
        await until(lambda: len(carrier._connections) == 3)
        late = await TcpPeer.connect(at(carrier), "127.0.0.2")
        await late.send(options(late.address, transport="TCP"))
        assert (await late.hear()).startswith(b"SIP/2.0 200 ")
        for peer in (*peers[1:], other, late):
            peer.close()


async def test_all_sources_together_have_so_many() -> None:
    async with listening(TcpLimits(connections=2)) as (_, carrier):
        peers = [await TcpPeer.connect(at(carrier), f"127.0.0.{last}") for last in (2, 3)]
        await until(lambda: len(carrier._connections) == 2)
        refused = await TcpPeer.connect(at(carrier), "127.0.0.4")
        assert await refused.closed_by_far_end() == b""
        for peer in (*peers, refused):
            peer.close()


# Our own connections.


async def test_a_call_over_tcp_connects_and_the_answer_comes_back_the_same_way() -> None:
    async with listening() as (near, ours), listening() as (far, theirs):
        call(near, at(ours), at(theirs))
        await until(lambda: any(isinstance(event, Refused) for event in near.events))
        assert [event.status for event in near.events if isinstance(event, Refused)] == [486]
        call(near, at(ours), at(theirs))
        await until(lambda: sum(isinstance(event, Refused) for event in near.events) == 2)
        assert ours._next == 2, "the second call took the connection of the first"
        assert len({flow.connection for flow in far.flows}) == 1


async def test_an_accepted_connection_is_used_for_calls_to_its_far_end() -> None:
    async with listening() as (near, carrier):
        peer = await TcpPeer.connect(at(carrier))
        await peer.send(options(peer.address, transport="TCP"))
        await peer.hear()
        call(near, at(carrier), peer.address)
        assert (await peer.hear()).startswith(b"INVITE ")
        peer.close()


async def test_a_refused_connection_fails_the_call_at_once() -> None:
    async with listening() as (near, carrier):
        call(near, at(carrier), (HOST, free_port(socket.SOCK_STREAM)))
        await until(lambda: bool(near.events))
        assert isinstance(near.events[0], Refused)
        assert near.events[0].status == 503


async def test_a_far_end_that_accepts_nothing_is_given_up_in_time() -> None:
    with socket.socket() as deaf:
        deaf.bind((HOST, 0))
        deaf.listen(0)
        deaf.setblocking(False)
        fillers = []
        for _ in range(4):  # until the backlog is full and SYNs go unanswered
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
            fillers.append(filler)
        async with listening(TcpLimits(connect_seconds=0.2)) as (near, carrier):
            call(near, at(carrier), deaf.getsockname())
            await until(lambda: bool(near.events))
            assert isinstance(near.events[0], Refused)
            assert near.events[0].status == 503
        for filler in fillers:
            filler.close()


async def test_a_connection_that_breaks_fails_what_waited_for_it() -> None:
    async with listening() as (near, carrier):
        peer = await TcpPeer.connect(at(carrier))
        await peer.send(options(peer.address, transport="TCP"))
        await peer.hear()
        call(near, at(carrier), peer.address)
        await peer.hear()
        peer.abort()
        await until(lambda: any(isinstance(event, Refused) for event in near.events))
        assert near.lost == [near.flows[0]]
        assert near.stack.statistics.transactions == 0


async def test_a_flow_whose_connection_is_gone_is_not_opened_anew() -> None:
    """Behind NAT nobody listens at the far end of a connection (RFC 5626 5.3)."""
    async with listening() as (near, carrier):
        peer = await TcpPeer.connect(at(carrier))
        await peer.send(options(peer.address, transport="TCP"))
        await peer.hear()
        peer.close()
        await until(lambda: bool(near.lost))
        opened = carrier._next
        carrier.send(near.lost[0], b"late")
        assert carrier._next == opened


async def test_more_calls_than_connections_fail_the_rest() -> None:
    async with (
        listening(TcpLimits(connections=1)) as (near, ours),
        listening() as (_, theirs),
        listening() as (_, more),
    ):
        call(near, at(ours), at(theirs))
        call(near, at(ours), at(more))
        await until(lambda: len([event for event in near.events if isinstance(event, Refused)]) == 2)
        assert {event.status for event in near.events if isinstance(event, Refused)} == {486, 503}


async def test_a_dialog_outlives_the_connection_it_began_on() -> None:
    """RFC 3261 18.1.1: where the far end's Contact can be connected to, its requests go there."""
    async with listening() as (near, carrier):
        peer = await TcpPeer.connect(at(carrier))
        with socket.create_server((HOST, 0)) as server:
            server.setblocking(False)
            host, port = server.getsockname()
            invite = options(
                peer.address, transport="TCP", headers=f"Contact: <sip:peer@{host}:{port};transport=tcp>\r\n"
            )
            near.driver._dispatch = near.events.append
            await peer.send(invite.replace(b"OPTIONS", b"INVITE"))
            await until(lambda: bool(near.events))
            (event,) = near.events
            assert isinstance(event, InviteReceived)
            event.session.accept(b"", near.driver.now())
            with near.driver.turn():
                pass
            await peer.hear()  # 100
            answer = await peer.hear()
            to = answer.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0]
            lines = [b"To: " + to if line.startswith(b"To: ") else line for line in invite.split(b"\r\n")]
            ack = b"\r\n".join(lines).replace(b"OPTIONS", b"ACK").replace(b"branch=z9hG4bK", b"branch=z9hG4bKack")
            await peer.send(ack)
            await until(lambda: event.session.is_established)
            peer.close()
            await until(lambda: bool(near.lost))
            with near.driver.turn():
                event.session.hangup(near.driver.now())
            async with asyncio.timeout(PATIENCE):
                sock, _ = await asyncio.get_running_loop().sock_accept(server)
            sock.setblocking(False)
            again = TcpPeer(sock)
            assert (await again.hear()).startswith(b"BYE sip:peer@")
            again.close()


# The end, and the beginning.


async def test_last_words_are_still_sent_when_the_node_stops() -> None:
    near = Answerer()
    carrier = await TcpTransport.listen(near.driver, Listener("TCP", HOST, 0))
    peer = await TcpPeer.connect(at(carrier))
    await peer.send(options(peer.address, transport="TCP"))
    await peer.hear()
    carrier.send(near.flows[0], b"x" * 200_000)
    closing = asyncio.ensure_future(near.driver.close())
    assert len(await peer.closed_by_far_end()) == 200_000
    peer.close()
    await closing


async def test_closing_does_not_wait_for_peers_that_hold_on() -> None:
    near = Answerer()
    carrier = await TcpTransport.listen(near.driver, Listener("TCP", HOST, 0))
    peer = await TcpPeer.connect(at(carrier))
    await until(lambda: bool(carrier._connections))
    call(near, at(carrier), (HOST, free_port(socket.SOCK_STREAM)))
    async with asyncio.timeout(PATIENCE):
        await near.driver.close()
    assert not carrier._connections
    peer.close()


async def test_an_occupied_port_is_an_error() -> None:
    async with listening() as (_, carrier):
        other = Answerer()
        with pytest.raises(OSError, match="in use"):
            await TcpTransport.listen(other.driver, Listener("TCP", *at(carrier)))
        assert other.driver.listening() == []


async def test_ipv6() -> None:
    async with listening(address="::1") as (near, carrier):
        peer = await TcpPeer.connect(at(carrier), "::1")
        await peer.send(options(peer.address, transport="TCP"))
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        assert near.flows[0].remote == peer.address
        assert near.flows[0].local == at(carrier)
        peer.close()


# Keep-alive (RFC 5626 4.4.1, 5.4).


@contextlib.asynccontextmanager
async def called(near: Answerer, carrier: TcpTransport) -> AsyncIterator[TcpPeer]:
    """The far end of a connection that we opened for a call."""
    with socket.create_server((HOST, 0)) as server:
        server.setblocking(False)
        call(near, at(carrier), server.getsockname())
        async with asyncio.timeout(PATIENCE):
            sock, _ = await asyncio.get_running_loop().sock_accept(server)
        sock.setblocking(False)
        peer = TcpPeer(sock)
        assert (await peer.hear()).startswith(b"INVITE ")
        try:
            yield peer
        finally:
            peer.close()


async def test_our_connections_are_pinged_and_go_on_while_there_are_pongs() -> None:
    async with listening(TcpLimits(keep_alive=0.02, message_seconds=0.05)) as (near, carrier):
        async with called(near, carrier) as peer:
            for _ in range(8):  # longer than half a message may take: a pong is none
                assert await peer.read() == b"\r\n\r\n"
                await peer.send(b"\r\n")
            assert len(carrier._connections) == 1
        await until(lambda: not carrier._connections)


async def test_a_far_end_that_stops_answering_pings_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    async with listening(TcpLimits(keep_alive=0.02)) as (near, carrier), called(near, carrier) as peer:
        await peer.read()
        await peer.send(b"\r\n")
        while await peer.read():
            pass
        assert "does not answer pings any more" in caplog.text
        await until(lambda: any(isinstance(event, Refused) for event in near.events))


async def test_a_far_end_that_never_knew_pings_is_left_alone() -> None:
    async with listening(TcpLimits(keep_alive=0.01)) as (near, carrier), called(near, carrier) as peer:
        heard = b""
        while len(heard) < 20:
            heard += await peer.read()
        assert set(heard) == set(b"\r\n")
        assert len(carrier._connections) == 1


async def test_a_far_end_may_ping_as_well() -> None:
    async with listening(TcpLimits(keep_alive=0.0)) as (near, carrier), called(near, carrier) as peer:
        await peer.send(b"\r\n\r\n")
        assert await peer.read() == b"\r\n"


async def test_pings_alone_are_no_reason_to_stay() -> None:
    """Whoever connects has something to say; a connection kept by CRLF from its beginning is a weapon."""
    async with listening(TcpLimits(message_seconds=0.2)) as (_, carrier):
        peer = await TcpPeer.connect(at(carrier))
        heard = b""
        with contextlib.suppress(OSError):
            async with asyncio.timeout(PATIENCE):
                while True:
                    await peer.send(b"\r\n\r\n")
                    data = await peer.read()
                    if not data:
                        break
                    heard += data
        assert heard
        await until(lambda: not carrier._connections)
        peer.close()


# Bounds in all.


async def test_unfinished_messages_of_all_together_cost_the_largest_its_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with listening(TcpLimits(unfinished_bytes=50_000)) as (_, carrier):
        head = b"OPTIONS sip:x SIP/2.0\r\nX: "
        small, large = await TcpPeer.connect(at(carrier)), await TcpPeer.connect(at(carrier), "127.0.0.2")
        await small.send(head + b"a" * 10_000)
        await large.send(head + b"a" * 30_000)
        await until(lambda: carrier._unfinished > 40_000)
        await small.send(b"a" * 12_000)
        assert await large.closed_by_far_end() == b""
        assert "too many unfinished messages" in caplog.text
        small.close()


async def test_only_so_many_may_be_deaf_at_once() -> None:
    async with listening(TcpLimits(not_reading=1, unsent_bytes=64 << 20)) as (near, carrier):
        peers = []
        for _ in range(2):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, at(carrier))
            peers.append(TcpPeer(sock))
            await peers[-1].send(options(peers[-1].address, transport="TCP"))
        await until(lambda: len(near.flows) == 2)
        for flow in near.flows:
            connection = carrier._connections[flow.connection]
            while connection not in carrier._deaf and flow.connection in carrier._connections:
                carrier.send(flow, b"x" * 100_000)
                await asyncio.sleep(0)
        await until(lambda: [*carrier._connections] == [near.flows[0].connection])
        for peer in peers:
            peer.close()
