"""Reading finished calls back, for the admin interface. Blocking: call it from a worker thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from softswitch.store.rows import call_of, leg_of
from softswitch.store.tables import calls, legs

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from softswitch.telemetry.cdr import CallRecord, LegRecord


class CallLog:
    """Finished calls, as the database has them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, call_id: str) -> tuple[CallRecord, tuple[LegRecord, ...]] | None:
        """The call of this id with its legs in order of creation; None when there is none."""
        with self._engine.connect() as connection:
            row = connection.execute(select(calls).where(calls.c.call_id == call_id)).mappings().one_or_none()
            if row is None:
                return None
            rows = connection.execute(
                select(legs).where(legs.c.call_id == call_id).order_by(legs.c.created_at, legs.c.leg_id)
            ).mappings()
            return call_of(row), tuple(leg_of(leg) for leg in rows)

    def latest(self, count: int, *, before: float | None = None) -> list[CallRecord]:
        """Up to `count` calls, the last started first; `before` (Unix seconds) pages on."""
        query = select(calls).order_by(calls.c.started_at.desc(), calls.c.call_id).limit(count)
        if before is not None:
            query = query.where(calls.c.started_at < before)
        with self._engine.connect() as connection:
            return [call_of(row) for row in connection.execute(query).mappings()]

    def used_since(self, since: float) -> list[Used]:
        """What each caller has used of trunks in calls begun since a moment in Unix seconds."""
        caller = func.coalesce(calls.c.caller_canonical, "")
        query = (
            select(calls.c.source, caller, func.count(), func.sum(calls.c.talk_seconds))
            .where(calls.c.started_at >= since, calls.c.trunk.is_not(None))
            .group_by(calls.c.source, caller)
        )
        with self._engine.connect() as connection:
            return [Used(*row) for row in connection.execute(query)]


class Used(NamedTuple):
    """Calls of one caller over trunks."""

    source: str
    """`trunk:carrier` or `phone:1001`."""
    caller: str
    """The canonical number, "" when there was none."""
    calls: int
    talk_seconds: float
