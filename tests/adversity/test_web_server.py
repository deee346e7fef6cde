"""The web server at the real daemon: TLS that is renewed, foreign pages, proxies, the operators' API."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from cryptography import x509

from tests.support.certificates import Authority
from tests.support.daemon import CONFIG, Daemon
from tests.support.loopback import HOST, PATIENCE, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEB = """\
web:
  address: 127.0.0.1
  port: {web}
  tls: {{certificate: ours.crt, key: ours.key}}
  origins: https://desk.example
  proxies: 127.0.0.5
  operator_api: true
"""
USER = {"user": "1001", "password": "correct horse"}


class Web:
    """A daemon with HTTPS."""

    def __init__(self, daemon: Daemon, port: int, authority: Authority) -> None:
        self.daemon = daemon
        self.port = port
        self.authority = authority
        self.context = ssl.create_default_context(cafile=str(authority.file))

    async def ask(
        self, method: str, path: str, *, source: str = HOST, headers: dict[str, str] | None = None, body: Any = None
    ) -> tuple[int, Any, Any]:
        """Status, answer (JSON where it is JSON) and headers."""
        connector = aiohttp.TCPConnector(local_addr=(source, 0), ssl=self.context)
        async with (
            aiohttp.ClientSession(connector=connector) as http,
            http.request(method, f"https://{HOST}:{self.port}{path}", headers=headers, json=body) as answer,
        ):
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else await answer.text(), answer.headers

    async def shown(self) -> int:
        """The serial number of the certificate a browser sees now."""
        _, writer = await asyncio.open_connection(HOST, self.port, ssl=self.context)
        with contextlib.closing(writer):
            certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(certificate).serial_number


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    folder = tmp_path_factory.mktemp("https")
    authority = Authority.make(folder)
    authority.vouch("ours", addresses=(HOST,))
    async with Daemon(folder) as daemon:
        daemon.values["web"] = port = free_port(socket.SOCK_STREAM)
        users = CONFIG.index("  users:")
        daemon.write(f"{CONFIG[:users]}  users: {{{{1001: {{{{password: correct horse}}}}}}}}\n{WEB}")
        await daemon.start()
        yield Web(daemon, port, authority)


async def test_sip_is_spoken_over_tls(web: Web) -> None:
    status, session, _ = await web.ask("POST", "/api/session", body=USER)
    assert (status, session["websocket"]) == (200, f"wss://{HOST}:{web.port}/sip")
    connector = aiohttp.TCPConnector(ssl=web.context)
    async with aiohttp.ClientSession(connector=connector) as http:
        wire = await http.ws_connect(session["websocket"], protocols=("sip",))
        await wire.send_str(
            f"REGISTER sip:switch SIP/2.0\r\nVia: SIP/2.0/WSS x.invalid;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
            f"From: <{session['uri']}>;tag=1\r\nTo: <{session['uri']}>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n"
            f"Contact: <sip:1001@x.invalid;transport=ws>\r\nAuthorization: Bearer {session['token']}\r\n\r\n"
        )
        async with asyncio.timeout(PATIENCE):
            assert (await wire.receive_str()).startswith("SIP/2.0 200 ")
        [contact] = (await web.daemon.get("/api/registrations"))["registrations"]
        assert contact["transport"] == "WSS"
        await wire.close()


async def test_a_renewed_certificate_is_shown_to_the_next_browser(web: Web) -> None:
    before = await web.shown()
    web.authority.vouch("ours", addresses=(HOST,))
    web.daemon.signal(signal.SIGHUP)
    await web.daemon.said("certificates read anew for web")
    assert await web.shown() != before


async def test_pages_of_other_sites_are_turned_away_unless_named(web: Web) -> None:
    status, answer, _ = await web.ask("POST", "/api/session", body=USER, headers={"Origin": "https://evil.example"})
    assert (status, list(answer)) == (403, ["error"])
    asks = {"Origin": "https://desk.example", "Access-Control-Request-Method": "POST"}
    status, _, headers = await web.ask("OPTIONS", "/api/session", headers=asks)
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, "https://desk.example")
    assert "Authorization" in headers["Access-Control-Allow-Headers"]
    status, _, headers = await web.ask("POST", "/api/session", body=USER, headers={"Origin": "https://desk.example"})
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "https://desk.example")
    own = {"Origin": f"https://{HOST}:{web.port}"}
    assert (await web.ask("POST", "/api/session", body=USER, headers=own))[0] == 200


@pytest.mark.parametrize(
    "body",
    [None, [], "1001", {"user": "1001"}, {"user": 1001, "password": "x"}, {**USER, "more": 1}, {"token": 1},
     {"user": "x" * 300, "password": "x"}],
)  # fmt: skip
async def test_anything_else_is_no_way_to_sign_in(web: Web, body: Any) -> None:
    assert (await web.ask("POST", "/api/session", body=body))[0] == 400


async def test_who_guesses_behind_a_proxy_is_locked_alone(web: Web) -> None:
    async def guess(told: str, source: str = "127.0.0.5") -> int:
        headers = {"X-Forwarded-For": told}
        wrong = {"user": "1001", "password": "guess"}
        return (await web.ask("POST", "/api/session", body=wrong, headers=headers, source=source))[0]

    for _ in range(10):
        assert await guess("203.0.113.1") == 401
    assert await guess("203.0.113.1") == 429
    assert await guess("203.0.113.9, 203.0.113.1") == 429  # the last before the proxy counts, not what it claims
    assert await guess("203.0.113.2") == 401
    assert await guess("203.0.113.1", source="127.0.0.6") == 401  # nobody else is believed


async def test_the_operators_api_wants_its_token_here_as_well(web: Web) -> None:
    assert (await web.ask("GET", "/api/calls"))[0] == 401
    token = (web.daemon.folder / "var/secrets/admin-token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    assert (await web.ask("GET", "/api/calls", headers=headers))[0] == 200
    status, granted, _ = await web.ask("POST", "/api/browser-tokens", body={"user": "1001"}, headers=headers)
    assert (status, granted["uri"]) == (200, "sip:1001@softswitch")
    assert (await web.ask("POST", "/api/browser-tokens", body={"user": "1001"}))[0] == 401
    assert (await web.ask("POST", "/api/session", body={"token": granted["token"]}))[0] == 200
