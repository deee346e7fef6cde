"""Who may begin what, end to end: real stacks, digest, registrations, trunks by address."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.dialplan.route import Dial, PhoneTarget
from softswitch.sip.digest import Credentials
from softswitch.sip.events import RequestCompleted
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.parameters import NO_PARAMETERS
from softswitch.sip.uri import Uri
from tests.support.phone import Phone, Plan, sdp
from tests.support.puppets import a_moment, act, requests_to, responses_to
from tests.support.switch_world import PASSWORD, REALM, SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from softswitch.sip.message import Response
    from softswitch.sip.session.session import InviteSession

HOME = "203.0.113.{}"
"""Where phones are."""
TRUNK = 9


def handset(world: World, number: int, plan: Plan | None = None) -> Phone:
    """A phone in the phones' network."""
    world.phones[100 + number] = Phone(world.wire, (HOME.format(number), 5060), world.token, plan)
    return world.phones[100 + number]


def credentials(user: str = "1001", password: str = PASSWORD, realm: str | None = REALM) -> Credentials:
    """What the phone knows."""
    return Credentials(user, password, realm)


def request(
    phone: Phone,
    method: str,
    *,
    user: str = "1001",
    known: Credentials | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> None:
    """A request outside any dialog."""
    me = NameAddr("", Uri("sip", user, REALM), NO_PARAMETERS)
    contact = NameAddr("", Uri("sip", user, phone.address[0], phone.address[1]), NO_PARAMETERS)
    with phone.driver.turn() as stack:
        stack.request(
            method, uri=Uri("sip", None, SWITCH[0]), from_=me, to=me, contact=contact, credentials=known,
            flow=Flow("UDP", phone.address, SWITCH), headers=headers, now=phone.driver.now(),
        )  # fmt: skip


def call_with(phone: Phone, number: str, known: Credentials | None, user: str = "1001") -> InviteSession:
    """An INVITE that can answer a challenge."""
    with phone.driver.turn() as stack:
        session = stack.invite(
            uri=Uri("sip", number, SWITCH[0]),
            from_=NameAddr("Somebody Else", Uri("sip", user, REALM), NO_PARAMETERS),
            to=NameAddr("", Uri("sip", number, SWITCH[0]), NO_PARAMETERS),
            contact=NameAddr("", Uri("sip", None, *phone.address), NO_PARAMETERS),
            flow=Flow("UDP", phone.address, SWITCH),
            body=sdp(40000),
            credentials=known,
            now=phone.driver.now(),
        )
    phone.sessions.append(session)
    return session


def outcome(phone: Phone) -> Response:
    """The final response to the phone's last request."""
    completed = [event for event in phone.events if isinstance(event, RequestCompleted)]
    assert completed[-1].response is not None
    return completed[-1].response


def test_register_call_in_and_be_called() -> None:
    async def story() -> None:
        world = World(Random(1), [Dial((PhoneTarget("1001"),), "sequential", 20.0)])
        phone = handset(world, 1, Plan(ring=0.2, answer=1, hang_up=5))
        request(phone, "REGISTER", known=credentials())
        await a_moment()
        registered = outcome(phone)
        assert registered.status == 200
        assert "sip:1001@203.0.113.1:5060" in (registered.headers.get("Contact") or "")
        caller = world.phone(TRUNK)
        caller.call("+4930123", SWITCH)
        await world.settle()
        assert caller.answered == 1
        record, legs = world.records[0]
        assert (record.source, record.destination, record.trunk) == ("trunk:inbound", "phone:1001", None)
        assert [leg.endpoint for leg in legs] == ["trunk:inbound", "phone:1001"]
        (invite,) = requests_to(world, phone, "INVITE")
        assert str(invite.uri) == "sip:1001@203.0.113.1:5060"

    run_virtual(story)


def test_a_phone_calls_after_proving_who_it_is_and_is_presented_as_configured() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        callee = world.phone(1, Plan(answer=1, hang_up=3))
        phone = handset(world, 1)
        call_with(phone, "123", credentials())
        await world.settle()
        assert phone.answered == 1
        assert responses_to(world, phone, "INVITE")[0] == 401
        from_ = requests_to(world, callee, "INVITE")[0].from_
        assert (from_.display_name, from_.uri.user, from_.uri.host) == ("Desk", "1001", SWITCH[0])
        assert world.records[0][0].source == "phone:1001"
        assert len(world.records) == 1, "the challenged INVITE was no call"

    run_virtual(story)


@pytest.mark.parametrize(
    "known",
    [None, credentials(password="wrong"), credentials("9999"), credentials("1001", realm="another.example")],
    ids=["none", "wrong password", "unknown user", "another realm"],
)
def test_who_cannot_prove_it_calls_nobody(known: Credentials | None) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        callee = world.phone(1, Plan(answer=1))
        phone = handset(world, 1)
        call_with(phone, "123", known)
        await world.settle()
        assert phone.refused == [401]
        assert callee.rang == 0
        assert not world.records
        assert not world.media.commands, "no port is opened for strangers"

    run_virtual(story)


def test_a_source_that_guesses_passwords_is_made_to_wait() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        phone = handset(world, 1)
        for attempt in range(12):
            request(phone, "REGISTER", known=credentials(password=f"guess {attempt}"))
            await a_moment()
        assert outcome(phone).status == 503
        assert int(outcome(phone).headers.get("Retry-After") or "0") > 0
        await world.settle()

    run_virtual(story)


def test_credentials_for_one_number_dial_no_other() -> None:
    """RFC 7616 3.4.6: the digest names the URI it was made for."""

    async def story() -> None:
        world = World(Random(1), [to(1)])
        callee = world.phone(1, Plan(answer=1))
        phone = handset(world, 1)
        call_with(phone, "123", credentials())
        await a_moment()
        proof = next(data for _, _, remote, data in world.wire.log if remote == SWITCH and b"Authorization:" in data)
        stolen = proof.replace(b"INVITE sip:123@", b"INVITE sip:0900123@").replace(
            b"branch=z9hG4bK", b"branch=z9hG4bKx"
        )
        stolen = stolen.replace(b"Call-ID: ", b"Call-ID: other")
        act(phone, lambda _: None)
        world.driver.received(stolen, Flow("UDP", SWITCH, phone.address))
        await a_moment()
        assert len(requests_to(world, callee, "INVITE")) == 1
        phone.hang_up(phone.sessions[0])
        await world.settle()

    run_virtual(story)


@pytest.mark.parametrize("source", ["192.0.2.200", "10.0.0.1"])
def test_from_nowhere_nothing_may_begin(source: str) -> None:
    """The gate keeps such sources out before; here it is the second lock."""

    async def story() -> None:
        world = World(Random(1), [to(1)])
        stranger = world.phones[50] = Phone(world.wire, (source, 5060), world.token)
        stranger.call("123", SWITCH)
        request(stranger, "MESSAGE")
        request(stranger, "REGISTER")
        await world.settle()
        assert stranger.refused == [403]
        completed = [event.response for event in stranger.events if isinstance(event, RequestCompleted)]
        assert [response.status for response in completed if response is not None] == [403, 403]
        assert not world.records

    run_virtual(story)


def test_a_trunk_may_not_register_and_a_phone_may_not_pose_as_a_trunk() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        trunk = world.phone(TRUNK)
        request(trunk, "REGISTER", known=credentials())
        await world.settle()
        assert outcome(trunk).status == 403

    run_virtual(story)


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("OPTIONS", 200),
        ("MESSAGE", 405),
        ("SUBSCRIBE", 405),
        ("PUBLISH", 405),
        ("FOO", 501),
    ],
)
def test_other_requests(method: str, status: int) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        trunk = world.phone(TRUNK)
        request(trunk, method)
        await world.settle()
        response = outcome(trunk)
        assert response.status == status
        assert "INVITE" in (response.headers.get("Allow") or "")

    run_virtual(story)


@pytest.mark.parametrize(("method", "status"), [("REFER", 403), ("NOTIFY", 481)])
def test_transfers_are_for_calls_only(method: str, status: int) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        trunk = world.phone(TRUNK)
        request(trunk, method)
        await world.settle()
        assert outcome(trunk).status == status

    run_virtual(story)


def test_while_draining_a_ping_says_so() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        trunk = world.phone(TRUNK)
        await world.supervisor.drain(0)
        request(trunk, "OPTIONS")
        await world.settle()
        assert outcome(trunk).status == 503

    run_virtual(story)


def test_a_request_that_cannot_be_handled_is_answered_500(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])

        def broken(*_: object) -> None:
            raise KeyError("registrar")

        monkeypatch.setattr(world.reception._registrar, "register", broken)
        phone = handset(world, 1)
        request(phone, "REGISTER")
        await world.settle()
        assert outcome(phone).status == 500

    run_virtual(story)


@pytest.mark.parametrize(
    ("from_", "caller", "uri"),
    [
        (b"From: <sip:+49301@198.51.100.9>", "+49301", "sip:+49301@198.51.100.9"),
        (b"From: <tel:+49-30-1>", "+49-30-1", "tel:+49-30-1"),
        (b"From: <sip:198.51.100.9>", "", "sip:198.51.100.9"),
        (b'From: "Anonymous" <sip:anonymous@anonymous.invalid>', "anonymous", "sip:anonymous@anonymous.invalid"),
        (b"From: <sips:x@198.51.100.9:5061;transport=tls>", "x", "sip:x@198.51.100.9"),
        (b"From: <http://example.org/>", "", "sip:anonymous@anonymous.invalid"),
    ],
)
def test_callers_of_every_kind_are_named(from_: bytes, caller: str, uri: str) -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)])
        callee = world.phone(1, Plan(answer=1, hang_up=2))
        trunk = world.phone(TRUNK)
        trunk.call("123", SWITCH)
        (invite,) = [data for _, _, remote, data in world.wire.log if remote == SWITCH]
        world.wire.log.clear()
        changed = invite.replace(b"From: <sip:caller@198.51.100.9>", from_)
        assert changed != invite
        world.driver.received(changed, Flow("UDP", SWITCH, trunk.address))
        await a_moment()
        assert callee.rang == 1
        await world.settle()
        record, legs = world.records[0]
        assert record.caller == caller
        assert legs[0].remote_uri == uri

    run_virtual(story)


def test_a_registration_runs_out() -> None:
    async def story() -> None:
        world = World(Random(1), [Dial((PhoneTarget("1001"),), "sequential", 20.0)])
        phone = handset(world, 1, Plan(answer=1))
        request(phone, "REGISTER", known=credentials(), headers=(("Expires", "60"),))
        await asyncio.sleep(61)
        caller = world.phone(TRUNK)
        caller.call("+4930123", SWITCH)
        await world.settle()
        assert caller.refused == [480]
        assert phone.rang == 0

    run_virtual(story)
