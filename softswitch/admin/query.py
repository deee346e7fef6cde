"""Parameters that several listings have."""

from __future__ import annotations

from datetime import datetime


def limit(text: str | None, *, default: int, most: int) -> int:
    """How many, at most. Raises ValueError saying what was expected."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= most):
        raise ValueError(f"limit: expected a number from 1 to {most}")
    return int(text)


def moment(name: str, text: str | None) -> float | None:
    """A time with its zone, in Unix seconds; None when it is not given. Raises ValueError saying what was expected."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text[:40])
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError(f"{name}: expected a time with its zone, such as 2026-01-31T12:00:00Z")
    return found.timestamp()
