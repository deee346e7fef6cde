"""From a finished call to its records: who, when, how it ended and how it sounded. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from media.quality.blame import CallEvidence, blame, leg_evidence
from media.quality.opinion import MosCqe, MosCqef, MosCqew, lowest
from softswitch.b2bua.cause import ADMIN, REPLACED, TRANSFERRED, towards_caller
from softswitch.b2bua.inbound_leg import InboundLeg
from softswitch.b2bua.leg import LegState
from softswitch.b2bua.outbound_leg import OutboundLeg
from softswitch.b2bua.supervision import SupervisorLeg
from softswitch.telemetry.cdr import CallRecord, Heard, LegRecord, Outcome, Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from media.quality.blame import Blame, LegEvidence
    from media.quality.verdict import DirectionSummary, QualitySummary, StreamCounters
    from media.snapshots import LegStatistics
    from softswitch.b2bua.call import Call
    from softswitch.b2bua.leg import Leg
    from softswitch.dialplan.match import Decision

BUSY = frozenset({486, 600})
UNANSWERED = frozenset({480})
UNREACHABLE = frozenset({404, 408, 410, 482, 483, 484, 485, 502, 503, 504, 604})
FAILED = frozenset({500})


def outcome(call: Call, decision: Decision | None = None) -> Outcome:
    """How the call ended, as the caller saw it (one of `Outcome`). Without a route nobody decided against it."""
    caller = call.caller
    if caller.answered_at is not None:
        return Outcome.ANSWERED
    if caller.ended_by == "remote":
        return Outcome.ABANDONED
    if call.rejected and decision is not None and decision.route is not None:
        return Outcome.REJECTED
    status = call.cause.status
    for statuses, result in (
        (BUSY, Outcome.BUSY),
        (UNANSWERED, Outcome.NO_ANSWER),
        (UNREACHABLE, Outcome.UNREACHABLE),
        (FAILED, Outcome.FAILED),
    ):
        if status in statuses:
            return result
    return Outcome.REJECTED


def leg_records(call: Call) -> list[LegRecord]:
    """One record per leg, in the order they were made. Every leg must have ended."""
    return [_leg_record(call, number, leg) for number, leg in enumerate(call.legs)]


def call_record(
    call: Call, decision: Decision | None, legs: Sequence[LegRecord], *, called: str, recording: str | None, node: str
) -> CallRecord:
    """The call's record; `legs` as `leg_records` made them."""
    caller, origin = call.caller, call.caller.origin
    callees = [leg for leg in call.legs if leg is not caller and not isinstance(leg, SupervisorLeg)]
    connected = next((leg for leg in callees if leg.answered_at is not None), callees[-1] if callees else None)
    directions = [each for leg in legs for each in (leg.from_party, leg.to_party) if each is not None]
    means, worst = [each.mos_mean for each in directions], [each.mos_worst for each in directions]
    verdict = blamed(call)
    return CallRecord(
        call_id=call.id,
        source=caller.name,
        caller=origin.number.raw,
        called=called,
        called_canonical=decision.called if decision is not None else None,
        caller_canonical=origin.number.canonical or None,
        withheld=origin.withheld,
        diverted_by=origin.diversions[0].number.canonical if origin.diversions else None,
        verstat=origin.verstat or None,
        attestation=origin.attestation or None,
        route=decision.route.name if decision is not None and decision.route is not None else None,
        destination=connected.name if connected is not None else None,
        trunk=connected.name.removeprefix("trunk:")
        if connected is not None and connected.name.startswith("trunk:")
        else None,
        started_at=call.story.started_at,
        ringing_after=_after(call, caller.ringing_at),
        answered_after=_after(call, caller.answered_at),
        ended_after=_after(call, call.served.ended_at) or 0.0,
        outcome=outcome(call, decision),
        sip_status=legs[0].sip_status,
        q850_cause=call.cause.q850,
        hung_up_by=_hung_up_by(call),
        codec=legs[0].codec,
        mos_mean=lowest(means, MosCqe),
        mos_worst=lowest(worst, MosCqe),
        mos_cqew_mean=lowest(means, MosCqew),
        mos_cqew_worst=lowest(worst, MosCqew),
        mos_cqef_mean=lowest(means, MosCqef),
        mos_cqef_worst=lowest(worst, MosCqef),
        blame=None if verdict is None else verdict.culprit.value,
        blame_because=None if verdict is None else verdict.because,
        recording=recording,
        node=node,
    )


def _leg_record(call: Call, number: int, leg: Leg) -> LegRecord:
    agreement = leg.media.agreement if leg.media is not None else None
    statistics, summary = final_figures(leg)
    assert leg.cause is not None
    return LegRecord(
        leg_id=f"{call.id}-{number}",
        call_id=call.id,
        role=leg.role,
        endpoint=leg.name,
        remote_uri=str(leg.party.uri),
        sip_call_id=leg.session.call_id,
        created_at=call.story.started_at + (leg.created_at - call.caller.created_at),
        ringing_after=_since(leg, leg.ringing_at),
        answered_after=_since(leg, leg.answered_at),
        ended_after=_since(leg, leg.ended_at) or 0.0,
        sip_status=_final_status(leg, leg.cause.status),
        q850_cause=leg.cause.q850,
        hung_up_by="local" if leg.ended_by == "switch" else leg.ended_by,
        codec=agreement.codec.name if agreement is not None else None,
        remote_media=f"{statistics.remote[0]}:{statistics.remote[1]}" if statistics and statistics.remote else None,
        rtt_ms=statistics.rtt_ms if statistics is not None else None,
        from_party=heard(statistics.received if statistics else None, summary.received if summary else None),
        to_party=heard(statistics.reported if statistics else None, summary.sent if summary else None),
        far=summary.far if summary is not None else None,
        video=shown(statistics),
        times_weak=leg.connection.times_weak,
        times_unhealthy=leg.connection.times_unhealthy,
        recording=leg.recording,
    )


class Figures(NamedTuple):
    """What the engine knows of a leg: at its end, or now."""

    statistics: LegStatistics | None
    quality: QualitySummary | None


def final_figures(leg: Leg) -> Figures:
    """The engine's last word about a leg that has ended."""
    return Figures(None, None) if leg.gone is None else Figures(leg.gone.statistics, leg.gone.quality)


def blamed(call: Call, figures: Callable[[Leg], Figures] = final_figures) -> Blame | None:
    """Who damages the call, by what is known of its two talking legs; None when it was never bridged."""
    served = call.served
    other = next((leg for leg in reversed(call.legs) if leg is not served and leg.answered_at is not None), None)
    if other is None:
        return None
    known = [(leg, figures(leg)) for leg in (served, other)]
    late = [each.quality.worker_late_ms for _, each in known if each.quality is not None]
    if not late:
        return None
    first, second = (_evidence(leg, each) for leg, each in known)
    return blame(CallEvidence(first, second, max(late)))


def _evidence(leg: Leg, figures: Figures) -> LegEvidence:
    statistics = figures.statistics
    return leg_evidence(
        figures.quality,
        trunk=leg.name.startswith("trunk:"),
        sent=0 if statistics is None else statistics.packets_sent,
        send_failed=0 if statistics is None else statistics.drops.send_failed,
    )


def _final_status(leg: Leg, status: int) -> int:
    """What ended the leg's INVITE. A cause without a refusal in it: 487 to a CANCEL, 480 when we just let go."""
    if leg.answered_at is not None:
        return 200
    if status >= 300:
        return status
    return 480 if isinstance(leg, InboundLeg) and leg.ended_by == "switch" else 487


def heard(counters: StreamCounters | None, summary: DirectionSummary | None) -> Heard | None:
    """One direction over the call so far; None when nothing was counted."""
    if counters is None:
        return None
    counted = Heard(
        packets=counters.received,
        lost=counters.lost,
        discarded=counters.discarded,
        jitter_ms=counters.jitter_ms,
    )
    if summary is None:
        return counted
    missing = summary.lost + summary.discarded
    return replace(
        counted,
        codec=summary.codec,
        mos_mean=summary.mos_cq,
        mos_worst=summary.worst.mos_cq if summary.worst is not None else None,
        mos_lq=summary.mos_lq,
        mos_ceiling=summary.ceiling,
        degradation=summary.degradation,
        grounding=summary.grounding,
        burst_ratio=summary.burst_ratio if missing else None,
        delay_ms=summary.delay_ms if summary.mos_cq is not None else None,
        delay_source=summary.delay_source if summary.mos_cq is not None else None,
        reason=summary.reason or None,
    )


def shown(statistics: LegStatistics | None) -> Shown | None:
    """The leg's video over the call so far; None when it never had any."""
    video = None if statistics is None else statistics.video
    if video is None:
        return None
    return Shown(
        packets=video.packets,
        octets=video.octets,
        lost=video.lost,
        relayed=video.relayed,
        refused=video.refused,
        key_frames_asked=video.key_frames_asked,
        repairs_asked=video.repairs_asked,
    )


def _hung_up_by(call: Call) -> str:
    served = call.served
    if call.cause is ADMIN:
        return "operator"
    if served.ended_by == "remote":
        return "caller" if served is call.caller else "callee"
    if served.ended_by in ("timeout", "transport"):
        return served.ended_by
    for leg in call.legs:
        if isinstance(leg, SupervisorLeg) or leg is served or leg.cause in (TRANSFERRED, REPLACED):
            continue
        if isinstance(leg, OutboundLeg) and leg.answered_at is not None and leg.state is LegState.ENDED:
            return "callee" if leg.ended_by == "remote" else "switch" if leg.ended_by == "switch" else leg.ended_by
    return "callee" if _refused_by_callee(call) else "switch"


def _refused_by_callee(call: Call) -> bool:
    """Whether what the caller was told came from somebody who was called, and not from us."""
    if call.caller.answered_at is not None or call.rejected:
        return False
    return any(
        leg.ended_by == "remote" and leg.cause is not None and towards_caller(leg.cause) == call.cause
        for leg in call.legs
        if isinstance(leg, OutboundLeg)
    )


def _after(call: Call, moment: float | None) -> float | None:
    return None if moment is None else round(moment - call.caller.created_at, 6)


def _since(leg: Leg, moment: float | None) -> float | None:
    return None if moment is None else round(moment - leg.created_at, 6)
