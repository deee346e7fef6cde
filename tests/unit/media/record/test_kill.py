"""kill -9 at any instant: every file opens, and at most one second of what was spoken is missing."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
import soundfile

from media.record.repair import repair

if TYPE_CHECKING:
    from pathlib import Path

RECORDINGS = 4

# It speaks in real time, 20 ms a packet, and says after each packet how many there were.
CHILD = """
    import sys, time
    from media.record.writer import RecordingWriter
    writer = RecordingWriter(lambda event: None)
    writer.start()
    start = time.monotonic_ns()
    taps = []
    for number in range(4):
        writer.open(number, f"{sys.argv[1]}/{number}-stereo.wav", start)
        for side in (0, 1):
            taps.append(writer.attach(number, side, f"{sys.argv[1]}/{number}-{side}.wav", side))
    for packet in range(100000):
        time.sleep(max(0, (start + (packet + 1) * 20_000_000 - time.monotonic_ns()) / 1e9))
        for tap in taps:
            assert tap.push(time.monotonic_ns(), 1, packet * 160, packet & 0xFFFF, 8, 8, b"\\x2a" * 160)
        print(packet + 1, flush=True)
"""


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_recording(tmp_path: Path, seed: int) -> None:
    last = random.Random(seed).randrange(70, 160)
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path)],
        stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ":".join(sys.path)},
    ) as child:  # fmt: skip
        assert child.stdout is not None
        spoken = 0
        for line in child.stdout:
            spoken = int(line)
            if spoken >= last:
                break
        child.kill()
    assert spoken == last
    for number in range(RECORDINGS):
        for name, channels in (("0", 1), ("1", 1), ("stereo", 2)):
            samples, rate = soundfile.read(tmp_path / f"{number}-{name}.wav", dtype="int16", always_2d=True)
            assert (rate, samples.shape[1]) == (8000, channels)
            assert len(samples) / rate >= spoken * 0.02 - 1.0
            assert (samples[800:] != 0).all()  # all of it is speech
    repair(tmp_path)
    for path in tmp_path.iterdir():
        info = soundfile.info(path)
        assert path.stat().st_size == 80 + info.frames * 2 * info.channels
