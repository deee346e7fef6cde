"""SIP over WebSocket at the real daemon: signing in, calls both ways, and connections that come and go."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from softswitch.sip.events import OfferAnswered, OfferRefused, Refused
from softswitch.transport.websocket_connection import REPLACED
from tests.support.daemon import CARRIER, CONFIG, Daemon, real_phone
from tests.support.loopback import HOST, PATIENCE, free_port, until
from tests.support.page import REMOTE, Page, page
from tests.support.phone import Plan, sdp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from softswitch.sip.session.session import InviteSession
    from tests.support.phone import Phone

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "correct horse"
USERS = "{{1001: {{password: correct horse, display_name: Reception}}, 1002: {{password: correct horse}}}}"
WEB = "web: {{address: 127.0.0.1, port: {web}}}\nwebrtc: {{reconnect: 30s, connect_timeout: 2m}}\n"
HASTY = "web: {{address: 127.0.0.1, port: {web}}}\nwebrtc: {{reconnect: 1s, connect_timeout: 2m}}\n"
DIALPLAN = """\
timezone: UTC
routes:
  - name: pages
    when: {called: {local: true}}
    do: [{dial: {phone: $called, ring_for: 30s}}]
  - name: out
    when: {from: phones}
    do: [{dial: {trunk: carrier, ring_for: 30s}}]
"""
ANSWERS = Plan(answer=0.0)


class Web:
    """A daemon with pages."""

    def __init__(self, daemon: Daemon, port: int) -> None:
        self.daemon = daemon
        self.base = f"http://{HOST}:{port}"
        self.sip = f"ws://{HOST}:{port}/sip"

    async def post(self, path: str, body: Any, *, status: int = 200, source: str = HOST, **how: Any) -> Any:
        """Ask the pages' API."""
        connector = aiohttp.TCPConnector(local_addr=(source, 0))
        async with (
            aiohttp.ClientSession(connector=connector) as http,
            http.post(self.base + path, json=body, **how) as answer,
        ):
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def sign_in(self, user: str = "1001") -> Any:
        """A session."""
        return await self.post("/api/session", {"user": user, "password": PASSWORD})

    async def contacts(self, user: str) -> list[Any]:
        """Where calls to a user go."""
        found = (await self.daemon.get("/api/registrations"))["registrations"]
        return [contact for contact in found if contact["user"] == user]

    async def story_of(self, session: InviteSession) -> list[Any]:
        """What happened in a call of a page that is over."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for call in (await self.daemon.get("/api/calls"))["calls"]:
                    found = await self.daemon.get(f"/api/calls/{call['id']}")
                    theirs = [leg["sip_call_id"] for leg in found["legs"]]
                    if found["state"] == "ended" and session.call_id in theirs:
                        return list(found["story"])
                await asyncio.sleep(0.05)

    async def lost(self, caller: Page) -> None:
        """Take a page's connection away, and wait until the switch knows."""
        before = len([line for line in self.daemon.log if "has lost its connection" in line])
        await caller.lose()
        await until(lambda: len([line for line in self.daemon.log if "has lost its connection" in line]) > before)


@contextlib.asynccontextmanager
async def serving(folder: Path, section: str = WEB) -> AsyncIterator[Web]:
    """A daemon with this configuration of its pages."""
    users = CONFIG.index("  users:")
    async with Daemon(folder) as daemon:
        daemon.values["web"] = port = free_port(socket.SOCK_STREAM)
        daemon.write(f"{CONFIG[:users]}  users: {USERS}\n{section}", DIALPLAN)
        await daemon.start()
        yield Web(daemon, port)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """One daemon for all that leave it as they found it."""
    async with serving(tmp_path_factory.mktemp("web")) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    """One that waits for nobody longer than a second."""
    async with serving(tmp_path_factory.mktemp("hasty"), HASTY) as found:
        yield found


async def talking(caller: Page, callee: Phone, token: str = "") -> InviteSession:
    """A registered page in a call with the trunk."""
    answer = await caller.register(token=token) if token else await caller.register(password=PASSWORD)
    assert answer.status == 200
    headers = (("Authorization", f"Bearer {token}"),) if token else ()
    credentials = None if token else caller.credentials(PASSWORD)
    session = caller.call("004930123456", REMOTE, headers=headers, credentials=credentials)
    await until(lambda: session.is_established and callee.sessions[-1].is_established)
    return session


def no_faults(daemon: Daemon) -> None:
    """Nothing in the log that a developer would have to look at."""
    bad = [line for line in daemon.log if "Traceback" in line or " error " in line.lower()[:60]]
    assert not bad, "\n".join(bad[:20])


# Calls.


@pytest.mark.parametrize("with_token", [False, True])
@pytest.mark.parametrize("page_hangs_up", [False, True])
async def test_a_page_calls_a_trunk_and_either_hangs_up(web: Web, with_token: bool, page_hangs_up: bool) -> None:
    token = (await web.sign_in())["token"] if with_token else ""
    async with page(web.sip, "1001") as caller, real_phone(port=web.daemon.carrier, plan=ANSWERS) as callee:
        session = await talking(caller, callee, token)
        if page_hangs_up:
            caller.hang_up(session)
        else:
            callee.hang_up(callee.sessions[0])
        await until(lambda: len(caller.ended) == len(callee.ended) == 1)
        if token:
            shown = str(
                [
                    await web.daemon.get(f"/api/calls/{each['id']}")
                    for each in (await web.daemon.get("/api/calls"))["calls"]
                ]
            )
            assert token.rpartition(".")[2] not in shown + "".join(web.daemon.log)


async def test_signing_out_ends_the_session(web: Web) -> None:
    session = await web.sign_in()
    bearer = {"Authorization": f"Bearer {session['token']}"}
    async with page(web.sip, "1001") as caller, aiohttp.ClientSession(headers=bearer) as http:
        assert (await caller.register(token=session["token"])).status == 200
        for status in (200, 401):
            async with http.delete(f"{web.base}/api/session") as answer:
                assert answer.status == status
        assert await web.contacts("1001") == []
        await web.post("/api/session", {}, status=401, headers=bearer)
        assert (await caller.register(token=session["token"])).status == 401


async def test_two_pages_of_one_user_ring_and_the_first_answer_wins(web: Web) -> None:
    """A second tab is another instance of the same user."""
    rings = Plan(ring=0.0)
    async with (
        page(web.sip, "1001", rings) as first,
        page(web.sip, "1001", rings) as second,
        page(web.sip, "1002") as caller,
    ):
        for each in (first, second):
            assert (await each.register(password=PASSWORD)).status == 200
        session = caller.call("1001", REMOTE, credentials=caller.credentials(PASSWORD))
        await until(lambda: first.rang == second.rang == 1)
        second.answer(second.sessions[0])
        await until(lambda: session.is_established and len(first.ended) == 1)
        assert first.ended == [("remote", 487)]
        second.hang_up(second.sessions[0])
        await until(lambda: len(caller.ended) == 1)


# Connections that come and go.


async def test_a_call_goes_on_over_the_next_connection(web: Web) -> None:
    """The network changes in the middle of a call: both sides still reach each other, whoever speaks first."""
    async with page(web.sip, "1001") as caller, real_phone(port=web.daemon.carrier, plan=ANSWERS) as callee:
        session = await talking(caller, callee)
        for _ in range(3):
            await web.lost(caller)
            await caller.connect()
            assert (await caller.register(password=PASSWORD)).status == 200
        caller.hold(session)
        await until(lambda: any(isinstance(event, OfferAnswered) for event in caller.events))
        await web.lost(caller)
        callee.hang_up(callee.sessions[0])
        await until(lambda: len(callee.ended) == 1)
        assert not caller.ended
        await caller.connect()
        await caller.register(password=PASSWORD)
        await until(lambda: caller.ended == [("remote", 200)])
        story = [line["event"] for line in await web.story_of(session)]
        assert story.count("page disconnected") == 4
        assert story.count("page reconnected") == 3  # the fourth came to a call that was over
        assert len(await web.contacts("1001")) == 1


async def test_a_call_that_only_rings_ends_with_its_connection(web: Web) -> None:
    """For the page its INVITE has failed: nobody shall answer a call that nobody is in."""
    plan = Plan(ring=0.0)
    async with page(web.sip, "1001") as caller, real_phone(port=web.daemon.carrier, plan=plan) as callee:
        await caller.register(password=PASSWORD)
        session = caller.call("004930123456", REMOTE, credentials=caller.credentials(PASSWORD))
        await until(lambda: (180, False) in caller.progress)
        await caller.lose()
        await until(lambda: callee.ended == [("remote", 487)])
        ended = [line["facts"] for line in await web.story_of(session) if line["event"] == "leg ended"]
        assert ("phone:1001", "page lost") in [(leg["leg"], leg["cause"]) for leg in ended]
        await caller.connect()
        assert (await caller.register(password=PASSWORD)).status == 200


async def test_a_call_is_not_taken_over_by_somebody_else(web: Web) -> None:
    """Tags can be overheard, instances guessed: without the user's own credentials a dialog stays closed."""
    async with page(web.sip, "1002") as caller, real_phone(port=web.daemon.carrier, plan=ANSWERS) as callee:
        session = await talking(caller, callee)
        await web.lost(caller)
        await caller.connect()
        caller.user = "1001"  # with the tags and the instance of 1002
        assert (await caller.register(password=PASSWORD)).status == 200
        caller.hold(session)
        await until(lambda: any(isinstance(event, OfferRefused) for event in caller.events))
        assert not callee.ended
        callee.hang_up(callee.sessions[0])
        await until(lambda: len(callee.ended) == 1)


async def test_a_page_that_does_not_come_back_ends_its_call(hasty: Web) -> None:
    async with page(hasty.sip, "1001") as caller, real_phone(port=hasty.daemon.carrier, plan=ANSWERS) as callee:
        session = await talking(caller, callee)
        await caller.lose()
        await until(lambda: len(callee.ended) == 1)
        story = await hasty.story_of(session)
        ended = [line["facts"] for line in story if line["event"] == "leg ended"]
        assert ("phone:1001", "transport", "page lost") in [(leg["leg"], leg["by"], leg["cause"]) for leg in ended]
        assert not await hasty.contacts("1001")


async def test_a_page_that_is_loaded_anew_ends_its_call_at_once(web: Web) -> None:
    """What the page knew of its call is gone: nobody waits. The same instance takes the old one's place."""
    async with page(web.sip, "1001") as caller, real_phone(port=web.daemon.carrier, plan=ANSWERS) as callee:
        await talking(caller, callee)
        await caller.leave()
        await until(lambda: len(callee.ended) == 1)
        await caller.connect()
        await caller.register(password=PASSWORD)
        assert len(await web.contacts("1001")) == 1
        async with page(web.sip, "1001") as again:
            again.instance = caller.instance
            assert (await again.register(password=PASSWORD)).status == 200
            await caller.gone()
            assert caller.closed_with[-1] == REPLACED
            [contact] = await web.contacts("1001")
            assert again.address[0] in contact["contact"]


async def test_nobody_is_rung_over_a_connection_that_is_gone(web: Web) -> None:
    async with page(web.sip, "1001", ANSWERS) as callee, page(web.sip, "1002") as caller:
        await callee.register(password=PASSWORD)
        await web.lost(callee)
        [contact] = await web.contacts("1001")
        assert contact["connected"] is False
        assert await web.daemon.metric("softswitch_pages_expected") >= 1
        assert await web.daemon.metric("softswitch_web_sockets") >= 1
        caller.call("1001", REMOTE, credentials=caller.credentials(PASSWORD))
        await until(lambda: caller.refused == [480])
        await callee.connect()
        await callee.register(password=PASSWORD)
        session = caller.call("1001", REMOTE, credentials=caller.credentials(PASSWORD))
        await until(lambda: session.is_established)
        caller.hang_up(session)
        await until(lambda: len(callee.ended) == 1)


# Credentials.


async def test_a_token_registers_for_as_long_as_it_lasts(web: Web) -> None:
    opened = await web.sign_in()
    token = opened.pop("token")
    assert opened == {
        "expires_in": 900,
        "user": "1001",
        "uri": "sip:1001@softswitch",
        "websocket": web.sip,
        "ice_servers": [],
        "display_name": "Reception",
    }
    token = (await web.post("/api/session", {}, headers={"Authorization": f"Bearer {token}"}))["token"]
    async with page(web.sip, "1001") as caller:
        answer = await caller.register(token=token, expires=3600)
        assert answer.status == 200
        [granted] = [contact.parameters.get("expires") for contact in answer.contacts]
        assert 0 < int(granted or 0) <= 900
        assert (await caller.register(token=token, user="1002")).status == 403
        refused = await caller.register(token=token[:-4] + "AAAA")
        assert refused.status == 401
        assert any("invalid_token" in value for value in refused.headers.get_all("WWW-Authenticate"))


async def test_an_operator_signs_a_user_in(web: Web) -> None:
    granted = await web.daemon.get("/api/browser-tokens", method="POST", body={"user": "1002"})
    async with page(web.sip, "1002") as caller:
        assert (await caller.register(token=granted["token"])).status == 200
    await web.daemon.get("/api/browser-tokens", method="POST", body={"user": "1003"}, status=404)
    await web.post("/api/browser-tokens", {"user": "1002"}, status=404)


async def test_what_runs_in_browsers_gets_the_one_challenge_that_it_can_answer(web: Web) -> None:
    """Of several, JsSIP looks at the last and SIP.js at the first; both know MD5 alone."""
    async with page(web.sip, "1001") as caller:
        [challenge] = (await caller.register()).headers.get_all("WWW-Authenticate")
        assert challenge.startswith("Digest ")
        assert "algorithm=MD5" in challenge


async def test_guessing_is_slow_and_tells_nothing(web: Web) -> None:
    """S5: known and unknown users get the same answer, and each source a growing wait."""
    guesser = "127.0.0.77"

    async def guess(user: str, password: str = "guess", *, status: int) -> str:
        return str(await web.post("/api/session", {"user": user, "password": password}, status=status, source=guesser))

    assert len({await guess(user, status=401) for user in ("1001", "nobody", "carrier")}) == 1
    for _ in range(7):
        await guess("1001", status=401)
    await guess("1001", PASSWORD, status=429)
    async with Page(web.sip, "1001") as caller:
        await caller.connect(local_address=guesser)
        assert (await caller.register(password=PASSWORD)).status == 503
    await web.sign_in()  # from elsewhere


# Bad manners.


async def test_a_flood_of_connections_leaves_nothing(web: Web) -> None:
    """S14: silent and rude connections; those who call meanwhile are served."""
    async with page(web.sip, "1001") as caller, real_phone(port=web.daemon.carrier, plan=ANSWERS) as callee:
        before = web.daemon.resident
        connector = aiohttp.TCPConnector(local_addr=("127.0.0.78", 0), limit=0)
        async with aiohttp.ClientSession(connector=connector) as http:
            silent = [await http.ws_connect(web.sip, protocols=("sip",)) for _ in range(30)]
            for number in range(200):
                rude = await http.ws_connect(web.sip, protocols=("sip",))
                await rude.send_bytes(bytes([number]) * 70_000)
                await rude.close()
            silent += [await http.ws_connect(web.sip, protocols=("sip",)) for _ in range(2)]
            with pytest.raises(aiohttp.WSServerHandshakeError):  # as many strangers as one address may have
                await http.ws_connect(web.sip, protocols=("sip",))
            session = await talking(caller, callee)
            caller.hang_up(session)
            await until(lambda: len(caller.ended) == len(callee.ended) == 1)
            assert web.daemon.resident - before < 16 << 20
            for each in silent:
                await each.close()
        no_faults(web.daemon)


async def test_a_page_has_no_media_sent_to_where_nobody_consents(web: Web) -> None:
    """M8: who has stolen a password aims no stream at anybody. What a browser offers is taken."""
    async with page(web.sip, "1001") as caller, real_phone(port=web.daemon.carrier, plan=ANSWERS) as callee:
        assert (await caller.register(password=PASSWORD)).status == 200
        before = len(caller.events)
        caller.call(
            "004930123456", REMOTE, body=sdp(40_000, host="127.0.0.99"), credentials=caller.credentials(PASSWORD)
        )
        await until(lambda: caller.refused == [488])
        (refused,) = [each.response for each in caller.events[before:] if isinstance(each, Refused)]
        assert refused is not None
        assert "expected an offer of UDP/TLS/RTP/SAVPF" in (refused.headers.get("Warning") or "")
        assert callee.rang == 0
        session = await talking(caller, callee)
        caller.hang_up(session)
        await until(lambda: len(callee.ended) == 1)


async def test_a_trunk_does_not_come_as_a_page(web: Web) -> None:
    """Whoever is at the trunk's address has to prove to be a phone's user here, as everybody has."""
    async with Page(web.sip, "1001") as caller:
        await caller.connect(local_address=CARRIER)
        caller.call("004930123456", REMOTE)
        await until(lambda: caller.refused == [401])
