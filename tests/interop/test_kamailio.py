"""Kamailio as the registrar that a trunk registers at, with callers and callees of its own behind it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from softswitch.demo.node import Node, free_port
from tests.interop.conftest import CALLER, CARRIER
from tests.support.kamailio import Kamailio
from tests.support.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.support.golden import Golden

pytestmark = pytest.mark.interop
REGISTRAR = "127.0.8.1"
SECOND = "127.0.0.6"
"""Where the second of two phones that ring for the same number is."""

ROUTING = """\
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("registrar", "max_expires", 6)
request_route {
IN_DIALOG
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("carrier.example", "a secret of the trunk", "0")) {
            www_challenge("carrier.example", "1");
            exit;
        }
        save("location");
        exit;
    }
    record_route();
    if ($rU =~ "^\\+4940") {            # one phone out there
        $ru = "sip:" + $rU + "@{carrier}:{carrier_port}";
    } else if ($rU =~ "^\\+4941") {     # two, and the first to answer has it
        $ru = "sip:" + $rU + "@{second}:{second_port}";
        append_branch("sip:both@{carrier}:{carrier_port}");
    } else if (!lookup("location")) {   # who has registered
        sl_send_reply("404", "Not Found");
        exit;
    }
    t_relay();
}
"""
CONFIG = """\
sip:
  listen:
    - {{transport: udp, address: {host}, port: {sip}}}
  timers: {{t1: 100ms, t2: 500ms, t4: 500ms}}
media: {{address: {host}, ports: {{first: {first}, last: {last}}}}}
admin: {{address: {host}, port: {admin}}}
trunks:
  caller: {{sources: ["127.0.0.5"]}}
  uplink:
    type: registered
    destinations: ["{registrar}:{registrar_port}"]
    username: "4930123"
    password: a secret of the trunk
    from_domain: carrier.example
    registration: {{expires: 30s, retry: 1s, longest_retry: 5s, required: true}}
"""
DIALPLAN = """\
timezone: UTC
routes:
  - name: from the carrier
    when: {from: trunk:uplink}
    do: [echo]
  - name: to the carrier
    when: {from: trunk:caller}
    do: [{dial: {trunk: uplink}}]
"""


class Uplink:
    """A switch with one trunk, which registers at Kamailio."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {CARRIER: free_port(address=CARRIER), SECOND: free_port(address=SECOND)}
        self.kamailio = Kamailio(
            folder, REGISTRAR, ROUTING,
            carrier=CARRIER, carrier_port=self.ports[CARRIER], second=SECOND, second_port=self.ports[SECOND],
        )  # fmt: skip
        self.node = Node(
            folder, config=CONFIG, dialplan=DIALPLAN, registrar=REGISTRAR, registrar_port=self.kamailio.port
        )

    async def registered(self, what: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until that holds of the registration, as the admin endpoint tells it."""
        async with asyncio.timeout(120):
            while not what((await self.node.get("/api/trunks"))["trunks"][1]["registration"]):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    def caller(self, remote: str, number: str) -> Sipp:
        """SIPp calls a number somewhere."""
        return Sipp("uac", self.folder, address=CALLER, port=free_port(address=CALLER), remote=remote, number=number)

    def at(self, address: str, scenario: str) -> Sipp:
        """SIPp is called there."""
        return Sipp(scenario, self.folder, address=address, port=self.ports[address])


@pytest.fixture
async def uplink(tmp_path: Path) -> AsyncIterator[Uplink]:
    """Not registered yet: nobody listens there."""
    here = Uplink(tmp_path)
    async with here.node:
        yield here
        assert (await here.node.get("/api/calls?state=running"))["calls"] == []


def is_registered(registration: dict[str, Any]) -> bool:
    return bool(registration["state"] == "registered")


async def test_a_trunk_registers_calls_are_taken_and_a_dead_registrar_comes_back(
    uplink: Uplink, golden: Golden
) -> None:
    async with uplink.kamailio:
        await uplink.registered(is_registered)
        async with uplink.caller(uplink.kamailio.place, "4930123") as uac:
            await uac.finished()
        call = await uplink.node.ended_call(recorded=False)
        assert (call["source"], call["called"], call["outcome"]) == ("trunk:uplink", "4930123", "answered")
        golden.check("kamailio_calls_its_user", call["ladder"])
    # Its memory is gone with it. The refresh finds nobody, and repeats itself until somebody is there again.
    await uplink.registered(lambda registration: not is_registered(registration))
    async with uplink.kamailio:
        await uplink.registered(is_registered)
        async with uplink.caller(uplink.kamailio.place, "4930123") as uac:
            await uac.finished()


async def test_calls_go_out_through_it_and_fork_there(uplink: Uplink, golden: Golden) -> None:
    here = f"127.0.0.1:{uplink.node.sip_port}"
    async with uplink.kamailio:
        await uplink.registered(is_registered)
        async with uplink.at(CARRIER, "uas") as uas, uplink.caller(here, "+4940123") as uac:
            await asyncio.gather(uac.finished(), uas.finished())
        call = await uplink.node.ended_call(recorded=False)
        assert (call["destination"], call["outcome"]) == ("trunk:uplink", "answered")
        golden.check("kamailio_routes", call["ladder"])
        assert "Record-Route: <sip:127.0.8.1" in uas.messages()
        async with uplink.at(CARRIER, "uas_rings") as loser, uplink.at(SECOND, "uas") as winner:
            async with uplink.caller(here, "+4941123") as uac:
                await uac.finished()
            await asyncio.gather(loser.finished(), winner.finished())
