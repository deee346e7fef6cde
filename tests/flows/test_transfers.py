"""Transfers on virtual time, after the call flows of RFC 5589: who talks to whom, and what is told to whom."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest

from media.commands import Connect, OpenRecording, StartTap
from softswitch.b2bua.transfer import NotTransferableError, TransferPolicy, TransferRules
from softswitch.dialplan.numbers import Numbering
from softswitch.dialplan.route import Dial, Echo, Play, Reject, Transfer, TrunkTarget
from softswitch.endpoints.callers import CallerLimits
from softswitch.endpoints.toll import TollPolicy
from softswitch.sip.session.transfer import State
from softswitch.telemetry.cdr import Outcome
from tests.support.phone import Phone, Plan
from tests.support.switch_world import SWITCH, World, to
from tests.support.virtual_time import at, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.dialplan.route import Action

CALLER, AGENT, TARGET, OTHER = 7, 1, 2, 3
TALKS = Plan(ring=0.5, answer=2)
BUSY = Plan(reject=(0.5, 486))


def play(
    story: Callable[[World, Phone, Phone], None],
    *,
    agent: Plan = TALKS,
    target: Plan | None = TALKS,
    rules: TransferRules | None = None,
    seconds: float = 100,
    routes: dict[str, Sequence[Action]] | None = None,
    loss: float = 0.0,
) -> World:
    """The caller calls the agent, who answers after 2 s; 10 s later comes the story, with both phones.

    Number 2 is the target's, 3 another phone's. The caller hangs up after `seconds`.
    """
    made: list[World] = []

    async def scenario() -> None:
        world = World(
            Random(5),
            [to(AGENT)],
            routes={str(n): [to(n)] for n in (AGENT, TARGET, OTHER)} | dict(routes or {}),
            transfers=rules or TransferRules(),
            own_trunks=True,
            loss=loss,
        )
        made.append(world)
        called = world.phone(AGENT, agent)
        world.phone(TARGET, target)
        world.phone(OTHER, TALKS)
        caller = world.phone(CALLER)
        session = caller.call("1", SWITCH)
        at(10, story, world, caller, called)
        at(seconds, caller.hang_up, session)
        await world.settle(600)

    run_virtual(scenario)
    return made[0]


def bridged(world: World) -> tuple[int, int]:
    """The last two legs that were connected."""
    last = [command for command in world.media.commands if isinstance(command, Connect)][-1]
    return min(last.a, last.b), max(last.a, last.b)


def told(world: World, name: str, call: int = 0) -> list[str]:
    """The lines of this name in a call's story; the calls in the order they ended."""
    return [line.event for line in world.recent.latest(10)[-1 - call].story if line.event == name]


def notified(world: World, phone: int) -> list[str]:
    """What was sent to this phone about its transfers."""
    sent = [data for _, _, to_, data in world.wire.log if to_[0] == f"198.51.100.{phone}"]
    bodies = [data.rpartition(b"\r\n\r\n")[2] for data in sent if data.startswith(b"NOTIFY")]
    return [body.decode().strip().removeprefix("SIP/2.0 ") for body in bodies]


def agent_refers(world: World, caller: Phone, agent: Phone) -> None:
    agent.refer(agent.sessions[0], "2")


def caller_refers(world: World, caller: Phone, agent: Phone) -> None:
    caller.refer(caller.sessions[0], "2")


def test_a_target_that_has_moved_is_followed_where_its_trunk_may_be_asked() -> None:
    """The number it names is called over its own trunk, on behalf of the transferor; its address is not taken up."""
    moved = Plan(reject=(0.5, 302), moved_to="sip:99@198.51.100.2")

    def story(world: World, caller: Phone, agent: Phone) -> None:
        trunks = world.supervisor.resources.trunks
        trunks["t2"] = replace(trunks["t2"], follows_redirects=True)  # type: ignore[index]
        agent_refers(world, caller, agent)

    world = play(story, target=moved)
    invites = [data for _, _, to_, data in world.wire.log if to_[0] == "198.51.100.2" and data.startswith(b"INVITE ")]
    called = list(dict.fromkeys(data.split(b" ", 2)[1] for data in invites))
    assert [uri.split(b"@")[0] for uri in called] == [b"sip:123", b"sip:99"]
    assert all(b"\r\nReferred-By: <sip:123@192.0.2.1>\r\n" in data for data in invites)


# -- blind (RFC 5589 6) -----------------------------------------------------------------------------------------------


def test_the_called_one_transfers_the_caller() -> None:
    world = play(agent_refers)
    agent, target = world.phones[AGENT], world.phones[TARGET]
    assert agent.told == [100, 180, 200]
    assert agent.ended == [("remote", 200)]
    assert target.ended == [("remote", 200)]
    request = target.sessions[0].request
    assert request.headers.get("Referred-By") == "<sip:123@192.0.2.1>"
    assert request.from_.uri.user == "caller"
    assert bridged(world) == (1, 3)
    (record, legs) = world.records[0]
    assert record.outcome is Outcome.ANSWERED
    assert record.hung_up_by == "caller"
    assert record.talk_seconds == pytest.approx(98, abs=0.1)
    assert [leg.endpoint for leg in legs] == ["trunk:t7", "trunk:t1", "trunk:t2"]
    assert [leg.hung_up_by for leg in legs] == ["remote", "local", "local"]
    # Two segments, each with files of its own (R-REC 40).
    assert sum(isinstance(command, OpenRecording) for command in world.media.commands) == 2
    assert sum(isinstance(command, StartTap) for command in world.media.commands) == 4


@pytest.mark.parametrize("ends_it", [AGENT, TARGET])
def test_the_caller_transfers_the_called_one_and_the_two_go_on_without_it(ends_it: int) -> None:
    """Either of the two may end it then, and nobody was cancelled because the caller went."""
    plans = {n: Plan(ring=0.5, answer=2, hang_up=50 if n == ends_it else None) for n in (AGENT, TARGET)}
    world = play(caller_refers, agent=plans[AGENT], target=plans[TARGET])
    caller, agent, target = (world.phones[n] for n in (CALLER, AGENT, TARGET))
    assert caller.told == [100, 180, 200]
    assert caller.ended == [("remote", 200)]
    assert bridged(world) == (2, 3)
    assert sorted([agent.ended[0][0], target.ended[0][0]]) == ["local", "remote"]
    (record, legs) = world.records[0]
    assert (record.outcome, record.hung_up_by, record.source) == (Outcome.ANSWERED, "callee", "trunk:t7")
    assert record.talk_seconds == pytest.approx(48 if ends_it == AGENT else 58, abs=0.1)
    assert target.sessions[0].request.headers.get("Referred-By") == "<sip:caller@192.0.2.1>"
    assert [leg.endpoint for leg in legs] == ["trunk:t7", "trunk:t1", "trunk:t2"]


def test_a_transferor_that_hangs_up_at_once_is_told_all_the_same() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        agent.refer(agent.sessions[0], "2")
        at(0.2, agent.hang_up, agent.sessions[0])

    world = play(story)
    assert world.phones[AGENT].ended == [("local", 200)]
    assert bridged(world) == (1, 3)
    # The test's phone knows no dialog after its BYE, and says so: nothing more is sent to it.
    assert notified(world, AGENT) == ["100 Trying", "180 Ringing"]
    assert world.records[0][0].hung_up_by == "caller"


@pytest.mark.parametrize("refers", [agent_refers, caller_refers])
@pytest.mark.parametrize(
    ("target", "status"),
    [
        (BUSY, 486),
        (Plan(ring=0.5), 480),
        (Plan(ring=0.5, reject=(2, 603)), 603),
        (Plan(reject=(0.5, 503)), 503),
        (None, 504),
    ],
    ids=["busy", "no answer", "declined", "failed", "silent"],
)
def test_a_transfer_that_fails_returns_the_call(
    refers: Callable[[World, Phone, Phone], None], target: Plan | None, status: int
) -> None:
    world = play(refers, target=target or Plan(), routes=None if target else {"2": [to(4)]})
    transferor = world.phones[AGENT if refers is agent_refers else CALLER]
    assert transferor.told[-1] == status
    assert transferor.told[0] == 100
    assert bridged(world) == (1, 2), "the two of before talk to each other again"
    record, legs = world.records[0]
    assert (record.outcome, record.hung_up_by) == (Outcome.ANSWERED, "caller")
    assert record.talk_seconds == pytest.approx(98, abs=0.1)
    assert legs[2].sip_status == status
    assert told(world, "transfer failed")


def test_the_second_try_may_succeed() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        agent.refer(agent.sessions[0], "2")
        at(5, agent.refer, agent.sessions[0], "3")

    world = play(story, target=BUSY)
    assert world.phones[AGENT].told == [100, 486, 100, 180, 200]
    assert bridged(world) == (1, 4)


def test_one_transfer_at_a_time_and_not_of_somebody_who_is_transferred() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        agent.refer(agent.sessions[0], "2")
        at(1, caller.refer, caller.sessions[0], "3")

    world = play(story)
    assert world.phones[CALLER].told == [480]
    assert world.phones[AGENT].told == [100, 180, 200]


def test_a_transferor_that_is_gone_is_rung_when_the_target_is_not_there() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        agent.refer(agent.sessions[0], "2")
        at(0.2, agent.hang_up, agent.sessions[0])

    world = play(story, target=BUSY)
    agent = world.phones[AGENT]
    assert agent.rang == 2
    assert bridged(world) == (1, 4)
    _, legs = world.records[0]
    assert [leg.endpoint for leg in legs] == ["trunk:t7", "trunk:t1", "trunk:t2", "trunk:t1"]
    assert told(world, "ringing transferor back")


@pytest.mark.parametrize(
    ("target", "returned"), [(BUSY, False), (Plan(ring=0.5), False), (Plan(reject=(0.5, 503)), True)]
)
def test_where_the_configuration_says_so_only_a_technical_failure_returns_the_call(
    target: Plan, returned: bool
) -> None:
    world = play(agent_refers, target=target, rules=TransferRules(on_failure="end"))
    agent, caller = world.phones[AGENT], world.phones[CALLER]
    assert caller.ended == [("local" if returned else "remote", 200)]
    assert agent.ended == [("remote", 200)]
    assert agent.told[-1] >= 480
    assert (bridged(world) == (1, 2)) is returned or not returned


def test_the_transferred_one_may_hang_up_meanwhile() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        agent.refer(agent.sessions[0], "2")
        at(1, caller.hang_up, caller.sessions[0])

    world = play(story)
    agent, target = world.phones[AGENT], world.phones[TARGET]
    assert notified(world, AGENT) == ["100 Trying", "180 Ringing", "487 Request Terminated"]
    assert agent.ended == [("remote", 200)]
    assert target.ended == [("remote", 487)]
    assert world.records[0][0].hung_up_by == "caller"


def test_who_may_not_transfer_is_refused_and_talks_on() -> None:
    world = play(agent_refers, rules=TransferRules())
    assert world.phones[AGENT].told[-1] == 200

    async def scenario() -> None:
        refused = World(Random(5), [to(AGENT)])
        agent, caller = refused.phone(AGENT, TALKS), refused.phone(CALLER)
        session = caller.call("1", SWITCH)
        at(10, agent_refers, refused, caller, agent)
        at(20, caller.hang_up, session)
        await refused.settle()
        assert agent.told == [403]
        assert bridged(refused) == (1, 2)
        assert refused.records[0][0].talk_seconds == pytest.approx(18, abs=0.1)

    run_virtual(scenario)


def test_nobody_is_transferred_before_the_call_is_bridged() -> None:
    async def scenario() -> None:
        world = World(Random(5), [Echo()], own_trunks=True)
        caller = world.phone(CALLER)
        session = caller.call("1", SWITCH)
        at(10, caller.refer, session, "2")
        at(20, caller.hang_up, session)
        await world.settle()
        assert caller.told == [480]

    run_virtual(scenario)


# -- what the dialplan decides ----------------------------------------------------------------------------------------


def test_the_rules_of_who_transfers_hold() -> None:
    world = play(agent_refers, routes={"2": [Reject(403)]})
    assert world.phones[AGENT].told == [100, 403]
    assert world.phones[TARGET].rang == 0
    assert bridged(world) == (1, 2)


def test_an_application_takes_the_call_as_well() -> None:
    """A transfer to an announcement: the switch itself answers, which is a success, and the call ends with it."""
    world = play(agent_refers, target=BUSY, routes={"2": [to(TARGET), Play(("/prompt.wav",))]})
    assert world.phones[AGENT].told == [100, 200]
    assert world.phones[CALLER].ended == [("remote", 200)]


def test_the_caller_may_leave_the_called_one_with_an_application() -> None:
    world = play(caller_refers, routes={"2": [Echo(20.0)]})
    assert world.phones[CALLER].told == [100, 200]
    assert world.phones[AGENT].ended == [("remote", 200)]
    assert world.media.echoing == set()


def test_toll_rules_hold_for_what_will_be_dialled_and_the_limits_of_who_transfers() -> None:
    """THREATS S10: REFER to a number that is closed, and more of them than the transferor may have."""
    made: list[World] = []

    async def scenario() -> None:
        closed = {"t2": TollPolicy.of(international=False, allowed=(), denied=())}
        world = World(
            Random(5),
            [to(AGENT)],
            routes={
                "+33140000000": [Dial((TrunkTarget("t2"),))],
                "3": [Dial((TrunkTarget("t3"),))],
                "4": [Dial((TrunkTarget("t3"),))],
            },
            toll=closed,
            callers=CallerLimits(calls_per_day=1),
            numbering=Numbering("49", "00", "0"),
            own_trunks=True,
        )
        made.append(world)
        agent, caller = world.phone(AGENT, TALKS), world.phone(CALLER)
        world.phone(TARGET, TALKS)
        world.phone(OTHER, BUSY)
        session = caller.call("1", SWITCH)
        at(10, lambda: agent.refer(agent.sessions[0], "0033140000000"))
        at(20, lambda: agent.refer(agent.sessions[0], "3"))
        at(30, lambda: agent.refer(agent.sessions[0], "4"))
        at(60, caller.hang_up, session)
        await world.settle()

    run_virtual(scenario)
    (world,) = made
    assert world.phones[TARGET].rang == 0
    assert world.phones[AGENT].told == [100, 403, 100, 486, 100, 403]
    assert bridged(world) == (1, 2)


# -- attended, both calls here (RFC 5589 7) ---------------------------------------------------------------------------


def consult(number: str = "2", *, again: str = "2", gone: bool = False) -> Callable[[World, Phone, Phone], None]:
    """The agent calls somebody else, and then lets the two talk to each other."""

    def story(world: World, caller: Phone, agent: Phone) -> None:
        session = agent.call(number, SWITCH)
        at(10, lambda: agent.refer(agent.sessions[0], again, instead_of=session))
        if gone:
            at(9, agent.hang_up, session)

    return story


def origin_of(data: bytes) -> tuple[str, int] | None:
    """Session id and version of the SDP, if there is one."""
    line = next((line for line in data.decode().split("\r\n") if line.startswith("o=")), None)
    return None if line is None else (line.split(" ")[1], int(line.split(" ")[2]))


def test_two_calls_become_one() -> None:
    world = play(consult())
    caller, agent, target = (world.phones[n] for n in (CALLER, AGENT, TARGET))
    assert agent.told == [100, 200]
    assert agent.ended == [("remote", 200)] * 2
    assert target.rang == 1
    assert caller.ended == [("local", 200)]
    assert target.ended == [("remote", 200)]
    assert bridged(world) == (1, 5), "the target's media has moved to the caller's worker"
    (consultation, its_legs), (record, legs) = world.records
    assert [leg.endpoint for leg in its_legs] == ["trunk:t1", "trunk:t2"]
    assert [leg.endpoint for leg in legs] == ["trunk:t7", "trunk:t1", "trunk:t2"]
    assert consultation.outcome is record.outcome is Outcome.ANSWERED
    assert consultation.talk_seconds == pytest.approx(8, abs=0.2)
    assert record.talk_seconds == pytest.approx(98, abs=0.1)
    assert its_legs[1].sip_call_id == legs[2].sip_call_id, "one dialog, which goes on in another call"
    assert told(world, "goes on in another call")
    assert told(world, "joined from another call", 1)
    # To the target it is one session, which moves (RFC 3264 8): the same id, one version more.
    origins = [origin_of(data) for _, _, to_, data in world.wire.log if to_[0] == "198.51.100.2" and b"INVITE " in data]
    first, second = [each for each in origins if each]
    assert (second[0], second[1]) == (first[0], first[1] + 1)


def test_a_target_that_called_the_transferor_itself() -> None:
    """The consultation may be a call that came in: its caller goes on in the other call."""

    def story(world: World, caller: Phone, agent: Phone) -> None:
        world.phones[TARGET].call("1", SWITCH)
        at(10, lambda: agent.refer(agent.sessions[0], "2", instead_of=agent.sessions[1]))

    world = play(story)
    assert world.phones[AGENT].told == [100, 200]
    assert world.phones[TARGET].ended == [("remote", 200)]
    assert bridged(world) == (1, 5)
    assert [record.outcome for record, _ in world.records] == [Outcome.ANSWERED] * 2


def test_the_caller_may_consult_too() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        session = caller.call("2", SWITCH)
        at(10, lambda: caller.refer(caller.sessions[0], "2", instead_of=session))

    world = play(story, target=Plan(ring=0.5, answer=2, hang_up=60))
    assert world.phones[CALLER].told == [100, 200]
    assert world.phones[AGENT].ended == [("remote", 200)]
    assert bridged(world) == (2, 5)


def test_a_call_that_still_rings_is_dialled_again_for_the_other_one() -> None:
    world = play(consult(), target=Plan(ring=0.5, answer=15))
    target = world.phones[TARGET]
    assert world.phones[AGENT].told == [100, 180, 200]
    assert target.rang == 2
    assert target.ended[0] == ("remote", 487)


def test_a_consultation_with_the_switch_itself_is_dialled_again() -> None:
    world = play(consult("5"), routes={"5": [Echo(200.0)]})
    assert world.phones[AGENT].told == [100, 200]
    assert [record.called for record, _ in world.records] == ["5", "1"]


def test_a_consultation_that_is_over_leaves_the_call_as_it_was() -> None:
    world = play(consult(gone=True), routes={"2": [to(TARGET)]})
    assert world.phones[AGENT].told[-1] in (200, 420, 481)
    assert world.supervisor.calls == {}


def test_a_target_that_refuses_to_move_costs_only_the_consultation() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        world.phones[TARGET].refuse_offers = True
        consult()(world, caller, agent)

    world = play(story)
    assert world.phones[AGENT].told == [100, 488]
    # One recording a call: that of the first goes on as it was.
    assert sum(isinstance(command, OpenRecording) for command in world.media.commands) == 2
    assert bridged(world) == (1, 2)
    assert world.phones[CALLER].ended == [("local", 200)]


def test_nobody_names_the_calls_of_others() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        other = world.phones[OTHER]
        foreign = other.call("2", SWITCH)
        at(10, lambda: agent.refer(agent.sessions[0], "2", instead_of=foreign))
        at(50, other.hang_up, foreign)

    world = play(story)
    assert world.phones[AGENT].told == [100, 403]
    assert bridged(world) == (1, 2)
    assert world.phones[OTHER].ended == [("local", 200)]


# -- attended, the other call elsewhere --------------------------------------------------------------------------------


def test_a_dialog_that_is_not_ours_is_named_to_the_target() -> None:
    world = play(lambda world, caller, agent: agent.refer(agent.sessions[0], "2", elsewhere=True))
    assert world.phones[AGENT].told == [100, 180, 200]
    request = world.phones[TARGET].sessions[0].request
    assert request.headers.get("Replaces") == "call@elsewhere;to-tag=theirs;from-tag=ours"
    assert request.headers.get("Require") == "replaces"


# -- by an operator, by the dialplan, and by REFER to a far end --------------------------------------------------------


def order(
    party: str, to_: str = "", consulted: Callable[[World], str] | None = None
) -> Callable[[World, Phone, Phone], None]:
    """An operator hands a party of the only call over."""

    def story(world: World, caller: Phone, agent: Phone) -> None:
        call_id = next(iter(world.supervisor.calls))
        second = "" if consulted is None else consulted(world)
        world.found = world.supervisor.transfer(  # type: ignore[attr-defined]
            call_id, caller=party == "caller", to=to_, consulted=second
        )

    return story


def local(story: Callable[[World, Phone, Phone], None], **how: object) -> World:
    """As `play`, with trunks that take no REFER from us."""

    def prepared(world: World, caller: Phone, agent: Phone) -> None:
        trunks = world.supervisor.resources.trunks
        for name, trunk in list(trunks.items()):
            trunks[name] = replace(trunk, transfer=TransferPolicy(refer=True))  # type: ignore[index]
        story(world, caller, agent)

    return play(prepared, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(("party", "bridge"), [("caller", (1, 3)), ("callee", (2, 3))])
def test_an_operator_hands_a_party_over(party: str, bridge: tuple[int, int]) -> None:
    world = local(order(party, "2"), target=Plan(ring=0.5, answer=2, hang_up=40))
    gone, kept = (AGENT, CALLER) if party == "caller" else (CALLER, AGENT)
    assert world.phones[gone].ended == [("remote", 200)]
    assert world.phones[kept].ended == [("remote", 200)]
    assert world.phones[gone].told == []
    assert bridged(world) == bridge


def test_an_operator_hands_a_party_to_somebody_who_is_busy_in_vain() -> None:
    world = local(order("caller", "2"), target=BUSY)
    assert bridged(world) == (1, 2)
    assert world.records[0][0].hung_up_by == "caller"
    assert told(world, "transfer failed")


def test_an_operator_joins_two_calls() -> None:
    def second(world: World) -> str:
        return list(world.supervisor.calls)[1]

    def story(world: World, caller: Phone, agent: Phone) -> None:
        world.phones[OTHER].call("2", SWITCH)
        at(10, order("caller", consulted=second), world, caller, agent)

    world = local(story)
    assert bridged(world) == (1, 5)
    assert world.phones[AGENT].ended == [("remote", 200)]
    assert world.phones[OTHER].ended == [("remote", 200)]
    assert world.phones[TARGET].ended == [("remote", 200)]
    assert len(world.records) == 2


def test_an_operator_is_told_when_there_is_nobody() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        supervisor = world.supervisor
        call_id = next(iter(supervisor.calls))
        assert not supervisor.transfer("nobody", caller=True, to="2")
        with pytest.raises(NotTransferableError):
            supervisor.transfer(call_id, caller=True, to="", consulted=call_id)
        assert supervisor.transfer(call_id, caller=True, to="2")
        with pytest.raises(NotTransferableError):
            supervisor.transfer(call_id, caller=True, to="3")

    world = local(story)
    assert world.phones[TARGET].rang == 1


def answers_refer(*statuses: int, seconds: float = 1.0, bye: bool = False) -> Callable[[World, Phone, Phone], None]:
    """An operator hands the caller over, whose far end takes REFER and says how it goes."""

    def follow(caller: Phone) -> None:
        (referral,) = caller.referrals
        with caller.driver.turn():
            referral.accept(caller.driver.now())
        for number, status in enumerate(statuses):
            verb = referral.finish if status >= 200 else referral.progress
            at(seconds * (number + 1), in_turn, caller, verb, status)
        if bye:
            at(seconds * len(statuses) + 0.001, caller.hang_up, caller.sessions[0])

    def story(world: World, caller: Phone, agent: Phone) -> None:
        order("caller", "2")(world, caller, agent)
        at(1, follow, caller)

    return story


def in_turn(phone: Phone, verb: Callable[[int, float], None], status: int) -> None:
    with phone.driver.turn():
        verb(status, phone.driver.now())


@pytest.mark.parametrize("bye", [False, True])
def test_a_far_end_that_takes_refer_has_the_call(*, bye: bool) -> None:
    world = play(answers_refer(180, 200, bye=bye))
    caller, agent = world.phones[CALLER], world.phones[AGENT]
    (referral,) = caller.referrals
    assert str(referral.refer.target) == "sip:2@198.51.100.7"
    assert agent.ended == [("remote", 200)]
    assert len(caller.ended) == 1
    assert world.phones[TARGET].rang == 0
    assert told(world, "transfer finished")
    assert [line.facts["status"] for line in world.recent.latest(1)[0].story if line.event == "transfer finished"] == [
        200
    ]


@pytest.mark.parametrize(("statuses", "status"), [((180, 486), 486), ((), 480)])
def test_a_far_end_that_reaches_nobody_gives_the_call_back(statuses: tuple[int, ...], status: int) -> None:
    world = play(answers_refer(*statuses), seconds=300)
    assert bridged(world) == (1, 2)
    assert world.records[0][0].hung_up_by == "caller"
    assert [line.facts["status"] for line in world.recent.latest(1)[0].story if line.event == "transfer failed"] == [
        status
    ]


def test_a_far_end_that_takes_no_refer_is_served_here() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        order("caller", "2")(world, caller, agent)
        at(1, lambda: in_turn(caller, lambda status, now: caller.referrals[0].refuse(status, now), 405))

    world = play(story)
    assert world.phones[TARGET].rang == 1
    assert bridged(world) == (1, 3)


def test_the_dialplan_hands_a_caller_over_by_refer() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        world.phones[OTHER].call("8", SWITCH)
        at(1, refuse_or_accept, world.phones[OTHER])

    def refuse_or_accept(phone: Phone) -> None:
        (referral,) = phone.referrals
        in_turn(phone, lambda status, now: referral.accept(now), 0)
        in_turn(phone, referral.finish, 200)

    world = play(story, routes={"8": [Transfer("2")]})
    other = world.phones[OTHER]
    assert other.ended == [("remote", 200)]
    assert world.phones[TARGET].rang == 0


def test_the_dialplan_hands_a_caller_over_by_its_rules() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        session = world.phones[OTHER].call("8", SWITCH)
        at(20, world.phones[OTHER].hang_up, session)

    world = local(story, routes={"8": [Transfer("2")]})
    assert world.phones[TARGET].rang == 1
    assert world.phones[TARGET].sessions[0].request.headers.get("Referred-By") is None


def test_a_transfer_follows_rules_that_hand_over_and_is_told_where_that_ends() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        agent.refer(agent.sessions[0], "8")
        at(10, agent.refer, agent.sessions[0], "9")

    world = play(story, target=BUSY, routes={"8": [Transfer("2")], "9": [Transfer("9")]})
    assert world.phones[AGENT].told == [100, 486, 100, 482]
    assert bridged(world) == (1, 2)


def test_rules_that_lead_in_a_circle_end() -> None:
    def story(world: World, caller: Phone, agent: Phone) -> None:
        world.phones[OTHER].call("8", SWITCH)

    world = local(story, routes={"8": [Transfer("9")], "9": [Transfer("8")]})
    assert world.phones[OTHER].refused == [482]


def test_a_rule_may_say_what_becomes_of_a_failed_transfer() -> None:
    dial = to(TARGET)
    world = play(agent_refers, target=BUSY, routes={"2": [replace(dial, failed_transfer="end")]})
    assert world.phones[AGENT].told == [100, 486]
    assert world.phones[CALLER].ended == [("remote", 200)]
    kept = play(
        agent_refers,
        target=BUSY,
        routes={"2": [replace(dial, failed_transfer="return"), Reject(480)]},
        rules=TransferRules(on_failure="end"),
    )
    assert kept.phones[AGENT].told == [100, 486], "not the 480 that callers are told"
    assert bridged(kept) == (1, 2)


# -- anything, at any time --------------------------------------------------------------------------------------------

SCHEDULES = 160


@pytest.mark.parametrize("block", range(4))
def test_random_transfers_leave_nothing_behind(block: int) -> None:
    for seed in range(block * SCHEDULES // 4, (block + 1) * SCHEDULES // 4):
        try:
            run_virtual(partial(_random_story, Random(seed)))
        except BaseException as error:
            raise AssertionError(f"seed {seed}") from error


async def _random_story(dice: Random) -> None:
    """Five phones that call, answer, transfer, replace, hold and hang up on a coarse grid, so that much coincides."""

    def grid(high: float) -> float:
        return dice.randint(0, int(high * 4)) / 4

    lossy = dice.random() < 0.3
    world = World(
        dice,
        [to(1)],
        routes={str(n): [to(n, ring_for=5.0)] for n in range(1, 6)} | {"6": [Echo(20.0)], "7": [Reject(403)]},
        transfers=TransferRules(on_failure=dice.choice(["return", "end"]), ring_for=4.0),
        own_trunks=True,
        delay=dice.choice([0.0, 0.0, 0.02]),
        jitter=dice.choice([0.0, 0.05]) if lossy else 0.0,
        loss=0.1 if lossy else 0.0,
    )
    phones = [
        world.phone(
            n,
            Plan(
                ring=grid(1),
                answer=grid(6) if dice.random() < 0.8 else None,
                reject=(grid(3), dice.choice([404, 486, 503, 603])) if dice.random() < 0.15 else None,
                hang_up=grid(40) + 2 if dice.random() < 0.3 else None,
            ),
        )
        for n in range(1, 6)
    ]
    for phone in phones:
        phone.refuse_offers = dice.random() < 0.1
    for _ in range(dice.randint(1, 6)):
        at(grid(10), lambda: dice.choice(phones).call(str(dice.randint(1, 7)), SWITCH))
    for _ in range(dice.randint(2, 12)):
        at(grid(30), _something, dice, phones)
    at(60.0, _hang_up_all, phones)
    at(90.0, _hang_up_all, phones)
    await world.settle(700)
    for phone in phones:
        assert len(phone.ended) == len(phone.sessions)
    assert len({record.call_id for record, _ in world.records}) == len(world.records)
    assert all(leg.ended_after >= 0 for _, legs in world.records for leg in legs)
    if not lossy:
        assert {leg.sip_call_id for _, legs in world.records for leg in legs} >= {
            session.call_id for phone in phones for session in phone.sessions if session.role == "uas"
        }


def _hang_up_all(phones: list[Phone]) -> None:
    for phone in phones:
        for session in phone.sessions:
            phone.hang_up(session)


def _something(dice: Random, phones: list[Phone]) -> None:
    up_at = {phone: [session for session in phone.sessions if session.is_established] for phone in phones}
    busy = [phone for phone in phones if len(up_at[phone]) > 1] or [phone for phone in phones if up_at[phone]]
    if not busy:
        return
    phone = dice.choice(busy)
    up = up_at[phone]
    session = dice.choice(up)
    number = str(dice.randint(1, 7))
    asks = session.transfer is None or session.transfer.state is State.OVER
    match dice.choice(["blind", "blind", "attended", "attended", "elsewhere", "replace", "hold", "leave"]):
        case "blind" if asks:
            phone.refer(session, number)
        case "attended" if asks:
            phone.refer(session, number, instead_of=dice.choice(up))
        case "elsewhere" if asks:
            phone.refer(session, number, elsewhere=True)
        case "replace":
            value = f"{session.call_id};to-tag={session.remote_tag};from-tag={session.local_tag}"
            phone.call(number, SWITCH, headers=(("Replaces", value),))
        case "hold" if session.modification is None:
            phone.hold(session)
        case "leave":
            phone.hang_up(session)
        case _:
            pass
