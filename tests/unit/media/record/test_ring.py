"""The tap ring: nothing lost, reordered or torn while there is room; overruns counted when there is not."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audiocodecs import g711
from audiocodecs.registry import PCMU

from media.record.tap import Tap
from tests.support.far_end import Network, Packet, Talker, merged
from tests.support.recorder import T0, Recorder

if TYPE_CHECKING:
    from pathlib import Path


def silence(number: int, length: int) -> Packet:
    return Packet(T0 + number * 20_000_000, 1, number * 160, number & 0xFFFF, b"\xff" * length)


def test_a_full_ring_refuses_and_counts() -> None:
    tap = Tap(1, 4096)
    taken = [silence(number, 160).into(tap) for number in range(30)]
    room = 4096 // 184
    assert taken == [True] * room + [False] * (30 - room)
    assert tap.overruns == 30 - room


@pytest.mark.parametrize("capacity", [0, 2048, 5000, 4097])
def test_the_size_is_a_power_of_two(capacity: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        Tap(1, capacity)


def test_the_largest_and_the_empty_packet() -> None:
    tap = Tap(1, 131072)
    assert tap.push(0, 1, 2, 3, 0, 0, bytes(65535))
    assert tap.push(0, 1, 2, 3, 0, 0, b"")
    with pytest.raises(ValueError, match="65535"):
        tap.push(0, 1, 2, 3, 0, 0, bytes(65536))


def test_only_the_producer_closes() -> None:
    tap = Tap(1, 4096)
    assert not tap.closed
    tap.close()
    assert tap.closed


def test_audio_survives_every_position_of_the_wrap(tmp_path: Path) -> None:
    """Odd packet lengths walk over the end of the ring in every way; every sample must come back."""
    dice, said, at = random.Random(3), bytearray(), 0
    packets: list[Packet] = []
    while at < 30 * 8000:
        length = dice.randrange(1, 400)
        part = bytes(dice.choices(range(256), k=length))
        packets.append(Packet(T0 + (at + length) * 125_000, 9, at, len(packets) & 0xFFFF, part))
        said += part
        at += length
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, packets)))
    file = recorder.finish(31)["far"]
    assert (file.packets, file.overruns, file.late) == (len(packets), 0, 0)
    expected = np.frombuffer(g711.ulaw_to_linear(bytes(said)), "<i2")
    assert np.array_equal(recorder.wave("far")[: len(expected)], expected)


def test_overruns_cost_their_packets_and_no_others(tmp_path: Path) -> None:
    """The drain thread was away for 4 s with a 1.7 s ring: the rest of the recording is where it belongs."""
    packets = Talker(end=20.0).packets(Network(), T0)
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play((tap, packet) for packet in packets[:400])
    refused = sum(not packet.into(tap) for packet in packets[400:600])
    recorder.play((tap, packet) for packet in packets[600:])
    file = recorder.finish(21)["far"]
    assert file.overruns == refused > 80
    assert file.packets == len(packets) - refused
    said = Talker(end=20.0).codes()[600 * 160 :]
    start = 600 * 160 + 240
    heard = recorder.wave("far")[start : start + len(said)]
    assert np.array_equal(heard, np.frombuffer(g711.ulaw_to_linear(said.tobytes()), "<i2"))


def test_the_number_of_a_codec_not_the_payload_type_decides(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    for number in range(50):
        tap.push(T0 + (number + 1) * 20_000_000, 1, number * 160, number, 111, PCMU.number, b"\x80" * 160)
    assert recorder.finish(2)["far"].packets == 50
    assert recorder.wave("far").max() == 32124
