"""One sent stream fed by changing sources: unbroken numbers, losses of the source left visible."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from media.pieces import SendNumbers

FRAME = 20_000
RATE = 8000


def feed(
    numbers: SendNumbers, source: int, first: int, timestamp: int, count: int, start: int
) -> list[tuple[int, int, bool]]:
    return [
        numbers.packet(source, (first + n) & 0xFFFF, (timestamp + 160 * n) & 0xFFFFFFFF, RATE, start + n * FRAME)
        for n in range(count)
    ]


@given(
    ours=st.integers(0, 0xFFFF),
    clock=st.integers(0, 2**32 - 1),
    theirs=st.integers(0, 0xFFFF),
    stamp=st.integers(0, 2**32 - 1),
    seed=st.integers(0, 2**32),
)
def test_loss_order_and_duplicates_pass_as_they_are(ours: int, clock: int, theirs: int, stamp: int, seed: int) -> None:
    dice = random.Random(seed)
    arrivals = [0, *(n for n in range(1, 200) if dice.random() > 0.2)]
    arrivals += dice.sample(arrivals, 5)
    arrivals[1:] = sorted(arrivals[1:], key=lambda n: n + dice.random() * 4)
    numbers = SendNumbers(sequence=ours, timestamp=clock)
    sent = [
        numbers.packet(1, (theirs + n) & 0xFFFF, (stamp + 160 * n) & 0xFFFFFFFF, RATE, 1_000_000 + n * FRAME)
        for n in arrivals
    ]
    assert [(s - sent[0][0]) & 0xFFFF for s, _, _ in sent] == arrivals
    assert [(t - sent[0][1]) & 0xFFFFFFFF for _, t, _ in sent] == [160 * n for n in arrivals]
    assert [marker for _, _, marker in sent] == [True] + [False] * (len(sent) - 1)


def test_the_first_number_follows_the_random_start_and_counts_wraps() -> None:
    numbers = SendNumbers(sequence=65534, timestamp=0)
    assert [s for s, _, _ in feed(numbers, 1, 40000, 0, 3, 0)] == [65535, 0, 1]
    assert numbers.highest == (0x10001, 65535)


def test_a_change_of_source_goes_on_by_the_clock_on_the_wall() -> None:
    numbers = SendNumbers(sequence=10, timestamp=0)
    before = feed(numbers, 1, 500, 90_000, 10, 0)
    after = feed(numbers, 2, 7, 4_000_000_000, 10, 9 * FRAME + 300_000)
    assert after[0][0] == before[-1][0] + 1
    assert after[0][1] == before[-1][1] + 2400
    assert [marker for _, _, marker in after] == [True] + [False] * 9


def test_sources_that_alternate_never_go_back() -> None:
    numbers = SendNumbers(sequence=0, timestamp=0)
    sent = [numbers.packet(1 + n % 2, 1000 * (n % 2) + n, 160 * n, RATE, n * 1000) for n in range(50)]
    assert [s for s, _, _ in sent] == list(range(1, 51))
    assert all(later[1] - earlier[1] == 160 for earlier, later in itertools.pairwise(sent))


def test_a_jump_of_sequence_is_taken_over_without_a_hole() -> None:
    numbers = SendNumbers(sequence=0, timestamp=0)
    before = feed(numbers, 1, 0, 0, 5, 0)
    after = feed(numbers, 1, 30_004, 160 * 5, 5, 5 * FRAME)
    assert after[0] == (before[-1][0] + 1, before[-1][1] + 160, True)
    assert after[-1][0] == before[-1][0] + 5


def test_an_hour_of_timestamp_is_taken_over_without_a_hole() -> None:
    numbers = SendNumbers(sequence=0, timestamp=0)
    before = feed(numbers, 1, 0, 0, 5, 0)
    after = feed(numbers, 1, 5, 160 * 5 + 3600 * RATE, 5, 5 * FRAME)
    assert after[0] == (before[-1][0] + 1, before[-1][1] + 160, True)
    assert after[-1][1] == before[-1][1] + 160 * 5


def test_silence_by_dtx_keeps_its_time() -> None:
    numbers = SendNumbers(sequence=0, timestamp=0)
    before = feed(numbers, 1, 0, 0, 5, 0)
    after = numbers.packet(1, 5, 160 * 4 + 60 * RATE, RATE, 4 * FRAME + 60_000_000)
    assert after == (before[-1][0] + 1, before[-1][1] + 60 * RATE, False)


def test_after_a_long_telephone_event_time_has_passed() -> None:
    """Its packets share one timestamp (RFC 4733 2.5.1.1); audio behind it is not taken for a clock that was reset."""
    numbers = SendNumbers(sequence=10, timestamp=0)
    before = feed(numbers, 1, 500, 90_000, 2, 0)
    start = 2 * FRAME
    event = [numbers.packet(1, 502 + n, 90_320, RATE, start + n * FRAME)[1] for n in range(300)]
    assert set(event) == {before[-1][1] + 160}
    after = numbers.packet(1, 802, 90_320 + 300 * 160, RATE, start + 300 * FRAME)
    assert after == (before[-1][0] + 301, before[-1][1] + 160 + 300 * 160, False)
    other = numbers.packet(2, 9, 4_000_000_000, RATE, start + 301 * FRAME)
    assert other[1] == after[1] + 160
