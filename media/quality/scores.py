"""The values a verdict consists of: plain, frozen, with their units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from media.quality.emodel import NARROWBAND, mos
from media.value import value_class

if TYPE_CHECKING:
    from media.quality.codecs import Grounding

DelaySource = Literal["rtcp", "assumed"]

BEST_MOS = mos(NARROWBAND.best_rating)
"""4.41: what an unimpaired narrowband connection scores."""


@value_class(frozen=True, slots=True)
class Degradation:
    """How much of the MOS each cause took, in MOS points; all four together lead from 4.41 to MOS-CQ."""

    codec: float
    loss: float
    discard: float
    delay: float

    @property
    def largest(self) -> str:
        """The cause that took most: `codec`, `loss`, `discard` or `delay`."""
        causes = {"codec": self.codec, "loss": self.loss, "discard": self.discard, "delay": self.delay}
        return max(causes, key=causes.__getitem__)


@value_class(frozen=True, slots=True)
class QualityInterval:
    """One direction of one leg over one interval. Scores are None when nothing can be said; `reason` says why."""

    started: float
    """Monotonic seconds; equal to `ended` when the beginning is not known."""
    ended: float
    expected: int
    """Packets the sender sent, by sequence number."""
    lost: int
    discarded: int
    loss_percent: float
    """Ppl: lost and discarded together, 0 to 100."""
    burst_ratio: float
    """BurstR, 1 to 8; 1 is random loss or not known."""
    jitter_ms: float
    rtt_ms: float | None
    """Last plausible round trip; None: never measured."""
    delay_ms: float
    """Ta: RTT/2 + jitter buffer + packet + look-ahead, one way, mouth to ear."""
    delay_source: DelaySource
    r: float | None
    """Conversational rating, delay included."""
    mos_lq: float | None
    mos_cq: float | None
    mos_15s: float | None
    """MOS-CQ over the last 15 s, weighted by packets: what alerts look at."""
    ceiling: float | None
    """The best MOS this codec can reach."""
    outside_range: bool
    """Ta above 500 ms or Ppl above 20 %: G.107 is not validated there and the score an extrapolation."""
    reason: str

    @property
    def degradation(self) -> Degradation | None:
        """What the damage consists of; None without a score."""
        if self.mos_lq is None or self.mos_cq is None or self.ceiling is None:
            return None
        damage = self.ceiling - self.mos_lq
        missing = self.lost + self.discarded
        loss = damage * self.lost / missing if missing else 0.0
        return Degradation(BEST_MOS - self.ceiling, loss, damage - loss, self.mos_lq - self.mos_cq)


@value_class(frozen=True, slots=True)
class DirectionSummary:
    """One direction of one leg over the call. Means are weighted by packets expected."""

    intervals: int
    """Intervals that had a score."""
    expected: int
    lost: int
    discarded: int
    mos_lq: float | None
    mos_cq: float | None
    mos_15s: float | None
    """Over the 15 s before the last interval's end."""
    worst: QualityInterval | None
    """The interval with the lowest MOS-CQ."""
    ceiling: float | None
    degradation: Degradation | None
    """Mean over the call, in MOS points."""
    jitter_ms: float
    """Highest of all intervals."""
    delay_source: DelaySource
    grounding: Grounding | None
    """What the codec's values rest on; None: it has none."""
    reason: str
    """Why there is no score; empty when there is one."""


@value_class(frozen=True, slots=True)
class QualitySummary:
    """Both directions of a leg over the call."""

    codec: str
    received: DirectionSummary
    """From the far end to us."""
    sent: DirectionSummary
    """From us to the far end, as its receiver reports tell."""
    implausible_reports: int
    """Receiver reports and round trips that could not be true and were ignored."""
