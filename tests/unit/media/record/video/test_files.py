"""Pictures and sound of a leg in one file: whole, in time with each other, and playable when it is cut off."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from audiocodecs.g711 import linear_to_alaw

from media.record.events import RecordedFile, RecordingFailed, RecordingFinished
from media.record.video.writer import VideoWriter
from tests.support.recorder import T0, Recorder
from tests.support.video_streams import CODECS, HEIGHT, RATE, WIDTH, brightness, packets

if TYPE_CHECKING:
    from pathlib import Path

    from media.record.tap import Tap

MS = 1_000_000
SECOND = 1_000 * MS
LEG = 7
SUFFIX = {"vp8": "webm", "vp9": "webm", "av1": "webm", "h264": "mkv"}


class Ring:
    """What a worker put in, without the worker."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, bool, int, int, int, bytes]] = []
        self.closed = False
        self.overruns = 0

    def put(self, data: bytes, arrival: int, payload_type: int = 96, ssrc: int = 1) -> None:
        timestamp = int.from_bytes(data[4:8], "big")
        self.entries.append((arrival, payload_type, False, ssrc, timestamp, 0, data))

    def read(self, most: int = 4096) -> list[tuple[int, int, bool, int, int, int, bytes]]:
        taken, self.entries = self.entries[:most], self.entries[most:]
        return taken


class Stage:
    """A recording on virtual time, its sound and its pictures."""

    def __init__(self, folder: Path) -> None:
        self.events: list[RecordingFailed | RecordingFinished] = []
        self.asked: list[int] = []
        self.video = VideoWriter(self.events.append, self.asked.append)
        self.sound = Recorder(folder, stereo=False)
        self.tap: Tap = self.sound.tap("caller")
        self.ring = Ring()
        self.folder = folder

    def attach(self, formats: dict[int, str]) -> None:
        self.video.attach(1, LEG, self.ring, formats, str(self.folder / "caller"), str(self.folder / "caller.wav"), T0)

    def play(self, seconds: float, stream: list[tuple[float, bytes, int, int]], *, loud: range = range(0)) -> None:
        """Twenty milliseconds at a time: a tone in the first half of `loud` seconds, packets of pictures when due."""
        tone = (8000 * np.sin(np.arange(160) * 2 * np.pi * 500 / 8000)).astype(np.int16)
        quiet = np.zeros(160, np.int16)
        for number in range(round(seconds * 50)):
            at = number / 50
            payload = linear_to_alaw((tone if int(at * 2) % 2 == 0 and int(at) in loud else quiet).tobytes())
            self.tap.push(T0 + number * 20 * MS, 5, number * 160, number, 8, 8, payload)
            while stream and stream[0][0] <= at:
                due, data, payload_type, ssrc = stream.pop(0)
                self.ring.put(data, T0 + round(due * SECOND), payload_type, ssrc)
            if number % 12 == 0:
                self.sound.until(at)
                self.video.turn(T0 + number * 20 * MS)

    def close(self, seconds: float) -> tuple[RecordedFile, ...]:
        self.ring.closed = True
        self.tap.close()
        self.sound.writer.close(1, T0 + round(seconds * SECOND))
        self.sound.until(seconds + 2)
        for event in self.sound.events:
            self.video.hear(event)
        self.video.turn(T0 + round((seconds + 2) * SECOND))
        (finished,) = [event for event in self.events if isinstance(event, RecordingFinished)]
        return finished.files


def due(
    codec: str, count: int = 90, *, start: float = 0.0, payload_type: int = 96, ssrc: int = 1
) -> list[tuple[float, bytes, int, int]]:
    """Packets at the time their pictures are taken."""
    stream = packets(codec, count)
    base = int.from_bytes(stream[0][4:8], "big")
    return [
        (start + (int.from_bytes(data[4:8], "big") - base & 0xFFFFFFFF) / 90000, data, payload_type, ssrc)
        for data in stream
    ]


def shown(path: str) -> list[tuple[float, float]]:
    """Seconds and mean brightness of every picture."""
    with av.open(path) as source:
        return [
            (float(frame.pts * frame.time_base), float(frame.to_ndarray(format="gray").mean()))
            for frame in source.decode(video=0)
            if frame.pts is not None and frame.time_base is not None
        ]


def heard(path: str) -> np.ndarray:
    """All sound at 48 kHz."""
    with av.open(path) as source:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in source.decode(audio=0)]).astype(float)


@pytest.mark.parametrize("codec", CODECS)
def test_pictures_and_sound_are_whole_and_in_time(tmp_path: Path, codec: str) -> None:
    stage = Stage(tmp_path)
    stage.attach({96: codec.upper()})
    stage.play(4.0, due(codec, start=0.5), loud=range(4))
    files = stage.close(4.0)
    path = str(tmp_path / f"caller.{SUFFIX[codec]}")
    assert [(file.path, file.leg, file.packets, file.error, file.gaps) for file in files[1:]] == [
        (path, LEG, 90, None, 0)
    ]
    pictures = shown(path)
    assert len(pictures) == 90
    for number, (at, light) in enumerate(pictures):
        assert at == pytest.approx(0.5 + number / RATE, abs=0.002)
        assert (light > 100) is (brightness(number) > 100)
    with av.open(path) as source:
        assert (source.streams.video[0].width, source.streams.video[0].height) == (WIDTH, HEIGHT)
    sound = heard(path)
    assert len(sound) / 48000 == pytest.approx(4.0, abs=0.05)
    loudness = [float(np.sqrt(np.mean(sound[at : at + 2400] ** 2))) for at in range(0, len(sound) - 2400, 2400)]
    top = max(loudness)
    # The tone lasts the first half of each second; an edge may be one of these twentieths away.
    for number, level in enumerate(loudness):
        if number % 10 not in (0, 9):
            assert (level > top / 4) is (number % 20 < 10)


def test_sender_reports_move_pictures_to_their_sound(tmp_path: Path) -> None:
    """They came 300 ms later than the sound of their time."""
    stage = Stage(tmp_path)
    stage.attach({96: "VP8"})
    stream = due("vp8", start=0.8)
    first = int.from_bytes(stream[0][1][4:8], "big")
    stage.ring.entries.append((T0 + 500 * MS, 200, False, 1, first, 0, b""))
    stage.play(4.0, stream, loud=range(4))
    stage.close(4.0)
    assert shown(str(tmp_path / "caller.webm"))[0][0] == pytest.approx(0.5, abs=0.002)


def test_a_loss_is_told_and_a_key_frame_asked_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.attach({96: "VP8"})
    stream = due("vp8", start=0.2)
    del stream[5]
    stage.play(4.0, stream)
    (_, file) = stage.close(4.0)
    assert (file.gaps, file.error) == (1, None)
    assert stage.asked == [LEG]
    assert len(shown(file.path)) == file.packets < 90


def test_another_codec_is_another_file_from_there_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.attach({96: "VP8", 102: "H264"})
    stage.play(6.0, due("vp8", 60) + due("h264", 60, start=3.0, payload_type=102), loud=range(6))
    _, first, second = stage.close(6.0)
    assert (first.path[-11:], second.path[-12:]) == ("caller.webm", "caller-2.mkv")
    assert (first.packets, second.packets) == (60, 60)
    assert shown(second.path)[0][0] == pytest.approx(0.0, abs=0.002)
    assert second.duration == pytest.approx(3.0, abs=0.1)
    assert len(heard(second.path)) / 48000 == pytest.approx(3.0, abs=0.1)


def test_another_stream_takes_over_once_the_first_is_silent(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.attach({96: "VP8"})
    meanwhile = due("vp8", 60, start=0.5, ssrc=2)
    after = due("vp8", 60, start=3.5, ssrc=2)
    stage.play(6.0, sorted([*due("vp8", 60), *meanwhile, *after], key=lambda each: each[0]))
    (_, file) = stage.close(6.0)
    assert file.packets == 120
    assert shown(file.path)[60][0] == pytest.approx(3.5, abs=0.005)


def test_a_camera_that_comes_back_goes_on_in_its_file(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.attach({96: "VP8"})
    stage.play(2.5, due("vp8", 60))
    stage.ring.closed = True
    stage.video.turn(T0 + 3 * SECOND)
    stage.ring = Ring()
    stage.attach({97: "VP8"})
    for at, data, _, _ in due("vp8", 60, start=4.0):
        stage.ring.put(data, T0 + round(at * SECOND), 97, 9)
    stage.video.turn(T0 + 7 * SECOND)
    (_, file) = stage.close(7.0)
    assert file.packets == 120
    assert shown(file.path)[60][0] == pytest.approx(4.0, abs=0.005)


def test_a_file_that_is_there_already_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "caller.webm").write_bytes(b"evidence")
    stage = Stage(tmp_path)
    stage.attach({96: "VP8"})
    stage.play(3.0, due("vp8"))
    files = stage.close(3.0)
    assert len(files) == 1
    assert (tmp_path / "caller.webm").read_bytes() == b"evidence"
    (failed,) = [event for event in stage.events if isinstance(event, RecordingFailed)]
    assert (failed.recording, failed.path, "exists" in failed.error) == (1, str(tmp_path / "caller.webm"), True)


def test_a_mistake_of_ours_ends_one_file_and_no_recording(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(tmp_path)
    stage.attach({96: "VP8"})
    stage.play(2.0, due("vp8", 60))
    stage.ring.entries.append((T0, 96, False, 1, 0, 0, None))  # type: ignore[arg-type]
    _, file = stage.close(2.0)
    assert file.error == "cannot be put together: TypeError"
    assert len(shown(file.path)) > 30
    assert [each.path for each in stage.events if isinstance(each, RecordingFailed)] == [file.path]
    assert "recorded no more" in caplog.text


def test_a_recording_without_pictures_goes_straight_through(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.play(1.0, [])
    assert len(stage.close(1.0)) == 1


def test_nothing_but_sound_makes_no_file(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.attach({96: "VP8"})
    stage.play(1.0, due("vp8", 60)[1:20])
    assert len(stage.close(1.0)) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["caller.wav"]


CHILD = """
    import sys
    from pathlib import Path
    from tests.unit.media.record.video.test_files import Stage, due
    stage = Stage(Path(sys.argv[1]))
    stage.attach({96: "VP8"})
    stage.play(6.0, due("vp8", 150), loud=range(6))
    print("cut", flush=True)
    sys.stdin.read()
"""


def test_killed_it_plays_up_to_the_last_second(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ":".join(sys.path)},
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == "cut\n"
        child.kill()
    path = str(tmp_path / "caller.webm")
    assert len(shown(path)) >= 90
    assert len(heard(path)) / 48000 >= 3.0
