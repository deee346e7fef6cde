"""Fire: messages that are almost right, streams that behave badly, and the calls and counts that show what it did."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.daemon import CARRIER, Daemon, real_phone
from tests.support.loopback import HOST, PATIENCE, TcpPeer, UdpPeer, options, until
from tests.support.phone import Plan, sdp

if TYPE_CHECKING:
    import random

TORTURE = Path(__file__).parent.parent / "torture"
TIMERS_OVER = 5.0
"""Seconds: 64*T1 at T1 = 50 ms, and what follows it."""


def seeds(source: tuple[str, int]) -> list[bytes]:
    """Messages to spoil: calls, everything within calls, answers, and the torture tests' own."""
    host, port = source

    def message(start: str, method: str, body: bytes = b"", extra: str = "", to_tag: str = "") -> bytes:
        tag = f";tag={to_tag}" if to_tag else ""
        return (
            f"{start}\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKseed{method}\r\nMax-Forwards: 70\r\n"
            f'From: "Seed" <sip:+4930@{host}>;tag=seed\r\nTo: <sip:*43@{HOST}>{tag}\r\n'
            f"Call-ID: seed-{method}@{host}\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:{host}:{port}>\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    offer = sdp(40000, host=host)
    kind = "Content-Type: application/sdp\r\n"
    invites = [
        message(f"INVITE sip:{number}@{HOST} SIP/2.0", "INVITE", offer, kind) for number in ("*43", "+4930", "x")
    ]
    inside = [
        message(f"{method} sip:{HOST} SIP/2.0", method, to_tag="guess")
        for method in ("BYE", "CANCEL", "ACK", "INFO", "UPDATE", "PRACK", "REFER")
    ]
    answers = [message(f"SIP/2.0 {status} X", "INVITE", offer, kind, "t") for status in (100, 183, 200, 401, 486)]
    outside = [message(f"{method} sip:{HOST} SIP/2.0", method) for method in ("OPTIONS", "REGISTER", "SUBSCRIBE")]
    torture = [path.read_bytes() for path in sorted(TORTURE.rglob("*.dat"))]
    return [*invites * 4, *inside, *answers, *outside, *torture]


def spoil(dice: random.Random, seed: bytes, serial: int) -> bytes:
    """One message that differs from all before it, in ways that senders and attackers think of."""
    data = bytearray(seed.replace(b"z9hG4bKseed", b"z9hG4bK%d" % serial).replace(b"Call-ID: ", b"Call-ID: %d" % serial))
    for _ in range(dice.choice((0, 1, 1, 2, 5))):
        if not data:
            break
        at = dice.randrange(len(data))
        match dice.randrange(7):
            case 0:
                data[at] = dice.randrange(256)
            case 1:
                del data[at : at + dice.randint(1, 40)]
            case 2:
                data[at:at] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 8)))
            case 3:
                data[at:at] = dice.choice((b"\r\n", b"\r\n\r\n", b"\0", b'"', b"%", b"<", b";", b"\xff", b"a" * 3000))
            case 4:
                lines = bytes(data).split(b"\r\n")
                lines.insert(dice.randrange(len(lines)), dice.choice(lines))
                data = bytearray(b"\r\n".join(lines))
            case 5:
                lines = bytes(data).split(b"\r\n")
                dice.shuffle(lines)
                data = bytearray(b"\r\n".join(lines))
            case _:
                number = dice.choice((b"0", b"-1", b"4294967296", b"9" * 30, b"1e9"))
                data[at : at + 1] = number
    return bytes(data[:60_000])


async def fire(daemon: Daemon, count: int, dice: random.Random) -> None:
    """So many spoiled datagrams from the trunk's address, as fast as the daemon answers a ping now and then."""
    with UdpPeer(CARRIER) as gun:
        ammunition = seeds(gun.address)
        switch = (HOST, daemon.sip)
        for serial in range(count):
            gun.send(spoil(dice, dice.choice(ammunition), serial), switch)
            if serial % 250 == 249:
                await ping(daemon)


async def ping(daemon: Daemon) -> None:
    """It answers; all that was sent before has been read. Repeated as SIP does: a full socket loses datagrams."""
    with UdpPeer(CARRIER) as peer:
        request = options(peer.address)
        for _ in range(100):
            peer.send(request, (HOST, daemon.sip))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
                    return
    raise AssertionError("no answer in fifty seconds")


async def good_call(daemon: Daemon) -> float:
    """Seconds a call through the switch takes to be answered."""
    async with real_phone() as caller, real_phone(port=daemon.carrier, plan=Plan(ring=0.0, answer=0.0)) as callee:
        began = asyncio.get_running_loop().time()
        session = caller.call("+4930123", (HOST, daemon.sip))
        await until(lambda: caller.answered == 1)
        took = asyncio.get_running_loop().time() - began
        caller.hang_up(session)
        await until(lambda: bool(callee.ended))
        return took


async def everything_forgotten(daemon: Daemon) -> None:
    """Once the timers are over nothing is left: no call, leg, transaction, port."""
    names = (
        "softswitch_active_calls",
        "softswitch_active_legs",
        "softswitch_sip_transactions",
        "softswitch_media_legs",
    )
    left = dict.fromkeys(names, -1.0)
    deadline = asyncio.get_running_loop().time() + 4 * TIMERS_OVER + PATIENCE
    while any(left.values()) and asyncio.get_running_loop().time() < deadline:
        for name in names:
            left[name] = await daemon.metric(name)
        await asyncio.sleep(0.2)
    assert not any(left.values()), left


async def hostile_stream(daemon: Daemon, dice: random.Random, number: int) -> None:
    """One connection from the trunk's address that behaves in some bad way, and is over within seconds."""
    try:
        peer = await TcpPeer.connect((HOST, daemon.tcp), CARRIER)
    except OSError:
        return
    good = options(peer.address, transport="TCP")
    kind = number % 8
    with contextlib.suppress(OSError, TimeoutError):
        if kind == 0:
            await peer.send(bytes(dice.randrange(256) for _ in range(2000)) + b"\r\n\r\n")
        elif kind == 1:
            await peer.send(b"\r\n\r\n" * 5000)
        elif kind == 2:
            await peer.send(good.replace(b"Content-Length: 0", b"Content-Length: 999999999"))
        elif kind == 3:
            await peer.send(good[: dice.randrange(len(good))])
        elif kind == 4:
            await peer.send(b"A" * 200_000)
        elif kind == 5:
            await peer.send(b"".join(spoil(dice, good, number * 100 + each) for each in range(20)))
        elif kind == 6:
            await peer.send(good * 100)
            await peer.read()
            peer.abort()
            return
        else:
            for octet in good[:60]:
                await peer.send(bytes((octet,)))
        async with asyncio.timeout(0.3):
            while await peer.read():
                pass
    peer.close()
