"""Call records as table rows and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from media.quality.opinion import OPINIONS, MosCqe, MosCqef, MosCqew
from media.quality.scores import Degradation
from softswitch.telemetry.cdr import CallRecord, Heard, LegRecord, Outcome, Shown

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from media.quality.opinion import Opinion

Value = str | int | float | None
Row = dict[str, Value]

_PLAIN = (
    "packets",
    "lost",
    "discarded",
    "jitter_ms",
    "codec",
    "grounding",
    "burst_ratio",
    "delay_ms",
    "delay_source",
    "reason",
)
_SCORES = ("mos_mean", "mos_worst", "mos_lq", "mos_ceiling")
_CAUSES = ("codec", "loss", "discard", "delay")
_HEARD_FIELDS = (*_PLAIN, "mos_scale", *_SCORES, *(f"degradation_{cause}" for cause in _CAUSES))
_SHOWN = ("packets", "octets", "lost", "relayed", "refused", "key_frames_asked", "repairs_asked")
_FROM_PARTY = tuple(f"from_party_{name}" for name in _HEARD_FIELDS)
_TO_PARTY = tuple(f"to_party_{name}" for name in _HEARD_FIELDS)


def call_row(call: CallRecord) -> Row:
    """The row of a call. Strings longer than their column are cut: a hostile number must not cost the record."""
    start, answer = call.started_at, call.answered_after
    return {
        "call_id": call.call_id,
        "node": call.node[:64],
        "source": call.source[:128],
        "caller": _text(call.caller, 256),
        "called": _text(call.called, 256),
        "called_canonical": _optional(call.called_canonical, 256),
        "caller_canonical": _optional(call.caller_canonical, 256),
        "caller_withheld": int(call.withheld),
        "diverted_by": _optional(call.diverted_by, 256),
        "verstat": _optional(call.verstat, 32),
        "attestation": _optional(call.attestation, 1),
        "route": _optional(call.route, 128),
        "destination": _optional(call.destination, 128),
        "trunk": _optional(call.trunk, 128),
        "started_at": start,
        "answered_at": None if answer is None else start + answer,
        "ended_at": start + call.ended_after,
        "ringing_seconds": call.ringing_after,
        "setup_seconds": answer,
        "duration_seconds": call.duration_seconds,
        "talk_seconds": call.talk_seconds,
        "outcome": call.outcome.value,
        "sip_status": call.sip_status,
        "q850_cause": call.q850_cause,
        "hung_up_by": call.hung_up_by,
        "codec": _optional(call.codec, 32),
        "mos_mean": _number(call.mos_mean),
        "mos_worst": _number(call.mos_worst),
        "mos_cqew_mean": _number(call.mos_cqew_mean),
        "mos_cqew_worst": _number(call.mos_cqew_worst),
        "mos_cqef_mean": _number(call.mos_cqef_mean),
        "mos_cqef_worst": _number(call.mos_cqef_worst),
        "blame": call.blame,
        "blame_because": _optional(call.blame_because, 128),
        "recording": _optional(call.recording, 1024),
    }


def leg_row(leg: LegRecord) -> Row:
    """The row of a leg."""
    start, answer = leg.created_at, leg.answered_after
    return {
        "leg_id": leg.leg_id,
        "call_id": leg.call_id,
        "role": leg.role,
        "endpoint": leg.endpoint[:128],
        "remote_uri": _text(leg.remote_uri, 512),
        "sip_call_id": _text(leg.sip_call_id, 256),
        "created_at": start,
        "answered_at": None if answer is None else start + answer,
        "ended_at": start + leg.ended_after,
        "ringing_seconds": leg.ringing_after,
        "setup_seconds": answer,
        "talk_seconds": leg.talk_seconds,
        "sip_status": leg.sip_status,
        "q850_cause": leg.q850_cause,
        "hung_up_by": leg.hung_up_by,
        "codec": _optional(leg.codec, 32),
        "remote_media": _optional(leg.remote_media, 64),
        "rtt_ms": leg.rtt_ms,
        **_heard_values(_FROM_PARTY, leg.from_party),
        **_heard_values(_TO_PARTY, leg.to_party),
        **{f"video_{name}": None if leg.video is None else getattr(leg.video, name) for name in _SHOWN},
        "times_weak": leg.times_weak,
        "times_unhealthy": leg.times_unhealthy,
        "recording": _optional(leg.recording, 1024),
    }


def call_of(row: RowMapping) -> CallRecord:
    """The record a row was made from."""
    return CallRecord(
        call_id=row["call_id"],
        node=row["node"],
        source=row["source"],
        caller=row["caller"],
        called=row["called"],
        called_canonical=row["called_canonical"],
        caller_canonical=row["caller_canonical"],
        withheld=bool(row["caller_withheld"]),
        diverted_by=row["diverted_by"],
        verstat=row["verstat"],
        attestation=row["attestation"],
        route=row["route"],
        destination=row["destination"],
        trunk=row["trunk"],
        started_at=row["started_at"],
        ringing_after=row["ringing_seconds"],
        answered_after=row["setup_seconds"],
        ended_after=row["duration_seconds"],
        outcome=Outcome(row["outcome"]),
        sip_status=row["sip_status"],
        q850_cause=row["q850_cause"],
        hung_up_by=row["hung_up_by"],
        codec=row["codec"],
        mos_mean=_score(row["mos_mean"], MosCqe),
        mos_worst=_score(row["mos_worst"], MosCqe),
        mos_cqew_mean=_score(row["mos_cqew_mean"], MosCqew),
        mos_cqew_worst=_score(row["mos_cqew_worst"], MosCqew),
        mos_cqef_mean=_score(row["mos_cqef_mean"], MosCqef),
        mos_cqef_worst=_score(row["mos_cqef_worst"], MosCqef),
        blame=row["blame"],
        blame_because=row["blame_because"],
        recording=row["recording"],
    )


def leg_of(row: RowMapping) -> LegRecord:
    """The record a row was made from."""
    return LegRecord(
        leg_id=row["leg_id"],
        call_id=row["call_id"],
        role=row["role"],
        endpoint=row["endpoint"],
        remote_uri=row["remote_uri"],
        sip_call_id=row["sip_call_id"],
        created_at=row["created_at"],
        ringing_after=row["ringing_seconds"],
        answered_after=row["setup_seconds"],
        ended_after=row["ended_at"] - row["created_at"],
        sip_status=row["sip_status"],
        q850_cause=row["q850_cause"],
        hung_up_by=row["hung_up_by"],
        codec=row["codec"],
        remote_media=row["remote_media"],
        rtt_ms=row["rtt_ms"],
        from_party=_heard(row, "from_party"),
        to_party=_heard(row, "to_party"),
        video=_shown(row),
        times_weak=row["times_weak"] or 0,
        times_unhealthy=row["times_unhealthy"] or 0,
        recording=row["recording"],
    )


def _heard_values(columns: tuple[str, ...], heard: Heard | None) -> Row:
    if heard is None:
        return dict.fromkeys(columns)
    damage = heard.degradation
    values: tuple[Value, ...] = (
        heard.packets,
        heard.lost,
        heard.discarded,
        heard.jitter_ms,
        _optional(heard.codec, 32),
        heard.grounding,
        heard.burst_ratio,
        heard.delay_ms,
        heard.delay_source,
        _optional(heard.reason, 256),
        heard.scale,
        _number(heard.mos_mean),
        _number(heard.mos_worst),
        _number(heard.mos_lq),
        _number(heard.mos_ceiling),
        *((None,) * 4 if damage is None else (damage.codec, damage.loss, damage.discard, damage.delay)),
    )
    return dict(zip(columns, values, strict=True))


def _heard(row: RowMapping, direction: str) -> Heard | None:
    if row[f"{direction}_packets"] is None:
        return None
    # A scale only a later version knows: its scores must not be taken for those of another.
    opinion = OPINIONS.get(row[f"{direction}_mos_scale"])
    values: dict[str, Any] = {name: row[f"{direction}_{name}"] for name in _PLAIN}
    if opinion is not None:
        values.update({name: _score(row[f"{direction}_{name}"], opinion) for name in _SCORES})
    damage = [row[f"{direction}_degradation_{cause}"] for cause in _CAUSES]
    return Heard(**values, degradation=None if None in damage else Degradation(*damage))


def _shown(row: RowMapping) -> Shown | None:
    return None if row["video_packets"] is None else Shown(*(row[f"video_{name}"] for name in _SHOWN))


def _number(score: Opinion | None) -> float | None:
    """Drivers take plain numbers."""
    return None if score is None else float(score)


def _score(value: float | None, opinion: type[Opinion]) -> Opinion | None:
    return None if value is None else opinion(value)


def _text(text: str, longest: int) -> str:
    if len(text) <= longest and text.isascii() and "\0" not in text:
        return text
    # PostgreSQL refuses NUL in text, and a driver refuses what is not Unicode.
    return text[:longest].replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _optional(text: str | None, longest: int) -> str | None:
    return None if text is None else _text(text, longest)
