"""Verdicts on how a leg sounded, made as the engine makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.events import QualityReport
from media.quality.verdict import LegQuality, StreamCounters

if TYPE_CHECKING:
    from media.quality.verdict import QualitySummary


def good_then_bad(leg: int) -> tuple[QualityReport, QualitySummary]:
    """PCMA, received: 20 s without fault, then 5 s in which every fifth packet was lost; never reported on."""
    quality = LegQuality("PCMA", plc=True, ptime_ms=20, buffer_ms=40.0, started=0.0)
    for number in range(1, 5):
        quality.interval(5.0 * number, StreamCounters(250 * number, 250 * number, 0, 0, 0, 2.0, 0), None, None)
    newest = quality.interval(25.0, StreamCounters(1250, 1200, 50, 0, 50, 2.0, 0), None, None)
    return QualityReport(leg, *newest), quality.summary()
