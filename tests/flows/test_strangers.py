"""Whoever forges the address of somebody in the phones' networks: nobody there is sent more octets than he sent."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.dialplan.route import Dial, PhoneTarget
from softswitch.sip.auth import AuthChallenge
from softswitch.sip.digest import Credentials, answer_challenge
from softswitch.sip.message import Response, parse_message
from tests.support.puppets import a_moment
from tests.support.raw_peer import RawPeer
from tests.support.switch_world import PASSWORD, REALM, SWITCH, World
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HERE = ("203.0.113.7", 5060)
"""In the phones' network."""
THERE = ("203.0.113.66", 5060)
METHODS = ["REGISTER", "INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH", "NOTIFY", "INFO", "REFER", "BYE",
           "CANCEL", "UPDATE", "PRACK", "ACK", "UNHEARD"]  # fmt: skip


SAID = "User-Agent: Acme Phone 1.0\r\nAllow: INVITE, ACK, BYE, CANCEL\r\n"
"""By the least talkative of devices."""


def request(
    method: str,
    *,
    lines: str = "",
    branch: str = "7f1c",
    said: str = SAID,
    to_tag: str = "",
    cseq: int = 1,
    source: tuple[str, int] = HERE,
) -> bytes:
    """The least of its kind, but for what is `said` of the device; `lines`: further headers."""
    host, port = source
    contact = f"Contact: <sip:1001@{host}:{port}>\r\n" if method in ("REGISTER", "INVITE", "SUBSCRIBE", "REFER") else ""
    uri = "sip:9@192.0.2.1" if method == "INVITE" else "sip:192.0.2.1"
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{branch}a8d24e;rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:1001@192.0.2.1>;tag=9b3e55d1\r\nTo: <sip:1001@192.0.2.1>{to_tag}\r\n"
        f"Call-ID: {branch}c0ffee{cseq}@{host}\r\nCSeq: {cseq} {method}\r\n{contact}{said}{lines}"
        "Content-Length: 0\r\n\r\n"
    ).encode()


class Stranger:
    """Sends what the test writes, and counts what comes back."""

    def __init__(self, world: World, address: tuple[str, int] = HERE) -> None:
        self.world = world
        self.address = address
        self.peer = RawPeer(world.wire, address, SWITCH)

    async def asks(self, data: bytes) -> tuple[int, list[Response]]:
        """Octets that came back within the time in which everything is repeated, and what they were."""
        before = len(self.world.wire.log)
        self.peer.say(data)
        await a_moment()
        answers = [each for _, _, to_, each in self.world.wire.log[before:] if to_ == self.address]
        parsed = [parse_message(each) for each in answers]
        assert all(isinstance(each, Response) for each in parsed)
        return sum(len(each) for each in answers), [each for each in parsed if isinstance(each, Response)]


def meeting(story: Callable[[Stranger], Awaitable[None]], *, quiet: bool = True) -> None:
    """Run it; `quiet`: nothing is repeated after it."""

    async def whole() -> None:
        world = World(Random(1), [Dial((PhoneTarget("1001"),), "sequential", 20.0)])
        stranger = Stranger(world)
        await story(stranger)
        sent = len(world.wire.log)
        await world.settle()
        later = [data.split(b"\r\n")[0] for _, _, _, data in world.wire.log[sent:]]
        assert later == [] or not quiet

    run_virtual(whole)


@pytest.mark.parametrize("kind", ["plain", "tag", "extension", "credentials", "unreadable", "next to nothing"])
@pytest.mark.parametrize("method", METHODS)
def test_nobody_is_sent_more_than_he_sent(method: str, kind: str) -> None:
    forged = (
        f'Authorization: Digest username="1001",realm="{REALM}",nonce="bm9uZQ==",uri="sip:192.0.2.1",'
        'response="0123456789abcdef0123456789abcdef",qop=auth,nc=00000001,cnonce="a"\r\n'
    )
    data = {
        "plain": request(method),
        "tag": request(method, to_tag=";tag=1a2b3c4d"),
        "extension": request(method, lines="Require: a,b,c,d,e,f\r\n"),
        "credentials": request(method, lines=forged),
        "unreadable": request(method, lines="Max-Forwards: many\r\nContact: <<\r\n"),
        "next to nothing": request(method, said=""),
    }[kind]

    async def story(stranger: Stranger) -> None:
        octets, answers = await stranger.asks(data)
        # A challenge is owed to everybody: it is larger only than what no device sends.
        challenged = kind == "next to nothing" and [each.status for each in answers] == [401]
        assert octets <= len(data) * (1.2 if challenged else 1.0)

    meeting(story)


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
@pytest.mark.parametrize("said", ["", SAID])
def test_a_phone_that_says_little_is_challenged_and_let_in(method: str, said: str) -> None:
    async def story(stranger: Stranger) -> None:
        _, (challenged,) = await stranger.asks(request(method, said=said))
        assert challenged.status == 401
        challenge = AuthChallenge.parse(challenged.headers.get_all("WWW-Authenticate")[-1])
        known = Credentials("1001", PASSWORD)
        uri = "sip:9@192.0.2.1" if method == "INVITE" else "sip:192.0.2.1"
        answer = answer_challenge(challenge, method, uri, known.username, known.password, "c")
        line = f"Authorization: {answer}\r\n"
        if method == "INVITE":
            stranger.peer.say(request("ACK", to_tag=f";tag={challenged.to_tag}"))
        _, answers = await stranger.asks(request(method, lines=line, branch="8e2d", cseq=2, said=said))
        assert [each.status for each in answers] != [401]

    meeting(story, quiet=False)


def test_a_phone_that_says_much_is_offered_the_stronger_algorithm_as_well() -> None:
    async def story(stranger: Stranger) -> None:
        much = "Supported: path, outbound, gruu, replaces, norefersub, 100rel, timer\r\n" * 3
        _, (challenged,) = await stranger.asks(request("REGISTER", lines=much))
        algorithms = [AuthChallenge.parse(each).algorithm for each in challenged.headers.get_all("WWW-Authenticate")]
        assert algorithms == ["SHA-256", "MD5"]

    meeting(story)
