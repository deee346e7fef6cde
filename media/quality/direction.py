"""Running sums over the intervals of one direction: what a call's summary is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.quality.codecs import CodecImpairment, Unrated
from media.quality.counters import NOTHING
from media.quality.scores import BEST_MOS, Degradation, DirectionSummary

if TYPE_CHECKING:
    from media.quality.counters import Delta
    from media.quality.scores import DelaySource, QualityInterval

SLIDING_SECONDS = 15.0
WORST_NEEDS_PACKETS = 50
"""An interval with fewer says little: it is the worst of the call only if no fuller one exists."""
_MAX_SLIDING = 16
"""Bounds the memory should somebody score far more often than every five seconds."""


class DirectionScores:
    """Running sums of one direction; intervals themselves are not kept, save the worst."""

    __slots__ = (
        "_codec",
        "_cq",
        "_discard",
        "_discarded",
        "_expected",
        "_intervals",
        "_jitter_ms",
        "_loss",
        "_lost",
        "_lq",
        "_recent",
        "_weight",
        "_worst",
        "_worst_rank",
        "counters",
        "last",
    )

    def __init__(self, started: float | None) -> None:
        self.counters = NOTHING
        self.last = started
        # A list of three: a deque takes 760 bytes, on every leg twice.
        self._recent: list[tuple[float, int, float]] = []
        self._worst: QualityInterval | None = None
        self._worst_rank = (True, 5.0)
        self._intervals = 0
        self._expected = self._lost = self._discarded = 0
        self._weight = 0
        self._lq = self._cq = 0.0
        self._codec = self._loss = self._discard = 0.0
        self._jitter_ms = 0.0

    def slide(self, now: float, packets: int, score: float) -> float:
        """Take a score in and give the mean of the last 15 s."""
        recent = self._recent
        if len(recent) == _MAX_SLIDING:
            del recent[0]
        recent.append((now, packets, score))
        return self._sliding(now)

    def _sliding(self, now: float) -> float:
        recent = self._recent
        oldest = now - SLIDING_SECONDS
        while recent[0][0] <= oldest:
            del recent[0]
        weight = total = 0.0
        for _, packets, score in recent:
            weight += packets
            total += packets * score
        return total / weight

    def count(self, delta: Delta, jitter_ms: float) -> None:
        """Take in what one interval counted, scored or not."""
        self._expected += delta.expected
        self._lost += delta.lost
        self._discarded += delta.discarded
        if jitter_ms > self._jitter_ms:
            self._jitter_ms = jitter_ms

    def score(self, verdict: QualityInterval, ceiling: float, lq: float, cq: float) -> None:
        """Take in the scores of one interval; its packets were counted before."""
        packets = verdict.expected
        self._intervals += 1
        self._weight += packets
        self._lq += packets * lq
        self._cq += packets * cq
        self._codec += packets * (BEST_MOS - ceiling)
        missing = verdict.lost + verdict.discarded
        if missing:
            damage = packets * (ceiling - lq) / missing
            self._loss += damage * verdict.lost
            self._discard += damage * verdict.discarded
        rank = (packets < WORST_NEEDS_PACKETS, cq)
        if rank < self._worst_rank:
            self._worst_rank = rank
            self._worst = verdict

    def summary(self, impairment: CodecImpairment | Unrated, source: DelaySource) -> DirectionSummary:
        """Give the call so far, weighted by packets."""
        weight = self._weight
        lq = cq = degradation = ceiling = grounding = None
        reason = "" if weight else "no packets expected"
        if isinstance(impairment, Unrated):
            reason = "" if weight else impairment.reason
        else:
            ceiling = impairment.ceiling
            grounding = impairment.grounding
        if weight:
            lq = self._lq / weight
            cq = self._cq / weight
            degradation = Degradation(self._codec / weight, self._loss / weight, self._discard / weight, lq - cq)
        return DirectionSummary(
            intervals=self._intervals,
            expected=self._expected,
            lost=self._lost,
            discarded=self._discarded,
            mos_lq=lq,
            mos_cq=cq,
            mos_15s=self._sliding(self._recent[-1][0]) if self._recent else None,
            worst=self._worst,
            ceiling=ceiling,
            degradation=degradation,
            jitter_ms=self._jitter_ms,
            delay_source=source,
            grounding=grounding,
            reason=reason,
        )
