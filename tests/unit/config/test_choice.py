"""Choosing a trunk and guarding it against fraud, as an operator writes it and gets it wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from softswitch import parties, simulation
from softswitch.dialplan.match import CallFacts
from softswitch.endpoints.selection import IN_ORDER
from softswitch.endpoints.toll import NO_POLICY
from softswitch.provision import NOON
from tests.support.config_files import ConfigFolder

if TYPE_CHECKING:
    from pathlib import Path

TRUNKS = """
    trunks:
      dear: {destinations: [192.0.2.1], rates: {+49: 0.02, 0033: 0.1}, international_allowed: true}
      cheap:
        destinations: [{host: 192.0.2.2, priority: 1, weight: 3}, {host: "192.0.2.3:5080;transport=tcp"}]
        strategy: ROUND_ROBIN
        rates: rates.csv
        destinations_denied: ["0900", +4915]
      plain: {destinations: [192.0.2.4]}
    phones:
      allow_from: [127.0.0.0/8]
      users: {1001: {password: {env: PHONE_PASSWORD}}}
"""
DIALPLAN = """
    numbering: {country_code: 49}
    routes:
      - {name: out, when: {from: phones}, do: [{dial: {trunk: [dear, {name: cheap, weight: 9}], choose: least_cost}}]}
"""
RATES = "\ufeffPrefix,Price,Name\n# Germany\n49,0.01,Germany\n0049 15,0.05,mobile\n\n"


def folder(root: Path, config: str = TRUNKS, dialplan: str = DIALPLAN) -> ConfigFolder:
    made = ConfigFolder.make(root, config, dialplan)
    made.write("rates.csv", RATES)
    return made


def test_what_is_written_is_what_the_endpoints_get(tmp_path: Path) -> None:
    provision = folder(tmp_path).provision()
    trunks = parties.trunks(provision.settings)
    cheap = trunks["cheap"]
    assert cheap.hops.strategy == "round_robin"
    assert [(str(each.hop), each.priority, each.weight) for each in cheap.hops.ranked] == [
        ("192.0.2.2/UDP", 1, 3), ("192.0.2.3:5080/TCP", 0, 1)
    ]  # fmt: skip
    assert cheap.rates is not None
    assert [str(cheap.rates.rate(number)) for number in ("+4930", "+49151", "+33")] == [
        "0.01 by prefix +49", "0.05 by prefix +4915", "None"
    ]  # fmt: skip
    assert trunks["plain"].hops is IN_ORDER
    assert trunks["plain"].toll is not NO_POLICY, "abroad is off by default"
    assert trunks["dear"].toll is NO_POLICY
    assert provision.warnings == ()


@pytest.mark.parametrize(
    ("called", "told"),
    [
        ("030 1", ["1.  cheap  0.01 by prefix +49", "round_robin: 192.0.2.2", "2.  dear   0.02 by prefix +49"]),
        (
            "0151 1",
            ["1.  dear   0.02 by prefix +49", "-   cheap  403: +491511 begins with +4915 (destinations_denied)"],
        ),
        ("0033 1", ["1.  dear   0.1 by prefix +33", "-   cheap  403: +331 is abroad (international_allowed)"]),
        ("112", ["an emergency call, which nothing holds up", "1.  dear   no rate, and an emergency"]),
    ],
)
def test_simulate_tells_the_choice_and_why(tmp_path: Path, called: str, told: list[str]) -> None:
    provision = folder(tmp_path).provision()
    facts = CallFacts("phone:1001", called, "1001")
    _, text = simulation.simulate(
        provision.settings, provision.dialplan, facts, NOON.replace(tzinfo=provision.dialplan.zone)
    )
    at = [text.find(each) for each in told]
    assert -1 not in at, text
    assert at == sorted(at), text


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("stragety: weighted", "unknown key 'stragety', did you mean 'strategy'?"),
        (
            "strategy: round-robin",
            "expected failover, round_robin or weighted, got 'round-robin', did you mean 'round_robin'?",
        ),
        ("rates: {}", "expected at least one prefix with its price"),
        ("rates: {+49: -1}", "expected a price such as 0.0125, got -1"),
        ("rates: {0301: 1}", "expected a prefix with its country code such as +4915, got '0301'"),
        ("rates: missing.csv", "there is no file"),
        (
            "rates: broken.csv",
            "broken.csv: line 2: expected a price such as 0.0125, got 'cheap'; line 3: expected prefix,price",
        ),
        ("rates: empty.csv", "expected lines of prefix,price, found none"),
        ("international_allowed: 'no'", "expected true or false, got 'no'"),
        ("international_allowed: false", "what is abroad cannot be told without numbering.country_code"),
        ("destinations_allowed: [abroad]", "expected the beginning of a number such as +49 or 0900, got 'abroad'"),
        ("options: {enabled: true, timeout: 10s, interval: 5s}", "timeout (10 s) is longer than interval (5 s)"),
        ("options: {enable: true}", "unknown key 'enable', did you mean 'enabled'?"),
        ("destinations: [{hots: 192.0.2.1}]", "unknown key 'hots', did you mean 'host'?"),
        ("destinations: [{host: 192.0.2.1, weight: -1}]", "expected a whole number from 0 to 65535, got -1"),
    ],
)
def test_what_cannot_be(tmp_path: Path, keys: str, expected: str) -> None:
    destinations = "" if keys.startswith("destinations:") else "destinations: [192.0.2.1], "
    made = folder(tmp_path, f"trunks: {{carrier: {{{destinations}{keys}}}}}", "")
    made.write("broken.csv", "prefix,price\n49,cheap\n43\n")
    made.write("empty.csv", "prefix,price\n")
    (problem,) = made.problems()
    assert expected in problem


@pytest.mark.parametrize(
    ("dial", "expected"),
    [
        ("{trunk: [{name: chaep}]}", "dial.trunk[0].name: unknown trunk 'chaep', did you mean 'cheap'?"),
        ("{trunk: plain, choose: least_cost}", "the trunk 'plain' has none: give it trunks.plain.rates"),
        ("{trunk: plain, choose: cheapest}", "expected in_order, round_robin, weighted or least_cost, got 'cheapest'"),
        ("{phone: 1001, choose: weighted}", "choose is for trunks, and there is none here"),
        ("{trunk: [dear, plain], choose: weighted, strategy: parallel}", "rings all of them at once"),
    ],
)
def test_choices_that_cannot_be(tmp_path: Path, dial: str, expected: str) -> None:
    problems = folder(tmp_path, dialplan=f"routes: [{{name: out, do: [{{dial: {dial}}}]}}]").problems()
    assert any(expected in problem for problem in problems), problems


def test_a_world_that_stands_open_is_warned_of(tmp_path: Path) -> None:
    made = folder(tmp_path, dialplan="")
    assert [str(each).partition(" ")[2][:44] for each in made.provision().warnings] == [
        "trunks.cheap: calls abroad are let through: ", "trunks.plain: calls abroad are let through: "
    ]  # fmt: skip


def test_a_test_of_the_dialplan_that_no_trunk_would_take_is_warned_of(tmp_path: Path) -> None:
    tests = """
    tests:
      - {from: phone:1001, to: 0033 1, expect: out}
      - {from: phone:1001, to: 0034 1, expect: out}
    """
    provision = folder(tmp_path, dialplan=DIALPLAN + tests).provision()
    (warning,) = simulation.refused_tests(provision)
    assert str(warning).endswith(
        "tests[1].to: no trunk of the rule would take this call: "
        "dear: no rate for +341; cheap: +341 is abroad (international_allowed)"
    )
