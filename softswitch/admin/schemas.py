"""The shapes of the answers, as JSON Schema for the OpenAPI document. Tests hold real answers against them."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from media.quality.blame import Culprit
from media.quality.opinion import OPINIONS
from media.quality.watch import Grade
from softswitch.admin.forms import CallLinkForm, DigitsForm
from softswitch.b2bua.keypad import Refusal as DigitsRefusal
from softswitch.callflow.allowed import ACTIONS
from softswitch.contact_center.call_link import Kind, Refusal, Routing, Validity

if TYPE_CHECKING:
    from pydantic import BaseModel

    from softswitch.admin.operation import Json

STRING: dict[str, Json] = {"type": "string"}
NUMBER: dict[str, Json] = {"type": "number"}
INTEGER: dict[str, Json] = {"type": "integer"}
BOOLEAN: dict[str, Json] = {"type": "boolean"}
TIME: dict[str, Json] = {"type": "string", "format": "date-time"}


def _or_null(schema: dict[str, Json]) -> dict[str, Json]:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> dict[str, Json]:
    return {"$ref": f"#/components/schemas/{name}"}


def _array(schema: dict[str, Json]) -> dict[str, Json]:
    return {"type": "array", "items": schema}


def _object(**properties: dict[str, Json]) -> dict[str, Json]:
    """All properties are always there, and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


_CALL: dict[str, dict[str, Json]] = {
    "id": STRING,
    "state": {"type": "string", "description": "`ended`, or what a running call is doing."},
    "source": {"type": "string", "examples": ["trunk:carrier", "phone:1001"]},
    "caller": STRING,
    "called": STRING,
    "caller_canonical": _or_null(
        {"type": "string", "description": "As the dialplan reads it; `caller` is as it came."}
    ),
    "called_canonical": _or_null(STRING),
    "withheld": {"type": "boolean", "description": "The caller does not want to be known."},
    "diverted_by": _or_null({"type": "string", "description": "Who sent the call on before it came here."}),
    "verstat": _or_null({"type": "string", "examples": ["TN-Validation-Passed"]}),
    "attestation": _or_null({"enum": ["A", "B", "C"], "description": "Claimed by the signature of an incoming call."}),
    "route": _or_null(STRING),
    "destination": _or_null(STRING),
    "started_at": TIME,
    "answered_at": _or_null(TIME),
    "ended_at": _or_null(TIME),
    "seconds": NUMBER,
    "outcome": _or_null(STRING),
    "sip_status": _or_null(INTEGER),
    "q850_cause": _or_null(INTEGER),
    "hung_up_by": _or_null(STRING),
    "codec": _or_null(STRING),
    "mos_15s": _or_null({"type": "number", "description": "MOS-CQE over the last 15 s; null when the call is over."}),
    "mos_mean": _or_null({"type": "number", "description": "Lowest MOS-CQE (narrowband, G.107) of any direction."}),
    "mos_worst": _or_null(NUMBER),
    "mos_cqew_mean": _or_null({"type": "number", "description": "The same as MOS-CQEW (wideband, G.107.1)."}),
    "mos_cqew_worst": _or_null(NUMBER),
    "mos_cqef_mean": _or_null({"type": "number", "description": "The same as MOS-CQEF (fullband, G.107.2)."}),
    "mos_cqef_worst": _or_null(NUMBER),
    "blame": _or_null({"enum": [*Culprit], "description": "Who damages the call; null until it is bridged."}),
    "blame_because": _or_null(STRING),
    "recording": _or_null(STRING),
}

_CALL_LINK: dict[str, dict[str, Json]] = {
    "id": STRING,
    "url": {"type": "string", "description": "To be shared: whoever has it may call."},
    "identity": STRING,
    "kind": {"enum": [*Kind]},
    "type": {"enum": [*Validity]},
    "routing": {"enum": [*Routing]},
    "agent": _or_null(STRING),
    "destination": _or_null(STRING),
    "title": STRING,
    "created_at": TIME,
    "valid_from": TIME,
    "valid_until": TIME,
    "hours": _or_null(
        _object(days=_array(STRING), **{"from": STRING}, to=STRING, timezone=STRING),
    ),
    "max_calls": _or_null(INTEGER),
    "conversation": _or_null(STRING),
    "calls": {"type": "integer", "description": "Answered calls, those that go on included."},
    "running": {"type": "integer", "description": "Calls at present."},
    "revoked_at": _or_null(TIME),
    "state": {"enum": ["open", *(each.code for each in Refusal)]},
    "reason": _or_null({"type": "string", "description": "Why nobody may call over it now, as guests are told."}),
}


def _form(model: type[BaseModel]) -> dict[str, Json]:
    """The schema of what clients send; its parts stand within it."""
    schema = model.model_json_schema(by_alias=True)
    parts = schema.pop("$defs", {})

    def resolved(value: Json) -> Json:
        if isinstance(value, list):
            return [resolved(each) for each in value]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref")
        if isinstance(reference, str):
            return resolved(parts[reference.rpartition("/")[2]])
        return {key: resolved(each) for key, each in value.items() if key != "title" or not isinstance(each, str)}

    found = resolved(schema)
    assert isinstance(found, dict)
    return found


SCHEMAS: dict[str, Json] = {
    "Error": _object(error=STRING),
    "Health": _object(status={"const": "ok"}),
    "Readiness": _object(ready=BOOLEAN, reasons=_array(STRING)),
    "Ending": _object(id=STRING, state={"const": "ending"}),
    "Supervision": _object(id=STRING, phone=STRING, mode={"enum": ["listen", "whisper", "barge"]}),
    "Transfer": _object(id=STRING, party={"enum": ["caller", "callee"]}, state={"const": "transferring"}),
    "Digits": _object(
        id=STRING,
        party={"enum": ["caller", "callee"]},
        count=INTEGER,
        by={"enum": ["rfc4733", "inband", "info"], "description": "How the party is told them."},
    ),
    "DigitsRefusal": _object(error=STRING, code={"enum": [each.code for each in DigitsRefusal]}),
    "PageSession": _object(
        token={"type": "string", "description": "Opens SIP (`Authorization: Bearer`), and the next session."},
        expires_in={"type": "integer", "description": "Seconds the token is good for."},
        user=STRING,
        uri={"type": "string", "examples": ["sip:1001@example.org"]},
        websocket={"type": "string", "examples": ["wss://phone.example.org/sip"]},
        ice_servers=_array(_ref("IceServer")),
        display_name=STRING,
    ),
    "ClosedSession": _object(user=STRING),
    "GuestLink": _object(
        title={"type": "string", "description": "Who is called, in words."},
        kind={"enum": [*Kind]},
        valid_from=TIME,
        valid_until=TIME,
        state={"enum": ["open", *(each.code for each in Refusal)]},
        reason=_or_null({"type": "string", "description": "Why nobody may call over it now, for the guest."}),
    ),
    "GuestSession": _object(
        token={"type": "string", "description": "Opens SIP (`Authorization: Bearer`) for one destination."},
        expires_in=INTEGER,
        user=STRING,
        uri=STRING,
        websocket=STRING,
        ice_servers=_array(_ref("IceServer")),
        display_name=STRING,
        call={"type": "string", "description": "The one address that may be called."},
    ),
    "LinkRefusal": _object(
        error={"type": "string", "description": "For the guest."},
        code={"enum": [each.code for each in Refusal]},
    ),
    "IceServer": {
        "type": "object",
        "properties": {"urls": _array(STRING), "username": STRING, "credential": STRING},
        "required": ["urls"],
        "additionalProperties": False,
    },
    "Call": _object(**_CALL),
    "CallList": _object(running=INTEGER, calls=_array(_ref("Call"))),
    "CallDetail": _object(
        **_CALL,
        legs=_array(_ref("Leg")),
        story=_or_null(_array(_ref("Event"))),
        ladder={"type": "string", "description": "The SIP messages as aligned text."},
    ),
    "Leg": _object(
        id=STRING,
        role={"enum": ["caller", "callee", "supervisor"]},
        endpoint=STRING,
        state=STRING,
        remote_uri=STRING,
        sip_call_id=STRING,
        sip_status=_or_null(INTEGER),
        hung_up_by=_or_null(STRING),
        codec=_or_null(STRING),
        srtp=_or_null({"type": "string", "description": "Crypto suite; null for plain RTP, or when the call is over."}),
        on_hold=BOOLEAN,
        local_media=_or_null(STRING),
        remote_media=_or_null(STRING),
        rtt_ms=_or_null(NUMBER),
        from_party=_or_null(_ref("Heard")),
        to_party=_or_null(_ref("Heard")),
        dropped={
            "type": "object",
            "description": "Packets thrown away, by reason, while the call runs.",
            "additionalProperties": INTEGER,
        },
        far_end=_or_null(_ref("FarEnd")),
        video=_or_null(_ref("Video")),
        weak={"type": "boolean", "description": "The score of the last 15 s is below the limit; see the story."},
        alerts={**_array(STRING), "description": "What is outside the healthy limits: `loss from party`..."},
        message=_or_null({"type": "string", "description": "What is to be shown to the agent, word for word."}),
        recording=_or_null(STRING),
        allowed_actions={
            **_array({"enum": list(ACTIONS)}),
            "description": "What the person there may do now; `send_digits`: the other party can be told digits.",
        },
    ),
    "Heard": _object(
        codec=_or_null(STRING),
        scale=_or_null({"enum": [*OPINIONS], "description": "What the scores are scores of; never compare two."}),
        mos_15s=_or_null({"type": "number", "description": "Over the last 15 s; null when the call is over."}),
        mos_mean=_or_null(NUMBER),
        mos_worst=_or_null(NUMBER),
        grade=_or_null({"enum": [*get_args(Grade)], "description": "A word for mos_mean on its scale."}),
        mos_lq=_or_null({"type": "number", "description": "The mean without delay."}),
        mos_ceiling=_or_null({"type": "number", "description": "The best MOS the codec can reach."}),
        degradation=_or_null(_ref("Degradation")),
        grounding=_or_null({"enum": ["itu", "published", "assumed"], "description": "Of the codec's factors."}),
        packets=INTEGER,
        lost=INTEGER,
        discarded=INTEGER,
        burst_ratio=_or_null({"type": "number", "description": "1: what is missing is missing at random."}),
        jitter_ms=_or_null(NUMBER),
        delay_ms=_or_null({"type": "number", "description": "One way over this leg, mouth to ear."}),
        delay_source=_or_null({"enum": ["rtcp", "xr", "assumed"]}),
        reason=_or_null({"type": "string", "description": "Why there is no score."}),
    ),
    "FarEnd": {
        **_object(
            loss_percent=NUMBER,
            discard_percent=NUMBER,
            burst_loss_percent=NUMBER,
            burst_ms=INTEGER,
            gap_loss_percent=NUMBER,
            gap_ms=INTEGER,
            rtt_ms=_or_null(INTEGER),
            end_system_ms=_or_null(INTEGER),
            buffer_ms=INTEGER,
            r=_or_null(INTEGER),
            external_r=_or_null(INTEGER),
            mos_lq=_or_null(NUMBER),
            mos_cq=_or_null(NUMBER),
        ),
        "description": "The party's own figures of what it receives (RFC 3611 4.7).",
    },
    "Video": {
        **_object(
            packets=INTEGER,
            octets=INTEGER,
            lost={"type": "integer", "description": "Gaps in the numbers of pictures, before the switch."},
            relayed={"type": "integer", "description": "Packets that went on to the other party."},
            refused={"type": "integer", "description": "Packets over webrtc.video_kbit, or of too many sources."},
            key_frames_asked={"type": "integer", "description": "By this party, of the other one (PLI, FIR)."},
            repairs_asked={"type": "integer", "description": "By this party, of the other one (NACK)."},
        ),
        "description": "The pictures of a browser; null for a leg that never had any.",
    },
    "Degradation": {
        **_object(codec=NUMBER, loss=NUMBER, discard=NUMBER, delay=NUMBER),
        "description": "Points each cause took on average, from the best of the scale (4.41 as MOS-CQE, 4.5 as the "
        "others) down to mos_mean.",
    },
    "Event": _object(time=TIME, event=STRING, facts={"type": "object"}),
    "PromptList": _object(prompts=_array(_ref("Prompt")), accepted=_array(STRING)),
    "Prompt": _object(
        name=STRING,
        bytes=INTEGER,
        modified=TIME,
        in_use={"type": "boolean", "description": "Whether a rule plays it, or somebody on hold may hear it."},
        seconds=_or_null({"type": "number", "description": "How long it lasts; null while nobody plays it."}),
    ),
    "DeletedPrompt": _object(deleted=STRING),
    "CallLinkForm": _form(CallLinkForm),
    "DigitsForm": _form(DigitsForm),
    "CallLink": _object(**_CALL_LINK),
    "RevokedCallLink": _object(**_CALL_LINK, ended_calls=INTEGER),
    "CallLinkList": _object(call_links=_array(_ref("CallLink"))),
    "TrunkList": _object(trunks=_array(_ref("Trunk"))),
    "Trunk": _object(
        name=STRING,
        sources=_array(STRING),
        next_hops=_array(
            _object(
                address=STRING,
                transport=STRING,
                state={"enum": ["unknown", "up", "down"], "description": "What OPTIONS say."},
                avoided_for={"type": "number", "description": "Seconds it is tried last after a failed call."},
            )
        ),
        state={"enum": ["up", "down", "disabled"]},
        codecs=_array(STRING),
        calls=INTEGER,
        enabled=BOOLEAN,
        direction={"enum": ["inbound", "outbound", "both"]},
        strategy={"enum": ["failover", "round_robin", "weighted"]},
        channel_limit=_or_null(INTEGER),
        calls_per_second=_or_null(INTEGER),
        refused={
            "type": "object",
            "description": "Calls refused since start, by the limit or the rule against toll fraud.",
            "additionalProperties": INTEGER,
        },
        registration=_or_null(_ref("Registration")),
    ),
    "RegistrationList": _object(registrations=_array(_ref("Contact"))),
    "Contact": _object(
        user=STRING,
        contact=STRING,
        transport=STRING,
        source=STRING,
        expires_in=NUMBER,
        user_agent=STRING,
        instance=STRING,
        reg_id=STRING,
        path=_array(STRING),
        q=NUMBER,
        connected={"type": "boolean", "description": "false: a page that has lost its connection and may be back."},
    ),
    "Registration": _object(
        registered=BOOLEAN,
        state=STRING,
        registrar=_or_null(STRING),
        for_seconds=_or_null(NUMBER),
        expires_in=_or_null(NUMBER),
        retry_in=_or_null(NUMBER),
        error=_or_null(STRING),
    ),
}
