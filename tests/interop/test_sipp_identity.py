"""SIPp as a trusted network that calls, and as a carrier that is told no more than it may know."""

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
THROUGH = "4940555"
"""As the caller's trunk writes it."""
TOLD = CONFIG.replace(
    'caller: {{sources: ["127.0.0.5"]}}',
    'caller: {{sources: ["127.0.0.5"], number_format: international, identity: {{trusted: true}}, '
    "headers: {{pass: X-Account}}}}",
).replace(
    'destinations: ["127.0.0.2:{carrier_port}"]}}',
    'destinations: ["127.0.0.2:{carrier_port}"], number_format: e164, headers: {{pass: X-Account}}, '
    "identity: {{present: [from, pai], diversion: both}}}}",
)


@pytest.fixture
async def told(tmp_path: Path, speech: Speech) -> AsyncIterator[World]:
    """A switch between a network it trusts and a carrier it does not."""
    assert TOLD.count("X-Account") == 2
    here = World(tmp_path, speech, TOLD)
    async with here.node:
        yield here
        await here.nothing_left()


@pytest.mark.parametrize("what", ["identity", "withheld"])
async def test_a_carrier_is_told_what_it_may_know(told: World, golden: Golden, what: str) -> None:
    async with told.called(f"uas_{what}") as uas, told.caller(f"uac_{what}", THROUGH) as uac:
        await uac.finished()
        await uas.finished()
    call = await told.node.ended_call(recorded=False)
    assert (call["outcome"], call["caller"], call["caller_canonical"]) == ("answered", "4930555", "+4930555")
    assert (call["called"], call["called_canonical"]) == (THROUGH, f"+{THROUGH}")
    assert call["withheld"] is (what == "withheld")
    assert call["diverted_by"] == ("+4930222" if what == "identity" else None)
    golden.check(f"sipp_{what}", call["ladder"])
