"""Each key press told once, whatever is lost (RFC 4733)."""

from __future__ import annotations

from media.pieces import Digits

RATE = 8000


def press(event: int, duration: int, *, end: bool = False) -> bytes:
    return bytes([event, 0x8A if end else 0x0A, duration >> 8, duration & 0xFF])


def test_three_end_packets_are_one_digit() -> None:
    digits = Digits()
    for n in range(1, 6):
        assert digits.packet(press(5, 160 * n), 1000, RATE, n * 20_000) == []
    assert digits.packet(press(5, 960, end=True), 1000, RATE, 120_000) == [(5, 120)]
    assert digits.packet(press(5, 960, end=True), 1000, RATE, 121_000) == []
    assert digits.packet(press(5, 960, end=True), 1000, RATE, 122_000) == []


def test_the_same_key_twice_is_two_digits() -> None:
    digits = Digits()
    assert digits.packet(press(1, 800, end=True), 1000, RATE, 0) == [(1, 100)]
    assert digits.packet(press(1, 400, end=True), 3000, RATE, 250_000) == [(1, 50)]


def test_only_an_end_packet_came_through() -> None:
    assert Digits().packet(press(11, 1600, end=True), 77, RATE, 0) == [(11, 200)]


def test_a_lost_end_is_told_by_the_next_key() -> None:
    digits = Digits()
    digits.packet(press(3, 640), 1000, RATE, 0)
    assert digits.packet(press(4, 320, end=True), 5000, RATE, 300_000) == [(3, 80), (4, 40)]


def test_a_lost_end_is_told_by_silence_and_only_once() -> None:
    digits = Digits()
    digits.packet(press(3, 640), 1000, RATE, 1_000_000)
    assert digits.quiet(1_200_000) is None
    assert digits.quiet(1_250_000) == (3, 80)
    assert digits.quiet(1_300_000) is None
    assert digits.packet(press(3, 900, end=True), 1000, RATE, 1_310_000) == []


def test_stragglers_reordering_and_rubbish_are_nothing() -> None:
    digits = Digits()
    digits.packet(press(1, 800, end=True), 4000, RATE, 0)
    digits.packet(press(2, 800, end=True), 9000, RATE, 0)
    assert digits.packet(press(1, 800, end=True), 4000, RATE, 0) == []
    assert digits.packet(b"\x01\x80\x01", 12000, RATE, 0) == []
    assert digits.packet(press(17, 800, end=True), 12000, RATE, 0) == []
    assert digits.packet(press(9, 800, end=True), 9000, RATE, 0) == []


def test_duration_is_in_the_clock_of_the_stream() -> None:
    assert Digits().packet(press(0, 4800, end=True), 1, 48000, 0) == [(0, 100)]
