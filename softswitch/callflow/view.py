"""The running calls as values, for operators: copied out at one moment, nothing live leaves."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from softswitch.b2bua.leg import LegState
from softswitch.b2bua.supervision import SupervisorLeg
from softswitch.b2bua.transfer import NO_TRANSFERS
from softswitch.callflow.allowed import allowed_actions
from softswitch.callflow.records import Figures, blamed, final_figures, heard, shown
from softswitch.telemetry.snapshot import CallSnapshot, LegSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.quality.verdict import DirectionSummary, StreamCounters
    from media.snapshots import DropCounters
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.transfer import TransferPolicy
    from softswitch.callflow.supervisor import RunningCall
    from softswitch.telemetry.cdr import Heard


def call_snapshot(
    running: RunningCall, policy: Callable[[str], TransferPolicy] = lambda _name: NO_TRANSFERS
) -> CallSnapshot:
    """One running call. `policy`: which transfers an endpoint may ask for, by its label."""
    call, decision = running.call, running.decision
    caller = call.caller
    origin = caller.origin
    last = next(leg for leg in reversed(call.legs) if not isinstance(leg, SupervisorLeg))
    figures = {leg: _figures(leg) for leg in call.legs}
    verdict = blamed(call, figures.__getitem__)
    return CallSnapshot(
        call_id=call.id,
        state=_state(running),
        source=caller.name,
        caller=origin.number.raw,
        called=running.called,
        caller_canonical=origin.number.canonical or None,
        called_canonical=decision.called,
        withheld=origin.withheld,
        diverted_by=origin.diversions[0].number.canonical if origin.diversions else None,
        verstat=origin.verstat or None,
        attestation=origin.attestation or None,
        route=decision.route.name if decision.route is not None else None,
        destination=last.name if last is not caller else None,
        started_at=call.story.started_at,
        answered_at=None
        if caller.answered_at is None
        else call.story.started_at + (caller.answered_at - caller.created_at),
        seconds=round(call.switch.clock() - caller.created_at, 3),
        blame=None if verdict is None else verdict.culprit.value,
        blame_because=None if verdict is None else verdict.because,
        recording=running.recorder.stereo,
        legs=tuple(_leg(call.id, number, leg, figures[leg], policy(leg.name)) for number, leg in enumerate(call.legs)),
    )


def _state(running: RunningCall) -> str:
    call = running.call
    if call.served.ended:
        return "ending"
    if call.served.state is LegState.ANSWERED:
        held = any(_on_hold(leg) for leg in call.legs if not leg.ended)
        return "held" if held else "talking" if any(_talks(leg) for leg in call.legs[1:]) else "answered"
    return "routing" if len(call.legs) == 1 else "ringing"


def _talks(leg: Leg) -> bool:
    return leg.state is LegState.ANSWERED


def _on_hold(leg: Leg) -> bool:
    return leg.media is not None and leg.media.on_hold


def _figures(leg: Leg) -> Figures:
    """Asked for once a leg: a list of all calls asks for thousands."""
    media = leg.media
    if media is None or leg.ended:
        return final_figures(leg)
    return Figures(media.statistics(), media.quality())


def _leg(call_id: str, number: int, leg: Leg, figures: Figures, policy: TransferPolicy) -> LegSnapshot:
    media = leg.media
    agreement = media.agreement if media is not None else None
    statistics, summary = figures if not leg.ended else (None, None)
    return LegSnapshot(
        leg_id=f"{call_id}-{number}",
        role=leg.role,
        endpoint=leg.name,
        state=leg.state.value,
        remote_uri=str(leg.party.uri),
        sip_call_id=leg.session.call_id,
        codec=agreement.codec.name if agreement is not None else None,
        srtp=agreement.keys.suite if agreement is not None and agreement.keys is not None else None,
        on_hold=_on_hold(leg),
        local_media=f"{media.address}:{media.port}" if media is not None else None,
        remote_media=f"{statistics.remote[0]}:{statistics.remote[1]}" if statistics and statistics.remote else None,
        rtt_ms=statistics.rtt_ms if statistics is not None else None,
        from_party=_heard(statistics.received if statistics else None, summary.received if summary else None),
        to_party=_heard(statistics.reported if statistics else None, summary.sent if summary else None),
        dropped=_dropped(statistics.drops) if statistics is not None else {},
        far=summary.far if summary is not None else None,
        video=shown(statistics),
        weak=leg.connection.weak and not leg.ended,
        alerts=() if leg.ended else leg.connection.alerts,
        message=None if leg.ended else leg.connection.message,
        recording=leg.recording,
        allowed_actions=tuple(allowed_actions(leg, policy)),
    )


def _dropped(drops: DropCounters) -> dict[str, int]:
    return {reason: count for reason, count in asdict(drops).items() if count}


def _heard(counters: StreamCounters | None, summary: DirectionSummary | None) -> Heard | None:
    so_far = heard(counters, summary)
    return so_far if so_far is None or summary is None else replace(so_far, mos_15s=summary.mos_15s)
