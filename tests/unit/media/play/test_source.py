"""What the engine reads from a sound's tracks, packet by packet."""

from __future__ import annotations

import struct

import pytest
from audiocodecs import g711
from audiocodecs.registry import G722, G729, L16, OPUS, PCMA, PCMU

from media.play.source import LONGEST_PACKET_MS, PlaySource

TAIL = LONGEST_PACKET_MS * 8


def source(length: int) -> PlaySource:
    return PlaySource(b"".join(struct.pack("<h", n * 37 % 20000 - 10000) for n in range(length)))


def read_all(sound: PlaySource, ticks: int, codec: int) -> list[bytes]:
    packets: list[bytes] = []
    position = 0
    while True:
        packet, position = sound.read(position, ticks, codec)
        if not packet:
            return packets
        packets.append(packet)


@pytest.mark.parametrize(("codec", "silence"), [(PCMA.number, b"\xd5"), (PCMU.number, b"\xff")])
@pytest.mark.parametrize("ptime", [10, 20, 30, 40, 50, 60])
def test_the_last_packet_is_filled_up_with_silence(codec: int, silence: bytes, ptime: int) -> None:
    sound = source(500)
    encode = g711.linear_to_alaw if codec == PCMA.number else g711.linear_to_ulaw
    whole = encode(sound.narrow)
    packets = read_all(sound, ptime * 8, codec)
    assert {len(packet) for packet in packets} == {ptime * 8}
    assert b"".join(packets) == whole.ljust(len(packets) * ptime * 8, silence)
    assert len(packets) == -(-500 // (ptime * 8))


def test_a_whole_number_of_packets_gets_no_extra_one() -> None:
    assert len(read_all(source(320), 160, PCMA.number)) == 2


@pytest.mark.parametrize("length", [1, 7, 159, 160, 161, 320, 1000])
def test_repeating_joins_end_and_start(length: int) -> None:
    sound, position, got = source(length), 0, b""
    whole = g711.linear_to_alaw(sound.narrow)
    for _ in range(20):
        packet, position = sound.read(position, 160, PCMA.number, repeat=True)
        assert len(packet) == 160
        assert 0 <= position < length
        got += packet
    assert got == (whole * (3200 // length + 1))[:3200]


def test_frames_are_never_cut() -> None:
    sound = source(200)  # two and a half frames of 10 ms
    frames = [bytes([n]) * 10 for n in range(3 + TAIL // 80)]
    sound.add_track(G729.number, 8000, b"".join(frames), 80)
    assert read_all(sound, 160, G729.number) == [frames[0] + frames[1], frames[2] + frames[3]]
    packet, position = sound.read(160, 160, G729.number, repeat=True)
    assert (packet, position) == (frames[2] + frames[0], 80)
    assert not sound.has_track(G729.number, 8000, 120)


def test_whole_packets_come_as_they_are() -> None:
    sound = source(400)
    packets = [b"first", b"second one", b"3"]
    sound.add_track(OPUS.number, 48000, packets, 160)
    assert sound.has_track(OPUS.number, 48000, 160)
    assert not sound.has_track(OPUS.number, 48000, 320)
    got, position = [], 0
    for _ in range(7):
        packet, position = sound.read(position, 160, OPUS.number, repeat=True, clock_rate=48000)
        got.append(packet)
    assert got == [*packets, *packets, packets[0]]
    assert sound.read(480, 160, OPUS.number, clock_rate=48000) == (b"", 480)


def test_several_clock_rates_of_one_codec() -> None:
    sound = source(8)
    sound.add_track(L16.number, 8000, bytes(range(16)) + bytes(2 * TAIL), 1)
    sound.add_track(L16.number, 16000, bytes(range(32)) + bytes(4 * TAIL), 1)
    assert sound.read(0, 8, L16.number, clock_rate=8000)[0] == bytes(range(16))
    assert sound.read(4, 8, L16.number, clock_rate=16000)[0] == bytes(range(16, 32)) + bytes(16)


def test_without_a_track_there_is_nothing_to_read() -> None:
    with pytest.raises(LookupError, match="no track of codec 9"):
        source(8).read(0, 160, G722.number)


@pytest.mark.parametrize("narrow", [b"", b"abc"])
def test_a_sound_is_whole_samples(narrow: bytes) -> None:
    with pytest.raises(ValueError, match="16-bit samples"):
        PlaySource(narrow)


def test_tracks_and_wide_sound_cover_the_whole_length() -> None:
    sound = source(100)
    with pytest.raises(ValueError, match="of one size"):
        sound.add_track(G722.number, 8000, bytes(99), 1)
    with pytest.raises(ValueError, match="1 packets expected, got 2"):
        sound.add_track(OPUS.number, 48000, [b"1", b"2"], 160)
    with pytest.raises(ValueError, match="200 samples at 16 kHz"):
        sound.widen(bytes(200))
    sound.widen(bytes(400))
    assert sound.wide == bytes(400)


def test_a_sound_has_so_many_tracks_and_no_more() -> None:
    sound = source(8)
    for number in range(10):
        sound.add_track(200 + number, 8000, bytes(8 + TAIL), 1)
    with pytest.raises(ValueError, match="at most 12 tracks"):
        sound.add_track(220, 8000, bytes(8 + TAIL), 1)
