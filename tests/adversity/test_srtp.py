"""The real daemon with a far end that encrypts: what is altered, forged or replayed is dropped and counted, a key that
changes is followed, plain offers are refused where SRTP is mandatory, and no key shows in anything the daemon says."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest

from softswitch.sip.events import Answered, OfferAnswered, OfferRefused, Refused
from tests.support.daemon import CARRIER, CONFIG, Daemon, real_phone
from tests.support.loopback import HOST, until
from tests.support.phone import sdp
from tests.support.srtp import ReferenceSrtp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.phone import Phone

SUITE = "AEAD_AES_256_GCM"
DROPPED = "softswitch_media_dropped_packets_total"


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    """A switch whose carrier must encrypt, and which says all it can."""
    async with Daemon(tmp_path) as child:
        config = CONFIG.replace("destinations: [", "srtp: mandatory, destinations: [")
        child.write(config + "logging: {{level: debug}}\n")
        await child.start()
        yield child


class FarEnd:
    """Media of the carrier's side: a socket, its key, and the switch's from the answer."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((CARRIER, 0))
        self.keys: list[bytes] = []
        self.port = 0
        self.sequence = 0
        self.new_key()

    def new_key(self) -> None:
        self.key = secrets.token_bytes(44)
        self.keys.append(self.key)
        self.sealing = ReferenceSrtp(SUITE, self.key)

    @property
    def offer(self) -> bytes:
        """SDP with this end's key, over RTP/SAVP."""
        line = f"a=crypto:7 {SUITE} inline:{base64.b64encode(self.key).decode()}\r\n"
        plain = sdp(self.socket.getsockname()[1], host=CARRIER)
        return plain.replace(b"RTP/AVP", b"RTP/SAVP") + line.encode()

    def take_answer(self, body: bytes) -> None:
        lines = body.decode().split("\r\n")
        (crypto,) = (line for line in lines if line.startswith("a=crypto:"))
        (media,) = (line for line in lines if line.startswith("m=audio "))
        tag, suite, inline = crypto.removeprefix("a=crypto:").split()
        assert (tag, suite, media.split()[2]) == ("7", SUITE, "RTP/SAVP")
        self.port = int(media.split()[1])
        self.theirs = base64.b64decode(inline.removeprefix("inline:"))
        if self.theirs not in self.keys:
            self.keys.append(self.theirs)
            self.opening = ReferenceSrtp(SUITE, self.theirs)

    def packet(self, payload: bytes) -> bytes:
        self.sequence += 1
        return struct.pack("!BBHII", 0x80, 8, self.sequence, self.sequence * 160, 0x5EC) + payload

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, (HOST, self.port))

    async def hear(self) -> bytes:
        """The payload of the next packet, which must authenticate."""
        async with asyncio.timeout(120):
            return self.opening.open(await asyncio.get_running_loop().sock_recv(self.socket, 2048))[12:]


def answer(phone: Phone) -> bytes | None:
    return next((event.body for event in phone.events if isinstance(event, Answered)), None)


async def drops(daemon: Daemon) -> dict[str, int]:
    """The reasons that occurred."""
    text: str = await daemon.get("/metrics")
    found = re.findall(rf'^{DROPPED}{{reason="(\w+)"}} (\d+)', text, re.MULTILINE)
    return {reason: int(count) for reason, count in found if int(count)}


async def said(daemon: Daemon) -> bytes:
    """All that can be had from the daemon: log, API, metrics, files."""
    calls: dict[str, Any] = await daemon.get("/api/calls?state=all")
    details = [await daemon.get(f"/api/calls/{call['id']}") for call in calls["calls"]]
    metrics = await daemon.get("/metrics")
    files = [file.read_bytes() for file in (daemon.folder / "var").rglob("*") if file.is_file()]
    return b"\n".join(["\n".join(daemon.log).encode(), json.dumps([calls, details]).encode(), metrics.encode(), *files])


def forms(key: bytes) -> list[bytes]:
    """How a key could be written."""
    encoded = base64.b64encode(key)
    return [encoded[:16], key[:12], key.hex().encode()[:20], key.hex().upper().encode()[:20], repr(key)[2:18].encode()]


async def test_a_call_under_attack_and_a_new_key_in_the_middle(daemon: Daemon) -> None:
    far = FarEnd()
    with far.socket:
        async with real_phone() as phone:
            session = phone.call("*43", (HOST, daemon.sip), body=far.offer)
            await until(lambda: answer(phone) is not None)
            body = answer(phone)
            assert body is not None
            far.take_answer(body)
            for n in range(20):
                good = far.sealing.seal(far.packet(b"%04d" % n * 40))
                altered, foreign = bytearray(good), ReferenceSrtp(SUITE, bytes(44))
                altered[20] ^= 0x10
                far.send(bytes(altered))
                far.send(good)
                far.send(good)
                far.send(foreign.seal(far.packet(b"forged" * 20)))
                assert await far.hear() == b"%04d" % n * 40
            async with asyncio.timeout(120):
                counted = await drops(daemon)
                while counted != {"unauthenticated": 40, "replayed": 20}:
                    counted = await drops(daemon)
            far.new_key()
            with phone.driver.turn():
                session.reinvite(far.offer, phone.driver.now())
            await until(lambda: any(isinstance(event, OfferAnswered) for event in phone.events))
            (again,) = (event.body for event in phone.events if isinstance(event, OfferAnswered))
            before = far.theirs
            far.take_answer(again)
            assert far.theirs == before  # the same far end: our own stream goes on
            for n in range(5):
                far.send(far.sealing.seal(far.packet(b"new%d" % n * 40)))
                assert await far.hear() == b"new%d" % n * 40
            with phone.driver.turn():
                session.reinvite(sdp(40000, host=CARRIER), phone.driver.now())
            await until(lambda: any(isinstance(event, OfferRefused) for event in phone.events))
            (refused,) = (event.status for event in phone.events if isinstance(event, OfferRefused))
            far.send(far.sealing.seal(far.packet(b"still" * 32)))
            assert (refused, await far.hear()) == (488, b"still" * 32)  # what was agreed stands
            (call,) = (await daemon.get("/api/calls?state=running"))["calls"]
            (leg,) = (await daemon.get(f"/api/calls/{call['id']}"))["legs"]
            assert (leg["srtp"], leg["dropped"]) == (SUITE, {"unauthenticated": 40, "replayed": 20})
            running = await said(daemon)
            phone.hang_up(session)
            await until(lambda: bool(phone.ended))
        assert "unauthenticated=40 replayed=20" in await daemon.said("srtp packets dropped")
        assert "carrier: SRTP keys travel in the clear" in await daemon.said("keys travel")
        assert "srtp=AEAD_AES_256_GCM" in await daemon.said("media agreed")
    assert len(far.keys) == 3
    for place in (running, await said(daemon)):
        assert [n for n, key in enumerate(far.keys) if any(form in place for form in forms(key))] == []


@pytest.mark.parametrize(
    "offer",
    [
        sdp(40000, host=CARRIER),
        sdp(40000, host=CARRIER).replace(b"RTP/AVP", b"RTP/SAVP"),
        sdp(40000, host=CARRIER).replace(b"RTP/AVP", b"RTP/SAVP")
        + b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:short\r\n",
        # RFC 4568 6.1: a master key identifier and its length in octets; packets would carry it behind their payload.
        sdp(40000, host=CARRIER).replace(b"RTP/AVP", b"RTP/SAVP")
        + b"a=crypto:1 %b inline:%b|2^20|1:4\r\n" % (SUITE.encode(), base64.b64encode(bytes(44))),
    ],
    ids=["plain", "no key", "unusable key", "key with an MKI"],
)
async def test_what_is_not_encrypted_is_refused_where_it_must_be(daemon: Daemon, offer: bytes) -> None:
    async with real_phone() as phone:
        phone.call("*43", (HOST, daemon.sip), body=offer)
        await until(lambda: bool(phone.refused))
        (refused,) = (event for event in phone.events if isinstance(event, Refused))
    assert refused.status == 488
    assert refused.response is not None
    (warning,) = refused.response.headers.get_all("Warning")
    assert warning.startswith(f'302 {HOST}:{daemon.sip} "expected RTP/SAVP with a=crypto of AEAD_AES_256_GCM')
