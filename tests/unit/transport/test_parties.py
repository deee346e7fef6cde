"""Who is at the far end of a flow, and which connection serves it, whatever order connections come and go in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from softswitch.transport.parties import Parties, Party, Succession

ALICE, BOB = Party("alice", "<urn:uuid:1>"), Party("bob", "<urn:uuid:2>")


def met(*flows: tuple[str, int]) -> Parties[str]:
    parties: Parties[str] = Parties()
    for connection, flow in flows:
        parties.opened(connection, flow)
    return parties


def test_a_party_takes_its_flows_over() -> None:
    parties = met(("first", 1))
    assert parties.introduce(1, ALICE) == Succession()
    assert parties.closed("first", may_return=True) == ((1,), ALICE)
    assert parties.party(1) == ALICE
    assert parties.connection(1) is None
    assert parties.wait(1, b"one", 10)
    assert parties.wait(1, b"two", 10)
    parties.opened("second", 2)
    assert parties.introduce(2, ALICE) == Succession((1,), (b"one", b"two"))
    assert parties.connection(1) == parties.connection(2) == "second"
    assert parties.closed("second", may_return=True) == ((2, 1), ALICE)


def test_what_waits_is_bounded() -> None:
    parties = met(("first", 1))
    parties.introduce(1, ALICE)
    parties.closed("first", may_return=True)
    assert parties.wait(1, b"12345", 9)
    assert not parties.wait(1, b"12345", 9)
    assert not parties.wait(2, b"1", 9)


def test_a_party_that_is_still_there_is_replaced() -> None:
    parties = met(("first", 1), ("second", 2))
    parties.introduce(1, ALICE)
    assert parties.introduce(2, ALICE) == Succession((1,), (), "first")
    assert parties.connection(1) == "second"
    assert parties.closed("first", may_return=True) == ((), None)
    assert parties.party(1) == ALICE


def test_another_party_takes_nothing_over() -> None:
    parties = met(("first", 1))
    parties.introduce(1, ALICE)
    parties.closed("first", may_return=True)
    parties.opened("second", 2)
    assert parties.introduce(2, BOB) == Succession()
    assert parties.introduce(2, Party("alice", "<urn:uuid:2>")) == Succession()
    assert parties.connection(1) is None


def test_nobody_waits_for_a_party_without_instance() -> None:
    parties = met(("first", 1), ("second", 2))
    parties.introduce(1, Party("alice", ""))
    assert parties.closed("first", may_return=True) == ((1,), None)
    assert parties.closed("second", may_return=True) == ((2,), None)
    assert not parties.absent


def test_nobody_waits_for_a_page_that_was_left() -> None:
    parties = met(("first", 1))
    parties.introduce(1, ALICE)
    assert parties.closed("first", may_return=False) == ((1,), None)
    assert parties.party(1) is None


def test_a_party_that_does_not_come_back_loses_its_flows() -> None:
    parties = met(("first", 1))
    parties.introduce(1, ALICE)
    parties.closed("first", may_return=True)
    assert parties.give_up(ALICE) == (1,)
    assert parties.give_up(ALICE) == ()
    assert parties.party(1) is None
    parties.opened("second", 2)
    assert parties.introduce(2, ALICE) == Succession()


@given(st.lists(st.tuples(st.sampled_from("oicgd"), st.integers(0, 4), st.integers(0, 2)), max_size=60))
def test_every_flow_is_served_awaited_or_gone(steps: list[tuple[str, int, int]]) -> None:
    """Open, introduce, close, give up, drop, in any order: no flow is served twice, and none is forgotten."""
    parties: Parties[int] = Parties()
    who = (ALICE, BOB, Party("alice", ""))
    alive: set[int] = set()
    connections: list[int] = []
    for number, (step, which, party) in enumerate(steps):
        connection = connections[which % len(connections)] if connections else None
        match step:
            case "o":
                parties.opened(number, number)
                connections.append(number)
                alive.add(number)
            case "i" if connection is not None:
                own = [flow for flow in alive if parties.connection(flow) == connection]
                if own:
                    parties.introduce(own[0], who[party])
            case "c" if connection is not None:
                connections.remove(connection)
                flows, expected = parties.closed(connection, may_return=bool(party))
                if expected is None:
                    alive -= set(flows)
            case "g":
                alive -= set(parties.give_up(who[party]))
            case "d" if connection is not None:
                extra = [flow for flow in alive if parties.connection(flow) == connection and flow != connection]
                for flow in extra:
                    parties.drop(flow)
                    alive.discard(flow)
        awaited = {flow for flow in alive if parties.connection(flow) is None}
        for flow in alive - awaited:
            assert parties.connection(flow) in connections
        for flow in awaited:
            assert parties.party(flow) in who[:2]
            assert parties.wait(flow, b"", 0)
        assert len(parties) == len(connections)
    for connection in connections:
        parties.closed(connection, may_return=False)
    for each in who:
        parties.give_up(each)
    assert not parties.absent
    assert not parties._serving
    assert not parties._flows
    assert not parties._party
    assert not parties._present
    assert not parties._absent_flows
