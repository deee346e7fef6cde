"""Keys as telephone events: marker, growing duration, three ends, pauses (RFC 4733 section 2.5.1)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from media.receive.digit_pieces import PressedKeys

Packet = tuple[int, int, int, bool, bool]
"""Milliseconds, press, units of duration, end, marker."""


def packets(keys: PressedKeys) -> list[Packet]:
    found: list[Packet] = []
    at = 0
    while True:
        packet, press, wait = keys.next()
        if packet is not None:
            payload, _, marker = packet
            found.append((at, press, int.from_bytes(payload[2:], "big"), bool(payload[1] & 0x80), marker))
            assert payload[1] & 0x40 == 0
            assert payload[1] & 0x3F == 10
        if not wait:
            return found
        at += wait


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_a_press(rate: int) -> None:
    keys = PressedKeys(rate)
    assert keys.press(5, 100, 80)
    found = packets(keys)
    assert [marker for *_, marker in found] == [True] + [False] * (len(found) - 1)
    assert [end for *_, end, _ in found] == [False] * (len(found) - 3) + [True] * 3
    durations = [units * 1000 // rate for _, _, units, _, _ in found]
    assert durations == [*range(10, 100, 10), 100, 100, 100]


def test_a_long_press_is_told_less_often() -> None:
    keys = PressedKeys(8000)
    keys.press(5, 1000, 80)
    times = [at for at, *_ in packets(keys)]
    assert max(b - a for a, b in pairwise(times)) == 20
    assert len(times) < 62


@pytest.mark.parametrize(("duration", "gap"), [(40, 40), (100, 60), (95, 45), (300, 0)])
def test_presses_keep_their_pauses(duration: int, gap: int) -> None:
    keys = PressedKeys(8000)
    for event in (1, 1, 2):
        keys.press(event, duration, gap)
    found = packets(keys)
    begins = [at for at, _, _, _, marker in found if marker]
    assert [b - a for a, b in pairwise(begins)] == pytest.approx([duration + gap] * 2, abs=35)
    if gap >= 40:
        assert [b - a for a, b in pairwise(begins)] == [duration + gap] * 2
    assert [press for _, press, _, end, _ in found if end] == [1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_a_key_that_is_held_claims_only_what_is_known() -> None:
    keys = PressedKeys(8000)
    keys.press(9, 0, 40)
    claimed = []
    for known in (20, 40, 60, 80):
        keys.hold(known)
        for _ in range(2):
            packet, _, _ = keys.next()
            assert packet is not None
            claimed.append(int.from_bytes(packet[0][2:], "big") // 8)
            assert claimed[-1] <= known
    keys.release(85)
    ends = [units // 8 for _, _, units, end, _ in packets(keys) if end]
    assert claimed == sorted(claimed)
    assert ends == [85] * 3


def test_a_key_released_before_its_turn() -> None:
    keys = PressedKeys(8000)
    keys.press(1, 100, 40)
    keys.press(2, 0, 40)
    keys.release(70)
    assert [units // 8 for _, _, units, end, _ in packets(keys) if end] == [100] * 3 + [70] * 3


def test_a_key_nobody_tells_of_any_more_comes_up() -> None:
    keys = PressedKeys(8000)
    keys.press(1, 0, 40)
    keys.next()
    keys.hold(200)
    found = packets(keys)
    assert [units // 8 for _, _, units, end, _ in found if end] == [200] * 3
    assert found[-1][0] < 1400


def test_the_queue_has_an_end() -> None:
    keys = PressedKeys(8000)
    assert all(keys.press(1, 50, 50) for _ in range(64))
    assert not keys.press(1, 50, 50)
    assert sum(marker for *_, marker in packets(keys)) == 64
