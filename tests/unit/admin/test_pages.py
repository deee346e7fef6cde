"""Pages as browsers get them: files, how long they may be kept, and what a page may do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from softswitch.admin.pages import Pages
from softswitch.admin.server import silent
from softswitch.admin.visitors import Visitors
from softswitch.admin.visits import Visits
from softswitch.admin.web_server import WebSettings, make_web
from softswitch.endpoints.authentication import Authenticator
from softswitch.endpoints.bindings import Bindings
from softswitch.endpoints.page_sessions import PageSessions
from softswitch.endpoints.tokens import TokenSigner
from softswitch.endpoints.turn import IceServers
from softswitch.sip.digest import NonceKeeper
from softswitch.transport.listener import Listener
from softswitch.transport.websocket import Origins, WebSocketTransport
from softswitch.transport.websocket_connection import WebSocketLimits
from tests.support.loopback import HOST, Answerer, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from softswitch.admin.ports import AdminParts


WRITE_ONLY = Path("/proc/sys/vm/compact_memory")
"""A file that nobody can read, root neither."""


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    """The web server with the pages of a folder, and without the operators' API; where it is."""
    near, port = Answerer(), free_port(socket.SOCK_STREAM)
    signer = TokenSigner("a key of some characters")
    authenticator = Authenticator([], NonceKeeper(bytes(16)), realm="test", tokens=signer)
    servers = IceServers()
    sessions = PageSessions(authenticator, signer, servers, domain="test", names={}, on_ended=Bindings().session_ended)
    visits = Visits(visitors=Visitors(), sessions=sessions, ice_servers=servers, clock=near.driver.now)
    carrier = WebSocketTransport(near.driver, Listener("WS", HOST, port), WebSocketLimits(), Origins())
    settings = WebSettings(host=HOST, port=port)
    app = make_web(cast("AdminParts", None), visits, carrier, settings, pages=Pages(folder))
    runner = web.AppRunner(app, access_log=None, logger=silent)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    try:
        yield f"http://{HOST}:{port}"
    finally:
        await near.driver.close()
        await runner.cleanup()


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[str]:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "phone.html").write_text("<!doctype html><title>Phone</title>")
    (folder / "call.html").write_text("<!doctype html><title>Call</title>")
    (folder / "assets" / "phone-abc123.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    async with serving(folder) as found:
        yield found


async def fetch(url: str, **how: str) -> tuple[int, str, Mapping[str, str]]:
    async with ClientSession() as http, http.get(URL(url, encoded=True), headers=how, allow_redirects=False) as answer:
        return answer.status, await answer.text(), answer.headers


async def test_pages_are_asked_for_again_and_their_parts_kept(base: str) -> None:
    status, text, headers = await fetch(f"{base}/phone")
    assert (status, "<title>Phone" in text) == (200, True)
    assert headers["Content-Type"].startswith("text/html")
    assert headers["Cache-Control"] == "no-cache"
    status, text, _ = await fetch(f"{base}/call/eyJhbGciOi.x.y")
    assert (status, "<title>Call" in text) == (200, True)
    status, _, headers = await fetch(f"{base}/web/assets/phone-abc123.js")
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert "javascript" in headers["Content-Type"]
    assert (await fetch(f"{base}/web/assets/phone-abc123.js", **{"If-None-Match": headers["ETag"]}))[0] == 304
    status, _, headers = await fetch(f"{base}/")
    assert (status, headers["Location"]) == (302, "/phone")


async def test_a_page_may_use_the_microphone_and_nothing_inline_or_from_elsewhere(base: str) -> None:
    for path in ("/phone", "/call/x", "/nowhere"):
        headers = (await fetch(f"{base}{path}"))[2]
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert f"connect-src 'self' ws://{base[7:]} wss://{base[7:]};" in policy
        assert "frame-ancestors 'none'" in policy
        assert "microphone=(self), camera=(self), display-capture=(self)" in headers["Permissions-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"  # the address of a call page is a key
        assert headers["X-Content-Type-Options"] == "nosniff"


async def test_a_host_that_is_none_gets_into_no_header(base: str) -> None:
    policy = (await fetch(f"{base}/phone", Host="evil; script-src *"))[2]["Content-Security-Policy"]
    assert "evil" not in policy


@pytest.mark.parametrize(
    "path",
    ["/web/../secret.txt", "/web/%2e%2e/secret.txt", "/web/..%2fsecret.txt", "/web//etc/passwd", "/web/%2fetc/passwd",
     "/web/assets", "/web/", "/web/" + 300 * "a", "/web/phone.html%00.js", "/phone/../secret.txt"],
)  # fmt: skip
async def test_nothing_but_the_pages_can_be_had(base: str, path: str) -> None:
    status, text, _ = await fetch(base + path)
    assert status in (400, 404)
    assert "secret" not in text
    assert "root:" not in text


async def test_pages_that_are_not_built_say_so(tmp_path: Path) -> None:
    async with serving(tmp_path / "nowhere") as base:
        status, text, _ = await fetch(f"{base}/phone")
        assert (status, "scripts/setup run" in text) == (404, True)


@pytest.fixture
def unreadable(tmp_path: Path) -> Path:
    """A page that is there, and no more."""
    file = tmp_path / "phone.html"
    if os.geteuid():
        file.touch(mode=0)
    elif WRITE_ONLY.exists():
        file.symlink_to(WRITE_ONLY)
    else:
        pytest.skip("root can read every file here")
    return file


async def test_a_page_that_cannot_be_read_is_told_once(unreadable: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(unreadable.parent) as base:
        for _ in range(2):
            assert (await fetch(f"{base}/phone"))[0] == 403
    (told,) = (each.getMessage() for each in caplog.records if each.name == "softswitch.admin.pages")
    assert told == f"web: {unreadable} cannot be read: the node's user must be allowed to"


async def test_a_fault_of_ours_is_told_in_full_and_only_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path / "no\0path") as base:
        status, text, headers = await fetch(f"{base}/web/phone.html")
    assert (status, text) == (500, "Internal Server Error\n")
    assert headers["X-Content-Type-Options"] == "nosniff"
    (told,) = (each for each in caplog.records if each.name == "softswitch.admin.pages")
    assert told.getMessage() == "web: GET /web/{name} failed"
    assert told.exc_info is not None


async def test_the_operators_api_is_not_here(base: str) -> None:
    for path in ("/api/calls", "/api/openapi.json", "/metrics", "/health", "/api/nothing"):
        assert (await fetch(base + path))[0] == 404


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"token": "\\ud800"}', {}, 401),
        (b"{}", {"Authorization": "Bearer \udcff\udcfe.a.b"}, 401),
        (b'{"user": "\\ud800", "password": "x"}', {}, 401),
        (b'{"user": "a", "password": "b"}', {"Content-Type": "application/json; charset=nope"}, 401),
        (b'{"user": "a", "password": "b"}', {"Content-Type": "application/json; charset=hex"}, 401),
        (b"no gzip", {"Content-Encoding": "gzip"}, 400),
        (b"[" * 16_000, {}, 400),
        (b"[]", {}, 400),
        (b"\xff", {}, 400),
        (b'{"user": 1, "password": []}', {}, 400),
    ],
)
async def test_whatever_is_sent_to_sign_in_is_no_fault_of_ours(
    base: str, caplog: pytest.LogCaptureFixture, body: bytes, headers: dict[str, str], status: int
) -> None:
    """Anybody may ask: a line in the log for each would fill it."""
    lines = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    reader, writer = await asyncio.open_connection(HOST, URL(base).port)
    with contextlib.closing(writer):
        text = f"POST /api/session HTTP/1.1\r\n{head}\r\n"
        writer.write(text.encode("utf-8", "surrogateescape") + body)
        assert (await reader.readline()).split()[1] == str(status).encode()
    assert not [record for record in caplog.records if record.exc_info]


async def test_the_token_of_a_link_gets_into_no_log(base: str, caplog: pytest.LogCaptureFixture) -> None:
    """What the server is made of is missing here, which is a fault of ours; who reads of it must not get the link."""
    status, body, _ = await fetch(base + "/api/links/a-token-of-somebody")
    assert (status, body) == (500, '{"error":"Internal Server Error"}\n')
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.getMessage() == "admin: GET /api/links/{token} failed"
    assert "a-token-of-somebody" not in caplog.text
