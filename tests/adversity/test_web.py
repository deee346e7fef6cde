"""SIP over WebSocket at the real daemon: signing in, calls both ways, and connections that come and go."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.daemon import CONFIG, Daemon, real_phone
from tests.support.loopback import HOST, free_port, until
from tests.support.page import REMOTE, page
from tests.support.phone import Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PASSWORD = "correct horse"
WEB = """\
web: {{address: 127.0.0.1, port: {web}}}
webrtc: {{reconnect: 30s}}
"""
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


def configuration(web: str = WEB) -> str:
    users = "users: {{1001: {{password: correct horse, display_name: Reception}}, 1002: {{password: correct horse}}}}"
    return CONFIG.replace("users: {{1001: {{password: {{file: var/secrets/desk, create: true}}}}}}", users) + web


class Web:
    """A daemon with pages."""

    def __init__(self, daemon: Daemon, port: int) -> None:
        self.daemon = daemon
        self.base = f"http://{HOST}:{port}"
        self.sip = f"ws://{HOST}:{port}/sip"

    async def post(self, path: str, body: Any, *, status: int = 200, **how: Any) -> Any:
        async with aiohttp.ClientSession() as http, http.post(self.base + path, json=body, **how) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def sign_in(self, user: str = "1001", password: str = PASSWORD) -> Any:
        return await self.post("/api/session", {"user": user, "password": password})


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with Daemon(tmp_path) as daemon:
        port = free_port(socket.SOCK_STREAM)
        daemon.values["web"] = port
        daemon.write(configuration(), DIALPLAN)
        await daemon.start()
        yield Web(daemon, port)


@pytest.mark.parametrize("with_token", [False, True])
@pytest.mark.parametrize("page_hangs_up", [False, True])
async def test_a_page_calls_a_trunk_and_either_hangs_up(web: Web, with_token: bool, page_hangs_up: bool) -> None:
    token = (await web.sign_in())["token"] if with_token else ""
    async with page(web.sip, "1001") as caller, real_phone(port=web.daemon.carrier, plan=Plan(answer=0.0)) as callee:
        answer = await caller.register(token=token) if token else await caller.register(password=PASSWORD)
        assert answer.status == 200
        headers = (("Authorization", f"Bearer {token}"),) if token else ()
        credentials = None if token else caller.credentials(PASSWORD)
        session = caller.call("004930123456", REMOTE, headers=headers, credentials=credentials)
        await until(lambda: session.is_established and callee.sessions[0].is_established)
        if page_hangs_up:
            caller.hang_up(session)
        else:
            callee.hang_up(callee.sessions[0])
        await until(lambda: len(caller.ended) == len(callee.ended) == 1)
