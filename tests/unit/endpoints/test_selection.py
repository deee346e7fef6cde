"""In which order next hops and trunks are tried."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.b2bua.cause import NO_CIRCUIT, NO_RATE, NOT_PERMITTED
from softswitch.b2bua.destination import OutwardPolicy
from softswitch.b2bua.presentation import Presentation
from softswitch.dialplan.number_format import NumberFormat
from softswitch.dialplan.numbers import Numbering
from softswitch.dialplan.route import TrunkTarget
from softswitch.endpoints.choice import Considered, TrunkChooser
from softswitch.endpoints.limits import TrunkLimits
from softswitch.endpoints.rates import Rates
from softswitch.endpoints.selection import HopPolicy, RankedHop, Selector
from softswitch.endpoints.toll import TollGuard, TollPolicy
from softswitch.endpoints.trunk import Trunk
from softswitch.transport.next_hop import NextHop

A, B, C = (NextHop(f"192.0.2.{number}") for number in (1, 2, 3))


def first_of(trunk: Trunk, times: int) -> Counter[str]:
    selector = Selector(Random(1).randrange)
    return Counter(selector.hops(trunk)[0].host for _ in range(times))


def trunk(policy: HopPolicy) -> Trunk:
    return Trunk(name="t", next_hops=(A, B, C), hops=policy)


def test_failover_keeps_the_order_of_each_priority() -> None:
    policy = HopPolicy("failover", (RankedHop(A, 2), RankedHop(B, 1), RankedHop(C, 1)))
    selector = Selector(Random(1).randrange)
    assert [selector.hops(trunk(policy)) for _ in range(3)] == [[B, C, A]] * 3


def test_round_robin_takes_turns_within_a_priority() -> None:
    policy = HopPolicy("round_robin", (RankedHop(A), RankedHop(B), RankedHop(C, 7)))
    selector = Selector(Random(1).randrange)
    assert [selector.hops(trunk(policy)) for _ in range(4)] == [[A, B, C], [B, A, C], [A, B, C], [B, A, C]]


def test_weights_are_shares() -> None:
    policy = HopPolicy("weighted", (RankedHop(A, 0, 70), RankedHop(B, 0, 30), RankedHop(C, 1, 100)))
    found = first_of(trunk(policy), 2000)
    assert found["192.0.2.1"] == pytest.approx(1400, abs=100)
    assert found["192.0.2.2"] == pytest.approx(600, abs=100)
    assert found["192.0.2.3"] == 0


@given(
    ranks=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=6),
    strategy=st.sampled_from(["failover", "round_robin", "weighted"]),
    seed=st.integers(0, 99),
)
def test_nobody_is_lost_and_priorities_hold(ranks: list[tuple[int, int]], strategy: str, seed: int) -> None:
    hops = tuple(RankedHop(NextHop(f"192.0.2.{index}"), *rank) for index, rank in enumerate(ranks))
    selector = Selector(Random(seed).randrange)
    for _ in range(3):
        order = selector.order("t", hops, strategy)  # type: ignore[arg-type]
        assert sorted(map(str, order)) == sorted(map(str, hops))
        assert [each.priority for each in order] == sorted(each.priority for each in hops)


TRUNKS = {
    "dear": Trunk(name="dear", rates=Rates({"+49": 0.02, "+4915": 0.2, "+33": 0.1})),
    "cheap": Trunk(name="cheap", rates=Rates({"+49": 0.01, "+4915": 0.3})),
    "same": Trunk(name="same", rates=Rates({"+49": 0.01})),
    "none": Trunk(name="none"),
    "off": Trunk(name="off", limits=TrunkLimits(enabled=False)),
    "home": Trunk(name="home", toll=TollPolicy.of(international=False, allowed=(), denied=())),
}


def consider(called: str, choose: str, *names: str, emergency: bool = False) -> list[Considered]:
    chooser = TrunkChooser(TRUNKS, Selector(lambda _: 0), TollGuard(Numbering("49", "00", "0")))
    targets = [TrunkTarget(name, called) for name in names]
    return chooser.consider(targets, choose, called, emergency=emergency)  # type: ignore[arg-type]


def taken(considered: list[Considered]) -> list[str]:
    return [each.target.trunk for each in considered if each.refused is None]


@pytest.mark.parametrize(
    ("called", "order"),
    [
        ("+49301", ["cheap", "same", "dear"]),
        ("+49151", ["same", "dear", "cheap"]),
        ("+33140", ["dear"]),
        ("+34911", []),
    ],
)
def test_least_cost_is_by_the_longest_prefix_and_ties_by_order(called: str, order: list[str]) -> None:
    considered = consider(called, "least_cost", "dear", "cheap", "same")
    assert taken(considered) == order
    assert {each.refused for each in considered} <= {None, NO_RATE}


def test_every_trunk_says_why() -> None:
    considered = consider("+33140", "least_cost", "dear", "cheap", "off", "home")
    assert [(each.target.trunk, each.why) for each in considered] == [
        ("dear", "0.1 by prefix +33"),
        ("cheap", "no rate for +33140"),
        ("off", "trunk disabled"),
        ("home", "+33140 is abroad (international_allowed)"),
    ]
    assert [each.refused for each in considered] == [None, NO_RATE, NO_CIRCUIT, NOT_PERMITTED]


def test_trunks_take_turns() -> None:
    chooser = TrunkChooser(TRUNKS, Selector(lambda _: 0), TollGuard(Numbering()))
    targets = [TrunkTarget(name, "1") for name in ("dear", "cheap", "off")]
    orders = [taken(chooser.consider(targets, "round_robin", "1", emergency=False)) for _ in range(3)]
    assert orders == [["dear", "cheap"], ["cheap", "dear"], ["dear", "cheap"]]


def test_trunks_by_weight_within_their_priority() -> None:
    chooser = TrunkChooser(TRUNKS, Selector(Random(1).randrange), TollGuard(Numbering()))
    targets = [TrunkTarget("dear", "1", 0, 1), TrunkTarget("cheap", "1", 0, 9), TrunkTarget("same", "1", 1, 99)]
    found = Counter(taken(chooser.consider(targets, "weighted", "1", emergency=False))[0] for _ in range(1000))
    assert found["cheap"] == pytest.approx(900, abs=60)
    assert found["same"] == 0


def test_an_emergency_call_is_refused_by_no_price_and_no_rule() -> None:
    considered = consider("112", "least_cost", "dear", "home", emergency=True)
    assert taken(considered) == ["dear", "home"]
    assert taken(consider("112", "in_order", "off", "home", emergency=True)) == ["home"]


@pytest.mark.parametrize(
    ("form", "number", "rule"),
    [
        (NumberFormat.INTERNATIONAL, "33140000000", "international"),
        (NumberFormat.US_NATIONAL, "01133140000000", "international"),
        (NumberFormat.E164, "33140000000", ""),
        (None, "33140000000", ""),
    ],
)
def test_a_number_is_judged_as_the_far_end_will_read_it(form: NumberFormat | None, number: str, rule: str) -> None:
    at_home = TollPolicy.of(international=False, allowed=(), denied=())
    far = Trunk(name="far", toll=at_home, outward=OutwardPolicy(Presentation(format=form)))
    chooser = TrunkChooser({"far": far}, Selector(lambda _: 0), TollGuard(Numbering("49", "00", "")))
    (considered,) = chooser.consider([TrunkTarget("far", number)], "in_order", number, emergency=False)
    assert (considered.toll.rule if considered.toll else "") == rule


@pytest.mark.parametrize("choose", ["in_order", "least_cost", "round_robin", "weighted"])
def test_a_lower_priority_comes_first_whatever_else_decides(choose: str) -> None:
    chooser = TrunkChooser(TRUNKS, Selector(lambda _: 0), TollGuard(Numbering()))
    targets = [TrunkTarget("cheap", "+49", 2), TrunkTarget("dear", "+49", 1), TrunkTarget("same", "+49", 1)]
    for _ in range(3):
        found = taken(chooser.consider(targets, choose, "+49", emergency=False))  # type: ignore[arg-type]
        assert found[2] == "cheap"
