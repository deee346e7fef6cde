"""Every leg is scored every few seconds, a slice of the legs at a time, so that the event loop never stalls."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from media.events import ConnectionRecovered, ConnectionWeak, LinkHealthy, LinkUnhealthy, QualityReport
from media.quality.codecs import CodecFactors
from media.quality.opinion import MosCqe
from media.quality.scores import NOTHING_CAME, NOTHING_EXPECTED
from media.quality.usage import Use
from media.quality.verdict import StreamCounters
from media.quality.voip_metrics import UNAVAILABLE, VoipMetrics
from media.quality.watch import HEALTHY, Thresholds, WeakNews
from media.scoring import LegScoring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from media.engine import CoreReading, EngineCore
    from media.events import Direction
    from media.legs import LegRecord
    from media.quality.verdict import QualityInterval, QualitySummary
    from media.quality.watch import LinkNews

    Told = QualityReport | ConnectionWeak | ConnectionRecovered | LinkUnhealthy | LinkHealthy

SLICE = 0.1
"""Seconds between two slices."""
NOTICED_MS = 5.0
"""Lateness of a worker that is kept."""
_LATENESSES = 256


class QualityRound:
    """Legs in as many buckets as there are slices in an interval, by when they were opened."""

    def __init__(
        self,
        core: EngineCore,
        interval: float,
        *,
        factors: CodecFactors | None = None,
        limits: Thresholds = HEALTHY,
    ) -> None:
        self._core = core
        self._factors = factors or CodecFactors()
        self._limits = limits
        self._buckets: list[dict[int, LegRecord]] = [{} for _ in range(max(1, round(interval / SLICE)))]
        self._turn = 0
        self._late: list[deque[tuple[float, float]]] = [deque(maxlen=_LATENESSES) for _ in range(core.worker_count)]
        self._joined: dict[int, float] = {}

    def join(self, record: LegRecord, now: float) -> None:
        """Score this leg from now on: it comes after the slice just served, so its first interval is a whole one."""
        record.bucket = self._turn
        self._buckets[record.bucket][record.leg] = record
        self._joined[record.leg] = now

    def leave(self, record: LegRecord) -> None:
        """Score it no longer."""
        self._buckets[record.bucket].pop(record.leg, None)
        self._joined.pop(record.leg, None)

    def turn(self, now: float) -> Iterator[Told]:
        """Score the next slice."""
        self._turn = (self._turn + 1) % len(self._buckets)
        self._note_lateness(now)
        for record in self._buckets[self._turn].values():
            yield from self._score(record, now)

    def summary(self, record: LegRecord) -> QualitySummary | None:
        """The call as a whole up to its last interval; None when it never had a codec."""
        scoring = self._scoring(record)
        if scoring is None:
            return None
        since = self._joined.get(record.leg, 0.0)
        late = max((each for moment, each in self._late[record.worker] if moment >= since), default=0.0)
        return replace(scoring.quality.summary(), worker_late_ms=late)

    def finish(self, record: LegRecord, now: float) -> QualitySummary | None:
        """Score what is left of a leg that ends, and sum up the call; None when it never had a codec."""
        self._note_lateness(now)
        for _ in self._score(record, now):
            pass
        return self.summary(record)

    def _note_lateness(self, now: float) -> None:
        for worker, late in enumerate(self._late):
            worst = self._core.lateness(worker) / 1000
            if worst >= NOTICED_MS:
                late.append((now, worst))

    def _scoring(self, record: LegRecord) -> LegScoring | None:
        if record.scoring is None:
            record.scoring = LegScoring.begin(record, self._factors, self._limits)
        return record.scoring

    def _score(self, record: LegRecord, now: float) -> Iterator[Told]:
        scoring = self._scoring(record)
        reading = self._core.reading(record.leg)
        if scoring is None or reading is None:
            return
        received, reported = reading[0], reading[1]
        if received[0] == 0 and reported is None and not record.expects_media:
            return
        intervals = self._intervals(record, scoring, reading, now)
        yield QualityReport(record.leg, *intervals)
        came, told = intervals
        if record.reports_metrics:
            self._report(record, came)
        for news in scoring.received_watch.look(came, record.ptime):
            yield _event(record.leg, "received", news)
        if told is not None:
            for news in scoring.sent_watch.look(told, record.ptime):
                yield _event(record.leg, "sent", news)

    def _intervals(
        self, record: LegRecord, scoring: LegScoring, reading: CoreReading, now: float
    ) -> tuple[QualityInterval, QualityInterval | None]:
        received, reported, rtt_ms, extended, depth, coming, going, skipped, heard, metrics = reading
        scoring.look(record, None if coming is None else Use(*coming), None if going is None else Use(*going))
        far = None
        if metrics is not None and heard != scoring.metrics_heard:
            scoring.metrics_heard = heard
            far = VoipMetrics.read(metrics)
            if far is None:
                scoring.quality.implausible()
        return scoring.quality.interval(
            now,
            StreamCounters(*received),
            None if reported is None else StreamCounters(*reported),
            rtt_ms,
            rtt_source="xr" if extended else "rtcp",
            buffer_ms=float(depth),
            far=far,
            skipped=skipped,
            silence=NOTHING_CAME if record.expects_media else NOTHING_EXPECTED,
        )

    def _report(self, record: LegRecord, came: QualityInterval) -> None:
        """Let extended reports say how their stream sounds here; their R and scores are those of narrowband.

        In silence the last ones stand.
        """
        if not came.expected:
            return
        r, lq, cq = came.r, came.mos_lq, came.mos_cq
        if r is None or lq is None or cq is None or not isinstance(cq, MosCqe):
            self._core.set_scores(record.leg, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE)
        else:
            self._core.set_scores(record.leg, max(0, round(r)), round(10 * float(lq)), round(10 * float(cq)))


def _event(leg: int, direction: Direction, news: WeakNews | LinkNews) -> Told:
    if isinstance(news, WeakNews):
        if news.weak:
            return ConnectionWeak(leg, direction, news.score, news.ceiling, news.cause)
        return ConnectionRecovered(leg, direction, news.score)
    if news.unhealthy:
        return LinkUnhealthy(leg, direction, news.figure, news.value, news.limit)
    return LinkHealthy(leg, direction, news.figure, news.value)
