"""Digits that an operator sends by the admin endpoint, as the carrier hears them: the real daemon, real sockets."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from media.receive.digit_pieces import InBandDigits
from softswitch.sip.events import InfoReceived
from tests.support.daemon import CONFIG, Daemon, real_phone
from tests.support.line import RATE, Line, converse
from tests.support.loopback import until
from tests.support.phone import Plan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.phone import Phone

SENT = "19*#D0"
EVENTS = [1, 9, 10, 11, 15, 0]
"""The same as numbers (RFC 4733 3.2)."""


async def begun(daemon: Daemon, caller: Phone, near: Line, far: Line, called: Phone) -> str:
    """A call through the daemon that both ends talk in; its id."""
    called.media_port = far.port
    await near.call(caller, "5550100", daemon.sip)
    (call,) = (await daemon.get("/api/calls?state=running"))["calls"]
    (leg,) = [each for each in (await daemon.get(f"/api/calls/{call['id']}"))["legs"] if each["role"] == "callee"]
    far.take(f"m=audio {leg['local_media'].rpartition(':')[2]} RTP/AVP 8".encode())
    await converse([near, far], lambda: abs(far.level_of(near)) < 1)
    return str(call["id"])


def keys(line: Line) -> list[int]:
    """The telephone events that came: one for each that ended, however often that was told."""
    ended = {(each.timestamp, each.payload[0]) for each in line.events if each.payload[1] & 0x80}
    return [event for _, event in sorted(ended)]


@pytest.mark.parametrize("dtmf", ["rfc4733", "inband", "info"])
async def test_the_carrier_is_told_digits_in_its_own_kind(tmp_path: Path, dtmf: str) -> None:
    async with Daemon(tmp_path) as daemon:
        daemon.write(CONFIG.replace("{{sources", f"{{{{dtmf: {dtmf}, sources"))
        await daemon.start()
        with closing(Line(400)) as near, closing(Line(900)) as far:
            async with real_phone() as caller, real_phone(port=daemon.carrier, plan=Plan(answer=0.1)) as called:
                call = await begun(daemon, caller, near, far, called)
                (_, leg) = (await daemon.get(f"/api/calls/{call}"))["legs"]
                assert "send_digits" in leg["allowed_actions"]
                told = await daemon.get(f"/api/calls/{call}/digits", method="POST", status=202, body={"digits": SENT})
                assert (told["by"], told["count"]) == (dtmf, 6)
                if dtmf == "rfc4733":
                    await converse([near, far], lambda: len(keys(far)) == 6)
                    assert keys(far) == EVENTS
                    lengths = [each.payload[2] << 8 | each.payload[3] for each in far.events if each.payload[1] & 0x80]
                    assert {*lengths} == {160 * 8}
                elif dtmf == "inband":
                    await converse([near, far], lambda: tones(far) == EVENTS)
                else:
                    await until(lambda: len(infos(called)) == 6)
                    assert infos(called) == list(SENT)
                await converse([near, far], lambda: abs(far.level_of(near)) < 1)  # its voice goes on
                assert near.events == []
                caller.hang_up(caller.sessions[0])
                await until(lambda: bool(called.ended))
            story = (await finished(daemon, call))["story"]
            (line,) = [each for each in story if each["event"] == "digits sent"]
            assert line["facts"]["count"] in (6, "6")


async def test_what_cannot_be_told_says_why(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        await daemon.start()
        with closing(Line(400)) as near, closing(Line(900)) as far:
            async with real_phone() as caller, real_phone(port=daemon.carrier, plan=Plan(answer=0.1)) as called:
                call = await begun(daemon, caller, near, far, called)
                near.change(caller, "sendonly")
                await daemon.said("direction=recvonly")
                body = {"digits": "1", "party": "caller"}
                refused = await daemon.get(f"/api/calls/{call}/digits", method="POST", status=409, body=body)
                assert refused["code"] == "on_hold"
                detail = await daemon.get(f"/api/calls/{call}")
                assert [leg["allowed_actions"] for leg in detail["legs"]] == [
                    ["end", "mute", "hold", "send_digits"],
                    ["end", "mute", "hold"],
                ]
                caller.hang_up(caller.sessions[0])
                await until(lambda: bool(called.ended))
            legs = (await finished(daemon, call))["legs"]
            assert [leg["allowed_actions"] for leg in legs] == [[], []]
            await daemon.get(f"/api/calls/{call}/digits", method="POST", status=404, body={"digits": "1"})


def tones(line: Line) -> list[int]:
    samples = np.asarray(line.heard, np.int16)
    return [event for event, _, _ in InBandDigits(RATE).feed(samples)]


def infos(phone: Phone) -> list[str]:
    """Keys that came by INFO."""
    return [each.key.digit for each in phone.events if isinstance(each, InfoReceived) and each.key is not None]


async def finished(daemon: Daemon, call: str) -> dict[str, Any]:
    """The call once it is over."""
    async with asyncio.timeout(60):
        while True:
            found: dict[str, Any] = await daemon.get(f"/api/calls/{call}")
            if found["state"] == "ended":
                return found
            await asyncio.sleep(0.05)
