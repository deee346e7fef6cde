"""Reception statistics against a slow reference that remembers everything (RFC 3550 A.1, A.3, A.8)."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.pieces import StreamStatistics

RATE = 8000
FRAME = 20_000  # microseconds


class Reference:
    """Every extended sequence number that came, in a set."""

    def __init__(self, first: int) -> None:
        self.base = self.highest = first
        self.arrived = {first}
        self.duplicates = self.reordered = 0

    def packet(self, extended: int) -> None:
        if extended in self.arrived:
            self.duplicates += 1
        elif extended < self.base:
            self.reordered += 1  # before the first packet: nobody expected it
        else:
            self.reordered += extended < self.highest
            self.arrived.add(extended)
            self.highest = max(self.highest, extended)

    @property
    def counts(self) -> tuple[int, int, int, int, int, int]:
        expected = range(self.base, self.highest + 1)
        lost = [number not in self.arrived for number in expected]
        runs = sum(now and not before for before, now in pairwise([False, *lost]))
        return len(expected), len(self.arrived), runs, self.duplicates, self.reordered, 0


def network(dice: random.Random, count: int, loss: float, burst: float, shuffle: int, double: float) -> list[int]:
    """Indexes 0..count as they arrive: lost in bursts, moved by up to `shuffle` places, some twice."""
    arrivals: list[tuple[float, int]] = []
    losing = False
    for number in range(count):
        losing = dice.random() < (burst if losing else loss)
        if losing and number:
            continue
        arrivals.append((number + dice.random() * shuffle, number))
        if dice.random() < double:
            arrivals.append((number + dice.random() * shuffle, number))
    return [number for _, number in sorted(arrivals)]


@given(
    seed=st.integers(0, 2**32),
    first=st.integers(0, 0xFFFF),
    loss=st.sampled_from([0.0, 0.01, 0.2, 0.6]),
    burst=st.sampled_from([0.0, 0.5, 0.9]),
    shuffle=st.sampled_from([0, 3, 25]),
    double=st.sampled_from([0.0, 0.05]),
)
def test_counts_equal_the_reference(
    seed: int, first: int, loss: float, burst: float, shuffle: int, double: float
) -> None:
    arrivals = network(random.Random(seed), 400, loss, burst, shuffle, double)
    stream = StreamStatistics()
    reference: Reference | None = None
    for number in arrivals:
        stream.packet(7, (first + number) & 0xFFFF)
        if reference is None:
            reference = Reference(first + number)
        else:
            reference.packet(first + number)
    assert reference is not None
    assert stream.counts == reference.counts


def test_a_long_loss_is_one_event_and_survives_wrapping() -> None:
    stream = StreamStatistics()
    for number in [*range(65500, 65536), *range(200, 300)]:
        stream.packet(7, number)
    assert stream.counts == (336, 136, 1, 0, 0, 0)


@pytest.mark.parametrize("run", [63, 64, 65, 128, 2998])
def test_runs_of_any_length_around_the_window(run: int) -> None:
    stream = StreamStatistics()
    stream.packet(7, 10)
    for number in range(11 + run, 11 + run + 200):
        stream.packet(7, number & 0xFFFF)
    assert stream.counts[:3] == (201 + run, 201, 1)


def test_one_packet_far_off_does_not_count_but_two_start_anew() -> None:
    stream = StreamStatistics()
    for number in range(100):
        stream.packet(7, number)
    assert stream.packet(7, 30000) == "jumped"
    assert stream.packet(7, 100) == "fresh"
    assert stream.counts[:3] == (101, 101, 0)
    assert stream.packet(7, 40000) == "jumped"
    assert stream.packet(7, 40001) == "fresh"
    assert stream.counts[:3] == (103, 103, 0)


def test_a_new_ssrc_starts_anew_and_keeps_what_was_counted() -> None:
    stream = StreamStatistics()
    for number in (1, 2, 5):
        stream.packet(7, number)
    for number in (900, 901):
        stream.packet(8, number)
    assert stream.counts[:3] == (7, 5, 1)


@given(seed=st.integers(0, 2**32))
def test_jitter_follows_a8(seed: int) -> None:
    dice = random.Random(seed)
    stream = StreamStatistics()
    start = dice.randrange(2**32)
    estimate = 0.0
    before: float | None = None
    for number in range(300):
        arrival = 1_000_000 + number * FRAME + dice.randrange(0, 30_000)
        stream.arrival((start + number * 160) & 0xFFFFFFFF, RATE, arrival)
        transit = arrival * RATE // 1_000_000 - number * 160
        if before is not None:
            estimate += (abs(transit - before) - estimate) / 16
        before = transit
    assert abs(stream.jitter - estimate) < 2


def arrive(stream: StreamStatistics, delays: list[int], *, ppm: int = 0) -> int:
    """Packets 20 ms apart, each `delay` microseconds late; gives the number discarded."""
    for number, delay in enumerate(delays):
        stream.arrival(number * 160, RATE, number * (FRAME + FRAME * ppm // 1_000_000) + delay)
    return stream.counts[5]


def test_even_delay_discards_nothing() -> None:
    assert arrive(StreamStatistics(), [500_000] * 500) == 0


def test_jitter_inside_the_buffer_discards_nothing() -> None:
    dice = random.Random(1)
    assert arrive(StreamStatistics(), [dice.randrange(60_000) for _ in range(3000)]) == 0


def test_the_first_packets_later_than_the_buffer_are_discarded_then_it_has_grown() -> None:
    delays = [10_000] * 190
    for late in (50, 51, 100, 180):
        delays[late] = 75_000
    assert arrive(StreamStatistics(), delays) == 2


def test_one_stray_packet_does_not_make_the_buffer_deeper() -> None:
    delays = [10_000] * 400
    for late in (50, 260):
        delays[late] = 150_000
    assert arrive(StreamStatistics(), delays) == 2


def test_a_buffer_that_grew_shrinks_when_the_path_is_quiet_again() -> None:
    quiet = [10_000] * 1000
    assert arrive(StreamStatistics(), [10_000, 75_000, 75_000, *quiet, 75_000]) == 3


def test_the_buffer_has_its_limit() -> None:
    delays = [10_000] * 190
    for late in (50, 51, 100, 180):
        delays[late] = 260_000
    assert arrive(StreamStatistics(), delays) == 4


def test_a_slower_path_costs_two_packets_once() -> None:
    assert arrive(StreamStatistics(), [5_000] * 200 + [130_000] * 1000) == 2


def test_a_path_slower_than_the_buffer_can_be_is_followed() -> None:
    assert arrive(StreamStatistics(), [5_000] * 200 + [500_000] * 1000) == 10


@pytest.mark.parametrize("ppm", [-500, 500])
def test_a_clock_that_drifts_is_not_late(ppm: int) -> None:
    assert arrive(StreamStatistics(), [20_000] * 30_000, ppm=ppm) == 0


def test_a_timestamp_reset_is_not_jitter() -> None:
    stream = StreamStatistics()
    for number in range(50):
        stream.arrival(number * 160, RATE, number * FRAME)
    for number in range(50, 100):
        stream.arrival(number * 160 + 3600 * RATE, RATE, number * FRAME)
    assert stream.jitter == 0
    assert stream.counts[5] == 0
