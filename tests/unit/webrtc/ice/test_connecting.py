"""Two agents find each other, whatever the network does."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sdp.browser import IceCandidate
from softswitch.webrtc.ice.candidate import priority
from softswitch.webrtc.ice.state import AgentState, IceFailed, Pace, PathChanged
from tests.support.ice_wire import Network, Party, connected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.webrtc.stun import Address


def told(party: Party) -> list[str]:
    return [type(news).__name__ for _, news in party.news]


def test_two_full_agents() -> None:
    a, b = Party("a", ["192.0.2.1"]), Party("b", ["198.51.100.1"])
    network = Network(a, b)
    a.know(b, 0.0, controlling=True)
    b.know(a, 0.0, controlling=False)
    network.run(5.0, stop=lambda: connected(a, b))
    assert network.now < 0.1
    assert (a.agent.role, b.agent.role) == ("controlling", "controlled")
    assert a.agent.selected is not None
    assert a.agent.selected.remote == b.here
    assert told(a) == told(b) == ["PathChanged"]


def test_the_best_of_several_is_nominated() -> None:
    """The higher one answers later, but soon enough to be waited for."""
    a, b = Party("a", ["192.0.2.1"]), Party("b", ["198.51.100.1", "203.0.113.1"])

    def fate(sender: Party, data: bytes, to: Address) -> Sequence[float]:
        return (0.06,) if to[0] == "198.51.100.1" else (0.005,)

    b.addresses.reverse()  # it sends from the lesser one
    network = Network(a, b, fate=fate)
    a.know(b, 0.0, controlling=True)
    b.agent.set_remote(a.agent.credentials, lite=False, controlling=False, now=0.0)
    network.run(5.0, stop=lambda: a.agent.selected is not None)
    assert a.agent.selected is not None
    # Answers of b come from where it sends: only from there is one that counts.
    assert a.agent.selected.remote == ("203.0.113.1", 5000)


def test_a_browser_that_says_nothing_of_itself_is_found() -> None:
    """All its candidates are names under .local; its checks come from behind a NAT (peer-reflexive on both sides)."""
    switch, browser = Party("s", ["192.0.2.1"]), Party("b", ["203.0.113.77"])
    network = Network(switch, browser)
    switch.agent.add_candidate(IceCandidate("1", 1, "udp", priority("host"), "4ab6-77.local", 4444, "host"), 0.0)
    browser.agent.announced = ()
    switch.know(browser, 0.0, controlling=False, candidates=False)
    browser.agent.announced = Party("b", ["10.0.0.5"]).agent.announced
    browser.know(switch, 0.0, controlling=True)
    network.run(5.0, stop=lambda: connected(switch, browser))
    assert switch.agent.selected is not None
    assert switch.agent.selected.remote == ("203.0.113.77", 5000)
    assert not switch.agent.selected.signalled
    assert browser.agent.mapped == {("203.0.113.77", 5000)}


def test_checks_that_come_before_the_description_count() -> None:
    a, b = Party("a", ["192.0.2.1"]), Party("b", ["198.51.100.1"])
    network = Network(a, b)
    b.know(a, 0.0, controlling=True)
    network.run(0.2)
    assert a.agent.state is AgentState.WAITING
    assert a.agent.pairs[b.here].heard_at > 0
    a.know(b, 0.2, controlling=False, candidates=False)
    network.run(2.0, stop=lambda: connected(a, b))
    assert connected(a, b)


def test_candidates_may_come_later() -> None:
    """Trickled in: nothing fails meanwhile (RFC 8838)."""
    a, b = Party("a", ["192.0.2.1"]), Party("b", ["198.51.100.1"])
    network = Network(a, b)
    a.know(b, 0.0, controlling=True, candidates=False)
    b.know(a, 0.0, controlling=False, candidates=False)
    network.run(4.0)
    assert a.agent.state is b.agent.state is AgentState.CHECKING
    a.agent.add_candidate(b.agent.announced[0], 4.0)
    network.run(6.0, stop=lambda: connected(a, b))
    assert connected(a, b)
    b.agent.add_candidate(a.agent.announced[0], network.now)
    assert b.agent.pairs[a.here].signalled
    assert len(b.agent.pairs) == 1


def test_nobody_there() -> None:
    a, b = Party("a", ["192.0.2.1"]), Party("b", ["198.51.100.1"])
    network = Network(a, b, fate=lambda *_: ())
    a.know(b, 0.0, controlling=True)
    network.run(100.0)
    assert a.agent.state is AgentState.FAILED
    ((when, news),) = a.news
    assert when == pytest.approx(Pace().connect)
    assert isinstance(news, IceFailed)
    assert news.reason == "no way to the browser within 20 s: it was never heard, 1 of its candidates could be tried"
    assert len(a.sent) <= Pace().most_sent


def test_nobody_there_and_not_all_said() -> None:
    a, b = Party("a", ["192.0.2.1"]), Party("b", ["198.51.100.1"])
    network = Network(a, b)
    a.know(b, 0.0, controlling=True, candidates=False)
    network.run(100.0)
    assert a.news[-1][1].reason.endswith("0 of its candidates could be tried, and more were to come")  # type: ignore[union-attr]


def test_one_way_only_is_no_way() -> None:
    a, b = Party("a", ["192.0.2.1"]), Party("b", ["198.51.100.1"])
    network = Network(a, b, fate=lambda sender, *_: (0.01,) if sender is b else ())
    a.know(b, 0.0, controlling=True)
    b.know(a, 0.0, controlling=False)
    network.run(100.0)
    assert a.agent.state is b.agent.state is AgentState.FAILED
    assert "its checks came, ours were not answered" in a.news[-1][1].reason  # type: ignore[union-attr]


@pytest.mark.parametrize("both", [True, False])
def test_roles_in_conflict_are_settled(both: bool) -> None:
    """RFC 8445 7.3.1.1: by tie-breaker, and by 487."""
    a, b = Party("a", ["192.0.2.1"]), Party("b", ["198.51.100.1"])
    network = Network(a, b)
    a.know(b, 0.0, controlling=both)
    b.know(a, 0.0, controlling=both)
    network.run(5.0, stop=lambda: connected(a, b))
    assert connected(a, b)
    assert {a.agent.role, b.agent.role} == {"controlling", "controlled"}


def test_a_lite_agent_leaves_the_checking_to_the_other() -> None:
    lite, full = Party("l", ["192.0.2.1"], lite=True), Party("f", ["203.0.113.1"])
    network = Network(lite, full)
    lite.know(full, 0.0, controlling=True)
    full.know(lite, 0.0, controlling=False)
    network.run(5.0, stop=lambda: connected(lite, full))
    assert connected(lite, full)
    assert (lite.agent.role, full.agent.role) == ("controlled", "controlling")
    assert all(data[:2] == b"\1\1" for _, data, _ in lite.sent)


def test_ipv6() -> None:
    a, b = Party("a", ["192.0.2.1", "2001:db8::1"]), Party("b", ["2001:DB8::2"])
    a.addresses = ["2001:db8::1"]
    b.addresses = ["2001:db8::2"]
    network = Network(a, b)
    a.know(b, 0.0, controlling=True)
    b.know(a, 0.0, controlling=False)
    network.run(5.0, stop=lambda: connected(a, b))
    assert connected(a, b)


@given(
    seed=st.integers(0, 1 << 32),
    loss=st.sampled_from([0.0, 0.05, 0.2, 0.5]),
    lite=st.booleans(),
    controlling=st.sampled_from([(True, False), (True, True), (False, False), (False, True)]),
    trickle=st.booleans(),
    addresses=st.integers(1, 3),
)
@settings(max_examples=150, deadline=None)
def test_both_agree_in_the_end(
    seed: int, loss: float, lite: bool, controlling: tuple[bool, bool], trickle: bool, addresses: int
) -> None:
    """Whatever is lost, repeated, delayed or out of order: a pair that both selected, or failure, and bounded noise."""
    dice = random.Random(seed)
    a = Party("a", [f"192.0.2.{number + 1}" for number in range(addresses)], lite=lite)
    b = Party("b", ["198.51.100.1", "203.0.113.1"])

    def fate(sender: Party, data: bytes, to: Address) -> list[float]:
        return [dice.uniform(0.001, 0.3) for _ in range(dice.choice((1, 1, 1, 2))) if dice.random() >= loss]

    network = Network(a, b, fate=fate)
    network.at(dice.uniform(0, 1), lambda: a.know(b, network.now, controlling=controlling[0], candidates=not trickle))
    network.at(dice.uniform(0, 1), lambda: b.know(a, network.now, controlling=controlling[1]))
    network.run(15.0)
    ends = {a.agent.state, b.agent.state}
    assert AgentState.WAITING not in ends
    # Half of all lost is three quarters of all exchanges: consent comes and goes, and anything may be under way.
    if loss < 0.5:
        assert ends == {AgentState.CONNECTED}
        assert a.agent.selected is not None
        assert b.agent.selected is not None
        # Each sends from its first address alone, so that agreeing means: there.
        assert a.agent.selected.remote == b.here
        assert b.agent.selected.remote == a.here
        assert a.agent.role != b.agent.role
    assert any(isinstance(news, PathChanged) for _, news in a.news) or a.agent.state is not AgentState.CONNECTED
    assert len(a.sent) < 400
