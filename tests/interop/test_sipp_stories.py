"""SIPp in both roles, and the ladder of each story: failures and how they are met, forks, holds, delayed offers."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from softswitch.demo.node import HOST, Node, free_port
from tests.interop.conftest import CALLER, CARRIER
from tests.support.sipp import Sipp
from tests.support.sipp_story import Story

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.golden import Golden

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="module")]

CONFIG = """\
sip:
  listen: [{{transport: udp, address: {host}, port: {sip}}}]
media:
  address: {host}
  ports: {{first: {first}, last: {last}}}
admin: {{address: {host}, port: {admin}}}
trunks:
  caller: {{sources: ["127.0.0.5"]}}
  one: {{sources: ["127.0.0.2"], destinations: ["127.0.0.2:{one}"]}}
  two: {{destinations: ["127.0.0.2:{two}"]}}
  pair: {{destinations: ["127.0.0.2:{one}", "127.0.0.2:{two}"], redirect: follow}}
"""
DIALPLAN = """\
timezone: UTC
routes:
  - {name: one, when: {called: "1"}, do: [{dial: {trunk: one, ring_for: 20s}}]}
  - {name: short, when: {called: "2"}, do: [{dial: {trunk: one, ring_for: 1s}}]}
  - {name: pair, when: {called: "3"}, do: [{dial: {trunk: pair}}]}
  - {name: both, when: {called: "4"}, do: [{dial: {trunk: [one, two], strategy: parallel}}]}
  - {name: refused, when: {called: "5"}, do: [{reject: {status: 603, reason: Not today}}]}
"""

CALLS = "> INVITE sdp\n<? 100\n<? 180\n<? 183\n< 200\n> ACK\n"
HANGS_UP = "> BYE\n< 200"
IS_CALLED = "< INVITE\n> 180\n... 300\n> 200 sdp\n< ACK\n"
IS_HUNG_UP_ON = "< BYE\n> 200 within"

FORKS = """\
< INVITE
> 183 sdp tag=one
... 100
> 183 sdp tag=two
... 100
> 200 sdp tag=two
< ACK ~tag=two
> 200 sdp tag=one invite
< ACK ~tag=one
< BYE ~tag=one
> 200 within
< BYE ~tag=two
> 200 within
"""


class Switch:
    """The daemon, and where SIPp stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.one, self.two = free_port(address=CARRIER), free_port(address=CARRIER)
        self.node = Node(folder, config=CONFIG, dialplan=DIALPLAN, one=self.one, two=self.two)
        self._stories = 0
        self._ended: set[str] = set()

    async def call(self) -> dict[str, Any]:
        """The call that has ended since the last look."""
        async with asyncio.timeout(120):
            while True:
                ended = {each["id"] for each in (await self.node.get("/api/calls?state=ended"))["calls"]} - self._ended
                if ended:
                    (found,) = ended
                    self._ended |= ended
                    call: dict[str, Any] = await self.node.get(f"/api/calls/{found}")
                    return call
                await asyncio.sleep(0.05)

    def _sipp(self, story: Story, **options: object) -> Sipp:
        self._stories += 1
        file = story.write(self.folder, f"story{self._stories}")
        return Sipp(file, self.folder, **options)  # type: ignore[arg-type]

    def caller(self, number: str, lines: str) -> Sipp:
        """SIPp calling this number."""
        port, remote = free_port(address=CALLER), f"{HOST}:{self.node.sip_port}"
        return self._sipp(Story("uac", lines), address=CALLER, port=port, remote=remote, number=number)

    def called(self, lines: str, *, second: bool = False) -> Sipp:
        """SIPp where trunk one, or two, leads."""
        return self._sipp(Story("uas", lines), address=CARRIER, port=self.two if second else self.one)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def switch(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Switch]:
    """One daemon for all stories."""
    here = Switch(tmp_path_factory.mktemp("stories"))
    async with here.node:
        yield here


@asynccontextmanager
async def telling(switch: Switch, golden: Golden, name: str, outcome: str, *peers: Sipp) -> AsyncIterator[None]:
    """Run what the peers say, then compare the ladder of the last call."""
    async with contextlib.AsyncExitStack() as stack:
        for peer in peers:
            await stack.enter_async_context(peer)
        yield
        for peer in reversed(peers):
            await peer.finished()
    call = await switch.call()
    assert call["outcome"] == outcome
    golden.check(f"sipp_{name}", call["ladder"])


@pytest.mark.parametrize(
    ("name", "number", "outcome", "caller", "called", "second"),
    [
        (
            "redirected", "3", "answered",
            CALLS + HANGS_UP,
            "< INVITE\n> 302 | Contact: <sip:777@127.0.0.2:{two}>\n< ACK",
            IS_CALLED + IS_HUNG_UP_ON,
        ),
        (
            "ring_timeout", "2", "no_answer",
            "> INVITE sdp\n<? 100\n<? 180\n< 480 ~Q.850;cause=19\n> ACK",
            "< INVITE\n> 180\n< CANCEL ~Q.850;cause=19\n> 200\n> 487 invite\n< ACK",
            None,
        ),
        (
            "parallel", "4", "answered",
            CALLS + HANGS_UP,
            "< INVITE\n> 180\n< CANCEL ~Call completed elsewhere\n> 200\n> 487 invite\n< ACK",
            "< INVITE\n> 180\n... 400\n> 200 sdp\n< ACK\n" + IS_HUNG_UP_ON,
        ),
        (
            "early_media", "1", "answered",
            "> INVITE sdp\n<? 100\n< 183 ~m=audio\n< 200 ~m=audio\n> ACK\n" + HANGS_UP,
            "< INVITE\n> 183 sdp\n... 300\n> 200 sdp\n< ACK\n" + IS_HUNG_UP_ON,
            None,
        ),
        (
            "rejected", "5", "rejected",
            "> INVITE sdp\n<? 100\n< 603 ~Not today\n> ACK",
            None,
            None,
        ),
        (
            "forked", "1", "answered",
            CALLS + "... 300\n" + HANGS_UP,
            FORKS,
            None,
        ),
        (
            "caller_holds", "1", "answered",
            CALLS + "> INVITE sdp=sendonly\n<? 100\n< 200 ~a=recvonly\n> ACK\n> INVITE sdp=inactive\n<? 100\n"
            + "< 200 ~a=inactive\n> ACK\n> INVITE sdp\n<? 100\n< 200 ~a=sendrecv\n> ACK\n" + HANGS_UP,
            IS_CALLED + IS_HUNG_UP_ON,
            None,
        ),
        (
            "callee_holds", "1", "answered",
            CALLS + "< BYE\n> 200 within",
            IS_CALLED + "> INVITE sdp=sendonly\n<? 100\n< 200 ~a=recvonly\n> ACK\n> INVITE sdp\n<? 100\n"
            + "< 200 ~a=sendrecv\n> ACK\n> BYE\n< 200",
            None,
        ),
        (
            "caller_asks_for_offers", "1", "answered",
            "> INVITE\n<? 100\n<? 180\n< 200 ~m=audio\n> ACK sdp\n"
             "> INVITE\n<? 100\n< 200 ~m=audio\n> ACK sdp=sendonly\n" + HANGS_UP,
            IS_CALLED + IS_HUNG_UP_ON,
            None,
        ),
        (
            "callee_asks_for_an_offer", "1", "answered",
            CALLS + "< BYE\n> 200 within",
            IS_CALLED + "> INVITE\n<? 100\n< 200 ~m=audio\n> ACK sdp\n> BYE\n< 200",
            None,
        ),
        (
            "cancel_crosses_200", "1", "abandoned",
            "> INVITE sdp\n<? 100\n< 180\n> CANCEL\n< 200\n< 487\n> ACK",
            "< INVITE\n> 180\n< CANCEL\n> 200\n> 200 sdp invite\n< ACK\n< BYE\n> 200 within",
            None,
        ),
        # Last: the trunk's first address is remembered as one that failed.
        (
            "failover", "3", "answered",
            CALLS + HANGS_UP,
            "< INVITE\n> 503\n< ACK",
            IS_CALLED + IS_HUNG_UP_ON,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.islower() and " " not in value else "",
)  # fmt: skip
async def test_a_story(
    switch: Switch,
    golden: Golden,
    name: str,
    number: str,
    outcome: str,
    caller: str,
    called: str | None,
    second: str | None,
) -> None:
    peers = [] if called is None else [switch.called(called.replace("{two}", str(switch.two)))]
    if second is not None:
        peers.append(switch.called(second, second=True))
    async with telling(switch, golden, name, outcome, *peers, switch.caller(number, caller)):
        pass


@pytest.mark.parametrize(
    ("refused", "header"),
    [
        ("420 ~Unsupported: nothing", "Require: nothing"),
        ("483", "Max-Forwards: 0"),
        ("406", "Accept: text/html"),
        ("415 ~Accept-Encoding: identity", "Content-Encoding: gzip"),
    ],
)
async def test_what_cannot_be_taken_is_refused_before_it_is_a_call(switch: Switch, refused: str, header: str) -> None:
    async with switch.caller("1", f"> INVITE sdp | {header}\n< {refused}\n> ACK") as uac:
        await uac.finished()
