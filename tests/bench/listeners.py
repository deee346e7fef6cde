"""The row of listeners: a thousand callers hear music with announcements over it, on real sockets, set up by SIP."""

from __future__ import annotations

import json
import math
import subprocess
import time
import wave
from array import array
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.bench.machine import GENERATOR_CPU, ROOT, cpu_ms
from tests.bench.rows import Row
from tests.bench.rtpload import ADDRESS, GeneratorError
from tests.bench.switch import Switch

if TYPE_CHECKING:
    from tests.bench.relay import Log

LISTENERS = 1000
SOCKETS = 8
WINDOW_SECONDS = 26.0  # two rounds of announcement and pause
SETTLE_SECONDS = 15.0  # the first announcements have begun
LOUD = 112  # A-law magnitude that only the announcement reaches
MUSIC_SECONDS, WORDS_SECONDS, EVERY_SECONDS = 20, 3, 10
SOURCE = Path(__file__).parent / "native" / "listeners.c"
BINARY = ROOT / "build" / "bench" / "listeners"

DIALPLAN = f"""\
timezone: UTC
routes:
  - name: music
    when: {{from: trunk:alice}}
    do:
      - music: {{file: music.wav, announce: {{file: words.wav}}, every: {EVERY_SECONDS}s}}
"""


def tone(hz: float, seconds: int, level: int) -> bytes:
    """A WAV file of a sine at 8 kHz."""
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (round(level * math.sin(2 * math.pi * hz * n / 8000)) for n in range(seconds * 8000))
        file.writeframes(array("h", samples).tobytes())
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Heard:
    """What came within a window, all listeners together."""

    streams: int
    packets: int
    lost: int
    announcements: int
    spoken_to: int
    widest_ms: float


class Ears:
    """The native sink."""

    def __init__(self) -> None:
        if not BINARY.exists() or BINARY.stat().st_mtime < SOURCE.stat().st_mtime:
            BINARY.parent.mkdir(parents=True, exist_ok=True)
            command = ["gcc", "-O2", "-Wall", "-o", str(BINARY), str(SOURCE)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise GeneratorError(f"{' '.join(command)} failed:\n{done.stderr}")
        self._process = subprocess.Popen(
            [BINARY, ADDRESS, str(SOCKETS), str(GENERATOR_CPU), str(LOUD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ports = [int(port) for port in self._read().split()[1:]]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def measure(self, seconds: float) -> Heard:
        """Listen for a while."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"measure {int(seconds * 1000)}\n")
        self._process.stdin.flush()
        return Heard(**json.loads(self._read()))

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise GeneratorError(f"the listeners ended with status {self._process.wait()}")
        return line


def run(log: Log) -> list[Row]:
    """Let a thousand callers in, and listen."""
    prompts = {"music.wav": tone(400, MUSIC_SECONDS, 6000), "words.wav": tone(1000, WORDS_SECONDS, 24000)}
    with Ears() as ears, Switch(dialplan=DIALPLAN, prompts=prompts) as switch:
        switch.callers.listen({number: ears.ports[number % SOCKETS] for number in range(LISTENERS)})
        time.sleep(SETTLE_SECONDS)
        cpu, started = cpu_ms(switch.pid), time.monotonic()
        heard = ears.measure(WINDOW_SECONDS)
        load = (cpu_ms(switch.pid) - cpu) / 1000 / (time.monotonic() - started)
    log(f"core {load:.1%}; {heard}")
    spoken = heard.announcements / max(heard.packets, 1)
    complete = heard.packets / (LISTENERS * 50 * WINDOW_SECONDS)
    how = (
        f"{LISTENERS} SIP calls, PCMA 20 ms, one song, {WORDS_SECONDS} s of announcement every {EVERY_SECONDS} s after "
        f"the last, whole process on one core, {WINDOW_SECONDS:.0f} s"
    )
    return [
        Row("listeners.core_load_at_1000", load if heard.streams == LISTENERS else math.inf, "", "<= 0.5", how),
        Row("listeners.packets_of_those_due", complete, "", ">= 0.995", "counted by a native sink"),
        Row("listeners.lost", heard.lost / max(heard.packets, 1), "", "<= 0.001", "gaps in sequence numbers"),
        Row("listeners.spoken_to", heard.spoken_to / LISTENERS, "", ">= 1", "heard an announcement in the window"),
        Row("listeners.share_of_announcements", spoken, "", None, "packets with an announcement in them"),
        Row("listeners.widest_gap_ms", heard.widest_ms, "ms", None, "between two packets of a listener"),
    ]
