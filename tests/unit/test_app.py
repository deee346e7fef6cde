"""The daemon as a process: starting, refusing to start, ending, dying."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import CARRIER, CONFIG, DIALPLAN, STRANGER, Daemon, real_phone
from tests.support.loopback import HOST, TcpPeer, UdpPeer, options, until
from tests.support.phone import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


async def test_the_life_of_a_node(tmp_path: Path) -> None:
    """Start, ping, a call, an operator's hand on another, and the end."""
    async with Daemon(tmp_path) as daemon:
        await daemon.start()
        assert f"UDP 127.0.0.1:{daemon.sip}" in await daemon.said("ready:")
        switch = (HOST, daemon.sip)
        with UdpPeer(CARRIER) as trunk, UdpPeer(STRANGER) as stranger:
            stranger.send(options(stranger.address), switch)
            trunk.send(options(trunk.address), switch)
            assert (await trunk.hear()).startswith(b"SIP/2.0 200 ")
            assert stranger.heard_nothing
        peer = await TcpPeer.connect((HOST, daemon.tcp), CARRIER)
        await peer.send(options(peer.address, transport="TCP"))
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        peer.close()
        assert (await daemon.get("/ready"))["ready"] is True

        async with real_phone() as caller, real_phone(port=daemon.carrier, plan=Plan(ring=0.05, answer=0.1)) as callee:
            first = caller.call("+4930123", switch)
            await until(lambda: caller.answered == 1)
            caller.hang_up(first)
            await until(lambda: len(callee.ended) == 1)

            caller.call("+4930124", switch)
            await until(lambda: caller.answered == 2)
            calls = (await daemon.get("/api/calls"))["calls"]
            (running,) = [call for call in calls if call["state"] == "talking"]
            await daemon.get(f"/api/calls/{running['id']}", method="DELETE", status=202)
            await until(lambda: len(caller.ended) == len(callee.ended) == 2)
            assert caller.ended == [("local", 200), ("remote", 200)]

            story = await daemon.get(f"/api/calls/{running['id']}")
            assert "ended by an operator" in str(story)

            caller.call("+4930125", switch)
            await until(lambda: caller.answered == 3)
            daemon.signal(signal.SIGTERM)
            await daemon.said("draining: 1 calls")
            caller.call("+4930126", switch)
            await until(lambda: caller.refused == [503])
            daemon.signal(signal.SIGTERM)
            await until(lambda: len(caller.ended) == 4)
        assert await daemon.ended() == 0
        with contextlib.closing(sqlite3.connect(tmp_path / "var" / "softswitch.db")) as database:
            rows = database.execute("SELECT called, outcome, hung_up_by FROM calls ORDER BY started_at").fetchall()
        assert rows == [
            ("+4930123", "answered", "caller"),
            ("+4930124", "answered", "operator"),
            ("+4930125", "answered", "switch"),
        ]
        assert not [line for line in daemon.log if "Traceback" in line]


async def test_asked_to_end_with_nothing_to_do_it_ends_at_once(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.start()
        loop = asyncio.get_running_loop()
        began = loop.time()
        daemon.signal(signal.SIGINT)
        assert await daemon.ended() == 0
        assert loop.time() - began < 3


async def test_killed_and_started_again_it_has_the_records_and_takes_calls(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.start()
        switch = (HOST, daemon.sip)
        async with real_phone() as caller:
            session = caller.call("*43", switch)
            await until(lambda: caller.answered == 1)
            caller.hang_up(session)
            await until(lambda: _records(tmp_path) == 1)
            caller.call("*43", switch)
            await until(lambda: caller.answered == 2)
        daemon.signal(signal.SIGKILL)
        assert await daemon.ended() == -signal.SIGKILL

        await daemon.start()
        assert _records(tmp_path) == 1
        async with real_phone() as caller:
            caller.call("*43", (HOST, daemon.sip))
            await until(lambda: caller.answered == 1)
            caller.hang_up(caller.sessions[0])
            await until(lambda: len(caller.ended) == 1)
        daemon.signal(signal.SIGTERM)
        assert await daemon.ended() == 0
        assert _records(tmp_path) == 2


def _records(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(folder / "var" / "softswitch.db")) as database:
        return int(database.execute("SELECT count(*) FROM calls").fetchone()[0])


# What keeps it from starting.


@contextlib.contextmanager
def occupied(kind: socket.SocketKind, port: int) -> Iterator[None]:
    """Somebody else has this port."""
    with socket.socket(socket.AF_INET, kind) as squatter:
        squatter.bind((HOST, port))
        if kind is socket.SOCK_STREAM:
            squatter.listen()
        yield


async def refusal(daemon: Daemon, *words: str) -> str:
    """Start it; it must end with status 2 and one message that has these words, and no traceback."""
    await daemon.spawn()
    assert await daemon.ended() == 2, "\n".join(daemon.log)
    # What an ordinary user's machine does not grant is told before; here it is the refusal that counts.
    said = [line for line in daemon.log if not line.startswith("warning:") and " warning - " not in line]
    text = "\n".join(said)
    assert all(word in text for word in words), text
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize(
    ("kind", "which", "words"),
    [
        (socket.SOCK_DGRAM, "sip", ("sip: cannot listen on 127.0.0.1", "UDP", "Address already in use")),
        (socket.SOCK_STREAM, "tcp", ("sip: cannot listen on 127.0.0.1", "TCP", "in use")),
        (socket.SOCK_STREAM, "admin", ("admin", "in use")),
    ],
)
async def test_an_occupied_port(kind: socket.SocketKind, which: str, words: tuple[str, ...], tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        port = getattr(daemon, which)
        with occupied(kind, port):
            text = await refusal(daemon, str(port), *words)
        assert text.count("\n") == 0, text
        if which == "tcp":
            await daemon.start()  # nothing half-made stands in the way of the next start


BAD_CONFIGS = {
    "foreign media address": (
        CONFIG.replace("media: {{address: 127.0.0.1", "media: {{address: 192.0.2.77"),
        "192.0.2.77",
    ),
    "foreign sip address": (CONFIG.replace("udp, address: 127.0.0.1", "udp, address: 192.0.2.77"), "192.0.2.77"),
    "no yaml": (CONFIG + "trunks: [\n", "softswitch.yaml:"),
    "unknown key": (CONFIG + "numbers: {{}}\n", "numbers"),
    "tabs": (CONFIG + "\tx: 1\n", "softswitch.yaml:"),
    "database is a folder": (CONFIG + "database: {{url: 'sqlite:///config'}}\n", "config"),
    "database is no database": (CONFIG + "database: {{url: 'sqlite:///dialplan.yaml'}}\n", "dialplan.yaml"),
    "recordings are no folder": (
        CONFIG.replace("{{enabled: false}}", "{{enabled: true, directory: dialplan.yaml}}"),
        "dialplan.yaml",
    ),
    "two trunks from one source": (
        CONFIG.replace("trunks:\n", 'trunks:\n  other: {{sources: ["127.0.0.2"]}}\n'),
        "127.0.0.2",
    ),
}


@pytest.mark.parametrize("config", BAD_CONFIGS)
async def test_a_configuration_that_cannot_work(config: str, tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        text, word = BAD_CONFIGS[config]
        daemon.write(text)
        await refusal(daemon, word)


@pytest.mark.parametrize(
    ("dialplan", "word"),
    [
        (DIALPLAN.replace("[echo]", "[{play: {file: missing.wav}}]"), "there is no folder"),
        (DIALPLAN.replace("[echo]", "[{play: {file: ../dialplan.yaml}}]"), "dialplan.yaml"),
        (DIALPLAN.replace("trunk: carrier,", "trunk: carier,"), "carier"),
        ("routes: 5\n", "dialplan.yaml:1"),
    ],
)
async def test_a_dialplan_that_cannot_work(dialplan: str, word: str, tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        daemon.write(dialplan=dialplan)
        await refusal(daemon, word)


async def test_a_state_directory_has_one_process(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as first, Daemon(tmp_path) as second:
        await first.start()
        second.write()
        await refusal(second, "in use by another softswitch")
        first.signal(signal.SIGTERM)
        assert await first.ended() == 0


async def test_wrong_configuration_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        daemon.write(CONFIG + "nonsense: 1\n")
        before = sorted(os.walk(tmp_path))
        await refusal(daemon, "nonsense")
        assert sorted(os.walk(tmp_path)) == before
