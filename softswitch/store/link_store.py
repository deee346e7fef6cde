"""Call links in the database: made, found, counted, revoked. Blocking: call it from a worker thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from softswitch.contact_center.call_link import CallLink, Kind, Routing, Use, Validity
from softswitch.store.tables import call_links
from softswitch.time_condition import TimeCondition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine, RowMapping

    from softswitch.store.rows import Row

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class StoredLink(NamedTuple):
    """A link with what was done with it."""

    link: CallLink
    use: Use


class LinkStore:
    """The table of links. Errors of the database are SQLAlchemy's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, link: CallLink) -> None:
        """A new one, not used yet."""
        with self._engine.begin() as connection:
            connection.execute(call_links.insert().values(**_row(link)))

    def get(self, link_id: str) -> StoredLink | None:
        """The link of this id; None: there is none."""
        query = select(call_links).where(call_links.c.link_id == link_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _link(row)

    def latest(self, count: int, *, before: float | None = None, conversation: str | None = None) -> list[StoredLink]:
        """Up to `count` links, the last made first; only those made `before` (Unix seconds), or of one conversation."""
        query = select(call_links).order_by(call_links.c.created_at.desc(), call_links.c.link_id).limit(count)
        if before is not None:
            query = query.where(call_links.c.created_at < before)
        if conversation is not None:
            query = query.where(call_links.c.conversation == conversation)
        with self._engine.connect() as connection:
            return [_link(row) for row in connection.execute(query).mappings()]

    def alive(self, now: float, most: int) -> list[StoredLink]:
        """Up to `most` links that have not expired and are not revoked, the first to expire first."""
        query = (
            select(call_links)
            .where(call_links.c.valid_until > now, call_links.c.revoked_at.is_(None))
            .order_by(call_links.c.valid_until)
            .limit(most)
        )
        with self._engine.connect() as connection:
            return [_link(row) for row in connection.execute(query).mappings()]

    def count(self, calls: Mapping[str, int], at: float) -> None:
        """So many more calls over each link were answered, the last of them at `at`."""
        with self._engine.begin() as connection:
            for link_id, more in calls.items():
                connection.execute(
                    call_links.update()
                    .where(call_links.c.link_id == link_id)
                    .values(calls=call_links.c.calls + more, last_call_at=at)
                )

    def revoke(self, link_id: str, at: float) -> StoredLink | None:
        """Make it useless for good; revoking again changes nothing. None: there is none."""
        with self._engine.begin() as connection:
            connection.execute(
                call_links.update()
                .where(call_links.c.link_id == link_id)
                .values(revoked_at=func.coalesce(call_links.c.revoked_at, at))
            )
        return self.get(link_id)


def _row(link: CallLink) -> Row:
    hours = link.hours
    return {
        "link_id": link.id,
        "identity": link.identity,
        "kind": link.kind.value,
        "validity": link.validity.value,
        "routing": link.routing.value,
        "agent": link.agent,
        "destination": link.destination,
        "title": link.title,
        "created_at": link.created_at,
        "valid_from": link.valid_from,
        "valid_until": link.valid_until,
        "hours_days": None if hours is None else ",".join(_DAYS[day] for day in sorted(hours.days)),
        "hours_from": None if hours is None else hours.start,
        "hours_until": None if hours is None else hours.end,
        "hours_timezone": None if hours is None else hours.zone.key,
        "max_calls": link.max_calls,
        "conversation": link.conversation,
        "calls": 0,
    }


def _link(row: RowMapping) -> StoredLink:
    link = CallLink(
        id=row["link_id"],
        identity=row["identity"],
        kind=Kind(row["kind"]),
        validity=Validity(row["validity"]),
        routing=Routing(row["routing"]),
        agent=row["agent"],
        destination=row["destination"],
        title=row["title"],
        created_at=row["created_at"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        hours=_hours(row),
        max_calls=row["max_calls"],
        conversation=row["conversation"],
    )
    return StoredLink(link, Use(row["calls"], row["revoked_at"]))


def _hours(row: RowMapping) -> TimeCondition | None:
    if row["hours_timezone"] is None:
        return None
    days = frozenset(map(_DAYS.index, row["hours_days"].split(",")))
    return TimeCondition(ZoneInfo(row["hours_timezone"]), days, row["hours_from"], row["hours_until"])
