"""The demonstration call, from the first process to the scores."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pesq  # noqa: F401  asked for here, so that a missing package is found before anything starts
import pjsua2  # noqa: F401

from softswitch.demo.handset import Handset, PhoneError
from softswitch.demo.node import CARRIER, DESK, EXTENSION, HOST, NUMBER, Node, NodeError
from softswitch.demo.speech import Score, SpeechError, score, seconds, speak

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = 4.0
RING_SECONDS = 1.0
TAIL_SECONDS = 0.5
"""Talk after the last word, so that it is recorded whole."""
KEPT = 5
"""Earlier demonstrations whose folders stay."""

CARRIER_SAYS = (
    "Good morning, this is the carrier. I read these sentences so that the switch can show what it does with a voice. "
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."
)
DESK_SAYS = (
    "Hello, this is the desk. While you talk I talk too, because a call has two directions and both must sound well. "
    "Rice is often served in round bowls. The juice of lemons makes fine punch."
)


class SceneError(Exception):
    """The demonstration could not be run to its end; the message is for whoever started it."""


@dataclass(frozen=True, slots=True)
class Direction:
    """What one phone said, and how it fared."""

    speaker: str
    listener: str
    codec: str
    mos: float | None
    score: Score
    recording: str
    spoken: str

    @property
    def good(self) -> bool:
        """Whether both the switch's own estimate and the comparison are good."""
        return self.mos is not None and self.mos >= GOOD and self.score.pesq >= GOOD


@dataclass(frozen=True, slots=True)
class Outcome:
    """The whole call."""

    ladder: str
    story: list[dict[str, Any]]
    seconds: float
    directions: tuple[Direction, ...]
    stereo: str
    folder: str

    @property
    def good(self) -> bool:
        """Whether both directions are."""
        return all(direction.good for direction in self.directions)


async def play(root: Path, step: Callable[[str, float], None]) -> Outcome:
    """Run it all. `step` is told what happens next and how many seconds that should take. Raises SceneError."""
    folder = await asyncio.to_thread(_fresh_folder, root)
    try:
        step("two voices learn their lines", 1)
        spoken = {"carrier": folder / "carrier-says.wav", "desk": folder / "desk-says.wav"}
        await speak(CARRIER_SAYS, "en-gb", spoken["carrier"])
        await speak(DESK_SAYS, "en-us+f3", spoken["desk"])
        step("the switch starts", 2)
        async with (
            Node(folder) as node,
            Handset("carrier", CARRIER, folder) as carrier,
            Handset("desk", DESK, folder) as desk,
        ):
            await _call(node, carrier, desk, spoken, step)
            call = await node.ended_call()
        step("what was recorded is compared with what was said", 2)
        return await asyncio.to_thread(_outcome, call, spoken, folder)
    except (PhoneError, NodeError, SpeechError) as error:
        raise SceneError(f"{error}\n(everything it wrote is in {folder})") from error


async def _call(
    node: Node, carrier: Handset, desk: Handset, spoken: dict[str, Path], step: Callable[[str, float], None]
) -> None:
    step("the desk registers", 1)
    desk.tell("register", registrar=f"sip:{HOST}:{node.sip_port}", user=EXTENSION, password=node.password)
    registered = await desk.expect("registered")
    if registered["status"] != 200:
        raise PhoneError(f"the desk could not register: {registered['status']}")
    step(f"the carrier calls {NUMBER}", RING_SECONDS + 1)
    carrier.tell("call", uri=f"sip:{NUMBER}@{HOST}:{node.sip_port}")
    await desk.expect("incoming")
    desk.tell("ring")
    await carrier.expect("ringing")
    await asyncio.sleep(RING_SECONDS)
    desk.tell("answer")
    await carrier.expect("answered")
    await desk.expect("answered")
    await asyncio.sleep(TAIL_SECONDS)
    length = max(seconds(file) for file in spoken.values())
    step("both talk", length)
    carrier.tell("play", file=str(spoken["carrier"].absolute()))
    desk.tell("play", file=str(spoken["desk"].absolute()))
    await carrier.expect("played", within=length + 10)
    await desk.expect("played", within=length + 10)
    await asyncio.sleep(TAIL_SECONDS)
    step("the carrier hangs up", 1)
    carrier.tell("hangup")
    await asyncio.gather(carrier.expect("ended"), desk.expect("ended"))


def _outcome(call: dict[str, Any], spoken: dict[str, Path], folder: Path) -> Outcome:
    legs = {("carrier" if leg["role"] == "caller" else "desk"): leg for leg in call["legs"]}
    directions = []
    for speaker, listener in (("carrier", "desk"), ("desk", "carrier")):
        leg = legs.get(speaker)
        if leg is None or not leg["recording"]:
            raise NodeError(f"the switch kept no recording of the {speaker}")
        heard = leg["from_party"] or {}
        recording = folder / leg["recording"]
        directions.append(
            Direction(
                speaker, listener, leg["codec"], heard.get("mos_mean"), score(spoken[speaker], recording),
                str(recording), str(spoken[speaker]),
            )
        )  # fmt: skip
    return Outcome(
        ladder=call["ladder"], story=call["story"], seconds=call["seconds"], directions=tuple(directions),
        stereo=call["recording"], folder=str(folder),
    )  # fmt: skip


def _fresh_folder(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for old in sorted(path for path in root.iterdir() if path.is_dir())[: -KEPT or None]:
        shutil.rmtree(old)
    folder = root.absolute() / f"{datetime.now().astimezone():%Y%m%d-%H%M%S.%f}"
    folder.mkdir()
    return folder
