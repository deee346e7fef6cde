"""The shapes of the answers, as JSON Schema for the OpenAPI document. Tests hold real answers against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    "mos_15s": _or_null({"type": "number", "description": "Over the last 15 s; null when the call is over."}),
    "mos_mean": _or_null(NUMBER),
    "mos_worst": _or_null(NUMBER),
    "recording": _or_null(STRING),
}

SCHEMAS: dict[str, Json] = {
    "Error": _object(error=STRING),
    "Health": _object(status={"const": "ok"}),
    "Readiness": _object(ready=BOOLEAN, reasons=_array(STRING)),
    "Ending": _object(id=STRING, state={"const": "ending"}),
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
        role={"enum": ["caller", "callee"]},
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
        recording=_or_null(STRING),
    ),
    "Heard": _object(
        mos_15s=_or_null({"type": "number", "description": "Over the last 15 s; null when the call is over."}),
        mos_mean=_or_null(NUMBER),
        mos_worst=_or_null(NUMBER),
        mos_ceiling=_or_null({"type": "number", "description": "The best MOS the codec can reach."}),
        degradation=_or_null(_ref("Degradation")),
        packets=INTEGER,
        lost=INTEGER,
        discarded=INTEGER,
        jitter_ms=_or_null(NUMBER),
    ),
    "Degradation": {
        **_object(codec=NUMBER, loss=NUMBER, discard=NUMBER, delay=NUMBER),
        "description": "MOS points each cause took on average: from 4.41 down to mos_mean.",
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
    "TrunkList": _object(trunks=_array(_ref("Trunk"))),
    "Trunk": _object(
        name=STRING,
        sources=_array(STRING),
        next_hops=_array(_object(address=STRING, transport=STRING, avoided_for=NUMBER)),
        codecs=_array(STRING),
        calls=INTEGER,
    ),
}
