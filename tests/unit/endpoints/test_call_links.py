"""Links in memory and in a real database: nothing a link was used for is forgotten, whatever the database does."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest

from softswitch.contact_center.call_link import Routing, Use, Validity
from softswitch.contact_center.call_link_wish import CallLinkError, Defaults, Wish
from softswitch.endpoints import call_links
from softswitch.endpoints.call_links import CallLinks, LinksUnavailable
from softswitch.store import schema
from softswitch.store.database import open_engine
from softswitch.store.link_store import LinkStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

NOW = 1_780_000_000.0
ANNA = Wish(identity="Anna", validity=Validity.EXPIRATION)


class Clock:
    """Unix seconds, as a test has them."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "links.db"


@pytest.fixture
def engine(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr("softswitch.store.database.BUSY_SECONDS", 0.01)
    monkeypatch.setattr(call_links, "FIRST_RETRY", 0.001)
    engine = open_engine(f"sqlite:///{file}")
    schema.prepare(engine)
    yield engine
    engine.dispose()


async def opened(engine: Engine, clock: Clock | None = None) -> CallLinks:
    ids = iter(f"link{number}" for number in range(1000))
    links = CallLinks(
        LinkStore(engine),
        Defaults(destination="support"),
        agents={"1001"},
        new_id=lambda: next(ids),
        clock=clock or Clock(),
    )
    await links.open()
    return links


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110  a thread does it, which sets no event
            await asyncio.sleep(0.002)


def use(engine: Engine, link_id: str) -> Use | None:
    found = LinkStore(engine).get(link_id)
    return None if found is None else found.use


async def test_a_link_that_is_made_is_in_the_database(engine: Engine) -> None:
    links = await opened(engine)

    made = await links.make(ANNA)

    assert LinkStore(engine).get(made.id) == (made, Use())
    assert links.known(made.id) == (made, Use())
    await links.close()


async def test_only_phones_of_this_node_share_links(engine: Engine) -> None:
    links = await opened(engine)
    routing = Routing.ROUTE_TO_SHARING_AGENT

    with pytest.raises(CallLinkError, match="agent: there is no phone '1009'"):
        await links.make(Wish(identity="Anna", routing=routing, agent="1009"))
    assert (await links.make(Wish(identity="Anna", routing=routing, agent="1001"))).agent == "1001"
    await links.close()


async def test_a_call_counts_at_once_and_soon_in_the_database(engine: Engine) -> None:
    links = await opened(engine)
    made = await links.make(ANNA)

    links.count(made.id)
    links.count(made.id)

    known = links.known(made.id)
    assert known is not None
    assert known.use.calls == 2
    await until(lambda: use(engine, made.id) == Use(2))
    await links.close()


async def test_calls_are_counted_when_the_database_is_back(engine: Engine, file: Path) -> None:
    links = await opened(engine)
    made = await links.make(ANNA)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    links.count(made.id)
    await asyncio.sleep(0.05)  # a few attempts fail meanwhile, or none: nothing may be lost either way
    known = await links.find(made.id)
    assert known is not None
    assert known.use.calls == 1
    other.close()

    await until(lambda: use(engine, made.id) == Use(1))
    again = await links.find(made.id)
    assert again is not None
    assert again.use.calls == 1
    await links.close()


async def test_what_was_used_up_stays_so_after_a_restart(engine: Engine) -> None:
    links = await opened(engine)
    made = await links.make(ANNA)
    gone = await links.make(ANNA)
    links.count(made.id)
    await links.revoke(gone.id)
    await links.close()

    restarted = await opened(engine)

    assert restarted.known(made.id) == (made, Use(1))
    assert restarted.known(gone.id) is None  # revoked: nobody's call needs it, and a page reads it from the database
    assert await restarted.find(gone.id) == (gone, Use(0, NOW))
    await restarted.close()


async def test_what_another_node_did_is_seen_when_a_page_asks(engine: Engine) -> None:
    here, there = await opened(engine), await opened(engine)
    made = await there.make(ANNA)
    assert here.known(made.id) is None

    found = await here.find(made.id)
    assert found == (made, Use())
    await there.revoke(made.id)
    assert await here.find(made.id) == (made, Use(0, NOW))
    await here.close()
    await there.close()


async def test_making_and_revoking_say_so_when_the_database_is_away(engine: Engine, file: Path) -> None:
    links = await opened(engine)
    made = await links.make(ANNA)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(LinksUnavailable):
        await links.make(ANNA)
    with pytest.raises(LinksUnavailable):
        await links.revoke(made.id)
    other.close()
    assert await links.find(made.id) == (made, Use())
    await links.close()


def spoil(file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    file.write_bytes(b"this is a letter, not a database" * 100)


async def test_a_database_that_cannot_be_asked_makes_no_link_unknown(engine: Engine, file: Path) -> None:
    links = await opened(engine)
    made = await links.make(ANNA)
    engine.dispose()
    spoil(file)

    assert await links.find(made.id) == (made, Use())
    with pytest.raises(LinksUnavailable):
        await links.find("of another node")
    await links.close()


async def test_memory_is_bounded_and_nothing_is_lost_by_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_links, "CAPACITY", 2)
    links = await opened(engine)
    made = [await links.make(ANNA) for _ in range(3)]
    links.count(made[0].id)

    assert [links.known(each.id) is not None for each in made] == [False, True, True]
    found = await links.find(made[0].id)
    assert found is not None
    assert found.use.calls == 1
    await links.close()


async def test_the_end_loses_no_count(engine: Engine) -> None:
    links = await opened(engine)
    made = await links.make(ANNA)

    links.count(made.id)
    await links.close()

    assert use(engine, made.id) == Use(1)
