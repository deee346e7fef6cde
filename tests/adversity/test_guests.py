"""Guests of call links at the real daemon: over HTTP and a WebSocket, with good links and with everything else."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from softswitch.admin.openapi import document
from softswitch.admin.routes import operations, page_operations
from softswitch.callflow.link_guests import LINK_TOKEN
from softswitch.endpoints.authentication import GUEST_TOKEN, SIP_TOKEN
from softswitch.endpoints.tokens import TokenSigner
from softswitch.sip.events import OfferRefused, RequestCompleted
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import Uri
from tests.support.daemon import CONFIG, Daemon, real_phone
from tests.support.loopback import HOST, free_port, until
from tests.support.page import REMOTE, Page, page
from tests.support.phone import Plan, sdp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LINKS = """\
web: {{address: 127.0.0.1, port: {web}, url: "http://127.0.0.1:{web}"}}
call_links: {{destination: support, title: Support}}
"""
DIALPLAN = """\
timezone: UTC
routes:
  - {name: guests, when: {from: guests, called: support}, do: [{dial: {trunk: carrier, ring_for: 30s}}]}
  - {name: everybody, when: {from: [phones, trunks]}, do: [{dial: {trunk: carrier}}]}
"""


class Site:
    """A daemon with pages, and what its API says."""

    def __init__(self, daemon: Daemon, port: int) -> None:
        self.daemon = daemon
        self.base = f"http://{HOST}:{port}"
        self.sip = f"ws://{HOST}:{port}/sip"

    @property
    def signer(self) -> TokenSigner:
        """With the daemon's own key."""
        return TokenSigner((self.daemon.folder / "var" / "secrets" / "web-token-key").read_text().strip())

    async def make(self, **wish: Any) -> Any:
        """A link, as the operator is told of it."""
        headers = {"Authorization": "Bearer " + (self.daemon.folder / "var/secrets/admin-token").read_text().strip()}
        url = f"http://{HOST}:{self.daemon.admin}/api/call-links"
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(url, json={"identity": "+4989123", **wish}) as answer,
        ):
            assert answer.status == 201, await answer.text()
            return valid(await answer.json(), "CallLink")

    async def look(self, link: Any, status: int = 200) -> Any:
        """As the page does."""
        async with aiohttp.ClientSession() as http, http.get(self.base + path_of(link)) as answer:
            assert answer.status == status, await answer.text()
            return valid(await answer.json(), "GuestLink" if status == 200 else "LinkRefusal")

    async def session(self, link: Any, status: int = 200, body: Any = None) -> Any:
        """What the page calls with."""
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.base + path_of(link) + "/session", json=body or {}) as answer,
        ):
            assert answer.status == status, await answer.text()
            return valid(await answer.json(), "GuestSession" if status == 200 else "LinkRefusal")


def path_of(link: Any) -> str:
    return "/api/links/" + (link if isinstance(link, str) else link["url"].rpartition("/call/")[2])


def valid(body: Any, schema: str) -> Any:
    components = document((*operations(), *page_operations()), "1")["components"]
    Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": components}).validate(body)
    return body


def target(session: Any) -> str:
    uri = Uri.parse(session["call"])
    assert uri.user is not None
    return uri.user


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {token}"),)


async def refusal(guest: Page, number: str, token: str) -> int:
    """The status that an INVITE is refused with."""
    before = len(guest.refused)
    guest.call(number, REMOTE, headers=bearer(token))
    await until(lambda: len(guest.refused) > before)
    return guest.refused[-1]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Daemon(tmp_path) as daemon:
        port = free_port(socket.SOCK_STREAM)
        daemon.values["web"] = port
        daemon.write(CONFIG + LINKS, DIALPLAN)
        await daemon.start()
        yield Site(daemon, port)


async def test_a_one_time_link_is_good_for_one_call_whatever_happens_to_the_daemon(site: Site) -> None:
    link, other = await site.make(conversation="c-7"), await site.make(type="expiration")
    seen = await site.look(link)
    assert (seen["title"], seen["kind"], seen["state"]) == ("Support", "video", "open")
    session = await site.session(link)
    async with (
        page(site.sip, session["user"]) as guest,
        real_phone(port=site.daemon.carrier, plan=Plan(answer=0.0)) as agent,
    ):
        assert (await guest.register(token=session["token"])).status == 200
        call = guest.call(target(session), REMOTE, headers=bearer(session["token"]))
        await until(lambda: call.is_established)
        (invite,) = [each for each in agent.sessions if each.request.method == "INVITE"]
        assert invite.request.from_.uri.user == "+4989123"
        assert (await site.look(link))["state"] == "in_use"
        assert (await site.session(link, 409))["code"] == "in_use"
        renewed = await site.session(link, body={"token": session["token"]})
        assert renewed["user"] == session["user"]
        await guest.lose()
        await guest.connect()
        assert (await guest.register(token=renewed["token"])).status == 200
        guest.hang_up(call)
        await until(lambda: bool(agent.ended))
    assert (await site.look(link))["state"] == "used"
    assert (await site.session(link, 410))["code"] == "used"
    (record,) = (await site.daemon.get("/api/calls?state=ended"))["calls"]
    assert (record["source"], record["caller"], record["route"]) == (f"guest:{link['id']}", "+4989123", "guests")
    story = (await site.daemon.get(f"/api/calls/{record['id']}"))["story"]
    (told,) = [each["facts"] for each in story if each["event"] == "call link"]
    assert (told["link"], told["conversation"]) == (link["id"], "c-7")

    site.daemon.signal(signal.SIGTERM)
    await site.daemon.ended()
    await site.daemon.start()

    assert (await site.look(link))["state"] == "used"
    assert (await site.daemon.get(f"/api/call-links/{link['id']}"))["calls"] == 1
    assert (await site.session(other))["call"] == f"sip:link.{other['id']}@softswitch"


async def test_a_guest_can_do_nothing_but_call_its_one_destination(site: Site) -> None:
    link, other = await site.make(), await site.make()
    session, elsewhere = await site.session(link), await site.session(other)
    token = session["token"]
    async with (
        page(site.sip, session["user"]) as guest,
        real_phone(port=site.daemon.carrier, plan=Plan(answer=0.0)) as carrier,
    ):
        numbers = [
            "1001",
            "support",
            "+33140000000",
            "112",
            target(elsewhere),
            "link.",
            "%2B33140000000",
            session["user"],
        ]
        for number in numbers:
            assert await refusal(guest, number, token) == 403, number
        assert carrier.rang == 0
        assert (await guest.register(token=token, user="1001")).status == 403
        assert (await guest.register(token=token)).status == 200
        assert (await site.daemon.get("/api/registrations"))["registrations"] == []
        for method in ("MESSAGE", "SUBSCRIBE", "REFER", "PUBLISH"):
            before = len(guest.events)
            us = NameAddr.parse(f"<{session['uri']}>")
            with guest.driver.turn() as stack:
                stack.request(
                    method,
                    uri=Uri.parse("sip:1001@switch.invalid"),
                    from_=us,
                    to=us,
                    flow=guest._towards(REMOTE),
                    now=guest.driver.now(),
                    headers=[*bearer(token), ("Refer-To", "<sip:+33140000000@switch.invalid>")],
                )
            await until(lambda: any(isinstance(each, RequestCompleted) for each in guest.events[before:]))  # noqa: B023
            (answered,) = [each for each in guest.events[before:] if isinstance(each, RequestCompleted)]
            assert answered.response is not None
            assert answered.response.status in (403, 405), method
        call = guest.call(target(session), REMOTE, headers=bearer(token))
        await until(lambda: call.is_established)
        guest.refer(call, "+33140000000")
        await until(lambda: bool(guest.told))
        assert guest.told[0] >= 400
        assert carrier.rang == 1


async def test_tokens_of_anything_else_open_nothing(site: Site) -> None:
    link = await site.make()
    session = await site.session(link)
    number, signer = target(session), site.signer
    claims = {"sub": session["user"], "link": link["id"]}
    head, middle, signature = session["token"].split(".")
    link_token = path_of(link).rpartition("/")[2]
    bad = {
        "forged": TokenSigner("a key that somebody made up").sign(GUEST_TOKEN, claims, ttl=60),
        "altered": f"{head}.{middle[:-3]}xyz.{signature}",
        "expired": signer.sign(GUEST_TOKEN, claims, ttl=-1),
        "the link itself": link_token,
        "another purpose": signer.sign("browser", claims, ttl=60),
        "of a phone that is none": signer.sign(SIP_TOKEN, {"sub": session["user"]}, ttl=60),
        "not signed": f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{middle}.",
    }
    async with page(site.sip, session["user"]) as guest, real_phone(port=site.daemon.carrier) as carrier:
        for what, token in bad.items():
            assert await refusal(guest, number, token) == 401, what
        unknown = signer.sign(GUEST_TOKEN, {"sub": "guest.x", "link": "x"}, ttl=60)
        assert await refusal(guest, "link.x", unknown) == 403
        assert carrier.rang == 0
    for what, token in {
        "a credential": session["token"],
        "expired": signer.sign(LINK_TOKEN, {"sub": link["id"]}, ttl=-1),
        "unknown": signer.sign(LINK_TOKEN, {"sub": "x"}, ttl=60),
        "nonsense": "nonsense",
        "altered": link_token[:-4] + "AAAA",
    }.items():
        found = await site.look(token, 410 if what == "expired" else 404)
        assert found["code"] == ("expired" if what == "expired" else "unknown"), what
        assert (await site.session(token, 410 if what == "expired" else 404))["error"] == found["error"]


async def test_a_guest_has_no_media_sent_to_where_nobody_consents(site: Site) -> None:
    """M8: plain RTP goes to whatever address SDP names. A guest may be anybody: its browser has to consent."""
    link = await site.make()
    session = await site.session(link)
    plain = sdp(40_000, host="127.0.0.99")
    async with (
        page(site.sip, session["user"]) as guest,
        real_phone(port=site.daemon.carrier, plan=Plan(answer=0.0)) as agent,
    ):
        guest.call(target(session), REMOTE, headers=bearer(session["token"]), body=plain)
        await until(lambda: guest.refused == [488])
        assert agent.rang == 0
        call = guest.call(target(session), REMOTE, headers=bearer(session["token"]))
        await until(lambda: call.is_established)
        with guest.driver.turn():
            call.reinvite(plain, guest.driver.now())
        await until(lambda: any(isinstance(each, OfferRefused) for each in guest.events))


async def test_revocation_stops_the_next_call_and_the_present_one_if_asked(site: Site) -> None:
    link = await site.make(type="expiration")
    session = await site.session(link)
    path = f"/api/call-links/{link['id']}"
    async with (
        page(site.sip, session["user"]) as guest,
        real_phone(port=site.daemon.carrier, plan=Plan(answer=0.0)) as agent,
    ):
        call = guest.call(target(session), REMOTE, headers=bearer(session["token"]))
        await until(lambda: call.is_established)
        revoked = valid(await site.daemon.get(path, method="DELETE"), "RevokedCallLink")
        assert (revoked["state"], revoked["ended_calls"], revoked["running"]) == ("revoked", 0, 1)
        assert (await site.session(link, 410))["code"] == "revoked"
        assert await refusal(guest, target(session), session["token"]) == 403
        assert not agent.ended
        again = valid(await site.daemon.get(path + "?end_calls=true", method="DELETE"), "RevokedCallLink")
        assert (again["revoked_at"], again["ended_calls"]) == (revoked["revoked_at"], 1)
        await until(lambda: bool(agent.ended) and len(guest.ended) == 2)
