"""The verdict on one leg: a MOS every interval in both directions, and the call as a whole at its end.

R = 93.2 - Idd - Ie,eff (G.107, digital legs with echo control). MOS-LQ leaves the delay out, MOS-CQ keeps it (RFC 3611
4.7.5). Beside each score stand the codec's ceiling and what the damage consists of, so that "3.9" can be read.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from media.quality.codecs import CodecImpairment, Unrated, codec_impairment
from media.quality.counters import Delta, Fault, StreamCounters, difference, fault
from media.quality.direction import DirectionScores
from media.quality.emodel import delay_impairment, mos
from media.quality.scores import Degradation, DirectionSummary, QualityInterval, QualitySummary

if TYPE_CHECKING:
    from media.quality.scores import DelaySource

__all__ = ["Degradation", "DirectionSummary", "LegQuality", "QualityInterval", "QualitySummary", "StreamCounters"]

ASSUMED_RTT_MS = 60.0
"""Taken until a round trip was measured; below 100 ms of delay in all it costs nothing (G.107 7-27)."""
LONGEST_RTT_MS = 5000.0
"""A report of more is forged or broken: a satellite link is 600 ms, and nobody talks over 5 s."""
_LONGEST_VALID_TA = 500.0
_HIGHEST_VALID_PPL = 20.0


class LegQuality:
    """Scores one leg, in both directions.

    `codec` is the RTP encoding name, `plc` whether losses are concealed, `buffer_ms` the nominal depth of the jitter
    buffer; `impairment` overrides the built-in codec values; `started` (monotonic seconds) is when counting began.
    """

    __slots__ = (
        "_ceiling",
        "_impairment",
        "_implausible",
        "_look_ahead_ms",
        "_received",
        "_rtt_ms",
        "_sent",
        "buffer_ms",
        "codec",
        "ptime_ms",
    )

    def __init__(
        self,
        codec: str,
        plc: bool,
        ptime_ms: int,
        buffer_ms: float,
        *,
        impairment: CodecImpairment | None = None,
        started: float | None = None,
    ) -> None:
        self.buffer_ms = buffer_ms
        self._implausible = 0
        self._rtt_ms: float | None = None
        self._received = DirectionScores(started)
        self._sent = DirectionScores(started)
        self.set_codec(codec, plc=plc, ptime_ms=ptime_ms, impairment=impairment)

    def set_codec(self, codec: str, *, plc: bool, ptime_ms: int, impairment: CodecImpairment | None = None) -> None:
        """Go on with another codec (re-INVITE): what was scored so far stands."""
        self.codec = codec
        self.ptime_ms = ptime_ms
        rated = impairment or codec_impairment(codec, plc=plc)
        self._impairment: CodecImpairment | Unrated = rated
        self._look_ahead_ms = rated.look_ahead_ms if isinstance(rated, CodecImpairment) else 0.0
        self._ceiling = rated.ceiling if isinstance(rated, CodecImpairment) else 0.0

    def interval(
        self, now: float, received: StreamCounters, reported: StreamCounters | None, rtt_ms: float | None
    ) -> tuple[QualityInterval, QualityInterval | None]:
        """Score what happened since the last call, from cumulative counters.

        `reported` is what the far end's receiver reports say, None before the first; `rtt_ms` the round trip by RTCP,
        None when not measured. Gives the direction towards us, and the one towards the far end or None without a new
        credible report. Reports that cannot be true are counted and ignored. Never raises.
        """
        if rtt_ms is not None:
            if isfinite(rtt_ms) and 0 <= rtt_ms <= LONGEST_RTT_MS:
                self._rtt_ms = rtt_ms
            else:
                self._implausible += 1
        rtt = self._rtt_ms
        delay = (ASSUMED_RTT_MS if rtt is None else rtt) / 2 + self.buffer_ms + self.ptime_ms + self._look_ahead_ms
        idd = delay_impairment(delay)
        inbound = self._score(self._received, now, received, delay, idd)
        outbound = None
        if reported is not None and self._credible(now, reported):
            outbound = self._score(self._sent, now, reported, delay, idd)
        return inbound, outbound

    def summary(self) -> QualitySummary:
        """Give the call as a whole so far."""
        source: DelaySource = "assumed" if self._rtt_ms is None else "rtcp"
        impairment = self._impairment
        return QualitySummary(
            self.codec,
            self._received.summary(impairment, source),
            self._sent.summary(impairment, source),
            self._implausible,
        )

    def _credible(self, now: float, reported: StreamCounters) -> bool:
        """Whether a report can be true and says something new."""
        sent = self._sent
        limit = None
        if sent.last is not None:
            # Twice what fits into the time, and a second of grace for reports that were under way. Relayed packets keep
            # the length their sender chose, which may be shorter than what was agreed here.
            limit = int((now - sent.last + 1.0) * 2000 / min(max(self.ptime_ms, 1), 20)) + 1
        found = fault(sent.counters, reported, limit)
        if found is not None:
            self._implausible += 1
            if found is Fault.TOO_MANY:
                # Perhaps it was the earlier one that lied: measure the next report from here, and score neither.
                sent.counters = reported
                sent.last = now
            return False
        return reported.expected != sent.counters.expected

    def _score(
        self, direction: DirectionScores, now: float, counters: StreamCounters, delay: float, idd: float
    ) -> QualityInterval:
        delta = difference(direction.counters, counters)
        expected, lost, discarded, _ = delta
        direction.counters = counters
        started = now if direction.last is None else direction.last
        direction.last = now
        direction.count(delta, counters.jitter_ms)
        missing = lost + discarded
        ppl = 100.0 * missing / expected if missing else 0.0
        burst = _burst_ratio(delta, ppl) if missing else 1.0
        impairment = self._impairment
        ceiling: float | None = None
        r: float | None = None
        lq: float | None = None
        cq: float | None = None
        sliding: float | None = None
        reason = ""
        if isinstance(impairment, Unrated):
            reason = impairment.reason
        else:
            ceiling = self._ceiling
            if expected:
                listening = impairment.listening_rating(ppl, burst) if missing else impairment.best_rating
                lq = mos(listening) if missing else ceiling
                r = listening - idd
                cq = mos(r) if idd else lq
                sliding = direction.slide(now, expected, cq)
            else:
                reason = "no packets expected"
        rtt = self._rtt_ms
        verdict = QualityInterval(
            started,
            now,
            expected,
            lost,
            discarded,
            ppl,
            burst,
            counters.jitter_ms,
            rtt,
            delay,
            "assumed" if rtt is None else "rtcp",
            r,
            lq,
            cq,
            sliding,
            ceiling,
            delay > _LONGEST_VALID_TA or ppl > _HIGHEST_VALID_PPL,
            reason,
        )
        if ceiling is not None and lq is not None and cq is not None:
            direction.score(verdict, ceiling, lq, cq)
        return verdict


def _burst_ratio(delta: Delta, ppl: float) -> float:
    """BurstR: mean run of lost packets over that of random loss, within the range G.107 allows for this much loss."""
    if not delta.loss_events or not delta.lost:
        return 1.0
    measured = delta.lost / delta.loss_events * (1 - ppl / 100)
    if measured < 1:
        return 1.0
    return min(measured, 8.0 if ppl < 2 else 2.0)
