"""Signed callers over whole calls: what is attested, what is believed, what is refused, and who is told."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from softswitch.b2bua.attestation import Attestor
from softswitch.b2bua.destination import OutwardPolicy
from softswitch.b2bua.presentation import OwnNumbers, Presentation
from softswitch.callflow.verification import Verification
from softswitch.dialplan.route import Dial, TrunkTarget
from softswitch.endpoints.identity import IdentityRules
from softswitch.sip.digest import Credentials
from softswitch.stir.certificates import CertificateStore, SigningKey
from softswitch.stir.identity_header import parse
from softswitch.stir.passport import decode
from softswitch.stir.sign import Signer
from softswitch.stir.verify import Verifier
from tests.flows.test_identity import HIDDEN, PRIVATE, QUICK, TRUSTING, desk, invite
from tests.support.stir import ORIGID, X5U, issue, tn_list
from tests.support.switch_world import PASSWORD, REALM, SWITCH, World, to
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from typing import Literal

    from softswitch.b2bua.origin import Origin
    from softswitch.stir.passport import Passport

ROOT = issue("anchor", ca=True)
CARRIER = issue("carrier", ROOT, authority=tn_list(providers=["1234"]))
NOW = CARRIER.certificate.not_valid_before_utc.timestamp() + 3600
SIGNER = Signer(SigningKey(CARRIER.key_pem), x5u=X5U, origid=ORIGID)
OWN = OwnNumbers(frozenset({"+4930100"}), ())
CALLER, CALLED = "+12155551212", "+4930123"
FROM = f"<sip:{CALLER}@carrier.example>"


def attesting(presentation: Presentation) -> OutwardPolicy:
    return OutwardPolicy(presentation, attestor=Attestor(SIGNER, lambda: NOW))


def verification() -> Verification:
    return Verification(Verifier(CertificateStore({X5U: CARRIER.chain}, ROOT.pem)), lambda: NOW)


def identity(caller: str = CALLER, called: str = CALLED, at: float = NOW) -> tuple[tuple[str, str], ...]:
    value = SIGNER.sign(caller, called, "C", at)
    assert value is not None
    return (("Identity", value),)


def signed(world: World, number: int = 1) -> Passport | None:
    values = invite(world.phones[number]).headers.get_all("Identity")
    return decode(parse(values[0]).token)[0] if values else None


@pytest.mark.parametrize(
    ("presentation", "rules", "sender", "expected"),
    [
        (Presentation(own=OWN, default="+4930100"), IdentityRules(), FROM, ("4930100", "A")),
        (Presentation(), IdentityRules(), FROM, ("12155551212", "C")),
        (Presentation(), IdentityRules(standing="B"), FROM, ("12155551212", "B")),
        (Presentation(default="+4930100"), IdentityRules(), "<sip:anna@x>", ("4930100", "A")),
        (Presentation(), IdentityRules(), "<sip:anna@x>", None),
        (Presentation(), IdentityRules(), HIDDEN, None),
    ],
)
def test_what_is_attested(
    presentation: Presentation, rules: IdentityRules, sender: str, expected: tuple[str, str] | None
) -> None:
    async def story() -> None:
        world = World(Random(1), [Dial((TrunkTarget("t1", CALLED),))], identity=rules, outward=attesting(presentation))
        world.phone(1, QUICK)
        world.phone(9).call(CALLED, SWITCH, caller=sender)
        await world.settle()
        found = signed(world)
        assert (None if found is None else (found.orig, found.attest)) == expected
        assert found is None or (found.dest, found.iat, found.origid) == (("4930123",), int(NOW), ORIGID)

    run_virtual(story)


def test_a_withheld_caller_is_not_given_away_by_a_signature() -> None:
    async def story() -> None:
        for presentation, told in ((Presentation(), False), (Presentation(trusted=True, withheld_in="pai"), True)):
            world = World(
                Random(1), [Dial((TrunkTarget("t1", CALLED),))], identity=TRUSTING, outward=attesting(presentation)
            )
            world.phone(1, QUICK)
            world.phone(9).call(CALLED, SWITCH, caller=HIDDEN, headers=PRIVATE)
            await world.settle()
            assert (signed(world) is not None) is told

    run_virtual(story)


def test_a_phone_whose_account_has_the_number_is_attested_in_full() -> None:
    async def story() -> None:
        world = World(
            Random(1), [Dial((TrunkTarget("t1", CALLED),), caller="+4930777")], outward=attesting(Presentation())
        )
        world.phone(1, QUICK)
        desk(world).call(CALLED, SWITCH, credentials=Credentials("1001", PASSWORD, REALM))
        await world.settle()
        found = signed(world)
        assert found is not None
        assert (found.orig, found.attest) == ("4930777", "A")

    run_virtual(story)


def judging(verify: Literal["ignore", "tag", "reject"]) -> IdentityRules:
    return replace(TRUSTING, caller_from=("from",), verify=verify)


GOOD, FORGED, STALE = identity(), identity("+12155559999"), identity(at=NOW - 100)
UNKNOWN = ((GOOD[0][0], GOOD[0][1].replace("passport.pem", "x.pem")),)


@pytest.mark.parametrize(
    ("headers", "verstat", "status"),
    [
        (GOOD, "TN-Validation-Passed", 0),
        ((), "No-TN-Validation", 428),
        (UNKNOWN, "TN-Validation-Failed", 438),
        (FORGED, "TN-Validation-Failed", 438),
        (STALE, "TN-Validation-Failed", 403),
        ((("Identity", "garbage"),), "TN-Validation-Failed", 438),
    ],
)
def test_signatures_are_told_or_decide(headers: tuple[tuple[str, str], ...], verstat: str, status: int) -> None:
    async def story() -> None:
        for verify in ("ignore", "tag", "reject"):
            policy = OutwardPolicy(Presentation(verstat=True, present=("pai",)))
            world = World(
                Random(1),
                [to(1)],
                identity=judging(verify),
                verification=verification(),
                outward=policy,
            )
            callee, caller = world.phone(1, QUICK), world.phone(9)
            caller.call(CALLED, SWITCH, caller=FROM, headers=headers)
            await world.settle()
            if verify == "reject" and status:
                assert caller.refused == [status]
                assert callee.rang == 0
                continue
            record = world.records[0][0]
            assert record.verstat == (None if verify == "ignore" else verstat)
            assert record.attestation == ("C" if verify != "ignore" and not status else None)
            user = CALLER if verify == "ignore" else f"{CALLER};verstat={verstat}"
            assert invite(callee).from_.uri.user == user
            assert f"sip:{user}@192.0.2.1" in (invite(callee).headers.get("P-Asserted-Identity") or "")
            told = {line.event: line.facts for line in world.recent.latest(1)[0].story}["call received"]
            assert bool(told["doubt"]) is (verify == "tag" and bool(status))

    run_virtual(story)


def test_a_good_signature_goes_on_where_both_numbers_do() -> None:
    async def story() -> None:
        for presentation, target, same in (
            (Presentation(), CALLED, True),
            (Presentation(), "+4930999", False),
            (Presentation(own=OWN, default="+4930100"), CALLED, False),
        ):
            world = World(
                Random(1),
                [Dial((TrunkTarget("t1", target),))],
                identity=judging("tag"),
                verification=verification(),
                outward=attesting(presentation),
            )
            callee = world.phone(1, QUICK)
            world.phone(9).call(CALLED, SWITCH, caller=FROM, headers=GOOD)
            await world.settle()
            (value,) = invite(callee).headers.get_all("Identity")
            assert (value == GOOD[0][1]) is same

    run_virtual(story)


def test_a_call_for_help_needs_no_signature() -> None:
    async def story() -> None:
        world = World(Random(1), [to(1)], identity=judging("reject"), verification=verification())
        callee = world.phone(1, QUICK)
        world.phone(9).call("112", SWITCH, caller=FROM)
        await world.settle()
        assert callee.rang == 1

    run_virtual(story)


def test_the_verdict_is_about_the_caller_who_is_shown() -> None:
    def of(origin: Origin) -> str:
        return origin.calling_as(origin.number).verstat

    async def story() -> None:
        world = World(Random(1), [to(1)], identity=judging("tag"), verification=verification())
        world.phone(1, QUICK)
        session = world.phone(9).call(CALLED, SWITCH, caller=FROM, headers=GOOD)
        await world.settle()
        origin, _ = verification().judge(session.request, judging("tag").read(session.request), CALLED, str)
        assert origin.verstat == "TN-Validation-Passed"
        assert of(origin) == ""

    run_virtual(story)
