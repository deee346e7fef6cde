"""Files on disk: private, never overwritten, valid after every write, and honest about what failed."""

from __future__ import annotations

import stat
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from audiocodecs.registry import AMR_WB, GSM, UNKNOWN_NUMBER

from media.record.events import RecordedFile, RecordingFailed, RecordingFinished
from media.record.wav import HEADER_BYTES, header
from media.record.writer import RecordingWriter
from tests.support.far_end import Network, Talker, click_errors, merged
from tests.support.recorder import T0, Recorder

if TYPE_CHECKING:
    from pathlib import Path


def failures(recorder: Recorder) -> list[RecordingFailed]:
    return [event for event in recorder.events if isinstance(event, RecordingFailed)]


def test_every_file_is_whole_after_every_write(tmp_path: Path) -> None:
    packets = Talker(end=10.0).packets(Network(), T0)
    recorder = Recorder(tmp_path)
    left, right = recorder.tap("left", 0), recorder.tap("right", 1)
    arrivals = list(merged((left, packets), (right, packets)))
    for second in range(1, 20):
        recorder.play(arrivals[(second - 1) * 50 : second * 50])
        recorder.until(second / 2)
        for name, channels in (("left", 1), ("right", 1), ("stereo", 2)):
            path = tmp_path / f"{name}.wav"
            info = soundfile.info(path)
            assert (info.samplerate, info.channels, info.subtype, info.format) == (8000, channels, "PCM_16", "WAV")
            assert path.stat().st_size == HEADER_BYTES + 2 * channels * info.frames
            assert info.frames / 8000 >= second / 2 - 0.8  # spoken is on disk within a second
    recorder.finish(11)


def test_files_are_private_and_folders_are_made(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "2026" / "11")
    recorder.tap("leg", 0)
    recorder.finish(1)
    for name in ("leg.wav", "stereo.wav"):
        assert stat.S_IMODE((tmp_path / "2026" / "11" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "2026").stat().st_mode) & 0o077 == 0


def test_a_recording_is_never_overwritten_nor_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "leg.wav").write_bytes(b"evidence")
    (tmp_path / "stereo.wav").symlink_to(tmp_path / "elsewhere")
    recorder = Recorder(tmp_path)
    tap = recorder.tap("leg", 0)
    other = recorder.tap("other", 1)
    packets = Talker(end=3.0).packets(Network(), T0)
    recorder.play(merged((tap, packets), (other, packets)))
    files = recorder.finish(4)
    assert (tmp_path / "leg.wav").read_bytes() == b"evidence"
    assert not (tmp_path / "elsewhere").exists()
    assert [(event.recording, event.path) for event in failures(recorder)] == [
        (1, str(tmp_path / "stereo.wav")),
        (1, str(tmp_path / "leg.wav")),
    ]
    assert files["leg"].error == files["stereo"].error == "cannot be created: File exists"
    assert (files["leg"].duration, files["other"].duration, files["other"].error) == (0.0, 4.0, None)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    recorder = Recorder(tmp_path / "file")
    recorder.tap("leg", 0)
    files = recorder.finish(1)
    assert len(failures(recorder)) == 2
    assert {file.error for file in files.values()} == {"cannot be created: Not a directory"}


@pytest.mark.parametrize("path", ["bad\0name.wav", ""])
def test_a_path_that_is_none(tmp_path: Path, path: str) -> None:
    events: list[RecordingFailed | RecordingFinished] = []
    writer = RecordingWriter(events.append)
    writer.open(4, None, T0)
    writer.attach(4, 1, path, None)
    writer.stop()
    assert [type(event) for event in events] == [RecordingFailed, RecordingFinished]


def test_a_disk_that_fills_up_ends_one_file_and_keeps_what_is_written(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes pwrite fail in the middle of a block, as a full disk does."""
    code = """
        import resource, signal, sys
        from pathlib import Path
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        from tests.support.far_end import Network, Talker, merged
        from tests.support.recorder import T0, Recorder
        recorder = Recorder(Path(sys.argv[1]))
        tap = recorder.tap("leg", 0)
        recorder.play(merged((tap, Talker(end=10.0).packets(Network(), T0))))
        files = recorder.finish(11)
        for event in recorder.events:
            print(type(event).__name__, getattr(event, "path", ""), getattr(event, "error", ""), sep="|")
        print(files["leg"].duration, files["stereo"].duration, sep="|")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    *events, durations = done.stdout.splitlines()
    assert [event.split("|")[0] for event in events] == ["RecordingFailed", "RecordingFailed", "RecordingFinished"]
    assert "stereo.wav|cannot be written: File too large; it holds 2." in events[0]
    leg, stereo = (float(part) for part in durations.split("|"))
    assert events[1].endswith(f"leg.wav|cannot be written: File too large; it holds {leg:.1f} s")
    assert soundfile.info(tmp_path / "leg.wav").frames == leg * 8000 > 5 * 8000
    assert soundfile.info(tmp_path / "stereo.wav").frames == stereo * 8000 > 2 * 8000


def test_a_disk_that_is_too_slow_costs_audio_not_time(tmp_path: Path) -> None:
    """Nothing is written for 10 s while the journal holds 2: the later audio still lies where it was spoken."""
    packets = Talker(end=20.0, loud=False).packets(Network(), T0)
    recorder = Recorder(tmp_path, stereo=False, backlog_bytes=2 * 16000 + 200)
    tap = recorder.tap("leg")
    recorder.play((tap, packet) for packet in packets[:100])
    for packet in packets[100:600]:
        packet.into(tap)
        recorder.writer.drain(packet.arrival_ns)
    assert 16000 < recorder.writer.backlog <= 2 * 16000 + 200
    recorder.until(12)
    recorder.play((tap, packet) for packet in packets[600:])
    file = recorder.finish(21)["leg"]
    assert recorder.writer.backlog == 0
    assert file.dropped == pytest.approx(8, abs=2)
    assert (file.duration, file.error, file.overruns) == (21.0, None, 0)
    errors = click_errors(recorder.wave("leg"), 0.03)
    assert len(errors) == pytest.approx(19 - file.dropped, abs=2)
    assert np.max(np.abs(errors)) < 0.001


def test_a_file_whose_last_blocks_were_dropped_has_its_full_length(tmp_path: Path) -> None:
    packets = Talker(end=5.0).packets(Network(), T0)
    recorder = Recorder(tmp_path, stereo=False, backlog_bytes=16000)
    tap = recorder.tap("leg")
    for packet in packets:
        packet.into(tap)
        recorder.writer.drain(packet.arrival_ns)
    file = recorder.finish(5.0)["leg"]
    assert file.dropped == pytest.approx(4, abs=0.5)
    assert file.duration == 5.0 == soundfile.info(tmp_path / "leg.wav").duration


@pytest.mark.parametrize(
    ("number", "name"),
    [(GSM.number, "GSM"), (AMR_WB.number, "AMR-WB"), (UNKNOWN_NUMBER, "payload type 97")],
)
def test_a_codec_that_cannot_be_decoded_is_named_once(tmp_path: Path, number: int, name: str) -> None:
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("leg")
    for n in range(100):
        tap.push(T0 + n * 20_000_000, 1, n * 160, n, 97, number, bytes(20))
        recorder.until(n * 0.02)
    file = recorder.finish(3)["leg"]
    assert [event.error.startswith(f"{name} cannot be decoded") for event in failures(recorder)] == [True]
    assert file.error == failures(recorder)[0].error
    assert file.duration == 3.0
    assert not recorder.wave("leg").any()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [0, 1, 8000, 2**32 // 4 - 100])
def test_the_header_counts_the_audio(tmp_path: Path, channels: int, frames: int) -> None:
    data = 2 * channels * frames
    octets = header(channels, data)
    assert len(octets) == HEADER_BYTES
    path = tmp_path / "x.wav"
    with path.open("wb") as file:
        file.write(octets)
        file.truncate(HEADER_BYTES + data)  # sparse: takes no room
    info = soundfile.info(path)
    assert (info.frames, info.channels, info.samplerate) == (frames, channels, 8000)
    large = HEADER_BYTES - 8 + data > 0xFFFFFFFF
    assert octets[:4] == (b"RF64" if large else b"RIFF")
    assert info.format == ("RF64" if large else "WAV")


def test_a_header_past_four_gigabytes_is_rf64(tmp_path: Path) -> None:
    path, frames = tmp_path / "long.wav", 40 * 3600 * 8000
    with path.open("wb") as file:
        file.write(header(2, frames * 4))
        file.truncate(HEADER_BYTES + frames * 4)
    info = soundfile.info(path)
    assert (info.frames, info.format) == (frames, "RF64")


def test_numbers_are_used_once_and_channels_are_two(tmp_path: Path) -> None:
    writer = RecordingWriter(lambda _: None)
    writer.open(1, None, T0)
    with pytest.raises(ValueError, match="open already"):
        writer.open(1, None, T0)
    with pytest.raises(ValueError, match="not open"):
        writer.attach(2, 1, str(tmp_path / "x.wav"), 0)
    for channel in (2, -1):
        with pytest.raises(ValueError, match="channel 0, 1 or None"):
            writer.attach(1, 1, str(tmp_path / "x.wav"), channel)
    writer.close(1, T0 + 1)
    writer.close(1, T0 + 2)
    writer.close(77)
    with pytest.raises(ValueError, match="not open"):
        writer.attach(1, 1, str(tmp_path / "x.wav"), 0)
    writer.stop()
    assert writer.recordings == 0


def test_numbers_may_be_large(tmp_path: Path) -> None:
    """Leg ids carry a generation above bit 20."""
    events: list[RecordingFailed | RecordingFinished] = []
    writer = RecordingWriter(events.append)
    writer.open(2**40 + 7, None, T0)
    assert writer.attach(2**40 + 7, 2**50 + 3, str(tmp_path / "x.wav"), 0).leg == 2**50 + 3
    writer.stop()
    (finished,) = events
    assert isinstance(finished, RecordingFinished)
    assert (finished.recording, finished.files[0].leg) == (2**40 + 7, 2**50 + 3)


def test_a_listener_that_fails_does_not_stop_the_writer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: RecordingFailed | RecordingFinished) -> None:
        raise RuntimeError(type(event).__name__)

    writer = RecordingWriter(broken)
    writer.open(1, str(tmp_path / "s.wav"), T0)
    writer.stop()
    assert "RecordingFinished was not taken" in caplog.text
    assert writer.recordings == 0


def test_an_empty_recording_has_empty_files(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    tap = recorder.tap("leg", 0)
    assert tap.leg == 0
    files = recorder.finish(0.000001)
    assert files["leg"] == RecordedFile(str(tmp_path / "leg.wav"), 0, 1, 0.0)
    assert soundfile.info(tmp_path / "leg.wav").frames == 0
