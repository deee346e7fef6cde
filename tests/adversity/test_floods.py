"""Floods against the real daemon: strangers hear nothing, those we must hear get little, and calls go on meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import STRANGER, Daemon
from tests.support.hostile import TIMERS_OVER, good_call, ping
from tests.support.loopback import HOST, UdpPeer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PHONES = "127.0.0.3"
"""In the phones' network: must know a password, and has not shown one."""
METHODS = ("INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE", "BYE", "CANCEL", "MESSAGE", "REFER", "FROBNICATE")
FLOOD = 10_000
MANY = 200
"""Addresses; the log names twenty of them."""


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    """A switch with a trunk and a network of phones."""
    async with Daemon(tmp_path) as child:
        await child.start()
        yield child


def request(method: str, source: tuple[str, int], serial: int, *, user: str = "1001") -> bytes:
    """The shortest request there is."""
    host, port = source
    return (
        f"{method} sip:{user}@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{method}{serial}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:{user}@{HOST}>;tag=f{serial}\r\nTo: <sip:{user}@{HOST}>\r\n"
        f"Call-ID: {method}{serial}\r\nCSeq: 1 {method}\r\nContact: <sip:{host}:{port}>\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def test_a_flood_of_strangers_is_dropped_without_a_word(daemon: Daemon) -> None:
    switch = (HOST, daemon.sip)
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(UdpPeer(STRANGER))
        many = [stack.enter_context(UdpPeer(f"127.0.3.{number}")) for number in range(1, MANY + 1)]

        async def flood() -> None:
            for serial in range(FLOOD):
                gun = one if serial % 2 else many[serial % MANY]
                gun.send(request(METHODS[serial % len(METHODS)], gun.address, serial), switch)
                if serial % 250 == 249:
                    await ping(daemon)

        shooting = asyncio.ensure_future(flood())
        await asyncio.sleep(0)
        await good_call(daemon)
        await shooting
        assert all(gun.heard_nothing for gun in (one, *many))
    assert await daemon.metric("softswitch_refused_messages_total") > FLOOD / 2
    lines = [line for line in daemon.log if "dropping messages from" in line]
    assert 1 < len(lines) <= 2 * 20, "twenty sources an interval, whatever their number"
    assert sum(f" {STRANGER}:" in line for line in lines) <= 2
    assert not any("call received" in line and "caller=1001" in line for line in daemon.log)


async def answers(daemon: Daemon, methods: tuple[str, ...]) -> tuple[int, list[bytes]]:
    """Octets sent from the phones' network, one request of each method, and all that comes back in the timers' time."""
    heard: list[bytes] = []
    with UdpPeer(PHONES) as peer:
        sent = [request(method, peer.address, serial) for serial, method in enumerate(methods)]
        for each in sent:
            peer.send(each, (HOST, daemon.sip))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIMERS_OVER):
                while True:
                    heard.append(await peer.hear())
    return sum(map(len, sent)), heard


async def test_who_has_not_shown_a_password_gets_one_answer(daemon: Daemon) -> None:
    """Also to an INVITE: neither 100 before the challenge nor, without an ACK, the challenge again and again."""
    sent, heard = await answers(daemon, METHODS)
    assert len(heard) == len(METHODS)
    assert sum(map(len, heard)) < 2 * sent
