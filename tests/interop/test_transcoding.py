"""A phone with one codec and a carrier with another: speech arrives on both sides."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import soundfile

from softswitch.demo.speech import RATE, resample, score
from tests.interop.conftest import CONFIG, TO_WORKSHOP, World

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.conftest import Speech

pytestmark = pytest.mark.interop


SHORT = 4.5
"""Seconds of speech that are enough to compare."""

GOOD = 3.2
"""What is heard on a machine that keeps time: 4.3 by the carrier, 3.9 by the phone, whose own buffer is in it."""


def at_rate(source: Path, target: Path, rate: int, longest: float | None = None) -> Path:
    """The same sound, or its first `longest` seconds, mono, at another rate."""
    samples, before = soundfile.read(source, dtype="float64", always_2d=True)
    samples = samples[: None if longest is None else int(longest * before)]
    soundfile.write(target, resample(samples.mean(axis=1), before, rate), rate, "PCM_16")
    return target


@pytest.mark.real_time
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("codec", "account", "rate"), [("opus", "opus/48000/2", 48000), ("G722", "g722", 16000)])
async def test_speech_arrives_in_both_directions(
    codec: str, account: str, rate: int, tmp_path: Path, speech: Speech
) -> None:
    config = CONFIG.replace("phones:\n", f"phones:\n  codecs: [{codec}]\n")
    phone, trunk = (at_rate(each, tmp_path / each.name, RATE, SHORT) for each in (speech.phone, speech.carrier))
    said = at_rate(phone, tmp_path / "said.wav", rate)
    world = World(tmp_path, speech, config)
    heard = tmp_path / "carrier-heard.wav"
    async with (
        world.node,
        world.carrier() as carrier,
        world.workshop(codecs=account, speech=said, rate=rate) as workshop,
    ):
        carrier.tell("call", uri=f"sip:{TO_WORKSHOP}@{world.registrar}")
        await asyncio.gather(workshop.expect("CALL_INCOMING"), carrier.expect("ringing"))
        workshop.tell("accept")
        await asyncio.gather(workshop.expect("CALL_ESTABLISHED"), carrier.expect("media"))
        carrier.tell("record", file=str(heard))
        carrier.tell("play", file=str(trunk))
        await carrier.expect("played", within=SHORT + 90)
        workshop.tell("hangup")
        await asyncio.gather(carrier.expect("ended"), workshop.expect("CALL_CLOSED"))
        call = await world.node.ended_call()
        await world.nothing_left()
    assert [leg["codec"] for leg in call["legs"]] == ["PCMA", codec]
    assert score(phone, at_rate(heard, tmp_path / "heard.wav", RATE)).pesq >= GOOD
    assert score(trunk, at_rate(workshop.heard(), tmp_path / "dump.wav", RATE)).pesq >= GOOD
