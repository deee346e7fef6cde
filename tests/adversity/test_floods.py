"""Floods against the real daemon: strangers hear nothing, those we must hear get little, and calls go on meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from softswitch.endpoints.access_control import REPORT_INTERVAL
from tests.support.daemon import CARRIER, CONFIG, STRANGER, Daemon
from tests.support.hostile import TIMERS_OVER, everything_forgotten, good_call, ping
from tests.support.loopback import HOST, UdpPeer
from tests.support.phone import sdp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PHONES = "127.0.0.3"
"""In the phones' network: must know a password, and has not shown one."""
NOISY = "127.0.0.4"
"""A trunk of its own: it must be heard, and says too much."""
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


def intervals(began: float) -> int:
    """Of reporting, that may have begun since."""
    return 2 + int((time.monotonic() - began) / REPORT_INTERVAL)


def request(method: str, source: tuple[str, int], serial: int, *, user: str = "1001") -> bytes:
    """The shortest request there is."""
    host, port = source
    return (
        f"{method} sip:{user}@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{method}{serial}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:{user}@{HOST}>;tag=f{serial}\r\nTo: <sip:{user}@{HOST}>\r\n"
        f"Call-ID: {method}{serial}\r\nCSeq: 1 {method}\r\nContact: <sip:{host}:{port}>\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def invite(called: str, source: tuple[str, int], serial: int) -> bytes:
    """A call from the trunk that nobody goes on with."""
    body = sdp(40_000, host=source[0])
    head, _, _ = request("INVITE", source, serial, user=called).partition(b"Content-Length")
    return head + b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def test_a_flood_of_strangers_is_dropped_without_a_word(daemon: Daemon) -> None:
    switch, began = (HOST, daemon.sip), time.monotonic()
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
    assert 1 < len(lines) <= intervals(began) * 20, "twenty sources an interval, whatever their number"
    assert sum(f" {STRANGER}:" in line for line in lines) <= intervals(began)
    assert not any("call received" in line and "caller=1001" in line for line in daemon.log)


async def answers(daemon: Daemon, methods: tuple[str, ...]) -> tuple[int, list[bytes]]:
    """Octets sent from the phones' network, one request of each method, and all that comes back in the timers' time."""
    heard: list[bytes] = []
    with UdpPeer(PHONES) as peer:
        sent = [request(method, peer.address, serial) for serial, method in enumerate(methods)]
        for each in sent:
            peer.send(each, (HOST, daemon.sip))
        heard += [await peer.hear() for _ in methods]
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


async def test_a_trunk_that_floods_is_heard_at_its_pace_and_the_others_call(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        noisy = '  noisy: {{sources: ["127.0.0.4"], messages_per_second: 50}}\n'
        daemon.write(CONFIG.replace("trunks:\n", f"trunks:\n{noisy}"))
        await daemon.start()
        began = time.monotonic()
        with UdpPeer(NOISY) as gun:

            async def flood() -> None:
                for serial in range(2 * FLOOD):
                    gun.send(request(METHODS[serial % len(METHODS)], gun.address, serial), (HOST, daemon.sip))
                    if serial % 250 == 249:
                        await ping(daemon)

            shooting = asyncio.ensure_future(flood())
            await asyncio.sleep(0)
            await good_call(daemon)
            assert not shooting.done(), "the call was to be placed meanwhile"
            await shooting
        throttled = await daemon.metric("softswitch_refused_messages_total")
        assert throttled > FLOOD / 2
        told = [line for line in daemon.log if "it sends more than trunk:noisy may" in line]
        assert 1 <= len(told) <= intervals(began), "once an interval"
        await everything_forgotten(daemon)


HALF_OPEN = 1000


async def test_a_thousand_calls_nobody_acknowledges_end_by_themselves(tmp_path: Path) -> None:
    """Answered and never acknowledged (RFC 3261 13.3.1.4), or ringing at nobody: their timers clear all of them."""
    async with Daemon(tmp_path) as daemon:
        daemon.write(CONFIG + "limits: {{calls_per_second: 10000, loop_lag: 10s, media_load: 1.0}}\n")
        await daemon.start()
        with UdpPeer(CARRIER) as gun:
            for serial in range(HALF_OPEN):
                called = "*43" if serial % 2 else "+4930999"
                gun.send(invite(called, gun.address, serial), (HOST, daemon.sip))
                if serial % 50 == 49:
                    await ping(daemon)
            begun = sum(" call received " in line for line in daemon.log)
        assert begun > HALF_OPEN / 2, "half open calls are what this is about"
        await everything_forgotten(daemon)
        await good_call(daemon)
        assert not [line for line in daemon.log if "Traceback" in line]
