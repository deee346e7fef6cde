"""Weak connections and unhealthy links: when it is said, when it is taken back, what never flaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.quality.codecs import AMR_WB, CodecImpairment
from media.quality.opinion import MosCqe, MosCqew
from media.quality.verdict import LegQuality, StreamCounters
from media.quality.watch import HEALTHY, DirectionWatch, LinkNews, Thresholds, WeakNews, grade, weak_for


class Leg:
    """A leg scored every 5 s."""

    def __init__(self, codec: str = "PCMA", impairment: CodecImpairment | None = None) -> None:
        self.quality = LegQuality(codec, True, 20, 40.0, impairment=impairment, started=0.0)
        self.watch = DirectionWatch()
        self.now = 0.0
        self.expected = self.lost = 0

    def go_on(self, lost: int, *, packets: int = 250, rtt: float | None = None) -> list[WeakNews | LinkNews]:
        self.now += 5.0
        self.expected += packets
        self.lost += lost
        reading = StreamCounters(self.expected, self.expected - self.lost, self.lost, 0, self.lost, 1.0, 0)
        return list(self.watch.look(self.quality.interval(self.now, reading, None, rtt)[0], 20))


def weak(news: list[WeakNews | LinkNews]) -> list[WeakNews]:
    return [each for each in news if isinstance(each, WeakNews)]


def test_a_good_call_is_no_news() -> None:
    leg = Leg()
    assert [leg.go_on(0) for _ in range(10)] == [[]] * 10
    assert not leg.watch.weak
    assert not leg.watch.unhealthy


def test_weak_is_told_once_with_what_it_comes_from() -> None:
    leg = Leg()
    leg.go_on(0)
    first = weak(leg.go_on(50))
    assert [each.weak for each in first] == [True]
    assert first[0].score < 4.0
    assert (first[0].cause, type(first[0].score)) == ("loss", MosCqe)
    assert first[0].ceiling == pytest.approx(4.409, abs=6e-4)
    assert weak(leg.go_on(50)) == []
    assert leg.watch.weak


def test_it_is_taken_back_after_five_good_seconds_and_not_before() -> None:
    leg = Leg()
    leg.go_on(0)
    leg.go_on(50)
    told = [weak(leg.go_on(0)) for _ in range(6)]
    assert [each for news in told[:3] for each in news] == []
    recovered = [(number, each) for number, news in enumerate(told) for each in news]
    # 15 s until the bad interval has left the mean; then 5 s more.
    assert [(number, each.weak) for number, each in recovered] == [(3, False)]
    assert recovered[0][1].score >= 4.1


def test_a_relapse_within_the_five_seconds_starts_them_anew() -> None:
    leg = Leg()
    leg.go_on(0)
    leg.go_on(50)
    assert [weak(leg.go_on(lost)) for lost in (0, 0, 0, 30, 0)] == [[]] * 5
    assert leg.watch.weak


@pytest.mark.parametrize("score", [4.0, 4.05, 4.0999])
def test_exactly_four_is_not_weak(score: float) -> None:
    below, good = weak_for(MosCqe(4.409), HEALTHY)
    assert (below, good) == (4.0, 4.1)
    assert not score < below
    assert not score >= good


def test_the_first_seconds_say_nothing() -> None:
    leg = Leg()
    # Two seconds of media in the first five: it began late.
    assert leg.go_on(60, packets=100) == []
    assert [each.weak for each in weak(leg.go_on(60))] == [True]


def test_silence_neither_raises_nor_clears() -> None:
    leg = Leg()
    leg.go_on(0)
    leg.go_on(50)
    for _ in range(10):
        assert leg.go_on(0, packets=0) == []
    assert leg.watch.weak


@pytest.mark.parametrize(
    ("ceiling", "below", "good"), [(4.409, 4.0, 4.1), (4.292, 4.0, 4.1), (4.104, 4.0, 4.054), (3.954, 3.854, 3.904)]
)
def test_limits_a_codec_cannot_reach_move_down_with_it(ceiling: float, below: float, good: float) -> None:
    assert weak_for(MosCqe(ceiling), HEALTHY) == (pytest.approx(below), pytest.approx(good))


@pytest.mark.parametrize("codec", ["G729", "G723"])
def test_a_codec_with_a_low_ceiling_is_not_weak_by_itself_and_recovers(codec: str) -> None:
    leg = Leg(codec)
    assert [leg.go_on(0, rtt=120.0) for _ in range(4)] == [[]] * 4
    assert [each.weak for each in weak(leg.go_on(25, rtt=120.0))] == [True]
    told = [each for _ in range(6) for each in weak(leg.go_on(0, rtt=120.0))]
    assert [each.weak for each in told] == [False]


def test_a_wideband_leg_is_judged_on_its_own_scale() -> None:
    leg = Leg("AMR-WB", AMR_WB[23.05])
    assert [leg.go_on(0) for _ in range(3)] == [[]] * 3
    told = weak(leg.go_on(25))
    assert [(each.weak, type(each.score)) for each in told] == [(True, MosCqew)]


@given(st.floats(1.0, 4.5), st.sampled_from([HEALTHY, Thresholds(weak_below=3.6, good_from=3.8)]))
def test_weak_always_lies_below_good_and_good_below_the_ceiling(ceiling: float, limits: Thresholds) -> None:
    below, good = weak_for(MosCqe(ceiling), limits)
    assert below < good < ceiling
    assert below <= limits.weak_below
    assert good <= limits.good_from


@pytest.mark.parametrize(
    ("score", "word"),
    [
        (4.5, "excellent"),
        (4.3, "excellent"),
        (4.29, "good"),
        (4.0, "good"),
        (3.99, "weak"),
        (3.5, "weak"),
        (3.49, "unacceptable"),
    ],
)
def test_a_word_for_a_score(score: float, word: str) -> None:
    assert grade(MosCqe(score)) == word
    assert grade(MosCqew(score)) == word


class TestLinks:
    def test_one_percent_of_loss_is_too_much(self) -> None:
        leg = Leg()
        assert leg.go_on(2) == []
        told = leg.go_on(3)
        assert told == [LinkNews(True, "loss", 1.0, 1.0)]
        assert leg.watch.unhealthy

    def test_it_is_healthy_again_after_five_seconds_below(self) -> None:
        leg = Leg()
        leg.go_on(0)
        leg.go_on(8)
        told = [each for _ in range(8) for each in leg.go_on(0) if isinstance(each, LinkNews)]
        assert told == [LinkNews(False, "loss", 0.0, 1.0)]

    def test_a_hundred_and_fifty_milliseconds_one_way_are_too_long(self) -> None:
        leg = Leg()
        assert leg.go_on(0, rtt=299.0) == []
        assert leg.go_on(0, rtt=299.0) == []
        assert leg.go_on(0, rtt=300.0) == [LinkNews(True, "latency", 150.0, 150.0)]
        assert leg.go_on(0, rtt=100.0) == []
        assert leg.go_on(0, rtt=100.0) == [LinkNews(False, "latency", 50.0, 150.0)]

    def test_what_was_never_measured_is_not_judged(self) -> None:
        leg = Leg()
        assert [leg.go_on(0) for _ in range(5)] == [[]] * 5


@given(st.lists(st.integers(0, 250), max_size=40))
def test_news_alternate_whatever_happens(losses: list[int]) -> None:
    leg = Leg()
    news = [each for lost in losses for each in leg.go_on(lost)]
    states = [each.weak for each in news if isinstance(each, WeakNews)]
    assert states == [number % 2 == 0 for number in range(len(states))]
    links = [each.unhealthy for each in news if isinstance(each, LinkNews)]
    assert links == [number % 2 == 0 for number in range(len(links))]
