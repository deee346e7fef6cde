"""Calls, legs, stories and trunks as JSON. Running and finished calls have the same shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.quality.opinion import MosCqe, MosCqef, MosCqew, lowest
from media.quality.watch import grade
from softswitch.telemetry.log_format import shown, timestamp
from softswitch.telemetry.siptrace import render_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from media.quality.opinion import Opinion
    from media.quality.verdict import Degradation
    from media.quality.voip_metrics import VoipMetrics
    from softswitch.admin.operation import Json
    from softswitch.telemetry.cdr import CallRecord, Heard, LegRecord, Shown
    from softswitch.telemetry.snapshot import (
        CallSnapshot,
        ContactSnapshot,
        LegSnapshot,
        RegistrationSnapshot,
        TrunkSnapshot,
    )
    from softswitch.telemetry.story import Message, StoryLine

ENDED = "ended"
"""The state of a finished call or leg."""


def running_call(call: CallSnapshot) -> dict[str, Json]:
    """A call that goes on; its scores are the lowest of any direction of any leg, of each scale by itself."""
    directions = [each for leg in call.legs for each in (leg.from_party, leg.to_party) if each is not None]
    return {
        "id": call.call_id,
        "state": call.state,
        "source": call.source,
        "caller": call.caller,
        "called": call.called,
        "caller_canonical": call.caller_canonical,
        "called_canonical": call.called_canonical,
        "withheld": call.withheld,
        "diverted_by": call.diverted_by,
        "verstat": call.verstat,
        "attestation": call.attestation,
        "route": call.route,
        "destination": call.destination,
        "started_at": timestamp(call.started_at),
        "answered_at": None if call.answered_at is None else timestamp(call.answered_at),
        "ended_at": None,
        "seconds": round(call.seconds, 3),
        "outcome": None,
        "sip_status": None,
        "q850_cause": None,
        "hung_up_by": None,
        "codec": call.legs[0].codec if call.legs else None,
        "mos_15s": _lowest((each.mos_15s for each in directions), MosCqe),
        "mos_mean": _lowest((each.mos_mean for each in directions), MosCqe),
        "mos_worst": _lowest((each.mos_worst for each in directions), MosCqe),
        "mos_cqew_mean": _lowest((each.mos_mean for each in directions), MosCqew),
        "mos_cqew_worst": _lowest((each.mos_worst for each in directions), MosCqew),
        "mos_cqef_mean": _lowest((each.mos_mean for each in directions), MosCqef),
        "mos_cqef_worst": _lowest((each.mos_worst for each in directions), MosCqef),
        "blame": call.blame,
        "blame_because": call.blame_because,
        "recording": call.recording,
    }


def finished_call(call: CallRecord) -> dict[str, Json]:
    """A call that is over."""
    answer = call.answered_after
    return {
        "id": call.call_id,
        "state": ENDED,
        "source": call.source,
        "caller": call.caller,
        "called": call.called,
        "caller_canonical": call.caller_canonical,
        "called_canonical": call.called_canonical,
        "withheld": call.withheld,
        "diverted_by": call.diverted_by,
        "verstat": call.verstat,
        "attestation": call.attestation,
        "route": call.route,
        "destination": call.destination,
        "started_at": timestamp(call.started_at),
        "answered_at": None if answer is None else timestamp(call.started_at + answer),
        "ended_at": timestamp(call.started_at + call.ended_after),
        "seconds": round(call.duration_seconds, 3),
        "outcome": call.outcome.value,
        "sip_status": call.sip_status,
        "q850_cause": call.q850_cause,
        "hung_up_by": call.hung_up_by,
        "codec": call.codec,
        "mos_15s": None,
        "mos_mean": _rounded(call.mos_mean),
        "mos_worst": _rounded(call.mos_worst),
        "mos_cqew_mean": _rounded(call.mos_cqew_mean),
        "mos_cqew_worst": _rounded(call.mos_cqew_worst),
        "mos_cqef_mean": _rounded(call.mos_cqef_mean),
        "mos_cqef_worst": _rounded(call.mos_cqef_worst),
        "blame": call.blame,
        "blame_because": call.blame_because,
        "recording": call.recording,
    }


def running_leg(leg: LegSnapshot) -> dict[str, Json]:
    """A leg of a call that goes on."""
    return {
        "id": leg.leg_id,
        "role": leg.role,
        "endpoint": leg.endpoint,
        "state": leg.state,
        "remote_uri": leg.remote_uri,
        "sip_call_id": leg.sip_call_id,
        "sip_status": None,
        "hung_up_by": None,
        "codec": leg.codec,
        "srtp": leg.srtp,
        "on_hold": leg.on_hold,
        "local_media": leg.local_media,
        "remote_media": leg.remote_media,
        "rtt_ms": _rounded(leg.rtt_ms),
        "from_party": _heard(leg.from_party),
        "to_party": _heard(leg.to_party),
        "dropped": dict(leg.dropped),
        "far_end": _far(leg.far),
        "video": _video(leg.video),
        "weak": leg.weak,
        "alerts": list(leg.alerts),
        "message": leg.message,
        "recording": leg.recording,
        "allowed_actions": list(leg.allowed_actions),
    }


def finished_leg(leg: LegRecord) -> dict[str, Json]:
    """A leg of a call that is over."""
    return {
        "id": leg.leg_id,
        "role": leg.role,
        "endpoint": leg.endpoint,
        "state": ENDED,
        "remote_uri": leg.remote_uri,
        "sip_call_id": leg.sip_call_id,
        "sip_status": leg.sip_status,
        "hung_up_by": leg.hung_up_by,
        "codec": leg.codec,
        "srtp": None,
        "on_hold": False,
        "local_media": None,
        "remote_media": leg.remote_media,
        "rtt_ms": _rounded(leg.rtt_ms),
        "from_party": _heard(leg.from_party),
        "to_party": _heard(leg.to_party),
        "dropped": {},
        "far_end": _far(leg.far),
        "video": _video(leg.video),
        "weak": False,
        "alerts": [],
        "message": None,
        "recording": leg.recording,
        "allowed_actions": [],
    }


def story(lines: Sequence[StoryLine]) -> list[Json]:
    """The events in order, secrets left out as in the log."""
    return [
        {
            "time": timestamp(line.time),
            "event": line.event,
            "facts": {name: shown(name, value) for name, value in line.facts.items() if value is not None},
        }
        for line in lines
    ]


def ladder(messages: Sequence[Message]) -> str:
    """The SIP messages as aligned text."""
    return render_messages(messages)


def trunk(of: TrunkSnapshot) -> dict[str, Json]:
    """A trunk; never its credentials."""
    return {
        "name": of.name,
        "sources": list(of.sources),
        "next_hops": [
            {
                "address": hop.address,
                "transport": hop.transport,
                "state": hop.state,
                "avoided_for": round(hop.avoided_for, 1),
            }
            for hop in of.next_hops
        ],
        "codecs": list(of.codecs),
        "calls": of.calls,
        "state": of.state,
        "enabled": of.enabled,
        "direction": of.direction,
        "strategy": of.strategy,
        "channel_limit": of.channel_limit,
        "calls_per_second": of.calls_per_second,
        "refused": dict(of.refused),
        "registration": None if of.registration is None else _registration(of.registration),
    }


def contact(of: ContactSnapshot) -> dict[str, Json]:
    """One contact of a registered phone."""
    return {
        "user": of.user,
        "contact": of.contact,
        "transport": of.transport,
        "source": of.source,
        "expires_in": _rounded(of.expires_in),
        "user_agent": of.user_agent,
        "instance": of.instance,
        "reg_id": of.reg_id,
        "path": list(of.path),
        "q": of.quality,
        "connected": of.connected,
    }


def _registration(of: RegistrationSnapshot) -> dict[str, Json]:
    return {
        "registered": of.registered,
        "state": of.state,
        "registrar": of.registrar,
        "for_seconds": _rounded(of.for_seconds),
        "expires_in": _rounded(of.expires_in),
        "retry_in": _rounded(of.retry_in),
        "error": of.error,
    }


def _heard(heard: Heard | None) -> Json:
    if heard is None:
        return None
    return {
        "codec": heard.codec,
        "scale": heard.scale,
        "mos_15s": _rounded(heard.mos_15s),
        "mos_mean": _rounded(heard.mos_mean),
        "mos_worst": _rounded(heard.mos_worst),
        "grade": None if heard.mos_mean is None else grade(heard.mos_mean),
        "mos_lq": _rounded(heard.mos_lq),
        "mos_ceiling": _rounded(heard.mos_ceiling),
        "degradation": _degradation(heard.degradation),
        "grounding": heard.grounding,
        "packets": heard.packets,
        "lost": heard.lost,
        "discarded": heard.discarded,
        "burst_ratio": _rounded(heard.burst_ratio),
        "jitter_ms": _rounded(heard.jitter_ms),
        "delay_ms": _rounded(heard.delay_ms),
        "delay_source": heard.delay_source,
        "reason": heard.reason,
    }


def _video(video: Shown | None) -> Json:
    if video is None:
        return None
    return {
        "packets": video.packets,
        "octets": video.octets,
        "lost": video.lost,
        "relayed": video.relayed,
        "refused": video.refused,
        "key_frames_asked": video.key_frames_asked,
        "repairs_asked": video.repairs_asked,
    }


def _far(metrics: VoipMetrics | None) -> Json:
    if metrics is None:
        return None
    return {
        "loss_percent": _rounded(metrics.loss_percent),
        "discard_percent": _rounded(metrics.discard_percent),
        "burst_loss_percent": _rounded(metrics.burst_loss_percent),
        "burst_ms": metrics.burst_ms,
        "gap_loss_percent": _rounded(metrics.gap_loss_percent),
        "gap_ms": metrics.gap_ms,
        "rtt_ms": metrics.rtt_ms,
        "end_system_ms": metrics.end_system_ms,
        "buffer_ms": metrics.buffer_ms,
        "r": metrics.r,
        "external_r": metrics.external_r,
        "mos_lq": metrics.mos_lq,
        "mos_cq": metrics.mos_cq,
    }


def _degradation(of: Degradation | None) -> Json:
    if of is None:
        return None
    return {
        "codec": _rounded(of.codec),
        "loss": _rounded(of.loss),
        "discard": _rounded(of.discard),
        "delay": _rounded(of.delay),
    }


def _lowest(scores: Iterable[Opinion | None], of: type[Opinion]) -> float | None:
    return _rounded(lowest(scores, of))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 3)
