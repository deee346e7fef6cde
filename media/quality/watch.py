"""When a connection counts as weak, and a link as unhealthy: named thresholds, and hysteresis so that nothing flaps.

Weak is what is heard: the mean conversational score of the last 15 s, below 4.0. A link is what carries it: loss of 1 %
or more over the last 15 s, 150 ms or more one way. Nothing is raised within the first 5 s of media; what was raised is
cleared once it has been good for 5 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from media.quality.direction import SLIDING_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from media.quality.opinion import Opinion
    from media.quality.scores import QualityInterval

Figure = Literal["loss", "latency"]
"""What a link is judged by: percent of packets lost, milliseconds one way."""

EXCELLENT_FROM = 4.3
UNACCEPTABLE_BELOW = 3.5
Grade = Literal["excellent", "good", "weak", "unacceptable"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores are on the scale of the codec in use: see `weak_for`."""

    weak_below: float = 4.0
    good_from: float = 4.1
    loss_percent: float = 1.0
    one_way_ms: float = 150.0
    hold: float = 5.0
    """Seconds a connection must have been good again."""
    first_after: float = 5.0
    """Seconds of media before the first verdict."""


HEALTHY = Thresholds()


def weak_for(ceiling: Opinion, thresholds: Thresholds) -> tuple[float, float]:
    """(weak below, good from) for a codec that cannot do better than `ceiling`.

    What a codec can never reach would be no news, and what it only reaches on a flawless path would never be cleared:
    good is at most 0.05 below the ceiling, weak at most 0.05 below that. This leaves 4.0 and 4.1 alone for all codecs
    of 4.15 and more; G.729 (4.10) is weak below 4.0 and good from 4.05; G.723.1 (3.95) weak below 3.85. The wideband
    and fullband scales keep the same numbers: their 4.0 is the better sound, so such a leg is told of sooner.
    """
    good = min(thresholds.good_from, float(ceiling) - 0.05)
    return min(thresholds.weak_below, good - 0.05), good


def grade(score: Opinion, thresholds: Thresholds = HEALTHY) -> Grade:
    """A word for a score on its scale, whatever its codec could do."""
    if score < UNACCEPTABLE_BELOW:
        return "unacceptable"
    if score < thresholds.weak_below:
        return "weak"
    return "excellent" if score >= EXCELLENT_FROM else "good"


@dataclass(frozen=True, slots=True)
class WeakNews:
    """A connection turned weak, or is good again."""

    weak: bool
    score: Opinion
    ceiling: Opinion
    cause: str
    """What took most: `loss`, `discard`, `delay` or `codec`."""


@dataclass(frozen=True, slots=True)
class LinkNews:
    """A link left its healthy limits, or is back within them."""

    unhealthy: bool
    figure: Figure
    value: float
    limit: float


class Alarm:
    """On and off with a pause before off."""

    __slots__ = ("_good_since", "on")

    def __init__(self) -> None:
        self.on = False
        self._good_since: float | None = None

    def look(self, now: float, *, bad: bool, good: bool, hold: float) -> bool:
        """Take a reading in; True when the alarm has just gone on or off."""
        if not self.on:
            self.on = bad
            self._good_since = None
            return bad
        if not good:
            self._good_since = None
        elif self._good_since is None:
            self._good_since = now
        if self._good_since is None or now - self._good_since < hold:
            return False
        self.on = False
        return True


class DirectionWatch:
    """Watches one direction of one leg."""

    __slots__ = ("_delay", "_heard", "_loss", "_recent", "_thresholds", "_weak")

    def __init__(self, thresholds: Thresholds = HEALTHY) -> None:
        self._thresholds = thresholds
        self._heard = 0.0
        self._weak = Alarm()
        self._loss = Alarm()
        self._delay = Alarm()
        self._recent: list[tuple[float, int, int]] = []

    @property
    def weak(self) -> bool:
        """Whether it is weak at present."""
        return self._weak.on

    @property
    def unhealthy(self) -> bool:
        """Whether its link is outside the healthy limits at present."""
        return self._loss.on or self._delay.on

    def look(self, interval: QualityInterval, ptime_ms: int) -> Iterator[WeakNews | LinkNews]:
        """Take an interval in; gives what is news."""
        if not interval.expected:
            return
        # The first interval also covers the time before the first packet: media is what packets hold.
        self._heard += min(interval.ended - interval.started, interval.expected * ptime_ms / 1000)
        if self._heard + ptime_ms / 1000 < self._thresholds.first_after:
            self._remember(interval)
            return
        yield from self._look_at_score(interval)
        yield from self._look_at_link(interval)

    def _look_at_score(self, interval: QualityInterval) -> Iterator[WeakNews]:
        score, ceiling, damage = interval.mos_15s, interval.ceiling, interval.degradation
        if score is None or ceiling is None or damage is None:
            return
        below, good = weak_for(ceiling, self._thresholds)
        if self._weak.look(interval.ended, bad=score < below, good=score >= good, hold=self._thresholds.hold):
            yield WeakNews(self._weak.on, score, ceiling, damage.largest)

    def _look_at_link(self, interval: QualityInterval) -> Iterator[LinkNews]:
        thresholds = self._thresholds
        loss = self._remember(interval)
        limit = thresholds.loss_percent
        if self._loss.look(interval.ended, bad=loss >= limit, good=loss < limit, hold=thresholds.hold):
            yield LinkNews(self._loss.on, "loss", loss, limit)
        if interval.rtt_ms is None:
            return
        one_way, limit = interval.rtt_ms / 2, thresholds.one_way_ms
        if self._delay.look(interval.ended, bad=one_way >= limit, good=one_way < limit, hold=thresholds.hold):
            yield LinkNews(self._delay.on, "latency", one_way, limit)

    def _remember(self, interval: QualityInterval) -> float:
        """Percent lost over the last 15 s; what came too late is the buffer's affair, not the link's."""
        recent = self._recent
        recent.append((interval.ended, interval.expected, interval.lost))
        while recent[0][0] <= interval.ended - SLIDING_SECONDS or len(recent) > 16:
            del recent[0]
        return 100.0 * sum(each[2] for each in recent) / sum(each[1] for each in recent)
