"""The gate lets in whom it knows, drops everybody else, and stays small and quick under forged sources."""

from __future__ import annotations

import ipaddress
import logging
import sys
import time

import pytest

from softswitch.endpoints.access_control import AccessConflictError, Gate, Phones
from softswitch.endpoints.limits import TrunkLimits
from softswitch.endpoints.network import Source
from softswitch.endpoints.tls_identities import TrunkTls
from softswitch.endpoints.trunk import Trunk
from softswitch.sip.flow import Flow
from softswitch.transport.next_hop import NextHop


def flow(address: str, port: int = 5060) -> Flow:
    return Flow("UDP", ("192.0.2.100", 5060), (address, port))


def trunk(name: str, *sources: str, hops: tuple[NextHop, ...] = ()) -> Trunk:
    return Trunk(name=name, sources=tuple(map(Source.parse, sources)), next_hops=hops)


def phones(*networks: str) -> Phones:
    return Phones(tuple(map(ipaddress.ip_network, networks)))


CARRIER = trunk("carrier", "198.51.100.0/24", "2001:db8::/48")
BACKUP = trunk("backup", "198.51.100.7")


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("198.51.100.1", CARRIER),
        ("198.51.100.7", BACKUP),
        ("198.51.101.1", None),
        ("2001:db8::5060", CARRIER),
        ("2001:db9::1", None),
        ("::ffff:198.51.100.1", CARRIER),
        ("fe80::1%eth0", None),
        ("not an address", None),
        ("10.1.2.3", phones("10.0.0.0/8")),
    ],
)
def test_most_specific_network_decides(address: str, owner: Trunk | Phones | None) -> None:
    gate = Gate([CARRIER, BACKUP], phones("10.0.0.0/8"))
    for _ in range(2):
        assert gate.admit(flow(address), 0.0) == owner
        assert gate.may_begin(flow(address)) == owner


def test_nobody_is_let_in_by_default() -> None:
    gate = Gate([])
    assert gate.admit(flow("127.0.0.1"), 0.0) is None
    assert gate.may_begin(flow("127.0.0.1")) is None
    assert gate.counters.unknown == 1


def test_trunk_inside_the_phones_network_is_a_trunk() -> None:
    inside = trunk("pbx", "10.0.0.5")
    gate = Gate([inside], phones("10.0.0.0/24"))
    assert gate.admit(flow("10.0.0.5"), 0.0) is inside
    assert isinstance(gate.admit(flow("10.0.0.6"), 0.0), Phones)


def test_trunk_claims_one_port_and_phones_have_the_rest_of_the_host() -> None:
    local = trunk("carrier", "127.0.0.1:5070")
    gate = Gate([local], phones("127.0.0.0/8"))
    assert gate.may_begin(flow("127.0.0.1", 5070)) is local
    assert isinstance(gate.may_begin(flow("127.0.0.1", 5071)), Phones)
    assert gate.admit(flow("127.0.0.1", 5070), 0.0) is local
    assert isinstance(gate.admit(flow("127.0.0.1", 5071), 0.0), Phones)


def test_two_trunks_share_a_host_by_port() -> None:
    one, two = trunk("one", "192.0.2.1:5061"), trunk("two", "192.0.2.1:5062")
    gate = Gate([one, two])
    assert gate.may_begin(flow("192.0.2.1", 5061)) is one
    assert gate.may_begin(flow("192.0.2.1", 5062)) is two
    assert gate.admit(flow("192.0.2.1", 5063), 0.0) is None
    assert gate.counters.unknown == 1


@pytest.mark.parametrize("source", ["192.0.2.0/24", "192.0.2.1:5060"])
def test_two_trunks_on_one_source_are_refused(source: str) -> None:
    with pytest.raises(AccessConflictError, match="trunk:one and trunk:two both claim the source 192"):
        Gate([trunk("one", source), trunk("two", source)])


def test_next_hop_may_answer_but_not_call() -> None:
    outbound = trunk("outbound", hops=(NextHop("203.0.113.9"),))
    gate = Gate([outbound])
    assert gate.admit(flow("203.0.113.9"), 0.0) is outbound
    assert gate.may_begin(flow("203.0.113.9")) is None


def test_resolved_next_hop_is_admitted_from_then_on() -> None:
    outbound = trunk("outbound", hops=(NextHop("sip.example.net"),))
    gate = Gate([outbound])
    assert gate.admit(flow("203.0.113.9"), 0.0) is None
    gate.expect("203.0.113.9", outbound)
    assert gate.admit(flow("203.0.113.9"), 0.0) is outbound
    assert gate.may_begin(flow("203.0.113.9")) is None


def test_next_hop_among_the_phones_is_not_throttled() -> None:
    outbound = trunk("outbound", hops=(NextHop("10.0.0.9"),))
    gate = Gate([outbound], phones("10.0.0.0/8"), unregistered_rate=1.0)
    assert all(gate.admit(flow("10.0.0.9"), 0.0) is outbound for _ in range(10))
    assert isinstance(gate.may_begin(flow("10.0.0.9")), Phones)


class Registered:
    """One phone is registered from 10.0.0.2."""

    def has_source(self, address: str) -> bool:
        return address == "10.0.0.2"


def test_flood_of_one_phone_is_cut_and_the_next_one_is_heard() -> None:
    gate = Gate([], phones("10.0.0.0/8"), registered=Registered(), unregistered_rate=5.0, registered_rate=50.0)
    heard = sum(gate.admit(flow("10.0.0.1"), 0.0) is not None for _ in range(1000))
    assert heard == 10
    assert gate.counters.throttled == 990
    assert gate.admit(flow("10.0.0.3"), 0.0) is not None
    assert sum(gate.admit(flow("10.0.0.2"), 0.0) is not None for _ in range(1000)) == 100
    assert gate.admit(flow("10.0.0.1"), 1.0) is not None


def test_flood_from_one_address_of_a_trunk_is_cut_and_the_others_are_heard(caplog: pytest.LogCaptureFixture) -> None:
    slow = Trunk(name="slow", sources=(Source.parse("192.0.2.0/24"),), limits=TrunkLimits(messages_per_second=20))
    gate = Gate([slow, trunk("other", "198.51.100.7")])
    assert sum(gate.admit(flow("192.0.2.7"), 0.0) is not None for _ in range(1000)) == 40
    assert gate.counters.throttled == 960
    assert [record.getMessage() for record in caplog.records] == [
        "dropping messages from 192.0.2.7: it sends more than trunk:slow may (messages_per_second)"
    ]
    assert gate.admit(flow("192.0.2.8"), 0.0) is slow
    assert gate.admit(flow("198.51.100.7"), 0.0) is not None
    assert sum(gate.admit(flow("192.0.2.7"), 1.0) is not None for _ in range(1000)) == 20


def test_a_trunk_that_proves_itself_by_certificate_has_a_pace_too() -> None:
    roaming = Trunk(name="roaming", tls=TrunkTls(("a.test",)), limits=TrunkLimits(messages_per_second=20))
    gate = Gate([roaming])
    assert sum(gate.admit(secure("203.0.113.9", "roaming a.test"), 0.0) is not None for _ in range(100)) == 40


def test_unknown_sources_are_counted_and_named_once_an_interval(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate([])
    for second in range(50):
        gate.admit(flow("203.0.113.1"), float(second))
    assert gate.counters.unknown == 50
    assert len(caplog.records) == 1
    assert "203.0.113.1: no trunk and no phone network has this source" in caplog.text
    gate.admit(flow("203.0.113.1"), 61.0)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
    assert "dropped 49 more messages" in caplog.text


def test_forged_sources_cost_neither_memory_nor_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate([CARRIER], phones("10.0.0.0/8"), capacity=1000)
    known = flow("198.51.100.1")
    for number in range(30_000):
        spread = ipaddress.ip_address(number * 40_000)
        gate.admit(flow(str(spread)), 0.0)
        if not number % 1000:
            assert gate.admit(known, 0.0) is CARRIER
    assert len(caplog.records) <= 20
    assert len(gate._known) <= 1000
    assert len(gate._unknown) <= 1000
    assert gate._pace.sources <= 10_000
    assert gate.counters.unknown > 29_000


def test_unknown_sender_on_a_trunks_host_may_still_answer_for_its_next_hop() -> None:
    shared = trunk("shared", "192.0.2.1:5061", hops=(NextHop("192.0.2.1", 5070),))
    gate = Gate([shared])
    assert gate.admit(flow("192.0.2.1", 5070), 0.0) is shared
    assert gate.may_begin(flow("192.0.2.1", 5070)) is None
    gate.expect("192.0.2.1", shared)
    assert gate.admit(flow("192.0.2.1", 5070), 0.0) is shared


def test_resolved_addresses_are_bounded() -> None:
    outbound = trunk("outbound", hops=(NextHop("sip.example.net"),))
    gate = Gate([outbound], capacity=10)
    for number in range(20):
        gate.expect(f"203.0.113.{number}", outbound)
    admitted = [gate.admit(flow(f"203.0.113.{number}"), 0.0) for number in range(20)]
    assert admitted == [None] * 10 + [outbound] * 10


def test_known_source_costs_less_than_two_microseconds() -> None:
    gate = Gate([CARRIER])
    known = flow("198.51.100.1")
    best = sys.float_info.max
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(1000):
            gate.admit(known, 0.0)
        best = min(best, time.perf_counter() - began)
    assert best / 1000 < 2e-6


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7:5080", "192.0.2.7:5080"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:5080", "[2001:db8::1]:5080"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_source_is_read_and_written(text: str, written: str) -> None:
    assert str(Source.parse(text)) == written
    assert Source.parse(written) == Source.parse(text)


@pytest.mark.parametrize(
    "text", ["", "carrier.example", "192.0.2.1/24", "192.0.2.0/24:5060", "192.0.2.1:0", "1.2.3.4:x"]
)
def test_broken_source_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected an address|expected a port|a port can only"):
        Source.parse(text)


def test_two_addresses_of_one_trunk_are_one_party_and_two_phones_are_not() -> None:
    carrier = trunk("carrier", "203.0.113.0/28", hops=(NextHop("198.51.100.7"),))
    gate = Gate([carrier, trunk("other", "203.0.113.64/28")], phones("10.0.0.0/8"))
    assert gate.same_party(flow("203.0.113.1"), flow("203.0.113.2"))
    assert gate.same_party(flow("203.0.113.1"), flow("198.51.100.7"))
    assert gate.same_party(flow("10.0.0.1", 40000), flow("10.0.0.1"))
    assert not gate.same_party(flow("203.0.113.65"), flow("203.0.113.1"))
    assert not gate.same_party(flow("10.0.0.1"), flow("203.0.113.1"))
    assert not gate.same_party(flow("10.0.0.1"), flow("10.0.0.2"))
    assert not gate.same_party(flow("8.8.8.8"), flow("203.0.113.1"))


def test_where_we_are_registered_calls_may_begin() -> None:
    byoc = trunk("byoc", hops=(NextHop("198.51.100.7"),))
    gate = Gate([byoc], phones("10.0.0.0/8"))
    assert gate.admit(flow("198.51.100.7"), 0.0) == byoc
    assert gate.may_begin(flow("198.51.100.7")) is None, "answers are heard from there, no more"
    gate.registers_at(byoc, {("198.51.100.7", 5060), ("2001:DB8::7", 5060)})
    assert gate.may_begin(flow("198.51.100.7", 40000)) == byoc
    assert gate.may_begin(flow("2001:db8::7")) == byoc
    assert gate.may_begin(flow("198.51.100.8")) is None
    gate.registers_at(byoc, {("198.51.100.8", 5060)})
    assert gate.may_begin(flow("198.51.100.8")) == byoc
    assert gate.may_begin(flow("198.51.100.7")) is None, "the registrar has moved"
    assert gate.admit(flow("198.51.100.7"), 0.0) == byoc, "calls that stand are not cut off"


def test_a_registrar_among_the_phones_has_its_port_alone() -> None:
    byoc = trunk("byoc", hops=(NextHop("10.0.0.1", 5070),))
    gate = Gate([byoc], phones("10.0.0.0/8"))
    gate.registers_at(byoc, {("10.0.0.1", 5070)})
    assert gate.may_begin(flow("10.0.0.1", 5070)) == byoc
    assert gate.may_begin(flow("10.0.0.1", 5060)) == phones("10.0.0.0/8")


def test_a_trunk_with_sources_keeps_them_beside_a_registrar() -> None:
    byoc = trunk("byoc")
    gate = Gate([CARRIER, byoc])
    gate.registers_at(byoc, {("198.51.100.1", 5060)})
    assert gate.may_begin(flow("198.51.100.1")) == CARRIER


def test_two_trunks_at_one_registrar_do_not_drive_each_other_out() -> None:
    first, second = trunk("first"), trunk("second")
    gate = Gate([first, second])
    gate.registers_at(first, {("198.51.100.7", 5060)})
    gate.registers_at(second, {("198.51.100.7", 5060)})
    assert gate.may_begin(flow("198.51.100.7")) == first
    gate.registers_at(first, {("198.51.100.8", 5060)})
    gate.registers_at(second, {("198.51.100.7", 5060)})
    assert gate.may_begin(flow("198.51.100.8")) == first


def test_where_a_trunk_has_proved_who_it_is_nobody_counts_for_a_while() -> None:
    gate = Gate([], phones("10.0.0.0/8"), unregistered_rate=1.0)
    busy = flow("10.0.0.1")
    gate.vouch_for(busy, trunk("roaming"), 0.0)
    assert all(gate.admit(busy, 0.0) for _ in range(100))
    assert not all(gate.admit(flow("10.0.0.2"), 0.0) for _ in range(100))
    assert not all(gate.admit(busy, 601.0) for _ in range(100))


# Trunks known by their certificates.

HOME = Trunk(name="home", sources=(Source.parse("192.0.2.7"),), tls=TrunkTls(("pbx.test",), required=True))
ROAMING = Trunk(name="roaming", tls=TrunkTls(("a.test", "b.test")))
STRICT = Trunk(name="strict", sources=(Source.parse("192.0.2.8"),), tls=TrunkTls(required=True))


def secure(address: str, peer: str = "") -> Flow:
    return Flow("TLS", ("192.0.2.100", 5061), (address, 40_000), 7, peer)


@pytest.mark.parametrize(
    ("came_by", "admitted", "begins"),
    [
        (secure("203.0.113.9", "roaming b.test"), ROAMING, ROAMING),
        (secure("203.0.113.9", "roaming c.test"), None, None),
        (secure("203.0.113.9"), None, None),
        (secure("203.0.113.9", "home pbx.test"), HOME, HOME),
        # By its address it is heard, as far as answers and its calls' own requests go, but begins nothing.
        (secure("192.0.2.7"), HOME, None),
        (flow("192.0.2.7"), HOME, None),
        # No name to prove: TLS from its address is enough, and needed.
        (secure("192.0.2.8"), STRICT, STRICT),
        (flow("192.0.2.8"), STRICT, None),
        # Somebody else's certificate beats the address it comes from.
        (secure("192.0.2.8", "roaming a.test"), ROAMING, ROAMING),
    ],
)
def test_certificates_and_addresses(came_by: Flow, admitted: Trunk | None, begins: Trunk | None) -> None:
    gate = Gate([HOME, ROAMING, STRICT])
    assert gate.admit(came_by, 0.0) is admitted
    assert gate.may_begin(came_by) is begins


def test_a_dialog_goes_on_with_the_same_certificate_from_elsewhere() -> None:
    gate = Gate([HOME, ROAMING, STRICT])
    own = secure("203.0.113.9", "roaming a.test")
    assert gate.same_party(secure("198.51.100.1", "roaming b.test"), own)
    assert not gate.same_party(secure("198.51.100.1", "home pbx.test"), own)
    assert not gate.same_party(secure("198.51.100.1"), own)
    assert not gate.same_party(flow("203.0.113.9"), own), "its address alone is not enough"


def test_who_a_certificate_is() -> None:
    identities = Gate([HOME, ROAMING, STRICT]).identities
    assert identities.are_anywhere
    assert identities.identify(("x.test", "b.test")) == "roaming b.test"
    assert identities.identify(()) == ""
    assert not Gate([STRICT]).identities.are_anywhere
