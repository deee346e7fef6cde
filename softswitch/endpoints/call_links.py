"""The call links of this node: in memory for calls, in the database for good.

A call never waits for the database: it looks at the copy in memory, which is there from the start on and is read anew
whenever a page asks for a link. Calls are counted in memory at once and in the database behind the loop's back, again
and again until it takes them. Making and revoking a link waits, since whoever asks is told that it is done.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from softswitch.contact_center.call_link import Use
from softswitch.contact_center.call_link_wish import CallLinkError, make
from softswitch.store.link_store import StoredLink

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from softswitch.contact_center.call_link import CallLink
    from softswitch.contact_center.call_link_wish import Defaults, Wish
    from softswitch.store.link_store import LinkStore

_log = logging.getLogger(__name__)

CAPACITY = 50_000
"""Links in memory; beyond it those nobody has asked for longest are read from the database when a page comes."""
FIRST_RETRY, LAST_RETRY = 0.1, 5.0
"""Seconds between attempts to count while the database is away, doubling from the first to the last."""
LAST_ATTEMPT = 2.0
"""Seconds the database has at the end to take what is not counted yet."""


class LinksUnavailable(Exception):
    """The database cannot be asked at present."""


class CallLinks:
    """Invariant: what a link was used for never becomes less, whatever the database does meanwhile."""

    def __init__(
        self,
        store: LinkStore,
        defaults: Defaults,
        *,
        agents: Container[str],
        new_id: Callable[[], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`agents`: the phones a link may lead to. `clock`: Unix seconds."""
        self._store = store
        self._defaults = defaults
        self._agents = agents
        self._new_id = new_id
        self.clock = clock
        self._known: dict[str, StoredLink] = {}
        self._uncounted: dict[str, int] = {}
        self._turn = asyncio.Lock()
        """Held while the database is asked, so that no call is counted twice or not at all."""
        self._more = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Know the links that somebody may come with, and begin to count. Raises SQLAlchemyError."""
        for found in await asyncio.to_thread(self._store.alive, self.clock(), CAPACITY):
            self.remember(found)
        self._writer = asyncio.get_running_loop().create_task(self._write(), name="call links")

    async def close(self) -> None:
        """Count what is not counted yet, for LAST_ATTEMPT seconds at most."""
        try:
            async with asyncio.timeout(LAST_ATTEMPT):
                async with self._turn:  # an attempt under way is not torn: nobody would know whether it was counted
                    await self._stop_writing()
                await self._count()
        except (SQLAlchemyError, TimeoutError) as error:
            _log.error("calls over links not counted in the database (%r): %s", self._uncounted, error)
        finally:
            await self._stop_writing()

    async def _stop_writing(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)

    async def make(self, wish: Wish) -> CallLink:
        """A new link, in the database. Raises CallLinkError, LinksUnavailable."""
        link = make(wish, self._defaults, link_id=self._new_id(), now=self.clock())
        if link.agent and link.agent not in self._agents:
            raise CallLinkError("agent", f"there is no phone {link.agent[:64]!r}")
        try:
            await asyncio.to_thread(self._store.add, link)
        except SQLAlchemyError as error:
            raise _away(error) from error
        self.remember(StoredLink(link, Use()))
        return link

    def known(self, link_id: str) -> StoredLink | None:
        """The link as memory has it: for calls."""
        return self._known.get(link_id)

    async def find(self, link_id: str) -> StoredLink | None:
        """The link as the database has it, which another node may have changed; as memory has it while that is away.

        Raises LinksUnavailable when neither can tell.
        """
        try:
            async with self._turn:
                found = await asyncio.to_thread(self._store.get, link_id)
                if found is not None:
                    self.remember(found)
        except SQLAlchemyError as error:
            if link_id not in self._known:
                raise _away(error) from error
            _log.warning("call link %s: the database cannot be asked: %s", link_id, error)
        return self._known.get(link_id)

    async def latest(
        self, count: int, *, before: float | None = None, conversation: str | None = None
    ) -> Sequence[StoredLink]:
        """As LinkStore.latest. Raises LinksUnavailable."""
        try:
            return await asyncio.to_thread(self._store.latest, count, before=before, conversation=conversation)
        except SQLAlchemyError as error:
            raise _away(error) from error

    async def revoke(self, link_id: str) -> StoredLink | None:
        """Make it useless for good; None: there is none. Raises LinksUnavailable."""
        try:
            async with self._turn:
                found = await asyncio.to_thread(self._store.revoke, link_id, self.clock())
                if found is not None:
                    self.remember(found)
        except SQLAlchemyError as error:
            raise _away(error) from error
        return self._known.get(link_id)

    def count(self, link_id: str) -> None:
        """A call over it was answered."""
        found = self._known.get(link_id)
        if found is not None:
            self._known[link_id] = found._replace(use=found.use._replace(calls=found.use.calls + 1))
        self._uncounted[link_id] = self._uncounted.get(link_id, 0) + 1
        self._more.set()

    def remember(self, found: StoredLink) -> None:
        """Know it as the database has it, with what that has not been told yet."""
        link_id = found.link.id
        calls = found.use.calls + self._uncounted.get(link_id, 0)
        self._known.pop(link_id, None)
        if len(self._known) >= CAPACITY:
            del self._known[next(iter(self._known))]
        self._known[link_id] = found._replace(use=found.use._replace(calls=calls))

    async def _write(self) -> None:
        pause = FIRST_RETRY
        while True:
            await self._more.wait()
            try:
                await self._count()
                pause = FIRST_RETRY
            except SQLAlchemyError as error:
                _log.warning("calls over links cannot be counted, next attempt in %.1f s: %s", pause, error)
                await asyncio.sleep(pause)
                pause = min(LAST_RETRY, 2 * pause)

    async def _count(self) -> None:
        """Tell the database all that it has not been told. Raises SQLAlchemyError; then nothing is lost."""
        async with self._turn:
            self._more.clear()
            told = dict(self._uncounted)
            if not told:
                return
            try:
                await asyncio.to_thread(self._store.count, told, self.clock())
            except BaseException:
                self._more.set()
                raise
            for link_id, calls in told.items():
                self._uncounted[link_id] -= calls
                if not self._uncounted[link_id]:
                    del self._uncounted[link_id]


def _away(error: SQLAlchemyError) -> LinksUnavailable:
    _log.warning("call links: the database cannot be asked: %s", error)
    return LinksUnavailable("the database cannot be asked at present; try again")
