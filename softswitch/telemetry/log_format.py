"""How one log line looks, as JSON for machines and as text for people. One line always, whatever the caller sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from softswitch.telemetry.redaction import HIDDEN, is_secret_name, redact

if TYPE_CHECKING:
    from collections.abc import Mapping

Fact = str | int | float | bool | None
"""What an event may say about itself: plain values only."""


class LogLine(NamedTuple):
    """One event. `time` is Unix seconds, `call` the call id or "" when no call is concerned."""

    time: float
    level: str
    call: str
    event: str
    facts: Mapping[str, Fact]


# ASCII only: control characters, line separators and terminal escapes arrive as \uXXXX and cannot forge a line.
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str).encode
_RESERVED = frozenset(("time", "level", "call", "event"))


def timestamp(seconds: float) -> str:
    """Unix seconds as RFC 3339 in UTC with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def as_json(line: LogLine) -> str:
    """The line as one JSON object: time, level, call, event, then the facts; ends with a line break."""
    entry: dict[str, Fact] = {"time": timestamp(line.time), "level": line.level}
    if line.call:
        entry["call"] = line.call
    entry["event"] = redact(line.event)
    for name, value in line.facts.items():
        if value is None:
            continue
        entry[f"{name}_" if name in _RESERVED else name] = shown(name, value)
    return _encode(entry) + "\n"


def as_text(line: LogLine) -> str:
    """The line for a person: time, level, call, event, name=value...; ends with a line break."""
    parts = [timestamp(line.time), line.level.ljust(7), line.call or "-", _printable(redact(line.event))]
    for name, value in line.facts.items():
        if value is None:
            continue
        text = shown(name, value)
        parts.append(f"{name}={_quoted(text) if isinstance(text, str) else text}")
    return " ".join(parts) + "\n"


def shown(name: str, value: Fact) -> Fact:
    """A fact as it may be shown: secrets hidden by the fact's name, credentials cut out of its text."""
    if is_secret_name(name):
        return HIDDEN
    return redact(value) if isinstance(value, str) else value


def _printable(text: str) -> str:
    return text if text.isprintable() else _encode(text)[1:-1]


def _quoted(text: str) -> str:
    if text and text.isprintable() and " " not in text and '"' not in text and "=" not in text:
        return text
    return _encode(text)
