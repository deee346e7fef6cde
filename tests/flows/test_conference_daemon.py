"""A conference of the real daemon, by ear: each phone says a tone of its own."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.events import OfferAnswered
from tests.support.daemon import CONFIG, Daemon, real_phone
from tests.support.line import WINDOW, Line, converse
from tests.support.loopback import until

if TYPE_CHECKING:
    from pathlib import Path

DIALPLAN = """\
timezone: UTC
routes:
  - name: meeting
    when: {from: trunk:carrier, called: "600"}
    do: [{conference: {name: team, tones: false}}]
"""


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_nobody_hears_the_hold_music_of_a_member(tmp_path: Path, direction: str) -> None:
    async with Daemon(tmp_path) as daemon:
        daemon.write(CONFIG, DIALPLAN)
        await daemon.start()
        with ExitStack() as stack:
            one, two, holder = lines = [stack.enter_context(closing(Line(hz))) for hz in (400, 700, 1000)]
            async with real_phone() as phone:
                for line in lines:
                    await line.call(phone, "600", daemon.sip)
                await converse(
                    lines,
                    lambda: (
                        abs(one.level_of(holder)) < 1 and abs(two.level_of(holder)) < 1 and holder.level_of(one) > -1
                    ),
                )
                holder.change(phone, direction)
                await until(lambda: any(isinstance(each, OfferAnswered) for each in phone.events))
                # Whoever holds goes on sending: what comes now is its music.
                await converse(lines, lambda: max(one.level_of(holder), two.level_of(holder)) < -45)
                before = len(one.heard)
                await converse(lines, lambda: len(one.heard) > before + 5 * WINDOW and abs(one.level_of(two)) < 1)
                since = one.heard[before:]
                assert max(one.level(since[at : at + WINDOW], holder) for at in range(0, 4 * WINDOW, WINDOW)) < -45
                holder.change(phone, "sendrecv")
                await converse(
                    lines,
                    lambda: abs(one.level_of(holder)) < 1 and abs(holder.level_of(two)) < 1,
                )
            await daemon.said("conference on hold")
            await daemon.said("conference resumed")
