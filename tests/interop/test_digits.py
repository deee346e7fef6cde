"""A phone presses keys, and the far side gets them in its own kind: pjsua2 at both ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from media.receive.digit_pieces import InBandDigits
from tests.interop.conftest import CONFIG, TO_CARRIER, World

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.conftest import Speech

pytestmark = pytest.mark.interop

PRESSED = "159*0#"


def world_with(folder: Path, speech: Speech, *, carrier: str, phones: str = "rfc4733") -> World:
    config = CONFIG.replace("  carrier: {{sources", f"  carrier: {{{{dtmf: {carrier}, sources").replace(
        "phones:\n", f"phones:\n  dtmf: {phones}\n"
    )
    assert config.count("dtmf:") == 2
    return World(folder, speech, config)


@pytest.mark.parametrize(("phones", "carrier"), [("rfc4733", "info"), ("info", "rfc4733")])
async def test_keys_arrive_in_the_kind_of_the_far_end(
    tmp_path: Path, speech: Speech, phones: str, carrier: str
) -> None:
    world = world_with(tmp_path, speech, carrier=carrier, phones=phones)
    async with world.node:
        async with world.carrier() as far, world.desk() as desk:
            desk.tell("call", uri=f"sip:{TO_CARRIER}@{world.registrar}")
            await far.expect("incoming")
            far.tell("answer")
            await asyncio.gather(far.expect("media"), desk.expect("media"))
            # pjsua sends a packet a second while it has nothing to say, and telephone events no faster.
            desk.tell("play", file=str(speech.phone))
            desk.tell("press", digits=PRESSED, by=phones)
            heard = [await far.expect("key") for _ in PRESSED]
            assert "".join(str(each["digit"]) for each in heard) == PRESSED
            assert {each["by"] for each in heard} == {carrier}
            desk.tell("hangup")
            await asyncio.gather(far.expect("ended"), desk.expect("ended"))
        await world.nothing_left()


@pytest.mark.real_time
async def test_keys_arrive_as_tones(tmp_path: Path, speech: Speech) -> None:
    world = world_with(tmp_path, speech, carrier="inband")
    heard = tmp_path / "heard.wav"
    async with world.node:
        async with world.carrier() as far, world.desk() as desk:
            desk.tell("call", uri=f"sip:{TO_CARRIER}@{world.registrar}")
            await far.expect("incoming")
            far.tell("answer")
            await asyncio.gather(far.expect("media"), desk.expect("media"))
            far.tell("record", file=str(heard))
            await far.expect("recording")
            desk.tell("play", file=str(speech.phone))
            desk.tell("press", digits=PRESSED)
            far.tell("play", file=str(speech.carrier))
            await far.expect("played", within=90)
            desk.tell("hangup")
            await asyncio.gather(far.expect("ended"), desk.expect("ended"))
        await world.nothing_left()
    samples, rate = soundfile.read(heard, dtype="int16")
    keys = [event for event, _, _ in InBandDigits(rate).feed(np.ascontiguousarray(samples))]
    assert keys == [1, 5, 9, 10, 0, 11]
