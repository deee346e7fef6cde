"""What strangers, liars and floods get from an agent: nothing, and a number in a counter."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp.browser import IceCandidate, IceCredentials
from softswitch.webrtc import stun
from softswitch.webrtc.ice.agent import MOST_PAIRS
from softswitch.webrtc.ice.candidate import host_candidates, is_usable, pair_priority, priority
from tests.support.ice_wire import Party

HERE, THERE = "192.0.2.1", ("198.51.100.1", 4000)
OURS = b"s" * 24


def party(*, lite: bool = False) -> Party:
    each = Party("s", [HERE], lite=lite)
    each.agent.set_remote(IceCredentials("bbbb", "b" * 24), lite=False, controlling=False, now=0.0)
    return each


def check(
    key: bytes = OURS, *, username: bytes = b"ssss:bbbb", transaction: bytes = b"", role: stun.Role = "controlling"
) -> bytes:
    return stun.request(
        transaction or os.urandom(12),
        key,
        username=username,
        priority=1 << 30,
        role=role,
        tie_breaker=1,
        nominate=False,
    )


def answers(each: Party, data: bytes, source: tuple[str, int] = THERE) -> list[bytes]:
    """What goes back there; triggered checks aside."""
    each.agent.receive(stun.read(data), source, 1.0)
    return [out for out, to in each.agent.to_send() if to == source and out[:2] != b"\0\1"]


@pytest.mark.parametrize("lite", [False, True], ids=["full", "lite"])
def test_who_knows_the_password_is_answered_with_less(lite: bool) -> None:
    request = check()
    (answer,) = answers(party(lite=lite), request)
    message = stun.read(answer)
    assert (message.kind, message.mapped) == (stun.SUCCESS, THERE)
    assert message.proves(OURS)
    assert len(answer) < len(request)


@pytest.mark.parametrize(
    ("data", "counter"),
    [
        (check(b"guessed"), "forged"),
        (check(username=b"ssss:cccc"), "stranger"),
        (check(username=b"tttt:bbbb"), "stranger"),
        (check(username=b"ssss"), "stranger"),
        (stun._sealed(stun.REQUEST, bytes(12), stun._attribute(6, b"ssss:bbbb"), None), "forged"),
        (stun.success(stun.read(check()), THERE, OURS), "unexpected"),
    ],
)
def test_who_does_not_gets_nothing(data: bytes, counter: str) -> None:
    each = party()
    assert not answers(each, data)
    assert getattr(each.agent.counters, counter) == sum(each.agent.counters.by_reason().values()) == 1
    assert not each.agent.pairs
    assert each.agent.next_timer() == pytest.approx(20.0), "nor is anything kept or sent for it"


def test_an_attribute_that_must_be_understood() -> None:
    body = stun._attribute(6, b"ssss:bbbb") + stun._attribute(0x7777, b"") + stun._attribute(0x7778, b"abc")
    each = party()
    (answer,) = answers(each, stun._sealed(stun.REQUEST, bytes(12), body, OURS))
    message = stun.read(answer)
    assert (message.kind, message.error) == (stun.ERROR, stun.UNKNOWN_ATTRIBUTE)
    assert message.proves(OURS)
    assert b"\x77\x77\x77\x78" in answer


def test_a_check_without_its_attributes() -> None:
    (answer,) = answers(party(), stun._sealed(stun.REQUEST, bytes(12), stun._attribute(6, b"ssss:bbbb"), OURS))
    assert stun.read(answer).error == stun.BAD_REQUEST


def test_a_lite_agent_keeps_its_role() -> None:
    (answer,) = answers(party(lite=True), check(role="controlled"))
    assert stun.read(answer).error == stun.ROLE_CONFLICT


@pytest.mark.parametrize(
    "source", [("127.0.0.1", 9), ("0.0.0.0", 9), ("224.0.0.1", 9), (HERE, 5000), ("2001:db8::1", 9)]
)
def test_addresses_nobody_is_at(source: tuple[str, int]) -> None:
    """A forged source, our own socket: the password does not help."""
    each = party()
    assert not answers(each, check(), source)
    assert not each.agent.pairs


def test_sources_and_candidates_are_bounded() -> None:
    each = party()
    for number in range(3 * MOST_PAIRS):
        candidate = IceCandidate(str(number), 1, "udp", 1000 + number, f"203.0.113.{number + 1}", 9, "host")
        each.agent.add_candidate(candidate, 0.0)
    assert len(each.agent.pairs) == MOST_PAIRS
    for number in range(3 * MOST_PAIRS):
        answers(each, check(), ("198.51.100.9", 1000 + number))
    assert len(each.agent.pairs) == MOST_PAIRS
    assert each.agent.counters.excess > 0


def test_which_candidates_are_tried() -> None:
    ours = host_candidates([HERE], 5000)

    def usable(address: str = "203.0.113.1", port: int = 9, kind: str = "host", **more: object) -> bool:
        said = {"foundation": "1", "component": 1, "transport": "udp", "priority": 1, **more}
        return is_usable(IceCandidate(address=address, port=port, kind=kind, **said), ours)  # type: ignore[arg-type]

    assert usable()
    assert usable("10.0.0.1", kind="relay")
    for address in (
        "127.0.0.1",
        "0.0.0.0",
        "224.0.0.251",
        "255.255.255.255",
        "2001:db8::1",
        "fe80::1",
        "a.local",
        "::1",
    ):
        assert not usable(address), address
    assert not usable(port=0)
    assert not usable(component=2)
    assert not usable(transport="tcp")
    assert not usable(kind="token")
    assert not usable(HERE, 5000)
    assert usable(HERE, 5001), "a neighbour on this machine: another browser may be there"
    loopback = host_candidates(["127.0.0.1"], 5000)
    assert is_usable(IceCandidate("1", 1, "udp", 1, "127.0.0.1", 9, "host"), loopback)


def test_priorities() -> None:
    """RFC 8445 5.1.2.1 and 6.1.2.3; the first number is what browsers show for a first host candidate."""
    assert priority("host", 65_535) == 2_130_706_431
    assert pair_priority(2, 3) == (2 << 32) + 6
    assert pair_priority(3, 2) == (2 << 32) + 7


@given(
    kind=st.sampled_from([stun.REQUEST, stun.SUCCESS, stun.ERROR, stun.INDICATION]),
    attributes=st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=24)), max_size=8),
    lite=st.booleans(),
    keyed=st.booleans(),
)
def test_whatever_it_carries(kind: int, attributes: list[tuple[int, bytes]], lite: bool, keyed: bool) -> None:
    """Even of who knows the password: handled or refused, never more than the half of it again in return."""
    body = stun._attribute(6, b"ssss:bbbb") + b"".join(
        stun._attribute(what, value) for what, value in attributes if what not in (0x0008, 0x8028)
    )
    data = stun._sealed(kind, os.urandom(12), body, OURS if keyed else None)
    each = party(lite=lite)
    try:
        replies = answers(each, data)
    except stun.StunError:
        return
    assert len(replies) <= (1 if keyed and kind == stun.REQUEST else 0)
    assert sum(map(len, replies)) <= 1.5 * len(data)
