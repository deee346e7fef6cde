"""Call records as table rows and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.telemetry.cdr import CallRecord, Heard, LegRecord, Outcome

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

Value = str | int | float | None
Row = dict[str, Value]

_HEARD_FIELDS = ("mos_mean", "mos_worst", "packets", "lost", "discarded", "jitter_ms")
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
        "mos_mean": call.mos_mean,
        "mos_worst": call.mos_worst,
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
        mos_mean=row["mos_mean"],
        mos_worst=row["mos_worst"],
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
        recording=row["recording"],
    )


def _heard_values(columns: tuple[str, ...], heard: Heard | None) -> Row:
    if heard is None:
        return dict.fromkeys(columns)
    values = (heard.mos_mean, heard.mos_worst, heard.packets, heard.lost, heard.discarded, heard.jitter_ms)
    return dict(zip(columns, values, strict=True))


def _heard(row: RowMapping, direction: str) -> Heard | None:
    if row[f"{direction}_packets"] is None:
        return None
    return Heard(**{name: row[f"{direction}_{name}"] for name in _HEARD_FIELDS})


def _text(text: str, longest: int) -> str:
    if len(text) <= longest and text.isascii() and "\0" not in text:
        return text
    # PostgreSQL refuses NUL in text, and a driver refuses what is not Unicode.
    return text[:longest].replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _optional(text: str | None, longest: int) -> str | None:
    return None if text is None else _text(text, longest)
