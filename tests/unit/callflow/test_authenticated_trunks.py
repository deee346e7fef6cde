"""Trunks that prove who they are with a password, from wherever they may come; and nothing that tells names apart."""

from __future__ import annotations

import asyncio
import ipaddress
from random import Random

import pytest

from softswitch.b2bua.terms import MediaTerms
from softswitch.endpoints.authentication import ALGORITHMS, Account
from softswitch.endpoints.trunk import Trunk
from softswitch.sip.digest import Credentials, hashed
from softswitch.sip.events import RequestCompleted
from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import Uri
from tests.support.phone import Phone, Plan, sdp
from tests.support.puppets import a_moment, act, responses_to
from tests.support.switch_world import CODECS, PASSWORD, REALM, SWITCH, World, to
from tests.support.virtual_time import run_virtual

PBX = "203.0.113.{}"
SECRET = "the password of the pbx"


def account(*, networks: tuple[str, ...] = ("203.0.113.0/24",), encrypted: bool = False) -> Account:
    return Account(
        user="pbx",
        secrets={name: hashed(name, "pbx", REALM, SECRET) for name in ALGORITHMS},
        trunk="byoc",
        networks=tuple(map(ipaddress.ip_network, networks)),
        encrypted=encrypted,
    )


def site(**how: object) -> World:
    trunk = Trunk(name="byoc", terms=MediaTerms(CODECS))
    return World(Random(1), [to(1)], registered=[trunk], accounts=[account(**how)])  # type: ignore[arg-type]


def peer(world: World, number: int = 7) -> Phone:
    world.phones[100 + number] = Phone(world.wire, (PBX.format(number), 5060), world.token)
    return world.phones[100 + number]


def call(phone: Phone, known: Credentials | None) -> None:
    with phone.driver.turn() as stack:
        phone.sessions.append(
            stack.invite(
                uri=Uri("sip", "+4989123", SWITCH[0]),
                from_=NameAddr("", Uri("sip", "+4930555", "pbx.example")),
                to=NameAddr("", Uri("sip", "+4989123", SWITCH[0])),
                contact=NameAddr("", Uri("sip", None, *phone.address)),
                flow=Flow("UDP", phone.address, SWITCH),
                body=sdp(40000),
                credentials=known,
                now=phone.driver.now(),
            )
        )


def test_it_calls_as_the_trunk_and_speaks_within_its_dialogs() -> None:
    async def story() -> None:
        world = site()
        callee = world.phone(1, Plan(answer=1))
        pbx = peer(world)
        call(pbx, Credentials("pbx", SECRET, REALM))
        await asyncio.sleep(5)
        assert pbx.answered == 1
        act(pbx, lambda now: pbx.sessions[0].reinvite(sdp(40000, "8 101", "sendonly"), now))
        await a_moment()
        act(pbx, lambda now: pbx.sessions[0].hangup(now))
        await world.settle()
        assert len(callee.ended) == 1
        (record, _) = world.records[0]
        assert (record.source, record.caller, record.outcome.value) == ("trunk:byoc", "+4930555", "answered")
        assert responses_to(world, pbx, "INVITE") == [401, 200, 200]
        assert responses_to(world, pbx, "BYE") == [200]

    run_virtual(story)


@pytest.mark.parametrize(
    "known",
    [
        None,
        Credentials("pbx", "wrong", REALM),
        Credentials("nobody", SECRET, REALM),
        Credentials("1001", SECRET, REALM),
        Credentials("pbx", PASSWORD, REALM),
    ],
    ids=["none", "wrong password", "unknown", "a phone's name", "a phone's password"],
)
def test_without_the_password_it_is_nobody(known: Credentials | None) -> None:
    async def story() -> None:
        world = site()
        callee = world.phone(1, Plan(answer=1))
        pbx = peer(world)
        call(pbx, known)
        await world.settle()
        assert (pbx.refused, callee.rang) == ([401], 0)
        assert not world.records

    run_virtual(story)


def test_the_right_password_from_the_wrong_place_is_a_wrong_password() -> None:
    async def story() -> None:
        world = site(networks=("203.0.113.128/25",))
        call(peer(world, 7), Credentials("pbx", SECRET, REALM))
        call(peer(world, 200), Credentials("pbx", SECRET, REALM))
        world.phone(1, Plan(reject=(0.1, 486)))
        await world.settle()
        assert [world.phones[107].refused, world.phones[300].refused] == [[401], [486]]

    run_virtual(story)


def test_tls_is_asked_of_it_once_the_password_is_right() -> None:
    async def story() -> None:
        world = site(encrypted=True)
        call(peer(world, 7), Credentials("pbx", SECRET, REALM))
        call(peer(world, 8), Credentials("pbx", "wrong", REALM))
        await world.settle()
        assert [world.phones[107].refused, world.phones[108].refused] == [[403], [401]]

    run_virtual(story)


def test_it_does_not_register_here() -> None:
    async def story() -> None:
        world = site()
        pbx = peer(world)
        me = NameAddr("", Uri("sip", "pbx", REALM))
        with pbx.driver.turn() as stack:
            stack.request(
                "REGISTER", uri=Uri("sip", None, REALM), from_=me, to=me,
                contact=NameAddr("", Uri("sip", "pbx", *pbx.address)),
                flow=Flow("UDP", pbx.address, SWITCH), credentials=Credentials("pbx", SECRET, REALM),
                now=pbx.driver.now(),
            )  # fmt: skip
        await world.settle()
        (completed,) = [event for event in pbx.events if isinstance(event, RequestCompleted)]
        assert completed.response is not None
        assert completed.response.status == 403
        assert world.supervisor.resources.bindings.users() == ()

    run_virtual(story)
