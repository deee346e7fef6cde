"""Call links survive in a real database, whole, and are counted and revoked there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import IntegrityError

from softswitch.contact_center.call_link import CallLink, Kind, Routing, Use, Validity
from softswitch.store import schema
from softswitch.store.database import open_engine
from softswitch.store.link_store import LinkStore
from softswitch.time_condition import TimeCondition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_780_000_000.25
LINK = CallLink(
    id="a1",
    identity="Анна",
    kind=Kind.VIDEO,
    validity=Validity.EXPIRATION,
    routing=Routing.EXISTING_RULES,
    destination="+49301234",
    title="Support",
    created_at=NOW,
    valid_from=NOW,
    valid_until=NOW + 100.5,
    hours=TimeCondition(ZoneInfo("Europe/Berlin"), frozenset({0, 4, 6}), 22 * 60, 6 * 60),
    max_calls=3,
    conversation="c-7",
)
PLAIN = replace(LINK, id="b2", hours=None, max_calls=None, conversation="", created_at=NOW + 1, valid_until=NOW + 50)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/links.db"


@pytest.fixture
def store(url: str) -> Iterator[LinkStore]:
    engine = open_engine(url)
    schema.prepare(engine)
    yield LinkStore(engine)
    engine.dispose()


@pytest.mark.parametrize("link", [LINK, PLAIN], ids=["with everything", "plain"])
def test_a_link_comes_back_as_it_was_made(store: LinkStore, link: CallLink) -> None:
    store.add(link)

    assert store.get(link.id) == (link, Use())
    assert store.get("other") is None


def test_calls_and_revocation_outlive_the_process(store: LinkStore, url: str) -> None:
    store.add(LINK)
    store.add(PLAIN)
    store.count({"a1": 2, "b2": 1, "gone": 1}, NOW + 5)
    store.count({"a1": 1}, NOW + 6)
    assert store.revoke("b2", NOW + 7) == (PLAIN, Use(1, NOW + 7))

    again = open_engine(url)
    found = LinkStore(again)

    assert found.get("a1") == (LINK, Use(3))
    assert found.get("b2") == (PLAIN, Use(1, NOW + 7))
    again.dispose()


def test_the_first_revocation_counts(store: LinkStore) -> None:
    store.add(LINK)
    store.revoke("a1", NOW + 1)

    assert store.revoke("a1", NOW + 9) == (LINK, Use(0, NOW + 1))
    assert store.revoke("other", NOW) is None


def test_links_are_listed_from_the_last_one_back(store: LinkStore) -> None:
    store.add(LINK)
    store.add(PLAIN)

    assert [each.link.id for each in store.latest(5)] == ["b2", "a1"]
    assert [each.link.id for each in store.latest(1)] == ["b2"]
    assert [each.link.id for each in store.latest(5, before=NOW + 1)] == ["a1"]
    assert [each.link.id for each in store.latest(5, conversation="c-7")] == ["a1"]


def test_alive_is_what_has_neither_expired_nor_been_revoked(store: LinkStore) -> None:
    store.add(LINK)
    store.add(PLAIN)

    assert [each.link.id for each in store.alive(NOW, 9)] == ["b2", "a1"]
    assert [each.link.id for each in store.alive(NOW + 50, 9)] == ["a1"]
    store.revoke("a1", NOW + 51)
    assert store.alive(NOW + 52, 9) == []


def test_an_id_is_taken_once(store: LinkStore) -> None:
    store.add(LINK)

    with pytest.raises(IntegrityError):
        store.add(LINK)
