"""Call links over a real database, with a clock that a test moves, and guests who come with them."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

from softswitch.b2bua.terms import MediaTerms
from softswitch.b2bua.web import WebTerms
from softswitch.callflow.link_desk import LinkDesk
from softswitch.callflow.link_guests import GuestLimits, LinkGuests
from softswitch.contact_center.call_link_wish import Defaults
from softswitch.dialplan.numbers import Numbering
from softswitch.dialplan.rules import Dialplan
from softswitch.endpoints.call_links import CallLinks
from softswitch.endpoints.tokens import TokenSigner
from softswitch.sip.session.terms import PLAIN
from softswitch.store import schema
from softswitch.store.database import open_engine
from softswitch.store.link_store import LinkStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from softswitch.b2bua.leg import Leg

NOW = 1_780_000_000.0
"""A Thursday, 2026-05-28 20:26:40 UTC."""
KEY = "a key that only this test knows"
PUBLIC_URL = "https://call.example"
DEFAULTS = Defaults(destination="support", title="Customer service")
PLAN = Dialplan((), Numbering("49", "00", "0"), phones=frozenset({"1001"}))


class Clock:
    """Seconds, as a test has them."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Links:
    """Everything about links but SIP."""

    def __init__(self, file: Path, defaults: Defaults = DEFAULTS, limits: GuestLimits | None = None) -> None:
        self.clock = Clock()
        self.running: dict[str, int] = {}
        """Legs by endpoint."""
        self.callers: list[Leg] = []
        self.hung_up: list[str] = []
        self.engine = open_engine(f"sqlite:///{file}")
        schema.prepare(self.engine)
        numbers = itertools.count(1)
        self.links = CallLinks(
            LinkStore(self.engine),
            defaults,
            agents=PLAN.phones,
            new_id=lambda: f"link{next(numbers)}",
            clock=self.clock,
        )
        self.tokens = TokenSigner(KEY, clock=self.clock)
        self.guests = LinkGuests(
            self.links,
            self.tokens,
            limits=limits or GuestLimits(),
            plan=PLAN,
            names={"1001": "Jo Bloggs"},
            domain="pbx.example",
            terms=MediaTerms(web=WebTerms()),
            session=PLAIN,
            ring_for=30.0,
            token_seconds=300.0,
            clock=self.clock,
            callers=lambda: self.callers,
            used=lambda name: self.running.get(name, 0),
        )
        self.desk = LinkDesk(self.guests, PUBLIC_URL, self._hang_up_on)

    def _hang_up_on(self, endpoint: str, *, talking: bool) -> int:
        """All that run have been answered."""
        if not talking:
            return 0
        self.hung_up.append(endpoint)
        return self.running.pop(endpoint, 0)


@contextlib.asynccontextmanager
async def open_links(
    file: Path, defaults: Defaults = DEFAULTS, limits: GuestLimits | None = None
) -> AsyncIterator[Links]:
    """Links over this database file."""
    links = Links(file, defaults, limits)
    await links.links.open()
    try:
        yield links
    finally:
        await links.links.close()
        links.engine.dispose()
