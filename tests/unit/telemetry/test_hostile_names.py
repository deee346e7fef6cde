"""Names, numbers and headers of a hostile caller, over real UDP: escaped in log, JSON, ladder, record and SIP."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING

from softswitch.sip.message import Request
from tests.support.daemon import CONFIG, Daemon, real_phone
from tests.support.loopback import HOST, until
from tests.support.phone import Plan

if TYPE_CHECKING:
    from pathlib import Path

NAME = '"E\\"v\\\\e\\\x07\\\x1b[31m; </script>,\u202e\u00fc"'
USER = "%0D%0AX-Evil%3A1%00'%22;DROP"
PLAIN_USER = USER.partition(";")[0]
TRUSTING = CONFIG.replace(
    'carrier: {{sources: ["127.0.0.2"], ',
    'carrier: {{sources: ["127.0.0.2"], headers: {{pass: [X-Note]}}, identity: {{present: [from, pai, rpid], '
    "trusted: true, caller_from: from, diversion: both}}, ",
)


async def test_a_hostile_caller_breaks_no_output(tmp_path: Path) -> None:
    for form in ("text", "json"):
        folder = tmp_path / form
        folder.mkdir()
        await one_call(folder, form)


async def one_call(folder: Path, form: str) -> None:
    async with Daemon(folder) as daemon:
        daemon.write(TRUSTING + f"logging: {{{{format: {form}}}}}\n")
        await daemon.start()
        async with real_phone() as caller, real_phone(port=daemon.carrier, plan=Plan(answer=0.05)) as callee:
            sent = (
                ("X-Note", 'n"o\\te </script> \u202e'),
                ("Diversion", f"{NAME} <sip:{USER}@x.example>;reason=away"),
            )
            session = caller.call("+4930123", (HOST, daemon.sip), caller=f"{NAME} <sip:{USER}@x.example>", headers=sent)
            await until(lambda: caller.answered == 1)
            request = callee.sessions[0].request
            assert isinstance(request, Request)
            assert "X-Evil" not in request.headers
            assert request.from_.uri.user == PLAIN_USER
            assert request.from_.display_name == 'E"v\\e[31m; </script>,\u00fc'
            assert request.headers.get_all("X-Note") == [sent[0][1]]
            for name in ("P-Asserted-Identity", "Remote-Party-ID", "Diversion"):
                assert len(request.headers.get_all(name)) == 1
            caller.hang_up(session)
            await until(lambda: len(callee.ended) == 1)
            await daemon.said("call ended")
        (call,) = (await daemon.get("/api/calls?state=ended"))["calls"]
        story = await daemon.get(f"/api/calls/{call['id']}")
        assert call["caller"] == PLAIN_USER
        assert "\r" not in story["ladder"]
        with contextlib.closing(sqlite3.connect(folder / "var" / "softswitch.db")) as database:
            rows = await recorded(database)
        assert rows == [(PLAIN_USER, "+4930123")]
        for line in daemon.log:
            assert line.isprintable(), ascii(line)
            if form == "json" and line.startswith("{"):
                json.loads(line)
        assert not [line for line in daemon.log if line.startswith("X-Evil")]


async def recorded(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """The records, once they are written."""
    await until(lambda: database.execute("SELECT count(*) FROM calls").fetchone()[0] == 1)
    return database.execute("SELECT caller, called FROM calls").fetchall()
