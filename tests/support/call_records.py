"""Call records with sensible values, for tests that need some."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from media.quality.opinion import MosCqe
from media.quality.scores import Degradation
from softswitch.telemetry.cdr import CallRecord, Heard, LegRecord, Outcome, Shown

_CALL = CallRecord(
    call_id="call-1",
    source="trunk:carrier",
    caller="+4930111",
    called="1001",
    called_canonical="1001",
    caller_canonical="+4930123",
    withheld=True,
    diverted_by="+4930999",
    verstat="TN-Validation-Passed",
    attestation="B",
    route="desk",
    destination="phone:1001",
    started_at=1_700_000_000.25,
    ringing_after=0.5,
    answered_after=2.5,
    ended_after=12.5,
    outcome=Outcome.ANSWERED,
    sip_status=200,
    q850_cause=16,
    hung_up_by="caller",
    codec="PCMA",
    mos_mean=MosCqe(4.25),
    mos_worst=MosCqe(4.0),
    blame="caller_leg",
    blame_because="loss, lateness or delay on one leg",
    recording="/var/lib/softswitch/recordings/call-1.wav",
    node="node-1",
)


def call_record(call_id: str = "call-1", **changes: Any) -> CallRecord:
    """An answered call of ten seconds from a trunk to a phone."""
    return replace(_CALL, call_id=call_id, **changes)


def leg_records(call_id: str = "call-1") -> tuple[LegRecord, LegRecord]:
    """Its two legs."""
    heard = Heard(
        codec="PCMA",
        mos_mean=MosCqe(4.25),
        mos_worst=MosCqe(4.0),
        mos_lq=MosCqe(4.25),
        mos_ceiling=MosCqe(4.40625),
        degradation=Degradation(0.0, 0.125, 0.03125, 0.0),
        grounding="itu",
        packets=500,
        lost=2,
        discarded=1,
        burst_ratio=1.5,
        jitter_ms=1.5,
        delay_ms=120.25,
        delay_source="rtcp",
    )
    caller = LegRecord(
        leg_id=f"{call_id}/caller",
        call_id=call_id,
        role="caller",
        endpoint="trunk:carrier",
        remote_uri="sip:+4930111@192.0.2.1",
        sip_call_id="abc@192.0.2.1",
        created_at=1_700_000_000.25,
        ringing_after=0.5,
        answered_after=2.5,
        ended_after=12.5,
        sip_status=200,
        q850_cause=16,
        hung_up_by="remote",
        codec="PCMA",
        remote_media="192.0.2.1:4000",
        rtt_ms=12.5,
        from_party=heard,
        to_party=None,
        video=Shown(900, 5_000_000_000, 3, 890, 10, 2, 4),
        recording="/var/lib/softswitch/recordings/call-1-caller.wav",
    )
    callee = replace(
        caller,
        leg_id=f"{call_id}/callee",
        role="callee",
        endpoint="phone:1001",
        remote_uri="sip:1001@192.0.2.9",
        created_at=1_700_000_000.5,
        hung_up_by="local",
        video=None,
        to_party=replace(heard, mos_mean=None, jitter_ms=None, degradation=None, reason="no packets expected"),
    )
    return caller, callee
