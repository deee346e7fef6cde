"""Transfers with SIPp in both roles, and with the phones that people have: pjsua2 blind and attended, baresip blind."""

from __future__ import annotations

import asyncio
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.interop.conftest import CONFIG, DIALPLAN, TO_DESK, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.interop.conftest import Speech
    from tests.support.golden import Golden

pytestmark = pytest.mark.interop
THROUGH, NOBODY, HANDED_OVER = "+4940555", "+4941555", "+4942555"
# Nothing is lost here, but answers are slow on a busy machine: what is sent again would stand in the ladders twice.
PATIENT = CONFIG.replace("sip:\n", "sip:\n  timers: {{t1: 4s}}\n", 1)
ACCEPTING = PATIENT.replace('["127.0.0.5"]}}', '["127.0.0.5"], transfer: {{refer: accept, refer_out: true}}}}').replace(
    'carrier: {{sources: ["127.0.0.2"],', 'carrier: {{sources: ["127.0.0.2"], transfer: {{refer: accept}},'
)
RULES = DIALPLAN.replace(
    "routes:\n",
    """routes:
  - name: nobody
    when: {called: {prefix: "+4941"}}
    do: [{dial: {phone: 1001}}]
  - name: handed over
    when: {called: {prefix: "+4942"}}
    do: [{transfer: {to: "+4940777"}}]
""",
)


@pytest.fixture
async def world(tmp_path: Path, speech: Speech) -> AsyncIterator[World]:
    """A switch on which both trunks may transfer."""
    here = World(tmp_path, speech, ACCEPTING, RULES)
    async with here.node:
        yield here
        await here.nothing_left()


async def hang_up(world: World) -> None:
    """End what runs."""
    for call in (await world.node.get("/api/calls?state=running"))["calls"]:
        await world.node.delete(f"/api/calls/{call['id']}")


async def spoken(world: World, packets: int) -> None:
    """Wait until so many packets have come from the party that joined last."""
    while True:
        for each in (await world.node.get("/api/calls?state=running"))["calls"]:
            legs = (await world.node.get(f"/api/calls/{each['id']}"))["legs"]
            if len(legs) == 3 and legs[2]["from_party"] and legs[2]["from_party"]["packets"] >= packets:
                return
        await asyncio.sleep(0.1)


def loudness(file: Path) -> float:
    """Of 16-bit audio, the loudest 20 ms, as an effective value."""
    with wave.open(str(file)) as opened:
        samples = np.frombuffer(opened.readframes(opened.getnframes()), np.int16).astype(float)
        frame = opened.getframerate() // 50
    whole = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return float(np.sqrt((whole**2).mean(axis=1)).max(initial=0.0))


class Watch:
    """Finds the call that a story was about, and compares its ladder with the golden one."""

    def __init__(self, world: World, golden: Golden) -> None:
        self._world = world
        self._golden = golden
        self._seen: set[str] = set()

    async def check(self, name: str, *endpoints: str) -> dict[str, Any]:
        """The call with these legs that has ended since."""
        while True:
            for each in (await self._world.node.get("/api/calls?state=ended"))["calls"]:
                call: dict[str, Any] = await self._world.node.get(f"/api/calls/{each['id']}")
                if each["id"] not in self._seen and [leg["endpoint"] for leg in call["legs"]] == [*endpoints]:
                    self._seen.add(each["id"])
                    self._golden.check(name, call["ladder"])
                    return call
            await asyncio.sleep(0.1)


async def test_sipp_transfers_and_is_transferred(world: World, golden: Golden) -> None:
    watch = Watch(world, golden)
    three = ("trunk:caller", "trunk:carrier", "trunk:carrier")
    # The caller hands over whom it called.
    async with world.called("uas", calls=2) as uas, world.caller("uac_transfers", THROUGH) as uac:
        await uac.finished()
        await hang_up(world)
        await uas.finished()
    await watch.check("sipp_caller_transfers", *three)
    # The one that was called hands its caller over, in vain.
    async with world.called("uas_transfers_in_vain") as uas, world.caller("uac_waits", THROUGH) as uac:
        await uas.finished()
        await uac.finished()
    call = await watch.check("sipp_callee_transfers_in_vain", "trunk:caller", "trunk:carrier")
    assert (call["outcome"], call["hung_up_by"]) == ("answered", "callee")
    assert [line["event"] for line in call["story"]].count("transfer failed") == 1
    # An attended transfer whose other call is elsewhere.
    async with world.called("uas", calls=2) as uas, world.caller("uac_transfers_attended", THROUGH) as uac:
        await uac.finished()
        await hang_up(world)
        await uas.finished()
    assert "Replaces: call@elsewhere;to-tag=theirs;from-tag=ours\n" in uas.messages().replace("\r", "")
    assert "Referred-By: <sip:+4930999@" in uas.messages()
    await watch.check("sipp_replaces_elsewhere", *three)
    # REFER from us, by a rule: the far end takes the call over.
    async with world.caller("uac_is_referred", HANDED_OVER) as uac:
        await uac.finished()
    await watch.check("sipp_is_referred", "trunk:caller")


async def test_phones_transfer(world: World, golden: Golden) -> None:
    watch = Watch(world, golden)
    three = ("trunk:carrier", "phone:1001", "phone:1002")
    async with world.carrier() as carrier, world.desk() as desk, world.workshop() as workshop:

        async def carrier_calls_desk() -> None:
            carrier.tell("call", uri=f"sip:{TO_DESK}@{world.registrar}")
            await desk.expect("incoming")
            desk.tell("answer")
            await asyncio.gather(carrier.expect("media"), desk.expect("media"))

        await carrier_calls_desk()
        desk.tell("transfer", uri=f"sip:1002@{world.registrar}")
        await workshop.expect("CALL_INCOMING")
        workshop.tell("accept")
        assert (await desk.expect("transferred"))["status"] == 200
        await asyncio.gather(desk.expect("ended"), workshop.expect("CALL_ESTABLISHED"))
        workshop.tell("hangup")
        await asyncio.gather(carrier.expect("ended"), workshop.expect("CALL_CLOSED"))
        assert (await watch.check("pjsua2_transfers_blind", *three))["hung_up_by"] == "callee"

        await carrier_calls_desk()
        desk.tell("consult", uri=f"sip:1002@{world.registrar}")
        await workshop.expect("CALL_INCOMING")
        workshop.tell("accept")
        await asyncio.gather(workshop.expect("CALL_ESTABLISHED"), desk.expect("media"))
        desk.tell("join")
        await desk.expect("ended")  # the consultation
        assert (await desk.expect("transferred"))["status"] == 200
        await desk.expect("ended")
        heard = world.folder / "heard.wav"
        carrier.tell("record", file=str(heard))
        await spoken(world, packets=100)
        carrier.tell("hangup")
        await asyncio.gather(carrier.expect("ended"), workshop.expect("CALL_CLOSED"))
        await watch.check("pjsua2_transfers_attended", *three)

        workshop.tell("dial", f"sip:1001@{world.registrar}")
        await desk.expect("incoming")
        desk.tell("answer")
        await workshop.expect("CALL_ESTABLISHED")
        workshop.tell("transfer", f"sip:+49891@{world.registrar}")
        await carrier.expect("incoming")
        carrier.tell("answer")
        await asyncio.gather(workshop.expect("CALL_CLOSED"), carrier.expect("media"))
        desk.tell("hangup")
        await asyncio.gather(carrier.expect("ended"), desk.expect("ended"))
        await watch.check("baresip_transfers_blind", "phone:1002", "phone:1001", "trunk:carrier")
    assert loudness(heard) > 300, "what the consulted one says arrives at the transferred one"
