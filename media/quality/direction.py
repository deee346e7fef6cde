"""Running sums over the intervals of one direction: what a call's summary is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.quality.codecs import CodecImpairment, Unrated
from media.quality.counters import NOTHING
from media.quality.scores import NOTHING_EXPECTED, Degradation, DirectionSummary

if TYPE_CHECKING:
    from media.quality.counters import Delta
    from media.quality.opinion import Opinion
    from media.quality.scores import DelaySource, QualityInterval

SLIDING_SECONDS = 15.0
WORST_NEEDS_PACKETS = 50
"""An interval with fewer says little: it is the worst of the call only if no fuller one exists."""
_MAX_SLIDING = 16
"""Bounds the memory should somebody score far more often than every five seconds."""
MOST_STRETCHES = 8
"""More codecs than anybody changes between in one call: a ninth is scored as the one before it."""


class Stretch:
    """Running sums of one direction with one codec; intervals themselves are not kept, save the worst.

    Scores of one stretch are all of one scale, which is why they may be averaged.
    """

    __slots__ = (
        "_burst_ratio",
        "_codec_points",
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
        "best",
        "ceiling",
        "codec",
        "delay_ms",
        "impairment",
        "silence",
    )

    def __init__(self, codec: str, impairment: CodecImpairment | Unrated) -> None:
        self.codec = codec
        self.impairment = impairment
        # Asked for at every interval: mos() of a constant, kept.
        self.ceiling: Opinion | None = None
        self.best = 0.0
        if isinstance(impairment, CodecImpairment):
            self.ceiling = impairment.ceiling
            self.best = float(impairment.scale.best)
        self.delay_ms = 0.0
        self.silence = NOTHING_EXPECTED
        # A list of three: a deque takes 760 bytes, on every leg twice.
        self._recent: list[tuple[float, int, float]] = []
        self._worst: QualityInterval | None = None
        self._worst_rank = (True, 5.0)
        self._intervals = 0
        self._expected = self._lost = self._discarded = 0
        self._weight = 0
        self._lq = self._cq = 0.0
        self._codec_points = self._loss = self._discard = 0.0
        self._burst_ratio = 0.0
        self._jitter_ms = 0.0

    @property
    def expected(self) -> int:
        """Packets so far."""
        return self._expected

    def slide(self, now: float, packets: int, score: float) -> float:
        """Take a score in and give the mean of the last 15 s."""
        recent = self._recent
        if len(recent) == _MAX_SLIDING:
            del recent[0]
        recent.append((now, packets, score))
        return self._sliding(now)

    def follow(self, before: Stretch) -> None:
        """Begin, or go on, after another stretch: another mode of the same codec shares its last 15 s, while another
        codec, or scale, has none yet."""
        if self.codec == before.codec and type(self.ceiling) is type(before.ceiling):
            self._recent = before._recent
        else:
            self._recent = []

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

    def count(self, delta: Delta, jitter_ms: float, burst_ratio: float) -> None:
        """Take in what one interval counted, scored or not."""
        self._expected += delta.expected
        self._lost += delta.lost
        self._discarded += delta.discarded
        self._burst_ratio += burst_ratio * (delta.lost + delta.discarded)
        if jitter_ms > self._jitter_ms:
            self._jitter_ms = jitter_ms

    def score(self, verdict: QualityInterval, lq: float, cq: float, degradation: Degradation) -> None:
        """Take in the scores of one interval; its packets were counted before."""
        packets = verdict.expected
        self._intervals += 1
        self._weight += packets
        self._lq += packets * lq
        self._cq += packets * cq
        self._codec_points += packets * degradation.codec
        self._loss += packets * degradation.loss
        self._discard += packets * degradation.discard
        rank = (packets < WORST_NEEDS_PACKETS, cq)
        if rank < self._worst_rank:
            self._worst_rank = rank
            self._worst = verdict

    def summary(self, source: DelaySource) -> DirectionSummary:
        """Give the call so far, weighted by packets."""
        weight = self._weight
        impairment = self.impairment
        lq = cq = recent = degradation = grounding = None
        reason = "" if weight else self.silence
        if isinstance(impairment, Unrated):
            reason = impairment.reason
        else:
            grounding = impairment.grounding
            opinion = impairment.scale.opinion
            if weight:
                lq = opinion(self._lq / weight)
                cq = opinion(self._cq / weight)
                degradation = Degradation(
                    self._codec_points / weight, self._loss / weight, self._discard / weight, float(lq) - float(cq)
                )
            if self._recent:
                recent = opinion(self._sliding(self._recent[-1][0]))
        missing = self._lost + self._discarded
        return DirectionSummary(
            codec=self.codec,
            intervals=self._intervals,
            expected=self._expected,
            lost=self._lost,
            discarded=self._discarded,
            mos_lq=lq,
            mos_cq=cq,
            mos_15s=recent,
            worst=self._worst,
            ceiling=self.ceiling,
            degradation=degradation,
            jitter_ms=self._jitter_ms,
            burst_ratio=self._burst_ratio / missing if missing else 1.0,
            delay_ms=self.delay_ms,
            delay_source=source,
            grounding=grounding,
            reason=reason,
        )


class DirectionScores:
    """One direction: its counters at the last reading, and a stretch for every codec it has been in."""

    __slots__ = ("counters", "current", "last", "stretches")

    def __init__(self, started: float | None, codec: str, impairment: CodecImpairment | Unrated) -> None:
        self.counters = NOTHING
        self.last = started
        self.current = Stretch(codec, impairment)
        self.stretches = [self.current]

    def change(self, codec: str, impairment: CodecImpairment | Unrated) -> None:
        """Go on with another codec; coming back to an earlier one continues its sums."""
        current = self.current
        if current.codec == codec and (
            current.impairment == impairment
            or (isinstance(impairment, Unrated) and isinstance(current.impairment, Unrated))
        ):
            return
        known = next((each for each in self.stretches if each.codec == codec and each.impairment == impairment), None)
        if known is None:
            if len(self.stretches) == MOST_STRETCHES:
                return
            known = Stretch(codec, impairment)
            if not current.expected and len(self.stretches) == 1:
                # Nothing was ever heard in what was first agreed.
                self.stretches.clear()
            self.stretches.append(known)
        known.follow(current)
        self.current = known
