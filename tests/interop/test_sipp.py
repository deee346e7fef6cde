"""SIPp calls and is called: answered, busy, cancelled, over UDP and TCP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.conftest import TO_CARRIER

if TYPE_CHECKING:
    from tests.interop.conftest import World
    from tests.support.golden import Golden

pytestmark = pytest.mark.interop
THROUGH = "+4940555"


async def test_a_call_is_answered(world: World, golden: Golden) -> None:
    async with world.called("uas") as uas, world.caller("uac", THROUGH) as uac:
        await uac.finished()
        await uas.finished()
    call = await world.node.ended_call(recorded=False)
    assert (call["outcome"], call["hung_up_by"], call["codec"]) == ("answered", "caller", "PCMA")
    golden.check("sipp_answered", call["ladder"])


async def test_two_hundred_calls_go_through(world: World) -> None:
    async with world.called("uas", calls=200) as uas, world.caller("uac", THROUGH, calls=200, rate=25) as uac:
        await uac.finished()
        await uas.finished()
    calls = (await world.node.get("/api/calls?state=ended&limit=500"))["calls"]
    assert [call["outcome"] for call in calls] == ["answered"] * 200


async def test_a_busy_line_stays_busy(world: World, golden: Golden) -> None:
    async with world.called("uas_busy") as uas, world.caller("uac_refused", THROUGH) as uac:
        await uac.finished()
        await uas.finished()
    call = await world.node.ended_call(recorded=False)
    assert (call["outcome"], call["sip_status"]) == ("busy", 486)
    golden.check("sipp_busy", call["ladder"])


async def test_a_caller_gives_up(world: World, golden: Golden) -> None:
    async with world.called("uas_rings") as uas, world.caller("uac_cancels", THROUGH) as uac:
        await uac.finished()
        await uas.finished()
    call = await world.node.ended_call(recorded=False)
    assert (call["outcome"], call["hung_up_by"]) == ("abandoned", "caller")
    golden.check("sipp_cancelled", call["ladder"])


async def test_tcp_on_both_sides(world: World) -> None:
    async with (
        world.called("uas", transport="t1") as uas,
        world.caller("uac", TO_CARRIER, transport="t1") as uac,
    ):
        await uac.finished()
        await uas.finished()
    call = await world.node.ended_call(recorded=False)
    assert (call["outcome"], call["destination"]) == ("answered", "trunk:other")
