"""How one log line looks, as JSON for machines and as text for people. One line always, whatever the caller sent."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

# ASCII only: control characters, line separators and terminal escapes arrive as \\uXXXX and cannot forge a line.
from json.encoder import encode_basestring_ascii as _quote
from math import isfinite
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


_RESERVED = frozenset(("time", "level", "call", "event"))


def timestamp(seconds: float) -> str:
    """Unix seconds as RFC 3339 in UTC with microseconds."""
    whole = int(seconds // 1)
    return f"{_second(whole)}.{min(999_999, round((seconds - whole) * 1e6)):06d}Z"


def as_json(line: LogLine) -> str:
    """The line as one JSON object: time, level, call, event, then the facts; ends with a line break.

    Put together by hand: an encoder set up per line costs three times as much, for every event of every call.
    """
    call = f'"call":{_quote(line.call)},' if line.call else ""
    parts = [
        f'{{"time":"{timestamp(line.time)}","level":"{line.level}",{call}"event":{_quote(_shown_event(line.event))}'
    ]
    for name, value in line.facts.items():
        if value is not None:
            parts.append(_key(name))
            parts.append(_value(shown(name, value)))
    parts.append("}\n")
    return "".join(parts)


def as_text(line: LogLine) -> str:
    """The line for a person: time, level, call, event, name=value...; ends with a line break."""
    parts = [timestamp(line.time), line.level.ljust(7), line.call or "-", _printable(_shown_event(line.event))]
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


@lru_cache(8)
def _second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(1024)
def _shown_event(event: str) -> str:
    return redact(event)


@lru_cache(1024)
def _key(name: str) -> str:
    return f",{_quote(f'{name}_' if name in _RESERVED else name)}:"


def _value(value: Fact) -> str:
    if isinstance(value, str):
        return _quote(value)
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and isfinite(value):
        return repr(value)
    # Not a number in JSON, or no fact at all: still better told than lost.
    return _quote(str(value))


def _printable(text: str) -> str:
    return text if text.isprintable() else _quote(text)[1:-1]


def _quoted(text: str) -> str:
    if text and text.isprintable() and " " not in text and '"' not in text and "=" not in text:
        return text
    return _quote(text)
