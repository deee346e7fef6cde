"""Bursts and gaps of a stream against a slow reference that reads RFC 3611 4.7.2 word by word; the buffer's depth."""

from __future__ import annotations

import random
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.quality.pieces import Reporter

GMIN = 16
WINDOW = 64
FRAME = 20_000


def reporter() -> Reporter:
    return Reporter(ssrc=1, reference=True, metrics=True)


def hear(stream: Reporter, played: list[bool], *, late: bool) -> None:
    """Packets 20 ms apart; a missing one is lost or, with `late`, comes too late. Ends with what empties the window."""
    for number, good in enumerate([*played, *[True] * WINDOW]):
        if good or late:
            # Later than the buffer can ever be, and never so often in a row that the path counts as slower.
            delay = 0 if good else 250_000
            stream.receive(7, number & 0xFFFF, number * 160, 1_000_000 + number * FRAME + delay)


def reference(played: list[bool]) -> tuple[float, float, float, float]:
    """(burst density, gap density, mean burst, mean gap in packets): a burst starts and ends with a missing packet and
    has nowhere GMIN received in a row; one missing packet alone lies within a gap."""
    runs = [(good, len(list(group))) for good, group in groupby(played)]
    clusters: list[list[tuple[bool, int]]] = []
    for index, (good, length) in enumerate(runs):
        if good:
            if clusters and length < GMIN and index < len(runs) - 1:
                clusters[-1].append((good, length))
            continue
        if clusters and clusters[-1][-1][0]:
            clusters[-1].append((good, length))
        else:
            clusters.append([(good, length)])
    bursts = [cluster for cluster in clusters if sum(length for good, length in cluster if not good) > 1]
    alone = len(clusters) - len(bursts)
    missing = sum(length for cluster in bursts for good, length in cluster if not good)
    inside = sum(length for cluster in bursts for _, length in cluster)
    outside = len(played) - inside
    return (
        missing / inside if inside else 0.0,
        alone / outside if outside else 0.0,
        inside / len(bursts) if bursts else 0.0,
        outside / max(1, len(bursts)),
    )


def pattern(dice: random.Random, loss: float, burst: float) -> list[bool]:
    """Begins with as many received as end a burst, and ends so, that no end of the call decides what a burst is."""
    middle, losing = [], False
    for _ in range(400):
        losing = dice.random() < (burst if losing else loss)
        middle.append(not losing)
    return [*[True] * GMIN, *middle, *[True] * GMIN]


@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.01, 0.05, 0.3]),
    burst=st.sampled_from([0.0, 0.4, 0.9]),
)
def test_bursts_and_gaps_equal_the_reference(seed: int, loss: float, burst: float) -> None:
    played = pattern(random.Random(seed), loss, burst)
    stream = reporter()
    hear(stream, played, late=False)
    burst_density, gap_density, burst_packets, gap_packets = reference(played)
    density, in_gaps, burst_ms, gap_ms = stream.bursts()
    assert density == min(255, int(burst_density * 256))
    assert in_gaps == min(255, int(gap_density * 256))
    assert burst_ms == int(burst_packets * 20)
    assert gap_ms == min(65535, int(gap_packets * 20))


def test_a_packet_that_comes_too_late_is_missing_like_a_lost_one() -> None:
    played = [*[True] * 40, False, True, False, False, *[True] * 40]
    lost, late = reporter(), reporter()
    hear(lost, played, late=False)
    hear(late, played, late=True)
    assert late.discarded == 3
    assert lost.discarded == 0
    assert late.bursts() == lost.bursts()
    assert lost.bursts()[0] == 3 * 256 // 4


@pytest.mark.parametrize("run", [1, 63, 64, 65, 200])
def test_a_loss_longer_than_the_window_is_one_burst(run: int) -> None:
    played = [*[True] * 100, *[False] * run, *[True] * 100]
    stream = reporter()
    hear(stream, played, late=False)
    assert stream.bursts()[2] == (20 * run if run > 1 else 0)


def test_a_new_sequence_goes_on_with_the_same_counters() -> None:
    stream = reporter()
    for number in [*range(100), *range(101, 102), *range(103, 150)]:
        stream.receive(7, number, number * 160, number * FRAME)
    for number in range(9000, 9100):
        stream.receive(8, number, number * 160, number * FRAME)
    assert stream.bursts()[0] == 2 * 256 // 3


@given(st.integers(0, 2**32), st.integers(0, 150))
def test_the_depth_follows_the_jitter_within_its_bounds(seed: int, jitter_ms: int) -> None:
    dice = random.Random(seed)
    stream = reporter()
    for number in range(600):
        stream.receive(7, number, number * 160, number * FRAME + dice.randrange(jitter_ms * 1000 + 1))
    assert 40 <= stream.depth_ms <= 200
    assert stream.depth_ms <= max(40, 1.25 * jitter_ms + 1)
    if jitter_ms >= 60:
        assert stream.depth_ms >= jitter_ms
