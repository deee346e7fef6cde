"""Trunks that fail, are busy, are dead or are full, played by SIPp against the daemon."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from softswitch.demo.node import Node, free_port
from tests.interop.conftest import CALLER, CARRIER
from tests.support.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.golden import Golden

pytestmark = pytest.mark.interop

BACKUP = "127.0.0.6"
NUMBER = "+4940555"
CONFIG = """\
sip:
  listen:
    - {{transport: udp, address: {host}, port: {sip}}}
media:
  address: {host}
  ports: {{first: {first}, last: {last}}}
admin: {{address: {host}, port: {admin}}}
trunks:
  caller: {{sources: ["127.0.0.5"], calls_per_second: 2}}
  carrier:
    destinations: ["127.0.0.2:{carrier_port}"]
    options: {{enabled: true, interval: 1s, timeout: 500ms, down_after: 2, up_after: 2}}
    rates: {{+49: 0.01}}
  backup:
    destinations: ["127.0.0.6:{backup_port}"]
    rates: {{+49: 0.02, +4940: 0.005}}
"""
DIALPLAN = """\
timezone: UTC
numbering: {country_code: 49}
routes:
  - name: abroad
    when: {called: {prefix: "+33"}}
    do: [{dial: {trunk: [carrier, backup]}}]
  - name: the other way round
    when: {called: "+4940888"}
    do: [{dial: {trunk: [backup, carrier]}}]
  - name: cheapest
    when: {called: "+4940777"}
    do: [{dial: {trunk: [carrier, backup], choose: least_cost}}]
  - name: one after the other
    do: [{dial: {trunk: [carrier, backup]}}]
"""


class Trunks:
    """A switch with two trunks to call, and SIPp behind each."""

    def __init__(self, folder: Path, config: str) -> None:
        self.folder = folder
        self.ports = {CARRIER: free_port(address=CARRIER), BACKUP: free_port(address=BACKUP)}
        self.node = Node(
            folder, config=config, dialplan=DIALPLAN, carrier_port=self.ports[CARRIER], backup_port=self.ports[BACKUP]
        )

    def caller(self, scenario: str, number: str = NUMBER, **options: Any) -> Sipp:
        port = free_port(address=CALLER)
        remote = f"127.0.0.1:{self.node.sip_port}"
        return Sipp(scenario, self.folder, address=CALLER, port=port, remote=remote, number=number, **options)

    def at(self, address: str, scenario: str, **options: Any) -> Sipp:
        return Sipp(scenario, self.folder, address=address, port=self.ports[address], **options)

    async def ended(self, outcome: str, count: int = 1) -> dict[str, Any]:
        """The last of so many calls that have ended like this."""
        async with asyncio.timeout(120):
            while True:
                calls = (await self.node.get("/api/calls?state=ended&limit=100"))["calls"]
                found = sorted((each["started_at"], each["id"]) for each in calls if each["outcome"] == outcome)
                if len(found) == count:
                    call: dict[str, Any] = await self.node.get(f"/api/calls/{found[-1][1]}")
                    return call
                await asyncio.sleep(0.1)

    async def trunk(self, name: str) -> dict[str, Any]:
        trunks = (await self.node.get("/api/trunks"))["trunks"]
        found: dict[str, Any] = next(each for each in trunks if each["name"] == name)
        return found


@pytest.fixture
async def trunks(tmp_path: Path) -> AsyncIterator[Trunks]:
    """With nobody asking whether they live: SIPp takes one kind of request at a time."""
    here = Trunks(tmp_path, CONFIG.replace("options: {{enabled: true", "options: {{enabled: false"))
    async with here.node:
        yield here


async def test_a_failing_trunk_is_followed_by_the_next_and_avoided(trunks: Trunks, golden: Golden) -> None:
    async with trunks.at(CARRIER, "uas_unavailable") as failing, trunks.at(BACKUP, "uas") as uas:
        async with trunks.caller("uac") as uac:
            await uac.finished()
        await failing.finished()
        await uas.finished()
    call = await trunks.ended("answered")
    assert call["destination"] == "trunk:backup"
    golden.check("sipp_failover_unavailable", call["ladder"])
    (hop,) = (await trunks.trunk("carrier"))["next_hops"]
    assert hop["avoided_for"] > 31, "its Retry-After was not honoured"
    async with trunks.at(BACKUP, "uas_timed_out") as failing, trunks.at(CARRIER, "uas") as uas:
        async with trunks.caller("uac", "+4940888") as uac:
            await uac.finished()
        await failing.finished()
        await uas.finished()
    call = await trunks.ended("answered", 2)
    assert call["destination"] == "trunk:carrier"
    golden.check("sipp_failover_timed_out", call["ladder"])


async def test_busy_price_country_and_rate(trunks: Trunks) -> None:
    async with trunks.at(CARRIER, "uas_busy") as busy, trunks.caller("uac_refused") as uac:
        await uac.finished()
        await busy.finished()
    call = await trunks.ended("busy")
    assert (call["destination"], len(call["legs"])) == ("trunk:carrier", 2), "a busy line was tried once more"

    async with trunks.at(BACKUP, "uas") as uas, trunks.caller("uac", "+4940777") as uac:
        await uac.finished()
        await uas.finished()
    call = await trunks.ended("answered")
    (chosen,) = [line["facts"] for line in call["story"] if line["event"] == "trunks chosen"]
    assert chosen["order"] == "backup (0.005 by prefix +4940), then carrier (0.01 by prefix +49)"

    async with trunks.caller("uac_forbidden", "0033140000000") as uac:
        await uac.finished()
    refused = (await trunks.trunk("carrier"))["refused"], (await trunks.trunk("backup"))["refused"]
    assert [each["international"] for each in refused] == [1, 1]

    async with trunks.at(CARRIER, "uas", calls=100):
        async with trunks.caller("uac_limited", calls=12, rate=1000) as uac:
            await uac.finished()
        refused_calls = (await trunks.trunk("caller"))["refused"]["calls_per_second"]
        assert refused_calls, "twelve calls at once went through, and two a second are agreed"
        await trunks.ended("answered", 1 + 12 - refused_calls)


async def test_options_find_out_who_lives(tmp_path: Path) -> None:
    here = Trunks(tmp_path, CONFIG)

    async def until(state: str) -> None:
        async with asyncio.timeout(120):
            while (await here.trunk("carrier"))["next_hops"][0]["state"] != state:  # noqa: ASYNC110  it is another process
                await asyncio.sleep(0.2)

    async with here.node:
        await until("down")
        assert (await here.trunk("carrier"))["state"] == "down"
        assert (await here.trunk("backup"))["next_hops"][0]["state"] == "unknown"
        async with here.at(CARRIER, "uas_options", calls=20):
            await until("up")
