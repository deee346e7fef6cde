"""Trunks that we register at, on virtual time: a carrier with digest, calls both ways, carriers that fail."""

from __future__ import annotations

import asyncio
import logging
from random import Random

import pytest

from softswitch.b2bua.terms import MediaTerms
from softswitch.dialplan.route import Dial, Reject, TrunkTarget
from softswitch.endpoints.network import Source
from softswitch.endpoints.trunk import Trunk
from softswitch.endpoints.trunk_registration import RegistrationPolicy
from softswitch.sip.digest import Credentials
from softswitch.sip.registration.state import Pace
from softswitch.sip.uri import Uri
from softswitch.transport.next_hop import NextHop
from tests.support.carrier import REALM, Carrier
from tests.support.phone import Plan
from tests.support.puppets import a_moment, requests_to
from tests.support.switch_world import CODECS, SWITCH, World
from tests.support.virtual_time import run_virtual

FIRST, SECOND = "100.64.0.1", "100.64.0.2"
PACE = Pace(expires=120, first_retry=10.0, longest_retry=60.0, keep_alive=0.0)
DIAL = Dial((TrunkTarget("byoc", "+4930999"),), "sequential", 20.0)


def trunk(*, password: str = "secret", required: bool = False, name: str = "byoc", user: str = "4930123") -> Trunk:
    hops = (NextHop(FIRST), NextHop(SECOND))
    credentials = Credentials(user, password)
    return Trunk(
        name=name,
        next_hops=hops,
        terms=MediaTerms(CODECS),
        credentials=credentials,
        registration=RegistrationPolicy(
            registrars=hops,
            domain=Uri("sip", None, REALM),
            user=user,
            credentials=credentials,
            contact_user=name,
            pace=PACE,
            required=required,
        ),
    )


def carrier(world: World, address: str, number: int, plan: Plan | None = None) -> Carrier:
    made = Carrier(world.wire, (address, 5060), world.token, plan, **{"4930123": "secret", "4930124": "secret"})
    world.phones[200 + number] = made
    return made


async def gone(world: World) -> None:
    """The registrations end, so that nothing is left."""
    with world.driver.turn():
        world.registrations.stop(world.driver.now())
    await world.settle()


def test_registered_with_digest_refreshed_and_taken_back() -> None:
    async def story() -> None:
        world = World(Random(1), [DIAL], registered=[trunk()])
        first = carrier(world, FIRST, 1)
        world.register()
        await a_moment()
        (binding,) = first.bindings.lookup("4930123", 0.0)
        assert str(binding.contact) == f"sip:byoc@{SWITCH[0]}:5060"
        await asyncio.sleep(600)
        assert first.bindings.lookup("4930123", world.driver.now())
        statuses = [status for _, status in first.registers]
        assert statuses[:2] == [401, 200]
        assert statuses.count(200) == 11, "refreshed at half of 120 s, where a failover would take longer"
        snapshot = world.registrations.snapshot(trunk(), world.driver.now())
        assert snapshot is not None
        assert (snapshot.registered, snapshot.state, snapshot.error) == (True, "registered", None)
        assert snapshot.registrar == f"{FIRST} port 5060 (UDP)"
        assert snapshot.for_seconds == pytest.approx(600, abs=1)
        await gone(world)
        assert first.bindings.users() == ()

    run_virtual(story)


def test_a_call_to_our_contact_is_the_trunks_and_for_whom_to_names() -> None:
    async def story() -> None:
        world = World(Random(1), [Reject(486, "busy")], registered=[trunk()])
        first = carrier(world, FIRST, 1)
        world.register()
        await a_moment()
        first.call_contact("4930123", "+4930123")
        first.call_contact("4930123", "+4930124", headers=(("P-Called-Party-ID", "<sip:+4930125@carrier.example>"),))
        await gone(world)
        assert first.refused == [486, 486]
        called = {(record.source, record.called) for record, _ in world.records}
        assert called == {("trunk:byoc", "+4930123"), ("trunk:byoc", "+4930125")}

    run_virtual(story)


def test_two_accounts_with_one_carrier_are_told_apart() -> None:
    async def story() -> None:
        trunks = [trunk(), trunk(name="second", user="4930124")]
        world = World(Random(1), [Reject(486, "busy")], registered=trunks)
        first = carrier(world, FIRST, 1)
        world.register()
        await a_moment()
        first.call_contact("4930124", "+4930124")
        first.call_contact("4930123", "+4930123")
        first.call("4930124", SWITCH)  # a carrier that dials the number, not the contact
        await gone(world)
        sources = sorted((record.called, record.source) for record, _ in world.records)
        assert sources == [
            ("+4930123", "trunk:byoc"), ("+4930124", "trunk:second"), ("4930124", "trunk:second"),
        ]  # fmt: skip

    run_virtual(story)


def test_calls_go_where_the_contact_is_with_the_service_route() -> None:
    async def story() -> None:
        world = World(Random(1), [DIAL], registered=[trunk()])
        first, second = carrier(world, FIRST, 1), carrier(world, SECOND, 2, Plan(answer=0.1, hang_up=5))
        first.up = False
        second.answer_headers = (("Service-Route", "<sip:edge.carrier.example;lr>"),)
        world.register()
        await asyncio.sleep(40)
        world.phone(9).call("+4930999", SWITCH)
        await asyncio.sleep(10)
        (invite,) = requests_to(world, second, "INVITE")
        assert [str(route) for route in invite.routes] == ["<sip:edge.carrier.example;lr>"]
        await gone(world)
        assert world.records[0][0].outcome.value == "answered"

    run_virtual(story)


def test_failover_and_return_to_the_preferred_one(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        world = World(Random(1), [DIAL], registered=[trunk()])
        first, second = carrier(world, FIRST, 1), carrier(world, SECOND, 2)
        first.up = False
        world.register()
        await asyncio.sleep(40)
        assert second.bindings.lookup("4930123", world.driver.now())
        first.up = True
        await asyncio.sleep(PACE.longest_retry + 5)
        assert first.bindings.lookup("4930123", world.driver.now())
        await gone(world)

    with caplog.at_level(logging.INFO, "softswitch.endpoints.trunk_registration"):
        run_virtual(story)
    assert [record.getMessage() for record in caplog.records] == [
        f"trunk byoc: registering at {FIRST}:5060/UDP, {SECOND}:5060/UDP",
        f"trunk byoc: registered at {SECOND} port 5060 (UDP)",
        f"trunk byoc: registered at {FIRST} port 5060 (UDP)",
        "trunk byoc: registration ended",
    ]


def test_ten_minutes_without_any_registrar(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        world = World(Random(1), [DIAL], registered=[trunk()])
        both = carrier(world, FIRST, 1), carrier(world, SECOND, 2)
        world.register()
        await asyncio.sleep(100)
        for each in both:
            each.up = False
        await asyncio.sleep(600)
        assert world.registrations.states() == {"byoc": False}
        for each in both:
            each.up = True
        await asyncio.sleep(2 * 32 + PACE.longest_retry)
        assert world.registrations.states() == {"byoc": True}
        both[0].call_contact("4930123", "+4930123")
        await gone(world)
        assert world.records[0][0].source == "trunk:byoc", "and is called again"

    with caplog.at_level(logging.INFO, "softswitch.endpoints.trunk_registration"):
        run_virtual(story)
    told = [record.getMessage().split(":")[1].split(",")[0].strip() for record in caplog.records]
    assert told[1] == "registered at 100.64.0.1 port 5060 (UDP)"
    assert len(told) <= 7, "a line for each change, none for each attempt"


def test_wrong_password_is_an_error_in_the_log_and_never_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        world = World(Random(1), [DIAL], registered=[trunk(password="not this one")])
        first = carrier(world, FIRST, 1)
        carrier(world, SECOND, 2)
        world.register()
        await asyncio.sleep(1000)
        assert len(first.registers) == 2 * 4, "seldom"
        snapshot = world.registrations.snapshot(trunk(), world.driver.now())
        assert snapshot is not None
        assert (snapshot.registered, snapshot.state) == (False, "refused")
        assert snapshot.retry_in is not None
        assert "401" in (snapshot.error or "")
        await gone(world)

    with caplog.at_level(logging.INFO, "softswitch.endpoints.trunk_registration"):
        run_virtual(story)
    (_, refused, _) = caplog.records
    assert refused.levelno == logging.ERROR
    assert "not this one" not in caplog.text


@pytest.mark.parametrize("required", [True, False])
def test_calls_without_a_registration_go_out_unless_it_is_required(required: bool) -> None:
    async def story() -> None:
        world = World(Random(1), [DIAL], registered=[trunk(password="wrong", required=required)])
        first = carrier(world, FIRST, 1, Plan(answer=0.1, hang_up=5))
        world.register()
        await a_moment()
        caller = world.phone(9)
        caller.call("+4930999", SWITCH)
        await asyncio.sleep(10)
        await gone(world)
        assert first.rang == (0 if required else 1)
        assert caller.refused == ([503] if required else [])

    run_virtual(story)


def test_who_is_no_registrar_calls_nobody() -> None:
    async def story() -> None:
        world = World(Random(1), [Reject(486, "busy")], registered=[trunk()])
        carrier(world, FIRST, 1)
        stranger = carrier(world, "100.64.0.9", 9)
        world.register()
        await a_moment()
        stranger.call("byoc", SWITCH)
        await gone(world)
        assert stranger.refused == [403], "the gate's door is open on this wire; behind it nothing begins"
        assert not world.records

    run_virtual(story)


def test_a_trunk_known_by_its_address_stays_itself_beside_an_account_there() -> None:
    async def story() -> None:
        static = Trunk(name="static", sources=(Source.parse(FIRST),), terms=MediaTerms(CODECS))
        world = World(Random(1), [Reject(486, "busy")], registered=[trunk(), static])
        first = carrier(world, FIRST, 1)
        world.register()
        await a_moment()
        first.call("+4940777", SWITCH)
        first.call_contact("4930123", "+4930123")
        await gone(world)
        assert sorted((record.called, record.source) for record, _ in world.records) == [
            ("+4930123", "trunk:byoc"), ("+4940777", "trunk:static"),
        ]  # fmt: skip

    run_virtual(story)
