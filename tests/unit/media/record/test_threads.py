"""The writer with its own threads: who lets go of what, and when."""

from __future__ import annotations

import gc
import queue
import time
from typing import TYPE_CHECKING

import pytest
import soundfile
from audiocodecs.registry import PCMA

from media.record.events import RecordingFailed, RecordingFinished
from media.record.writer import RecordingWriter
from tests.support.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from media.record.tap import Tap

Events = queue.Queue[RecordingFailed | RecordingFinished]


@pytest.fixture
def events() -> Events:
    return queue.Queue()


@pytest.fixture
def writer(events: Events) -> Iterator[RecordingWriter]:
    running = RecordingWriter(events.put)
    running.start()
    yield running
    running.stop()


def speak(tap: Tap, packets: int) -> None:
    """The past second or so, as if it had just arrived."""
    now = time.monotonic_ns()
    for number in range(packets):
        tap.push(now + number * 20_000_000, 5, number * 160, number, 8, PCMA.number, b"\x2a" * 160)


def test_open_tap_close_finish(writer: RecordingWriter, events: Events, tmp_path: Path) -> None:
    writer.open(3, str(tmp_path / "stereo.wav"), time.monotonic_ns() - 100_000_000)
    tap = writer.attach(3, 17, str(tmp_path / "leg.wav"), 1)
    speak(tap, 5)
    tap.close()
    writer.close(3, time.monotonic_ns() + 100_000_000)
    finished = events.get(timeout=PATIENCE)
    assert isinstance(finished, RecordingFinished)
    assert [(file.leg, file.channels, file.packets) for file in finished.files] == [(17, 1, 5), (None, 2, 0)]
    stereo, _ = soundfile.read(tmp_path / "stereo.wav", dtype="int16")
    assert stereo[:, 1].any()
    assert not stereo[:, 0].any()


def test_the_last_words_before_stop_are_written(events: Events, tmp_path: Path) -> None:
    writer = RecordingWriter(events.put)
    writer.start()
    for number in range(20):
        writer.open(number, None, time.monotonic_ns() - 200_000_000)
        speak(writer.attach(number, number, str(tmp_path / f"{number}.wav"), None), 1)
    writer.stop()
    finished = [events.get(timeout=PATIENCE) for _ in range(20)]
    assert all(isinstance(event, RecordingFinished) and event.files[0].packets == 1 for event in finished)
    assert writer.recordings == writer.backlog == 0
    assert all(soundfile.read(tmp_path / f"{number}.wav", dtype="int16")[0].any() for number in range(20))


def test_a_worker_that_does_not_let_go_holds_up_nobody(writer: RecordingWriter, events: Events, tmp_path: Path) -> None:
    writer.open(1, None)
    tap = writer.attach(1, 1, str(tmp_path / "leg.wav"), 0)
    writer.close(1)
    assert isinstance(events.get(timeout=PATIENCE), RecordingFinished)
    tap.push(time.monotonic_ns(), 1, 1, 1, 8, 8, b"\xd5" * 160)  # the ring is still there
    tap.close()


def holders(tap: Tap) -> int:
    """How many lists of the writer keep the ring alive."""
    return sum(isinstance(holder, list) for holder in gc.get_referrers(tap))


def test_the_ring_is_freed_only_after_the_worker_let_go(tmp_path: Path) -> None:
    writer = RecordingWriter(lambda _: None)
    writer.open(1, None, 1)
    tap = writer.attach(1, 1, str(tmp_path / "leg.wav"), 0)
    writer.drain(10**9)
    assert holders(tap) == 1  # the recording's
    writer.close(1, 2 * 10**9)
    writer.drain(4 * 10**9)  # grace is over, the recording is finished without the worker
    writer.flush()
    assert writer.recordings == 0
    assert holders(tap) == 1  # kept for the worker
    tap.close()
    writer.drain(5 * 10**9)
    assert holders(tap) == 0


def test_a_ring_is_freed_while_its_recording_goes_on(tmp_path: Path) -> None:
    writer = RecordingWriter(lambda _: None)
    writer.open(1, None, 1)
    tap = writer.attach(1, 1, str(tmp_path / "leg.wav"), 0)
    tap.push(10**9, 1, 1, 1, 8, PCMA.number, b"\xd5" * 160)
    writer.drain(10**9)
    assert holders(tap) == 1
    tap.push(2 * 10**9, 1, 161, 2, 8, PCMA.number, b"\xd5" * 160)
    tap.close()
    writer.drain(2 * 10**9)
    assert holders(tap) == 0
    writer.stop()


def test_threads_and_hand_driving_exclude_each_other(writer: RecordingWriter) -> None:
    with pytest.raises(RuntimeError, match="drain thread"):
        writer.drain(1)
    with pytest.raises(RuntimeError, match="disk thread"):
        writer.flush()
    with pytest.raises(RuntimeError, match="runs already"):
        writer.start()


def test_it_can_be_stopped_twice_and_without_start() -> None:
    writer = RecordingWriter(lambda _: None)
    writer.stop()
    writer.stop()
