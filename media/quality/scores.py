"""The values a verdict consists of: plain, frozen, with their units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from media.value import value_class

if TYPE_CHECKING:
    from media.quality.codecs import Grounding
    from media.quality.opinion import Opinion, ScaleName
    from media.quality.voip_metrics import VoipMetrics

NOTHING_EXPECTED = "no packets expected"
NOTHING_CAME = "nothing received, though the far end should send"
"""Why an interval has no score."""

DelaySource = Literal["rtcp", "xr", "assumed"]
"""Where the round trip comes from: RTCP reports (RFC 3550 6.4.1), extended reports (RFC 3611), or nowhere."""


@value_class(frozen=True, slots=True)
class Degradation:
    """How much of the score each cause took, in points of its scale; all four together lead from the scale's best
    (4.41 as MOS-CQE, 4.5 as MOS-CQEW and MOS-CQEF) to the conversational score."""

    codec: float
    loss: float
    discard: float
    delay: float

    @property
    def largest(self) -> str:
        """The cause that took most: `codec`, `loss`, `discard` or `delay`."""
        causes = {"codec": self.codec, "loss": self.loss, "discard": self.discard, "delay": self.delay}
        return max(causes, key=causes.__getitem__)

    @property
    def damage(self) -> float:
        """What everything but the codec took."""
        return self.loss + self.discard + self.delay


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
    mos_lq: Opinion | None
    mos_cq: Opinion | None
    mos_15s: Opinion | None
    """The conversational score over the last 15 s, weighted by packets: what alerts look at."""
    ceiling: Opinion | None
    """The best score this codec can reach; its type tells the scale."""
    outside_range: bool
    """Ta above 500 ms or Ppl above 20 %: G.107 is not validated there and the score an extrapolation."""
    reason: str
    codec: str = ""
    degradation: Degradation | None = None
    """What the damage consists of; None without a score."""

    @property
    def scale(self) -> ScaleName | None:
        """What the scores are scores of; None without values for the codec."""
        return None if self.ceiling is None else self.ceiling.scale


@value_class(frozen=True, slots=True)
class DirectionSummary:
    """One direction of one leg with one codec, over the call. Means are weighted by packets expected."""

    codec: str
    intervals: int
    """Intervals that had a score."""
    expected: int
    lost: int
    discarded: int
    mos_lq: Opinion | None
    mos_cq: Opinion | None
    mos_15s: Opinion | None
    """Over the 15 s before the last interval's end."""
    worst: QualityInterval | None
    """The interval with the lowest conversational score."""
    ceiling: Opinion | None
    degradation: Degradation | None
    """Mean over the call."""
    jitter_ms: float
    """Highest of all intervals."""
    burst_ratio: float
    """Mean over the packets that were lost; 1 without loss."""
    delay_ms: float
    """Ta of the last interval, one way; 0 before the first."""
    delay_source: DelaySource
    grounding: Grounding | None
    """What the codec's values rest on; None: it has none."""
    reason: str
    """Why there is no score; empty when there is one."""

    @property
    def scale(self) -> ScaleName | None:
        """What the scores are scores of; None without values for the codec."""
        return None if self.ceiling is None else self.ceiling.scale


@value_class(frozen=True, slots=True)
class QualitySummary:
    """Both directions of a leg over the call.

    A codec that changed in mid-call is a stretch of its own: `received` and `sent` are those with most packets, the
    tuples hold all, in the order the codecs were first used.
    """

    codec: str
    """What we received, most of the time."""
    received: DirectionSummary
    """From the far end to us."""
    sent: DirectionSummary
    """From us to the far end, as its receiver reports tell."""
    implausible_reports: int
    """Receiver reports, extended reports and round trips that could not be true and were ignored."""
    received_by_codec: tuple[DirectionSummary, ...] = ()
    sent_by_codec: tuple[DirectionSummary, ...] = ()
    far: VoipMetrics | None = None
    """The far end's own figures of what it receives (RFC 3611 4.7), the newest credible ones."""
    rtt_ms: float | None = None
    """The last plausible round trip."""
    skipped: int = 0
    """Numbers of the stream we send that we never had ourselves: lost before us, they show as loss after us."""
    worker_late_ms: float = 0.0
    """The latest our media worker came while the leg was open."""
