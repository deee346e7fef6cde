"""SIPp with 100rel, UPDATE and session timers, as caller and as callee."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.conftest import CONFIG, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.interop.conftest import Speech
    from tests.support.golden import Golden

pytestmark = pytest.mark.interop
THROUGH = "+4940555"
SHORT, LONG = '{{sources: ["127.0.0.5"]}}', '{{sources: ["127.0.0.5"], session_timer: {{minimum: 120s}}}}'
PATIENT = CONFIG.replace(SHORT, LONG)


@pytest.fixture
async def patient(tmp_path: Path, speech: Speech) -> AsyncIterator[World]:
    """A switch that lets nobody on its caller's trunk refresh oftener than every minute."""
    here = World(tmp_path, speech, PATIENT)
    async with here.node:
        yield here
        await here.nothing_left()


@pytest.mark.parametrize("what", ["100rel", "update", "timer"])
async def test_a_call_with_everything_acknowledged_changed_and_refreshed(
    patient: World, golden: Golden, what: str
) -> None:
    async with patient.called(f"uas_{what}") as uas, patient.caller(f"uac_{what}", THROUGH) as uac:
        await uac.finished()
        await uas.finished()
    call = await patient.node.ended_call(recorded=False)
    assert (call["outcome"], call["hung_up_by"], call["codec"]) == ("answered", "caller", "PCMA")
    golden.check(f"sipp_{what}", call["ladder"])
