"""Phones over TLS with SRTP, both mandatory: registered, calling and called, and what is heard."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from softswitch.demo.node import HOST, free_port
from softswitch.demo.speech import score, seconds
from tests.interop.conftest import CONFIG, TO_CARRIER, TO_WORKSHOP, World
from tests.support.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from softswitch.demo.handset import Handset
    from tests.interop.conftest import Speech
    from tests.support.baresip import Baresip
    from tests.support.golden import Golden

pytestmark = pytest.mark.interop


class Sealed:
    """A switch that phones reach over TLS, with a certificate of an authority they know."""

    def __init__(self, folder: Path, speech: Speech) -> None:
        self.authority = Authority.make(folder)
        own = self.authority.vouch("switch", addresses=(HOST,))
        port = free_port(socket.SOCK_STREAM)
        self.place = f"{HOST}:{port};transport=tls"
        config = CONFIG.replace(
            "media:\n",
            f"    - {{{{transport: tls, address: {HOST}, port: {port}}}}}\n"
            f"  tls: {{{{certificate: {own.certificate}, key: {own.key}}}}}\nmedia:\n",
        )
        # Phones bind what listens, and connect from whatever the system takes: the address of the switch.
        config = config.replace("allow_from: [", f"allow_from: [{HOST}/32, ")
        self.world = World(folder, speech, config.replace("phones:\n", "phones:\n  srtp: mandatory\n"))

    def desk(self) -> AbstractAsyncContextManager[Handset]:
        """pjsua2, registered as 1001."""
        return self.world.desk("mandatory", at=self.place, ca=self.authority.file)

    def workshop(self) -> AbstractAsyncContextManager[Baresip]:
        """baresip, registered as 1002."""
        return self.world.workshop("srtp-mand", at=self.place, ca=self.authority.file)


@pytest.fixture
async def sealed(tmp_path: Path, speech: Speech) -> AsyncIterator[Sealed]:
    """Nobody but phones over TLS, and a plain carrier; no key was sent in the clear when the test is over."""
    here = Sealed(tmp_path, speech)
    async with here.world.node:
        yield here
        await here.world.nothing_left()
    assert b"SRTP keys travel in the clear" not in (tmp_path / "switch.log").read_bytes()


@pytest.mark.real_time
@pytest.mark.timeout(900)
async def test_baresip_is_called_by_the_carrier(sealed: Sealed, golden: Golden) -> None:
    world = sealed.world
    async with world.carrier() as carrier, sealed.workshop() as workshop:
        (registered,) = (await world.node.get("/api/registrations"))["registrations"]
        assert "tls" in str(registered).lower(), registered
        carrier.tell("call", uri=f"sip:{TO_WORKSHOP}@{world.registrar}")
        await asyncio.gather(workshop.expect("CALL_INCOMING"), carrier.expect("ringing"))
        workshop.tell("accept")
        await asyncio.gather(workshop.expect("CALL_ESTABLISHED"), carrier.expect("media"))
        carrier.tell("play", file=str(world.speech.carrier))
        await carrier.expect("played", within=seconds(world.speech.carrier) + 90)
        workshop.tell("hangup")
        await asyncio.gather(carrier.expect("ended"), workshop.expect("CALL_CLOSED"))
        heard = workshop.heard()
    call = await world.node.ended_call()
    assert (call["outcome"], call["hung_up_by"], call["codec"]) == ("answered", "callee", "PCMA")
    golden.check("baresip_is_called_over_tls", call["ladder"])
    carrier_leg, workshop_leg = call["legs"]
    assert score(world.speech.carrier, world.folder / carrier_leg["recording"]).pesq >= 4.0
    assert score(world.speech.phone, world.folder / workshop_leg["recording"]).pesq >= 4.0
    # Its own jitter buffer is in this; noise, which is what a wrong key gives, would score 1.
    assert score(world.speech.carrier, heard).pesq >= 2.5


@pytest.mark.real_time
@pytest.mark.timeout(900)
async def test_pjsua2_calls_baresip_and_holds(sealed: Sealed, golden: Golden) -> None:
    world = sealed.world
    async with sealed.desk() as desk, sealed.workshop() as workshop:
        desk.tell("call", uri=f"sip:1002@{sealed.place}")
        await asyncio.gather(workshop.expect("CALL_INCOMING"), desk.expect("ringing"))
        workshop.tell("accept")
        await asyncio.gather(workshop.expect("CALL_ESTABLISHED"), desk.expect("media"))
        desk.tell("hold")
        await desk.expect("holding")
        desk.tell("resume")
        await desk.expect("media")
        desk.tell("play", file=str(world.speech.carrier))
        await desk.expect("played", within=seconds(world.speech.carrier) + 90)
        desk.tell("hangup")
        await asyncio.gather(desk.expect("ended"), workshop.expect("CALL_CLOSED"))
    call = await world.node.ended_call()
    assert (call["source"], call["outcome"], call["hung_up_by"]) == ("phone:1001", "answered", "caller")
    golden.check("pjsua2_calls_baresip_over_tls", call["ladder"])
    assert score(world.speech.carrier, world.folder / call["legs"][0]["recording"]).pesq >= 4.0


async def test_baresip_calls_the_carrier(sealed: Sealed, golden: Golden) -> None:
    async with sealed.world.called("uas") as uas, sealed.workshop() as workshop:
        # It adds ;transport=tls itself, and a second one would be refused (RFC 3261 19.1.1).
        workshop.tell("dial", f"sip:{TO_CARRIER}@{sealed.place.partition(';')[0]}")
        await workshop.expect("CALL_RINGING")
        await workshop.expect("CALL_ESTABLISHED")
        workshop.tell("hangup")
        await workshop.expect("CALL_CLOSED")
        await uas.finished()
    call = await sealed.world.node.ended_call()
    assert (call["outcome"], call["hung_up_by"], call["source"]) == ("answered", "caller", "phone:1002")
    golden.check("baresip_calls_over_tls", call["ladder"])
