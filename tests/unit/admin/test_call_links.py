"""Call links by HTTP: made with little or much, listed, looked at, revoked, and refused with a reason."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession
from jsonschema import Draft202012Validator

from softswitch.admin.openapi import document
from softswitch.admin.ports import AdminParts
from softswitch.admin.routes import operations
from softswitch.admin.server import AdminSettings, start_admin
from softswitch.telemetry.metrics import Metrics
from softswitch.telemetry.recent import RecentCalls
from tests.support.call_links import NOW, PUBLIC_URL, Links, open_links

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TOKEN = "a token for tests, long enough"


class Site:
    """An admin endpoint over a database of links."""

    def __init__(self, links: Links, client: ClientSession) -> None:
        self.links = links
        self._client = client

    async def ask(self, method: str, path: str, body: Any = None, schema: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        how = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self._client.request(method, path, headers=headers, **how) as response:
            found = await response.json()
            components = document(operations(), "1")["components"]
            name = "Error" if response.status >= 400 else schema
            Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components}).validate(found)
            return response.status, found

    async def make(self, **wish: Any) -> Any:
        status, made = await self.ask("POST", "/api/call-links", {"identity": "Anna", **wish}, "CallLink")
        assert status == 201, made
        return made


async def serve(links: Links | None) -> Any:
    nothing: Any = None
    parts = AdminParts(
        source=nothing,
        commands=nothing,
        recent=RecentCalls(),
        history=nothing,
        metrics=Metrics(),
        prompts=nothing,
        speech=nothing,
        version="1",
        links=None if links is None else links.desk,
    )
    return await start_admin(parts, AdminSettings(port=0, token=TOKEN))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "links.db"


@pytest.fixture
async def site(file: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr("softswitch.store.database.BUSY_SECONDS", 0.05)
    async with open_links(file) as links:
        server = await serve(links)
        async with ClientSession(server.url) as client:
            yield Site(links, client)
        await server.stop()


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def test_an_identity_is_enough_for_a_link(site: Site) -> None:
    made = await site.make()

    assert made["url"].startswith(f"{PUBLIC_URL}/call/ey")
    assert (made["type"], made["kind"], made["routing"]) == ("one_time", "video", "existing_rules")
    assert (made["destination"], made["title"], made["agent"]) == ("support", "Customer service", None)
    assert (moment(made["created_at"]), moment(made["valid_until"])) == (NOW, NOW + 86_400)
    assert (made["state"], made["calls"], made["running"], made["revoked_at"]) == ("open", 0, 0, None)
    found = await site.links.guests.look(made["url"].rpartition("/")[2], "192.0.2.9")
    assert found.link.id == made["id"]


async def test_everything_can_be_said(site: Site) -> None:
    wish = {
        "identity": "+4989123",
        "kind": "audio",
        "type": "time_frame",
        "routing": "route_to_sharing_agent",
        "agent": "1001",
        "title": "Dr. Bloggs",
        "valid_from": "2026-05-29T10:00:00+02:00",
        "valid_until": "2026-05-29T12:00:00+02:00",
        "hours": {"days": ["fri"], "from": "10:30", "to": "11:30", "timezone": "Europe/Berlin"},
        "max_calls": 2,
        "conversation": "c-7",
    }

    made = await site.make(**wish)

    same = ("identity", "kind", "type", "routing", "agent", "title", "hours", "max_calls", "conversation")
    assert {key: made[key] for key in same} == {key: wish[key] for key in same}
    assert moment(made["valid_from"]) == moment("2026-05-29T10:00:00+02:00")
    assert (made["state"], made["destination"]) == ("not_yet_valid", None)
    assert made["reason"].startswith("It is too early")


async def test_a_link_of_an_agent_says_whom_it_calls(site: Site) -> None:
    assert (await site.make(routing="route_to_sharing_agent", agent="1001"))["title"] == "Jo Bloggs"


async def test_links_are_listed_by_page_and_by_conversation(site: Site) -> None:
    first = await site.make(conversation="c-1")
    site.links.clock.now += 10
    second = await site.make()

    async def ids(query: str) -> list[str]:
        status, body = await site.ask("GET", f"/api/call-links{query}", schema="CallLinkList")
        assert status == 200
        return [each["id"] for each in body["call_links"]]

    assert await ids("") == [second["id"], first["id"]]
    assert await ids("?limit=1") == [second["id"]]
    assert await ids(f"?before={second['created_at']}") == [first["id"]]
    assert await ids("?conversation=c-1") == [first["id"]]


async def test_a_link_tells_what_was_done_with_it(site: Site) -> None:
    made = await site.make(type="expiration")
    site.links.links.count(made["id"])
    site.links.running[f"guest:{made['id']}"] = 1

    status, found = await site.ask("GET", f"/api/call-links/{made['id']}", schema="CallLink")

    assert (status, found["calls"], found["running"], found["state"]) == (200, 1, 1, "open")
    assert (await site.ask("GET", "/api/call-links/none"))[0] == 404
    assert (await site.ask("GET", "/api/call-links/" + "x" * 500))[0] == 404


@pytest.mark.parametrize(("query", "ended"), [("", 0), ("?end_calls=false", 0), ("?end_calls=true", 1)])
async def test_revocation_is_for_good_and_ends_calls_if_asked(site: Site, query: str, ended: int) -> None:
    made = await site.make()
    site.links.running[f"guest:{made['id']}"] = 1

    status, revoked = await site.ask("DELETE", f"/api/call-links/{made['id']}{query}", schema="RevokedCallLink")

    assert (status, revoked["state"], revoked["ended_calls"]) == (200, "revoked", ended)
    assert moment(revoked["revoked_at"]) == NOW
    site.links.clock.now += 60
    _, again = await site.ask("DELETE", f"/api/call-links/{made['id']}", schema="RevokedCallLink")
    assert again["revoked_at"] == revoked["revoked_at"]
    assert (await site.ask("DELETE", "/api/call-links/none"))[0] == 404


async def test_a_flag_nobody_understands_revokes_nothing(site: Site) -> None:
    made = await site.make()

    status, body = await site.ask("DELETE", f"/api/call-links/{made['id']}?end_calls=yes")

    assert (status, body["error"]) == (400, "end_calls: expected true or false")
    assert (await site.ask("GET", f"/api/call-links/{made['id']}", schema="CallLink"))[1]["state"] == "open"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "body: "),
        (b"not json", 400, "body: "),
        ([], 400, "body: "),
        ({"identity": 7}, 400, "identity: "),
        ({"identity": "Anna", "uses": 3}, 400, "uses: Extra inputs are not permitted"),
        ({"identity": "Anna", "type": "once"}, 400, "type: "),
        ({"identity": "Anna", "valid_until": "2026-05-29T10:00"}, 400, "valid_until: Input should have timezone info"),
        ({"identity": "Anna", "hours": {"timezone": "Berlin"}}, 400, "hours.timezone: "),
        ({"identity": "Anna", "hours": {"from": "8", "timezone": "UTC"}}, 400, "hours.from: "),
        ({"identity": "Anna", "hours": {"from": "24:00", "timezone": "UTC"}}, 422, "hours: from and to are the same"),
        ({}, 422, "identity: expected who the guest is"),
        ({"identity": "a b"}, 422, "identity: expected letters, digits"),
        ({"identity": "Anna", "type": "time_frame"}, 422, "valid_from: "),
        ({"identity": "Anna", "valid_until": "2026-05-01T10:00Z"}, 422, "valid_until: expected a time to come"),
        ({"identity": "Anna", "valid_from": "0001-01-01T00:00:00+14:00"}, 422, "valid_from: expected a time"),
        ({"identity": "Anna", "routing": "route_to_sharing_agent"}, 422, "agent: "),
        ({"identity": "Anna", "routing": "route_to_sharing_agent", "agent": "9"}, 422, "agent: there is no phone"),
        ({"identity": "Anna", "max_calls": 2}, 422, "max_calls: a one-time link"),
    ],
)
async def test_what_is_wrong_is_said(site: Site, body: Any, status: int, said: str) -> None:
    found = await site.ask("POST", "/api/call-links", body)

    assert found[0] == status, found
    assert found[1]["error"].startswith(said), found
    assert (await site.ask("GET", "/api/call-links", schema="CallLinkList"))[1] == {"call_links": []}


async def test_a_database_that_is_away_is_no_reason_to_lie(site: Site, file: Path) -> None:
    made = await site.make()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    assert (await site.ask("POST", "/api/call-links", {"identity": "Anna"}))[0] == 503
    assert (await site.ask("DELETE", f"/api/call-links/{made['id']}"))[0] == 503
    other.close()
    assert (await site.ask("GET", f"/api/call-links/{made['id']}", schema="CallLink"))[1]["state"] == "open"


async def test_without_pages_there_are_no_links() -> None:
    server = await serve(None)
    nowhere: Any = None
    async with ClientSession(server.url) as client:
        site = Site(nowhere, client)
        for method, path in (("POST", ""), ("GET", ""), ("GET", "/x"), ("DELETE", "/x")):
            status, body = await site.ask(method, f"/api/call-links{path}", {})
            assert (status, "configure the section web" in body["error"]) == (409, True)
    await server.stop()
