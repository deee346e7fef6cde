"""A trunk tells where a call goes, in which order, and under which names."""

from __future__ import annotations

import pytest

from softswitch.b2bua.destination import OutwardPolicy
from softswitch.b2bua.presentation import Presentation
from softswitch.b2bua.terms import MediaTerms
from softswitch.dialplan.number_format import NumberFormat
from softswitch.endpoints.health import QUARANTINE, DestinationHealth
from softswitch.endpoints.trunk import Trunk
from softswitch.sdp.negotiate import Codec
from softswitch.sip.digest import Credentials
from softswitch.sip.flow import Flow
from softswitch.sip.uri import Uri, user_part
from softswitch.transport.next_hop import NextHop

PCMA = Codec("PCMA", 8000)
HOPS = (NextHop("192.0.2.1"), NextHop("sip.example.net", 5080, "TCP"), NextHop("2001:db8::1"))
ADDRESSES = {"192.0.2.1": ["192.0.2.1"], "sip.example.net": ["192.0.2.2", "192.0.2.3"], "2001:db8::1": ["2001:db8::1"]}
TRUNK = Trunk(
    name="carrier",
    next_hops=HOPS,
    terms=MediaTerms((PCMA,)),
    credentials=Credentials("switch", "secret", "carrier"),
    outward=OutwardPolicy(Presentation(format=NumberFormat.INTERNATIONAL)),
)


def locate(hop: NextHop) -> list[Flow]:
    return [Flow(hop.transport, ("192.0.2.100", 5060), (address, hop.port)) for address in ADDRESSES[hop.host]]


def remotes(health: DestinationHealth, now: float = 0.0) -> list[str]:
    found = TRUNK.destinations("+4930123", locate=locate, health=health, now=now)
    return [destination.flow.remote[0] for destination in found]


def test_destinations_come_in_order_and_are_complete() -> None:
    first, second, third, last = TRUNK.destinations("+4930123", locate=locate, health=DestinationHealth(), now=0.0)
    assert str(first.uri) == "sip:4930123@192.0.2.1"
    assert str(second.uri) == str(third.uri) == "sip:4930123@sip.example.net:5080;transport=tcp"
    assert str(last.uri) == "sip:4930123@[2001:db8::1]"
    assert str(first.to) == "<sip:4930123@192.0.2.1>"
    assert (first.name, first.terms.codecs, first.policy) == ("trunk:carrier", (PCMA,), TRUNK.outward)
    assert first.credentials == TRUNK.credentials
    assert first.origin is None


def test_failed_next_hop_comes_last_until_it_is_forgiven() -> None:
    health = DestinationHealth()
    flow = locate(HOPS[0])[0]
    assert health.report(flow, 503, 0.0)
    assert remotes(health, 1.0) == ["192.0.2.2", "192.0.2.3", "2001:db8::1", "192.0.2.1"]
    assert [(place[1], place[3]) for place in health.snapshot(1.0)] == [("192.0.2.1", QUARANTINE - 1.0)]
    assert remotes(health, QUARANTINE) == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"]
    assert health.snapshot(QUARANTINE) == []


@pytest.mark.parametrize("status", [200, 404, 486, 487, 500, 603])
def test_answer_about_the_called_party_says_nothing_about_the_way(status: int) -> None:
    health = DestinationHealth()
    assert not health.report(locate(HOPS[0])[0], status, 0.0)
    assert remotes(health)[0] == "192.0.2.1"


def test_success_forgives_at_once() -> None:
    health = DestinationHealth()
    flow = locate(HOPS[0])[0]
    health.report(flow, 408, 0.0)
    health.report(flow, 200, 1.0)
    assert not health.avoided(flow, 1.0)


def test_all_failed_destinations_are_still_tried() -> None:
    health = DestinationHealth()
    for hop in HOPS:
        for flow in locate(hop):
            health.report(flow, 408, 0.0)
    assert remotes(health, 1.0) == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"]


def test_health_is_bounded() -> None:
    health = DestinationHealth(capacity=3)
    flows = [Flow("UDP", ("192.0.2.100", 5060), (f"192.0.2.{number}", 5060)) for number in range(9)]
    for flow in flows:
        health.report(flow, 503, 0.0)
    assert [health.avoided(flow, 0.0) for flow in flows] == [False] * 6 + [True] * 3


def test_the_called_party_is_in_the_trunks_domain() -> None:
    trunk = Trunk(name="carrier", next_hops=HOPS[:1], from_domain="carrier.example")
    (found,) = trunk.destinations("0123", locate=locate, health=DestinationHealth(), now=0.0)
    assert str(found.to) == "<sip:0123@carrier.example>"


@pytest.mark.parametrize(
    "number", ["0900;phone-context=+1", "1@evil.example", "1?Replaces=x", "a b", "ä", "12#", "x:y", "a/b,c&d=e$"]
)
def test_dialled_number_stays_inside_the_user_part(number: str) -> None:
    trunk = Trunk(name="carrier", next_hops=HOPS[:1])
    (found,) = trunk.destinations(number, locate=locate, health=DestinationHealth(), now=0.0)
    parsed = Uri.parse(str(found.uri))
    assert (parsed.host, parsed.password, str(parsed.parameters), parsed.headers) == ("192.0.2.1", None, "", "")
    assert parsed.user == user_part(number)
    assert not set(";?/,&=$@: ") & set(user_part(number))


def test_secrets_do_not_show() -> None:
    assert "secret" not in repr(TRUNK)
