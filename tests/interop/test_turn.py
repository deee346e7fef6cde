"""The credentials pages are given open a real TURN server, until they end, and nothing else does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from softswitch.endpoints.turn import IceServers
from tests.support.coturn import Coturn

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop

SECRET = "what only the two of them know"


async def test_coturn_takes_what_we_make_and_nothing_else(tmp_path: Path) -> None:
    async with Coturn(tmp_path, SECRET) as server:
        [good] = IceServers(turn=("turn:test",), secret=SECRET, ttl=600.0).for_user("1001")
        assert await server.allocates(good.username, good.credential)
        [ended] = IceServers(turn=("turn:test",), secret=SECRET, clock=lambda: time.time() - 7200.0).for_user("1001")
        assert not await server.allocates(ended.username, ended.credential)
        later = good.username.replace(good.username.partition(":")[0], str(int(time.time() + 86_400.0)))
        assert not await server.allocates(later, good.credential)
        [foreign] = IceServers(turn=("turn:test",), secret="another secret").for_user("1001")
        assert not await server.allocates(foreign.username, foreign.credential)
