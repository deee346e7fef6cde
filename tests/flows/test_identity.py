"""Who is told what of a caller, over whole calls: identities, privacy, other headers, and where anybody is."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.b2bua.destination import OutwardPolicy
from softswitch.b2bua.header_policy import HeaderTable
from softswitch.b2bua.presentation import OwnNumbers, Presentation
from softswitch.dialplan.number_format import NumberFormat
from softswitch.dialplan.route import WITHHELD, Dial, PhoneTarget, TrunkTarget
from softswitch.endpoints.bindings import Binding
from softswitch.endpoints.identity import IdentityRules
from softswitch.sip.digest import Credentials
from softswitch.sip.events import Answered
from softswitch.sip.flow import Flow
from softswitch.sip.uri import Uri
from tests.support.phone import Phone, Plan
from tests.support.puppets import a_moment
from tests.support.raw_peer import RawPeer
from tests.support.switch_world import PASSWORD, REALM, SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from softswitch.sip.message import Request

CALLER, CALLEE = 9, 1
DESK = ("203.0.113.5", 5060)
OWN = OwnNumbers(frozenset({"+4930100"}), ())
QUICK = Plan(answer=0.1, hang_up=1)
PRIVATE = (("Privacy", "id"), ("P-Asserted-Identity", '"Anna" <sip:+4930555@10.9.8.7>'))
HIDDEN = '"Anonymous" <sip:anonymous@anonymous.invalid>'
TRUSTING = IdentityRules(trusted=True, caller_from=("pai", "from"))


def desk(world: World, plan: Plan | None = None) -> Phone:
    """Phone 1001, registered."""
    phone = world.phones[100] = Phone(world.wire, DESK, world.token, plan)
    contact = Binding(Uri("sip", "1001", *DESK), Flow("UDP", SWITCH, DESK), 1e9, "r", 1)
    world.supervisor.resources.bindings.replace("1001", [contact])
    return phone


def invite(phone: Phone) -> Request:
    """What it was called with."""
    return phone.sessions[0].request


def values(request: Request, *names: str) -> dict[str, list[str]]:
    """The headers that tell of the caller, and those named."""
    told = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Privacy", "Diversion", "History-Info")
    return {name: request.headers.get_all(name) for name in (*told, *names) if name in request.headers}


@pytest.mark.parametrize("trusted", [True, False])
def test_a_withheld_caller_stays_so_unless_the_other_trunk_is_trusted(trusted: bool) -> None:
    async def story() -> None:
        policy = OutwardPolicy(Presentation(trusted=trusted, withheld_in="pai", present=("pai", "rpid")))
        world = World(Random(1), [to(CALLEE)], identity=TRUSTING, outward=policy)
        callee, caller = world.phone(CALLEE, QUICK), world.phone(CALLER)
        caller.call("123", SWITCH, headers=PRIVATE, caller='"Anna" <sip:+4930556@10.9.8.7>')
        await world.settle()
        request = invite(callee)
        assert str(request.from_.uri) == "sip:anonymous@anonymous.invalid"
        told = {"P-Asserted-Identity": ['"Anna" <sip:+4930555@192.0.2.1>']} if trusted else {}
        assert values(request) == {"Privacy": ["id"], **told}
        whole = bytes(request)
        assert (b"4930555" in whole) is trusted
        for secret in (b"4930556", b"10.9.8.7", b"198.51.100.9"):
            assert secret not in whole
        record = world.records[0][0]
        assert (record.caller, record.caller_canonical, record.withheld) == ("+4930555", "+4930555", True), "ours know"

    run_virtual(story)


def test_a_withheld_caller_is_not_told_to_a_phone() -> None:
    async def story() -> None:
        world = World(Random(1), [Dial((PhoneTarget("1001"),))], identity=TRUSTING)
        phone, caller = desk(world, QUICK), world.phone(CALLER)
        caller.call("1001", SWITCH, headers=PRIVATE, caller='"Anna" <sip:+4930556@10.9.8.7>')
        await world.settle()
        assert values(invite(phone)) == {"Privacy": ["id"]}
        for secret in (b"493055", b"Anna", b"10.9.8.7", b"198.51.100.9"):
            assert secret not in bytes(invite(phone))

    run_virtual(story)


@pytest.mark.parametrize(
    ("headers", "sender", "rule", "shown"),
    [
        ((), "<sip:boss@evil.example>", "", '"Desk" <sip:+4930100@192.0.2.1>'),
        ((("P-Asserted-Identity", "<sip:+4930999@x.example>"),), "<sip:b@x>", "", '"Desk" <sip:+4930100@192.0.2.1>'),
        ((("Privacy", "id"),), "<sip:1001@pbx.example>", "", HIDDEN),
        ((), HIDDEN, "", HIDDEN),
        ((), "<sip:1001@pbx.example>", WITHHELD, HIDDEN),
        ((), "<sip:1001@pbx.example>", "+4930100", '"Desk" <sip:+4930100@192.0.2.1>'),
    ],
)
def test_a_phone_is_shown_with_a_number_of_ours_or_not_at_all(
    headers: tuple[tuple[str, str], ...], sender: str, rule: str, shown: str
) -> None:
    async def story() -> None:
        policy = OutwardPolicy(Presentation(own=OWN, default="+4930100", withheld_in="ppi"))
        world = World(Random(1), [Dial((TrunkTarget("t1", "123"),), caller=rule)], outward=policy)
        callee, phone = world.phone(CALLEE, QUICK), desk(world)
        known = Credentials("1001", PASSWORD, REALM)
        phone.call("123", SWITCH, headers=headers, caller=sender, credentials=known)
        await world.settle()
        request = invite(callee)
        assert str(request.from_).partition(";tag")[0] == shown
        told = {"P-Preferred-Identity": ['"Desk" <sip:+4930100@192.0.2.1>'], "Privacy": ["id"]}
        assert values(request) == (told if shown == HIDDEN else {})
        assert b"203.0.113.5" not in bytes(request)
        story = {line.event: line.facts for line in world.recent.latest(1)[0].story}
        assert story["dialled"]["instead_of"] == (None if rule.startswith("+") else "1001")

    run_virtual(story)


def test_numbers_are_read_and_written_as_each_trunk_has_them() -> None:
    async def story() -> None:
        policy = OutwardPolicy(Presentation(format=NumberFormat.US_NATIONAL, present=("pai",)))
        world = World(
            Random(1),
            [Dial((TrunkTarget("t1"),))],
            identity=IdentityRules(rewritten=True),
            outward=policy,
            formats={"trunk:inbound": NumberFormat.INTERNATIONAL},
        )
        callee, caller = world.phone(CALLEE, QUICK), world.phone(CALLER)
        caller.call("12125551234", SWITCH, caller="<sip:4930555@10.9.8.7>")
        await world.settle()
        request = invite(callee)
        assert (request.uri.user, request.to.uri.user) == ("2125551234", "2125551234")
        assert str(request.from_.uri) == "sip:0114930555@192.0.2.1"
        assert values(request) == {"P-Asserted-Identity": ["<sip:0114930555@192.0.2.1>"]}
        record = world.records[0][0]
        assert (record.caller, record.caller_canonical) == ("4930555", "+4930555")
        assert (record.called, record.called_canonical) == ("12125551234", "+12125551234")

    run_virtual(story)


def test_headers_cross_where_both_sides_pass_them_and_nothing_else_does() -> None:
    async def story() -> None:
        table = HeaderTable(frozenset({"x-account"}), add=(("X-Tenant", "7"),))
        world = World(
            Random(1), [to(CALLEE)], identity=IdentityRules(headers=table), outward=OutwardPolicy(headers=table)
        )
        callee, caller = world.phone(CALLEE, QUICK), world.phone(CALLER)
        sent = (
            ("X-Account", "42"), ("X-Other", "1"), ("Subject", "hi"), ("User-Agent", "SecretPBX/1"),
            ("Organization", "Secret"), ("P-Charging-Vector", "icid-value=secret;icid-generated-at=10.9.8.7"),
            ("Record-Route", "<sip:198.51.100.9;lr>"), ("Identity", "a.b.c"),
            ("History-Info", "<sip:x@10.9.8.7>;index=1"), ("Diversion", "<sip:x@10.9.8.7>"),
            ("Proxy-Authorization", 'Digest username="secret"'),
        )  # fmt: skip
        caller.call("123", SWITCH, headers=sent)
        await world.settle()
        request = invite(callee)
        assert values(request, "X-Account", "X-Tenant") == {"X-Account": ["42"], "X-Tenant": ["7"]}
        names = {name for name, _ in request.headers.items()}
        assert names <= {
            "Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "Allow", "User-Agent", "Content-Type",
            "Content-Length", "Supported", "Session-Expires", "Min-SE", "Call-Path", "X-Account", "X-Tenant",
        }  # fmt: skip
        assert b"ecret" not in bytes(request)
        assert b"10.9.8.7" not in bytes(request)
        assert b"198.51.100.9" not in bytes(request)

    run_virtual(story)


def test_neither_side_learns_where_the_other_is() -> None:
    async def story() -> None:
        world = World(Random(1), [to(CALLEE)])
        callee, caller = world.phone(CALLEE, Plan(early=0.05, answer=0.1, hang_up=1)), world.phone(CALLER)
        caller.media_host, callee.media_host = "198.51.100.90", "198.51.100.80"
        caller.call("123", SWITCH, caller='"A" <sip:a@198.51.100.9>')
        await world.settle()
        for secret in (b"198.51.100.9", caller.sessions[0].call_id.encode(), b"s=test", b"o=test"):
            assert secret not in bytes(invite(callee))
        (answer,) = [event.response for event in caller.events if isinstance(event, Answered)]
        told = bytes(answer).replace(b"198.51.100.9", b"").decode()
        assert "198.51.100" not in told
        assert "o=- " in told
        assert "192.0.2.1\r\ns=-\r\n" in told

    run_virtual(story)


def test_a_forwarded_call_says_for_whom_it_was() -> None:
    async def story() -> None:
        policy = OutwardPolicy(Presentation(diversion="both", own=OWN, default="+4930100"))
        action = Dial((TrunkTarget("t1", "+491701"),), diversion="user-busy", called="+4930100")
        world = World(Random(1), [action], identity=TRUSTING, outward=policy)
        callee, caller = world.phone(CALLEE, QUICK), world.phone(CALLER)
        before = (("Diversion", "<sip:+4930222@10.9.8.7>;reason=no-answer"),)
        caller.call("+4930100", SWITCH, headers=before, caller="<sip:+4930555@x.example>")
        await world.settle()
        assert values(invite(callee)) == {
            "Diversion": [
                "<sip:+4930100@192.0.2.1>;reason=user-busy;counter=1;privacy=off",
                "<sip:+4930222@192.0.2.1>;reason=no-answer;counter=1;privacy=off",
            ],
            "History-Info": [
                "<sip:+4930222@192.0.2.1>;index=1",
                "<sip:+4930100@192.0.2.1;cause=408>;index=1.1;mp=1",
                "<sip:+491701@192.0.2.1;cause=486>;index=1.1.1;mp=1.1",
            ],
        }
        assert invite(callee).from_.uri.user == "+4930100", "no number that is not ours is shown"

    run_virtual(story)


def test_critical_privacy_that_nobody_knows_is_refused() -> None:
    async def story() -> None:
        world = World(Random(1), [to(CALLEE)])
        callee, caller = world.phone(CALLEE, QUICK), world.phone(CALLER)
        caller.call("123", SWITCH, headers=(("Privacy", "wizardry;critical"),))
        await world.settle()
        assert caller.refused == [500]
        assert callee.rang == 0
        assert not world.records, "refused before it was a call"

    run_virtual(story)


def test_who_is_withheld_by_a_rule_stays_so_when_the_call_is_redirected() -> None:
    async def story() -> None:
        policy = OutwardPolicy(Presentation(diversion="diversion"))
        world = World(Random(1), [Dial((TrunkTarget("t1", "+4930100"),), caller=WITHHELD)], outward=policy)
        resources = world.supervisor.resources
        resources.trunks["t1"] = replace(resources.trunks["t1"], follows_redirects=True)  # type: ignore[index]
        peer, caller = RawPeer(world.wire, ("198.51.100.1", 5060), SWITCH), world.phone(CALLER)
        caller.call("123", SWITCH, caller="<sip:+4930555@x.example>")
        await a_moment()
        peer.answer(peer.requests("INVITE")[-1], 302, headers=(("Contact", "<sip:+49301701@198.51.100.1>"),))
        await a_moment()
        second = peer.requests("INVITE")[-1]
        assert second.uri.user == "+49301701"
        assert str(second.from_.uri) == "sip:anonymous@anonymous.invalid"
        assert second.headers.get_all("Diversion") == [
            "<sip:+4930100@192.0.2.1>;reason=unconditional;counter=1;privacy=off"
        ]
        assert b"4930555" not in bytes(second)
        peer.answer(second, 486)
        await world.settle()

    run_virtual(story)
