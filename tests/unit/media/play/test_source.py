"""What the engine reads from a source, frame by frame."""

from __future__ import annotations

import pytest

from media.play.source import PlaySource


def source(length: int) -> PlaySource:
    return PlaySource(bytes(n % 251 for n in range(length)), bytes((n + 7) % 251 for n in range(length)))


def read_all(sound: PlaySource, *, a_law: bool) -> list[bytes]:
    frames: list[bytes] = []
    position = 0
    while True:
        frame, _, position = sound.read(position, 160, a_law=a_law, repeat=False)
        if not frame:
            return frames
        frames.append(frame)


@pytest.mark.parametrize(("a_law", "silence"), [(True, b"\xd5"), (False, b"\xff")])
def test_the_last_frame_is_filled_up_with_silence(a_law: bool, silence: bytes) -> None:
    sound = source(400)
    frames = read_all(sound, a_law=a_law)
    assert [len(frame) for frame in frames] == [160, 160, 160]
    assert b"".join(frames) == (sound.pcma if a_law else sound.pcmu) + silence * 80


def test_a_whole_number_of_frames_gets_no_extra_one() -> None:
    assert len(read_all(source(320), a_law=True)) == 2


@pytest.mark.parametrize("length", [1, 7, 159, 160, 161, 320, 1000])
def test_repeating_joins_end_and_start(length: int) -> None:
    sound, position, got = source(length), 0, b""
    for _ in range(20):
        frame, sound_bytes, position = sound.read(position, 160, a_law=True, repeat=True)
        assert sound_bytes == 160
        got += frame
    assert got == (sound.pcma * (3200 // length + 1))[:3200]


@pytest.mark.parametrize(("pcma", "pcmu"), [(b"", b""), (b"ab", b"a")])
def test_both_encodings_are_one_sound(pcma: bytes, pcmu: bytes) -> None:
    with pytest.raises(ValueError, match="two encodings"):
        PlaySource(pcma, pcmu)
