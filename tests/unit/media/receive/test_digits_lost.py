"""Ten thousand key presses through a line that loses 30 % of its packets: each told once (RFC 4733)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from media.pieces import Digits
from media.receive.digit_pieces import PressedKeys

Loses = Callable[[], bool]


@dataclass(frozen=True)
class Sent:
    """One telephone-event packet; `at` is milliseconds."""

    at: int
    timestamp: int
    payload: bytes
    marker: bool


def sent(keys: PressedKeys, rate: int, *, start: int = 0) -> Iterator[Sent]:
    """All that is sent of the keys pressed, in time and timestamps of one stream."""
    at, began, press = start, 0, 0
    while True:
        packet, number, wait = keys.next()
        if packet is not None:
            if number != press:
                press, began = number, at * rate // 1000
            payload, ahead, marker = packet
            yield Sent(at, (0xFFFFFF00 + began + ahead) & 0xFFFFFFFF, payload, marker)
        if not wait:
            return
        at += wait


def randomly(dice: random.Random) -> Loses:
    return lambda: dice.random() < 0.3


def in_bursts(dice: random.Random) -> Loses:
    """One to five packets, then four to ten that come through: 30 % in all."""
    left, bad = 0, False

    def lost() -> bool:
        nonlocal left, bad
        if not left:
            bad = not bad
            left = dice.randint(1, 5) if bad else dice.randint(4, 10)
        left -= 1
        return bad

    return lost


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("loss", [randomly, in_bursts])
def test_none_is_lost_or_doubled_at_30_percent(loss: Callable[[random.Random], Loses], rate: int) -> None:
    dice = random.Random(4733)
    lost = loss(dice)
    digits = Digits()
    told: list[tuple[int, int]] = []
    expected: list[tuple[int, int]] = []
    packets = gone = at = 0
    for _ in range(10_000):
        keys = PressedKeys(rate)
        event, duration = dice.choice([1, 1, 1, 5, 10, 11, 15]), dice.randrange(120, 300, 10)
        expected.append((event, duration))
        keys.press(event, duration, 60)
        for packet in sent(keys, rate, start=at):
            packets += 1
            if lost():
                gone += 1
                continue
            now = packet.at * 1000 + dice.randrange(20_000)
            told += digits.packet(packet.payload, packet.timestamp, rate, now, marker=packet.marker)
        at += duration + 60
    assert 0.28 < gone / packets < 0.33
    last = digits.quiet((at + 1000) * 1000)
    told += [last] if last else []
    assert [event for event, _ in told] == [event for event, _ in expected]
    exact = sum(heard == duration for (_, heard), (_, duration) in zip(told, expected, strict=True))
    assert exact > 9500 if loss is randomly else exact > 8000
    assert all(heard <= duration for (_, heard), (_, duration) in zip(told, expected, strict=True))


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_a_long_press_is_one_digit_of_its_whole_length(rate: int) -> None:
    """Twenty seconds: 2 segments at 8 kHz, 14 at 48 kHz."""
    dice = random.Random(8)
    lost = randomly(dice)
    keys = PressedKeys(rate)
    keys.press(7, 20_000, 100)
    keys.press(7, 200, 0)
    digits = Digits()
    told: list[tuple[int, int]] = []
    segments = set()
    for packet in sent(keys, rate):
        segments.add(packet.timestamp)
        if not lost():
            told += digits.packet(packet.payload, packet.timestamp, rate, packet.at * 1000, marker=packet.marker)
    assert len(segments) == 1 + -(-20 * rate // 0xFFFF)
    assert told == [(7, 20_000), (7, 200)]


def packet(event: int, duration: int, *, end: bool = False) -> bytes:
    return bytes([event, 0x8A if end else 0x0A, duration >> 8, duration & 0xFF])


def test_a_stream_that_begins_anew_is_heard_at_once() -> None:
    """Another SSRC and an older timestamp, as after a transfer at the far end."""
    digits = Digits()
    assert digits.packet(packet(1, 800, end=True), 0x7000_0000, 8000, 0, ssrc=1) == [(1, 100)]
    assert digits.packet(packet(2, 800, end=True), 0x1000_0000, 8000, 100_000, ssrc=2) == [(2, 100)]


def test_timestamps_that_were_reset_are_heard_when_no_straggler_can_come() -> None:
    digits = Digits()
    assert digits.packet(packet(1, 800, end=True), 0x7000_0000, 8000, 0) == [(1, 100)]
    assert digits.packet(packet(2, 800, end=True), 0x1000_0000, 8000, 2_500_000) == [(2, 100)]


def test_a_timestamp_that_moves_with_every_packet_is_still_one_press() -> None:
    digits = Digits()
    told = []
    for n in range(1, 6):
        told += digits.packet(packet(4, 160 * n), 1000 + 160 * n, 8000, 20_000 * n, marker=n == 1)
    for n in range(6, 9):
        told += digits.packet(packet(4, 960, end=True), 1000 + 160 * n, 8000, 20_000 * n)
    assert told == [(4, 120)]


def test_the_same_key_again_is_not_taken_for_a_timestamp_that_moves() -> None:
    digits = Digits()
    assert digits.packet(packet(4, 480, end=True), 1000, 8000, 0) == [(4, 60)]
    assert digits.packet(packet(4, 480, end=True), 1000 + 640, 8000, 80_000) == [(4, 60)]


@pytest.mark.parametrize(("said", "counted"), [(8000, 48000), (48000, 8000), (8000, 16000), (16000, 8000)])
def test_a_clock_other_than_the_one_agreed_does_not_change_the_length(said: int, counted: int) -> None:
    """A far end that counts in the clock of its audio, or of plain telephony, whatever its SDP said."""
    digits = Digits()
    told = []
    for n in range(1, 9):
        told += digits.packet(packet(4, counted * n // 50), 5000, said, 20_000 * n)
    told += digits.packet(packet(4, counted * 9 // 50, end=True), 5000, said, 180_000)
    (event, duration), *others = told
    assert (event, others) == (4, [])
    if max(said, counted) > 2 * min(said, counted):
        assert duration == pytest.approx(180, abs=10)
    else:
        assert duration in {90, 360}  # twice as fast may be jitter: believed


def test_jitter_does_not_change_the_length() -> None:
    digits = Digits()
    dice = random.Random(3)
    told = []
    for n in range(1, 10):
        told += digits.packet(packet(4, 160 * n), 5000, 8000, 20_000 * n + dice.randrange(60_000))
    told += digits.packet(packet(4, 1600, end=True), 5000, 8000, 230_000)
    assert told == [(4, 200)]
