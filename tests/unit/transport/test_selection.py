"""The order of targets: NAPTR, SRV priorities, and weights thrown by given dice."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from softswitch.transport.selection import Naptr, Srv, Target, by_weight, preferred, tiers

ADDRESSES = {name: (f"192.0.2.{number}",) for number, name in enumerate("abcd", 1)}


def test_naptr_by_order_then_preference_and_only_what_we_speak() -> None:
    records = [
        Naptr(20, 10, "s", "SIP+D2U", "_sip._udp.test"),
        Naptr(10, 50, "S", "sips+d2t", "_sips._tcp.test"),
        Naptr(10, 10, "s", "SIP+D2S", "_sip._sctp.test"),
        Naptr(10, 60, "A", "SIP+D2T", "sip.test"),
        Naptr(5, 1, "u", "E2U+sip", "."),
        Naptr(5, 2, "", "SIP+D2U", "elsewhere.test"),
    ]
    assert preferred(records, secure=False) == [
        ("TLS", "s", "_sips._tcp.test"), ("TCP", "a", "sip.test"), ("UDP", "s", "_sip._udp.test")
    ]  # fmt: skip
    assert preferred(records, secure=True) == [("TLS", "s", "_sips._tcp.test")]


def test_tiers_by_priority_without_targets_that_are_none() -> None:
    records = [
        Srv(20, 1, 5060, "b"),
        Srv(10, 5, 5070, "a"),
        Srv(10, 5, 5060, "c"),
        Srv(1, 0, 0, "."),
        Srv(1, 0, 9, "x"),
    ]
    assert tiers(records, ADDRESSES) == (
        (Target(("192.0.2.1",), 5070, 5), Target(("192.0.2.3",), 5060, 5)),
        (Target(("192.0.2.2",), 5060, 1),),
    )


def test_a_flood_of_records_is_cut() -> None:
    assert sum(len(tier) for tier in tiers([Srv(1, 0, port, "a") for port in range(1, 999)], ADDRESSES)) == 32


@pytest.mark.parametrize(("weights", "first"), [((0, 0), 0.5), ((1, 3), 0.25), ((0, 100), 0.01), ((7,), 1.0)])
def test_weights_decide_how_often_a_target_comes_first(weights: tuple[int, ...], first: float) -> None:
    """RFC 2782: in proportion, except that the sum counts inclusively and weight 0 keeps a small chance."""
    dice = random.Random(7)
    tier = [Target((str(index),), 5060, weight) for index, weight in enumerate(weights)]
    total = sum(weights)
    seen = Counter(next(iter(by_weight(tier, dice.randrange))).addresses[0] for _ in range(4000))
    if total == 0:
        first = 1.0  # all of weight 0: any order will do, and theirs is kept
    assert seen["0"] / 4000 == pytest.approx(first, abs=0.03 + 1 / (total + 1) if total else 0.0)


def test_every_target_comes_once_whatever_the_dice_say() -> None:
    tier = [Target((str(index),), 5060, index % 3) for index in range(9)]
    for seed in range(50):
        order = list(by_weight(tier, random.Random(seed).randrange))
        assert sorted(order, key=lambda target: target.addresses) == tier
