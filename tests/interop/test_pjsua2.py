"""pjsua2 calls and is called, as trunk and as registered phone."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from softswitch.demo.speech import score, seconds
from tests.interop.conftest import TO_CARRIER, TO_DESK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.conftest import World
    from tests.support.golden import Golden

pytestmark = pytest.mark.interop


@pytest.mark.real_time
@pytest.mark.timeout(900)
async def test_the_demonstration(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "softswitch", "demo", "--folder", str(tmp_path),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    assert "trunk:carrier -> switch" in output
    assert "Both directions sound good." in output


@pytest.mark.real_time
@pytest.mark.timeout(900)
async def test_a_phone_calls_the_carrier_and_the_carrier_hangs_up(world: World, golden: Golden) -> None:
    async with world.carrier() as carrier, world.desk() as desk:
        desk.tell("call", uri=f"sip:{TO_CARRIER}@{world.registrar}")
        await carrier.expect("incoming")
        carrier.tell("ring")
        await desk.expect("ringing")
        carrier.tell("answer")
        await asyncio.gather(carrier.expect("media"), desk.expect("media"))
        carrier.tell("play", file=str(world.speech.carrier))
        desk.tell("play", file=str(world.speech.phone))
        length = seconds(world.speech.carrier)
        await asyncio.gather(carrier.expect("played", within=length + 90), desk.expect("played", within=length + 90))
        carrier.tell("hangup")
        await asyncio.gather(carrier.expect("ended"), desk.expect("ended"))
    call = await world.node.ended_call()
    assert (call["outcome"], call["hung_up_by"], call["codec"]) == ("answered", "callee", "PCMA")
    golden.check("pjsua2_phone_calls_carrier", call["ladder"])
    desk_leg, carrier_leg = call["legs"]
    assert score(world.speech.phone, world.folder / desk_leg["recording"]).pesq >= 4.0
    assert score(world.speech.carrier, world.folder / carrier_leg["recording"]).pesq >= 4.0
    assert desk_leg["from_party"]["mos_mean"] >= 4.0
    assert carrier_leg["from_party"]["mos_mean"] >= 4.0


async def test_hold_and_resume(world: World, golden: Golden) -> None:
    async with world.carrier() as carrier, world.desk() as desk:
        carrier.tell("call", uri=f"sip:{TO_DESK}@{world.registrar}")
        await desk.expect("incoming")
        desk.tell("answer")
        await asyncio.gather(carrier.expect("media"), desk.expect("media"))
        desk.tell("hold")
        await desk.expect("holding")
        desk.tell("resume")
        await desk.expect("media")
        desk.tell("hangup")
        await asyncio.gather(carrier.expect("ended"), desk.expect("ended"))
    call = await world.node.ended_call()
    assert (call["outcome"], call["hung_up_by"]) == ("answered", "callee")
    golden.check("pjsua2_hold_and_resume", call["ladder"])
