"""A node that registers at another one, both real: the registrar is killed, comes back, and has the trunk again."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Any

from tests.support.daemon import Daemon, real_phone
from tests.support.loopback import HOST, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.phone import Phone

RETRY, LONGEST_RETRY = 1.0, 5.0
CONFIG = """\
node: {{name: branch}}
sip:
  listen:
    - {{transport: udp, address: 127.0.0.3, port: {sip}}}
    - {{transport: tcp, address: 127.0.0.3, port: {sip}}}
  timers: {{t1: 50ms, t2: 500ms, t4: 500ms}}
media: {{address: 127.0.0.3, ports: {{first: {media}, last: {media_last}}}, priority: 0}}
admin: {{address: 127.0.0.1, port: {admin}}}
recording: {{enabled: false}}
trunks:
  uplink:
    type: registered
    destinations: ["127.0.0.1:{uplink};transport=tcp"]
    username: 1001
    password: {{file: {password}}}
    registration: {{expires: 60s, retry: 1s, longest_retry: 5s}}
"""
BRANCH_PLAN = """\
timezone: UTC
routes:
  - name: whoever is asked for
    when: {from: trunk:uplink}
    do: [echo]
"""
OFFICE_PLAN = """\
timezone: UTC
routes:
  - name: to the branch
    when: {from: trunk:carrier}
    do: [{dial: {phone: 1001}}]
  - name: from the branch
    when: {from: phones}
    do: [{dial: {trunk: carrier}}]
"""


async def test_a_trunk_survives_its_registrar_and_comes_back(tmp_path: Path) -> None:
    for name in ("office", "branch"):
        (tmp_path / name).mkdir()
    async with Daemon(tmp_path / "office") as office, Daemon(tmp_path / "branch") as branch:
        office.write(dialplan=OFFICE_PLAN)
        await office.start()
        branch.values |= {"uplink": office.tcp, "password": office.folder / "var" / "secrets" / "desk"}
        branch.write(CONFIG, BRANCH_PLAN)
        await branch.start()
        await branch.said("trunk uplink: registered at 127.0.0.1")
        assert (await registration(branch))["state"] == "registered"
        assert await branch.metric("softswitch_trunk_registered") == 1
        async with real_phone() as caller:
            await called_through(caller, office, branch)

            while (await registration(branch))["for_seconds"] < RETRY:  # noqa: ASYNC110  it calls nobody
                await asyncio.sleep(0.1)  # who closes right after registering is left alone for a while
            office.signal(signal.SIGKILL)
            await office.ended()
            await branch.said("trunk uplink: registration lost, registering again")
            await branch.said("trunk uplink: not registered, trying again: 127.0.0.1")
            assert await branch.metric("softswitch_trunk_registered") == 0
            assert (await branch.get("/ready"))["ready"] is True

            branch.log.clear()
            await office.start()
            back = time.monotonic()
            await branch.said("trunk uplink: registered at 127.0.0.1")
            assert time.monotonic() - back < LONGEST_RETRY + 45.0, "a retry, and no renewal, which is due after 60 s"
            await called_through(caller, office, branch)

        branch.signal(signal.SIGTERM)
        assert await branch.ended() == 0
        assert any("trunk uplink: registration ended" in line for line in branch.log)
        assert await office.metric("softswitch_registered_contacts") == 0, "taken back"
        for daemon in (office, branch):
            assert not [line for line in daemon.log if "Traceback" in line]


async def registration(branch: Daemon) -> Any:
    """What an operator sees."""
    (trunk,) = (await branch.get("/api/trunks"))["trunks"]
    return trunk["registration"]


async def called_through(caller: Phone, office: Daemon, branch: Daemon) -> None:
    """A call from the carrier, through the office, to the contact of the branch."""
    before = caller.answered
    session = caller.call("+4930123", (HOST, office.sip))
    await until(lambda: caller.answered == before + 1)
    (call,) = [each for each in (await branch.get("/api/calls"))["calls"] if each["state"] != "ended"]
    assert (call["source"], call["called"]) == ("trunk:uplink", "1001")
    caller.hang_up(session)
    await until(lambda: len(caller.ended) == before + 1)
    while (await branch.get("/api/calls?state=running"))["calls"]:  # noqa: ASYNC110  it calls nobody
        await asyncio.sleep(0.1)
