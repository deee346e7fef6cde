"""Kamailio as edge proxy: phones register through it (Path), and all there is in a dialog goes through it both ways."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from tests.interop.conftest import CONFIG, TO_DESK, World
from tests.support.kamailio import Kamailio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from softswitch.demo.handset import Handset
    from tests.interop.conftest import Speech
    from tests.support.baresip import Baresip
    from tests.support.golden import Golden

pytestmark = pytest.mark.interop
EDGE = "127.0.8.2"
ROUTING = """\
loadmodule "path.so"
request_route {
IN_DIALOG
    if (is_method("REGISTER")) {
        add_path();
    } else {
        record_route();
    }
    if ($si == "127.0.0.1") {
        loose_route();              # to a phone: the Path it registered with
    } else {
        $du = "sip:{switch}";
    }
    t_relay();
}
"""


class Edge:
    """A switch that phones reach by a proxy alone."""

    def __init__(self, folder: Path, speech: Speech) -> None:
        config = CONFIG.replace("allow_from: [127.0.0.3/32, 127.0.0.4/32]", f"allow_from: [{EDGE}/32]")
        self.world = World(folder, speech, config)
        self.proxy = Kamailio(folder, EDGE, ROUTING, switch=self.world.registrar)

    def desk(self) -> AbstractAsyncContextManager[Handset]:
        """pjsua2, registered as 1001 through the proxy."""
        return self.world.desk(at=self.proxy.place)

    def workshop(self) -> AbstractAsyncContextManager[Baresip]:
        """baresip, registered as 1002 through the proxy."""
        return self.world.workshop(at=self.proxy.place)

    def spoken_to(self, phone: str) -> set[str]:
        """Whom a pjsua2 phone had SIP messages from, or sent some to."""
        log = (self.world.folder / f"{phone}.log").read_text(errors="replace")
        return set(re.findall(r" bytes .* (?:to|from) UDP ([0-9.]+:[0-9]+):", log))


@pytest.fixture
async def edge(tmp_path: Path, speech: Speech) -> AsyncIterator[Edge]:
    """Both running, and no call left when the test is over."""
    here = Edge(tmp_path, speech)
    async with here.proxy, here.world.node:
        yield here
        await here.world.nothing_left()


async def test_phones_behind_it_call_each_other_and_hold(edge: Edge, golden: Golden) -> None:
    async with edge.desk() as desk, edge.workshop() as workshop:
        registered = (await edge.world.node.get("/api/registrations"))["registrations"]
        assert [f"sip:{edge.proxy.place};lr" in str(each) for each in registered] == [True, True], registered
        desk.tell("call", uri=f"sip:1002@{edge.proxy.place}")
        await asyncio.gather(workshop.expect("CALL_INCOMING"), desk.expect("ringing"))
        workshop.tell("accept")
        await asyncio.gather(workshop.expect("CALL_ESTABLISHED"), desk.expect("media"))
        desk.tell("hold")
        await desk.expect("holding")
        desk.tell("resume")
        await desk.expect("media")
        workshop.tell("hangup")
        await asyncio.gather(desk.expect("ended"), workshop.expect("CALL_CLOSED"))
    call = await edge.world.node.ended_call()
    assert (call["source"], call["outcome"], call["hung_up_by"]) == ("phone:1001", "answered", "callee")
    golden.check("kamailio_edge_phone_to_phone", call["ladder"])
    assert edge.spoken_to("desk") == {edge.proxy.place}


async def test_the_carrier_calls_a_phone_behind_it_and_hangs_up(edge: Edge, golden: Golden) -> None:
    async with edge.world.carrier() as carrier, edge.desk() as desk:
        carrier.tell("call", uri=f"sip:{TO_DESK}@{edge.world.registrar}")
        await desk.expect("incoming")
        desk.tell("ring")
        await carrier.expect("ringing")
        desk.tell("answer")
        await asyncio.gather(carrier.expect("media"), desk.expect("media"))
        carrier.tell("hangup")
        await asyncio.gather(carrier.expect("ended"), desk.expect("ended"))
    call = await edge.world.node.ended_call()
    assert (call["destination"], call["outcome"], call["hung_up_by"]) == ("phone:1001", "answered", "caller")
    golden.check("kamailio_edge_carrier_calls", call["ladder"])
    assert edge.spoken_to("desk") == {edge.proxy.place}
