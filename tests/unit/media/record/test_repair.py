"""Start-up repair: headers again agree with files, and nothing else is touched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import soundfile

from media.record.repair import Repaired, repair
from media.record.wav import HEADER_BYTES, header

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("counted", "there", "whole"), [(8000, 12000, 12000), (0, 4000, 4000), (8000, 3000, 3000)])
def test_the_header_is_put_right(tmp_path: Path, channels: int, counted: int, there: int, whole: int) -> None:
    path = tmp_path / "a" / "b.wav"
    path.parent.mkdir()
    path.write_bytes(header(channels, counted * 2 * channels) + b"\1\0" * channels * there)
    assert repair(tmp_path) == (Repaired(str(path), counted / 8000, whole / 8000),)
    samples, _ = soundfile.read(path, dtype="int16")
    assert len(samples) == whole
    assert (samples == 1).all()
    assert repair(tmp_path) == ()


def test_half_a_frame_at_the_end_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(header(2, 400) + bytes(403))
    assert repair(tmp_path) == (Repaired(str(path), 100 / 8000, 100 / 8000),) or path.stat().st_size == 483
    path.write_bytes(header(2, 400) + bytes(407))
    assert [item.after for item in repair(tmp_path)] == [101 / 8000]
    assert path.stat().st_size == HEADER_BYTES + 404


def test_a_wideband_recording_keeps_its_rate(tmp_path: Path) -> None:
    path = tmp_path / "wide.wav"
    path.write_bytes(header(1, 16000, 16000) + bytes(32000))
    assert repair(tmp_path) == (Repaired(str(path), 0.5, 1.0),)
    assert (soundfile.info(path).samplerate, soundfile.info(path).frames) == (16000, 16000)
    with pytest.raises(ValueError, match="8000 or 16000 Hz"):
        header(1, 0, 44100)


@pytest.mark.parametrize("length", [0, 1, 40, HEADER_BYTES - 1])
def test_a_file_without_its_first_header_becomes_an_empty_recording(tmp_path: Path, length: int) -> None:
    path = tmp_path / "new.wav"
    path.write_bytes(header(1, 0)[:length])
    assert repair(tmp_path) == (Repaired(str(path), 0.0, 0.0),)
    assert soundfile.info(path).frames == 0


def test_past_four_gigabytes_the_header_becomes_rf64(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(header(1, 2**32 - 1000))
        file.truncate(HEADER_BYTES + 5 * 2**30)
    assert len(repair(tmp_path)) == 1
    assert (soundfile.info(path).frames, soundfile.info(path).format) == (5 * 2**29, "RF64")
    os.truncate(path, HEADER_BYTES + 6 * 2**30)
    assert len(repair(tmp_path)) == 1
    assert soundfile.info(path).frames == 6 * 2**29


def test_files_of_other_origin_are_left_alone(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "music.wav", [0.1] * 100, 44100)
    (tmp_path / "notes.wav").write_bytes(b"not audio at all" * 100)
    (tmp_path / "short.wav").write_bytes(b"RIFX")
    (tmp_path / "ours.txt").write_bytes(header(1, 0) + bytes(100))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert repair(tmp_path) == ()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_links_are_not_followed_and_trouble_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(header(1, 0) + bytes(100))
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "link.wav").symlink_to(outside)
    (folder / "good.wav").write_bytes(header(1, 0) + bytes(100))
    assert [item.path for item in repair(folder)] == [str(folder / "good.wav")]
    assert outside.read_bytes() == header(1, 0) + bytes(100)
    assert "link.wav could not be checked" in caplog.text


def test_a_directory_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert repair(tmp_path / "absent") == ()
