"""A moment as a person writes it for a simulated call."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """Read `2026-12-24T18:05 Europe/Berlin`; the zone may be left out (`zone`) or be an offset in the ISO form.

    Raises ValueError saying what was expected.
    """
    date, _, name = text.strip().partition(" ")
    if name[:1].isdigit():  # "2026-12-24 18:05": a blank instead of the T
        clock, _, name = name.partition(" ")
        date = f"{date}T{clock}"
    try:
        at = datetime.fromisoformat(date)
    except ValueError:
        raise ValueError(f'expected a moment such as "2026-12-24T18:05 Europe/Berlin", got {text!r}') from None
    if name:
        try:
            zone = ZoneInfo(name.strip())
        except (KeyError, ValueError, OSError):
            raise ValueError(f"expected a time zone such as Europe/Berlin, got {name!r}") from None
    if at.tzinfo is not None and not name:
        return at
    return at.replace(tzinfo=zone)
