"""baresip calls and is called, as a registered phone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from softswitch.demo.speech import score, seconds
from tests.interop.conftest import TO_CARRIER, TO_WORKSHOP

if TYPE_CHECKING:
    from tests.interop.conftest import World
    from tests.support.golden import Golden

pytestmark = pytest.mark.interop


@pytest.mark.real_time
@pytest.mark.timeout(900)
async def test_it_is_called_by_the_carrier(world: World, golden: Golden) -> None:
    async with world.carrier() as carrier, world.workshop() as workshop:
        carrier.tell("call", uri=f"sip:{TO_WORKSHOP}@{world.registrar}")
        await asyncio.gather(workshop.expect("CALL_INCOMING"), carrier.expect("ringing"))
        workshop.tell("accept")
        await asyncio.gather(workshop.expect("CALL_ESTABLISHED"), carrier.expect("media"))
        carrier.tell("play", file=str(world.speech.carrier))
        await carrier.expect("played", within=seconds(world.speech.carrier) + 90)
        workshop.tell("hangup")
        await asyncio.gather(carrier.expect("ended"), workshop.expect("CALL_CLOSED"))
    call = await world.node.ended_call()
    assert (call["outcome"], call["hung_up_by"], call["codec"]) == ("answered", "callee", "PCMA")
    golden.check("baresip_is_called", call["ladder"])
    carrier_leg, workshop_leg = call["legs"]
    assert score(world.speech.carrier, world.folder / carrier_leg["recording"]).pesq >= 4.0
    assert score(world.speech.phone, world.folder / workshop_leg["recording"]).pesq >= 4.0


async def test_it_calls_the_carrier(world: World, golden: Golden) -> None:
    async with world.called("uas") as uas, world.workshop() as workshop:
        workshop.tell("dial", f"sip:{TO_CARRIER}@{world.registrar}")
        await workshop.expect("CALL_RINGING")
        await workshop.expect("CALL_ESTABLISHED")
        workshop.tell("hangup")
        await workshop.expect("CALL_CLOSED")
        await uas.finished()
    call = await world.node.ended_call()
    assert (call["outcome"], call["hung_up_by"], call["source"]) == ("answered", "caller", "phone:1002")
    golden.check("baresip_calls", call["ladder"])
