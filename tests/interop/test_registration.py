"""SIPp registers here, calls as a trunk that authenticates itself, and is the registrar that a trunk registers at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from softswitch.demo.node import Node, free_port
from tests.interop.conftest import CARRIER, DESK
from tests.support.sipp import Sipp

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop
CONFIG = """\
sip:
  listen:
    - {{transport: udp, address: {host}, port: {sip}}}
  timers: {{t1: 100ms, t2: 500ms, t4: 500ms}}
media: {{address: {host}, ports: {{first: {first}, last: {last}}}}}
admin: {{address: {host}, port: {admin}}}
trunks:
  uplink:
    type: registered
    destinations: ["127.0.0.2:{carrier_port}"]
    username: "4930123"
    password: a secret of the trunk
    registration: {{expires: 60s, retry: 1s, longest_retry: 5s}}
  pbx:
    type: authenticated
    allow_from: ["127.0.0.3/32"]
    tls: false
    username: pbx
    password: {{file: var/secrets/desk}}
phones:
  allow_from: ["127.0.0.3/32"]
  digest: [MD5]  # SIPp before 3.7 knows no other
  users:
    1001: {{password: {{file: var/secrets/desk}}}}
"""
DIALPLAN = """\
timezone: UTC
routes:
  - name: everybody
    when: {from: trunks}
    do: [echo]
"""


def switch(folder: Path, carrier_port: int) -> Node:
    return Node(folder, config=CONFIG, dialplan=DIALPLAN, carrier_port=carrier_port)


async def trunk(node: Node) -> Any:
    """The registration of the uplink."""
    found = (await node.get("/api/trunks"))["trunks"]
    return next(each for each in found if each["name"] == "uplink")["registration"]


async def test_sipp_registers_and_takes_it_back(tmp_path: Path) -> None:
    async with switch(tmp_path, free_port(address=CARRIER)) as node:
        here = f"127.0.0.1:{node.sip_port}"
        sipp = Sipp(
            "uac_registers", tmp_path, address=DESK, port=free_port(address=DESK), remote=here,
            number="1001", known=("1001", node.password, here),
        )  # fmt: skip
        async with sipp:
            await sipp.finished()
        assert (await node.get("/api/registrations"))["registrations"] == []


async def test_sipp_calls_as_a_trunk_by_its_password(tmp_path: Path) -> None:
    async with switch(tmp_path, free_port(address=CARRIER)) as node:
        here = f"127.0.0.1:{node.sip_port}"
        sipp = Sipp(
            "uac_authenticates", tmp_path, address=DESK, port=free_port(address=DESK), remote=here,
            number="+4930123", known=("pbx", node.password, f"+4930123@{here}"),
        )  # fmt: skip
        async with sipp:
            await sipp.finished()
        call = await node.ended_call(recorded=False)
        assert (call["source"], call["called"], call["outcome"]) == ("trunk:pbx", "+4930123", "answered")


async def test_a_trunk_registers_at_sipp_and_leaves(tmp_path: Path) -> None:
    port = free_port(address=CARRIER)
    async with Sipp("uas_registrar", tmp_path, address=CARRIER, port=port) as registrar:
        async with switch(tmp_path, port) as node, asyncio.timeout(120):
            # Four seconds are granted first, and 60 asked for by the refresh.
            while ((await trunk(node))["expires_in"] or 0) < 10:  # noqa: ASYNC110  it calls nobody
                await asyncio.sleep(0.1)
        await registrar.finished()
