"""Every leg is scored every few seconds, a slice of the legs at a time, so that the event loop never stalls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.events import QualityReport
from media.quality.verdict import StreamCounters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from media.engine import EngineCore
    from media.legs import LegRecord
    from media.quality.verdict import QualitySummary

SLICE = 0.1
"""Seconds between two slices."""


class QualityRound:
    """Legs in as many buckets as there are slices in an interval, by when they were opened."""

    def __init__(self, core: EngineCore, interval: float) -> None:
        self._core = core
        self._buckets: list[dict[int, LegRecord]] = [{} for _ in range(max(1, round(interval / SLICE)))]
        self._turn = 0

    def join(self, record: LegRecord) -> None:
        """Score this leg from now on: it comes after the slice just served, so its first interval is a whole one."""
        record.bucket = self._turn
        self._buckets[record.bucket][record.leg] = record

    def leave(self, record: LegRecord) -> None:
        """Score it no longer."""
        self._buckets[record.bucket].pop(record.leg, None)

    def turn(self, now: float) -> Iterator[QualityReport]:
        """Score the next slice."""
        self._turn = (self._turn + 1) % len(self._buckets)
        for record in self._buckets[self._turn].values():
            report = self._score(record, now)
            if report is not None:
                yield report

    def finish(self, record: LegRecord, now: float) -> QualitySummary | None:
        """Score what is left of a leg that ends, and sum up the call; None when it never had a codec."""
        self._score(record, now)
        return None if record.quality is None else record.quality.summary()

    def _score(self, record: LegRecord, now: float) -> QualityReport | None:
        if record.quality is None:
            return None
        streams = self._core.streams(record.leg)
        if streams is None or streams[0][0] == 0:
            return None
        received, reported, rtt_ms = streams
        counters = StreamCounters(*received)
        told = None if reported is None else StreamCounters(*reported)
        return QualityReport(record.leg, *record.quality.interval(now, counters, told, rtt_ms))
