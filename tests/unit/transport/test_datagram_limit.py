"""Requests too large for a datagram go over TCP, and over UDP where nobody takes them (RFC 3261 18.1.1)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.events import Answered, InviteReceived, Refused
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import Uri
from softswitch.transport import datagram_limit
from softswitch.transport.datagram_limit import DatagramLimit
from softswitch.transport.listener import Listener
from softswitch.transport.tcp import TcpTransport
from softswitch.transport.udp import UdpTransport
from tests.support.loopback import HOST, Answerer, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SMALL, LARGE = b"v=0", b"x" * 1400


@contextlib.asynccontextmanager
async def side(*kinds: str, host: str = HOST, largest: int = 1300) -> AsyncIterator[Answerer]:
    """A stack with listeners of these kinds at one port."""
    near = Answerer(largest_datagram=largest)
    while True:
        udp = await UdpTransport.listen(near.driver, Listener("UDP", host, 0)) if "UDP" in kinds else None
        port = 0 if udp is None else udp.listener.port
        try:
            if "TCP" in kinds:
                await TcpTransport.listen(near.driver, Listener("TCP", host, port))
            break
        except OSError:  # somebody else has that port on TCP
            await near.driver.close()
            near = Answerer(largest_datagram=largest)
    try:
        yield near
    finally:
        await near.driver.close()


def at(near: Answerer) -> tuple[str, int]:
    """Where it listens."""
    (listener, *_) = near.driver.listening()
    return listener.address, listener.port


def call(near: Answerer, far: Answerer, body: bytes) -> None:
    """An INVITE, meant for UDP."""
    host, port = at(far)
    with near.driver.turn() as stack:
        stack.invite(
            uri=Uri("sip", "1", f"[{host}]" if ":" in host else host, port), from_=NameAddr("", Uri("sip", "us", HOST)),
            to=NameAddr("", Uri("sip", "1", HOST)), contact=NameAddr("", Uri("sip", None, HOST, at(near)[1])),
            flow=Flow("UDP", at(near), (host, port)), body=body, content_type="text/plain", now=near.driver.now(),
        )  # fmt: skip


async def outcome(near: Answerer) -> int:
    """The final status of the only call."""
    await until(lambda: any(isinstance(event, Refused) for event in near.events))
    return next(event.status for event in near.events if isinstance(event, Refused))


@pytest.mark.parametrize(("body", "transport"), [(SMALL, "UDP"), (LARGE, "TCP")])
@pytest.mark.parametrize("host", [HOST, "::1"])
async def test_size_decides(body: bytes, transport: str, host: str) -> None:
    async with side("UDP", "TCP", host=host) as near, side("UDP", "TCP", host=host) as far:
        call(near, far, body)
        await outcome(near)
        assert {flow.transport for flow in far.flows} == {transport}
        assert {event.request.via.transport for event in far.events if isinstance(event, InviteReceived)} <= {transport}


async def test_a_far_end_without_tcp_gets_it_over_udp_and_is_not_asked_again() -> None:
    async with side("UDP", "TCP") as near, side("UDP") as far:
        call(near, far, LARGE)
        assert await outcome(near) == 415, "it arrived: text is no session description"
        assert {flow.transport for flow in far.flows} == {"UDP"}
        tcp = Flow("UDP", at(near), at(far))
        assert near.large.instead(tcp, near.driver.now()) is None
        assert near.large.instead(tcp, near.driver.now() + datagram_limit.FORGIVEN_AFTER + 1) is not None


@pytest.mark.parametrize(("kinds", "largest"), [(("UDP",), 1300), (("UDP", "TCP"), 65_535)])
async def test_where_we_have_no_tcp_or_want_none(kinds: tuple[str, ...], largest: int) -> None:
    async with side(*kinds, largest=largest) as near, side("UDP", "TCP") as far:
        call(near, far, LARGE)
        assert await outcome(near) == 415
        assert {flow.transport for flow in far.flows} == {"UDP"}


@pytest.mark.parametrize(("parameter", "transport"), [("", "UDP"), (";transport=tcp", "TCP")])
async def test_a_dialog_goes_on_by_what_the_contact_says(parameter: str, transport: str) -> None:
    """The far end took a large INVITE over TCP; ACK and BYE go where its Contact is reached."""
    offer = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
    async with side("UDP", "TCP") as near, side("UDP", "TCP") as far:

        def answer(event: object) -> None:
            if isinstance(event, InviteReceived):
                contact = NameAddr.parse(f"<sip:{HOST}:{at(far)[1]}{parameter}>")
                event.session.accept(offer, far.driver.now(), contact=contact)

        far.driver._dispatch = answer
        with near.driver.turn() as stack:
            stack.invite(
                uri=Uri("sip", "1", *at(far)), from_=NameAddr("", Uri("sip", "us", HOST)),
                to=NameAddr("", Uri("sip", "1", HOST)), contact=NameAddr("", Uri("sip", None, *at(near))),
                flow=Flow("UDP", at(near), at(far)), body=offer + b"a=x:" + LARGE + b"\r\n", now=near.driver.now(),
            )  # fmt: skip
        await until(lambda: any(isinstance(event, Answered) for event in near.events))
        answered = next(event for event in near.events if isinstance(event, Answered))
        with near.driver.turn():
            answered.session.hangup(near.driver.now())
        await until(lambda: len(far.flows) == 3)
        assert [flow.transport for flow in far.flows] == ["TCP", transport, transport], "INVITE, ACK, BYE"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagram_limit, "MOST_REMEMBERED", 3)
    limit = DatagramLimit(1300, lambda: [Listener("TCP", HOST, 5060)])
    flows = [Flow("UDP", (HOST, 5060), (HOST, port)) for port in range(1, 10)]
    for flow in flows:
        limit.refused(flow, 0.0)
    assert [limit.instead(flow, 1.0) is None for flow in flows] == [False] * 6 + [True] * 3
