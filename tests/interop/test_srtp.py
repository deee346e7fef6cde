"""SRTP with keys in SDP against independent phones: what arrives, and that no key leaves the signalling."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import TYPE_CHECKING

import pytest

from softswitch.demo.speech import score, seconds
from tests.interop.conftest import CONFIG, TO_CARRIER, TO_WORKSHOP, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.interop.conftest import Speech

pytestmark = pytest.mark.interop
INLINE = re.compile(r"inline:([A-Za-z0-9+/]{38,60}={0,2})")


@pytest.fixture
async def secure(tmp_path: Path, speech: Speech) -> AsyncIterator[World]:
    """The switch with phones that must encrypt, and trunks that do not."""
    config = CONFIG.replace("phones:\n", "logging: {{level: debug}}\nphones:\n  srtp: mandatory\n")
    here = World(tmp_path, speech, config)
    async with here.node:
        yield here
        await here.nothing_left()


def shows(haystack: bytes, key: str) -> bool:
    """Whether a key stands there as SDP has it, as octets, in hexadecimal or as Python writes bytes."""
    raw = base64.b64decode(key)
    forms = (key.encode(), raw, raw.hex().encode(), repr(raw)[2:-1].encode(), raw.hex(" ").encode())
    return any(form[:20] in haystack for form in forms) or any(form.upper() in haystack for form in forms[2:3])


@pytest.mark.real_time
@pytest.mark.timeout(900)
async def test_an_encrypting_phone_calls_a_plain_carrier(secure: World) -> None:
    heard_by_desk, heard_by_carrier = secure.folder / "desk-heard.wav", secure.folder / "carrier-heard.wav"
    async with secure.carrier() as carrier, secure.desk("mandatory") as desk:
        desk.tell("call", uri=f"sip:{TO_CARRIER}@{secure.registrar}")
        await carrier.expect("incoming")
        carrier.tell("answer")
        await asyncio.gather(carrier.expect("media"), desk.expect("media"))
        desk.tell("hold")
        await desk.expect("holding")
        desk.tell("resume")
        await desk.expect("media")
        carrier.tell("record", file=str(heard_by_carrier))
        desk.tell("record", file=str(heard_by_desk))
        carrier.tell("play", file=str(secure.speech.carrier))
        desk.tell("play", file=str(secure.speech.phone))
        length = seconds(secure.speech.carrier)
        await asyncio.gather(carrier.expect("played", within=length + 90), desk.expect("played", within=length + 90))
        running = await secure.node.get("/api/calls?state=running")
        detail = await secure.node.get(f"/api/calls/{running['calls'][0]['id']}")
        desk.tell("hangup")
        await asyncio.gather(carrier.expect("ended"), desk.expect("ended"))
    call = await secure.node.ended_call()
    assert (call["outcome"], call["codec"]) == ("answered", "PCMA")
    desk_leg, carrier_leg = call["legs"]
    assert score(secure.speech.phone, secure.folder / desk_leg["recording"]).pesq >= 4.0
    assert score(secure.speech.carrier, secure.folder / carrier_leg["recording"]).pesq >= 4.0
    # The phones' own jitter buffers are in these; noise, which is what a wrong key gives, would score 1.
    assert score(secure.speech.phone, heard_by_carrier).pesq >= 2.5
    assert score(secure.speech.carrier, heard_by_desk).pesq >= 2.5
    assert desk_leg["from_party"]["mos_mean"] >= 4.0

    phone_log = (secure.folder / "desk.log").read_text(errors="replace")
    keys = set(INLINE.findall(phone_log))
    assert len(keys) >= 2  # its own and the switch's
    assert "a=crypto" not in (secure.folder / "carrier.log").read_text(errors="replace")
    log = (secure.folder / "switch.log").read_bytes()
    assert b"SRTP keys travel in the clear" in log
    assert log.count(b"SRTP keys travel in the clear") == 1
    told = [log, json.dumps([detail, call, running]).encode()]
    told += [file.read_bytes() for file in (secure.folder / "var").rglob("*") if file.is_file()]
    told += [file.read_bytes() for file in (secure.folder / "recordings").rglob("*") if file.is_file()]
    assert [key for key in keys if any(shows(each, key) for each in told)] == []


@pytest.mark.real_time
@pytest.mark.timeout(900)
async def test_baresip_is_called_by_a_plain_carrier(secure: World) -> None:
    async with secure.carrier() as carrier, secure.workshop("srtp-mand") as workshop:
        carrier.tell("call", uri=f"sip:{TO_WORKSHOP}@{secure.registrar}")
        await asyncio.gather(workshop.expect("CALL_INCOMING"), carrier.expect("ringing"))
        workshop.tell("accept")
        await asyncio.gather(workshop.expect("CALL_ESTABLISHED"), carrier.expect("media"))
        carrier.tell("play", file=str(secure.speech.carrier))
        await carrier.expect("played", within=seconds(secure.speech.carrier) + 90)
        workshop.tell("hangup")
        await asyncio.gather(carrier.expect("ended"), workshop.expect("CALL_CLOSED"))
    call = await secure.node.ended_call()
    assert call["outcome"] == "answered"
    carrier_leg, workshop_leg = call["legs"]
    assert score(secure.speech.carrier, secure.folder / carrier_leg["recording"]).pesq >= 4.0
    assert score(secure.speech.phone, secure.folder / workshop_leg["recording"]).pesq >= 4.0
