"""The verdict on one leg: a score every interval in both directions, and the call as a whole at its end.

R = Ro - Idd - Ie,eff (G.107, G.107.1, G.107.2 by codec; digital legs with echo control). The listening score (MOS-LQ)
leaves the delay out, the conversational (MOS-CQ) keeps it (RFC 3611 4.7.5). Beside each score stand the codec's ceiling
and what the damage consists of, so that "3.9" can be read.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Literal

from media.quality.codecs import CodecImpairment, Unrated, codec_impairment
from media.quality.counters import Delta, Fault, StreamCounters, difference, fault
from media.quality.direction import DirectionScores
from media.quality.scores import NOTHING_EXPECTED, Degradation, DirectionSummary, QualityInterval, QualitySummary

if TYPE_CHECKING:
    from media.quality.opinion import Opinion
    from media.quality.scores import DelaySource
    from media.quality.voip_metrics import VoipMetrics

__all__ = ["Degradation", "DirectionSummary", "LegQuality", "QualityInterval", "QualitySummary", "StreamCounters"]

ASSUMED_RTT_MS = 60.0
"""Taken until a round trip was measured; below 100 ms of delay in all it costs nothing (G.107 7-27)."""
ASSUMED_BUFFER_MS = 60.0
"""Taken for the far end's jitter buffer until it tells."""
LONGEST_RTT_MS = 5000.0
"""A report of more is forged or broken: a satellite link is 600 ms, and nobody talks over 5 s."""
CONTRADICTION = 5.0
"""Percent of loss by which a far end's extended report may differ from its own receiver report: they are not of the
same moment, and both count from different beginnings."""
_LONGEST_VALID_TA = 500.0
_HIGHEST_VALID_PPL = 20.0


class LegQuality:
    """Scores one leg, in both directions.

    `codec` is the RTP encoding name, `plc` whether losses are concealed, `buffer_ms` the nominal depth of the jitter
    buffer; `impairment` overrides the built-in codec values; `started` (monotonic seconds) is when counting began.
    """

    __slots__ = (
        "_far",
        "_far_discarded",
        "_implausible",
        "_received",
        "_rtt_ms",
        "_rtt_source",
        "_sent",
        "_skipped",
        "buffer_ms",
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
        self.ptime_ms = ptime_ms
        self._implausible = 0
        self._rtt_ms: float | None = None
        self._rtt_source: Literal["rtcp", "xr"] = "rtcp"
        self._far: VoipMetrics | None = None
        self._far_discarded = 0.0
        self._skipped = 0
        rated = impairment or codec_impairment(codec, plc=plc)
        self._received = DirectionScores(started, codec, rated)
        self._sent = DirectionScores(started, codec, rated)

    @property
    def codec(self) -> str:
        """What we receive."""
        return self._received.current.codec

    @property
    def sent_codec(self) -> str:
        """What we send."""
        return self._sent.current.codec

    def set_codec(self, codec: str, *, plc: bool, ptime_ms: int, impairment: CodecImpairment | None = None) -> None:
        """Go on with another codec in both directions (re-INVITE): what was scored so far stands, apart."""
        self.ptime_ms = ptime_ms
        rated = impairment or codec_impairment(codec, plc=plc)
        self._received.change(codec, rated)
        self._sent.change(codec, rated)

    def receives(self, codec: str, rated: CodecImpairment | Unrated) -> None:
        """From now on what comes in is coded like this."""
        self._received.change(codec, rated)

    def sends(self, codec: str, rated: CodecImpairment | Unrated) -> None:
        """From now on what goes out is coded like this."""
        self._sent.change(codec, rated)

    def interval(
        self,
        now: float,
        received: StreamCounters,
        reported: StreamCounters | None,
        rtt_ms: float | None,
        *,
        rtt_source: Literal["rtcp", "xr"] = "rtcp",
        buffer_ms: float | None = None,
        far: VoipMetrics | None = None,
        skipped: int = 0,
        silence: str = NOTHING_EXPECTED,
    ) -> tuple[QualityInterval, QualityInterval | None]:
        """Score what happened since the last call, from cumulative counters.

        `reported` is what the far end's receiver reports say, None before the first; `rtt_ms` the round trip, None
        when not measured; `buffer_ms` the depth of our jitter buffer now; `far` the far end's newest extended report;
        `skipped` how many numbers of the stream we send we never had; `silence` why there is no score when nothing
        came. Gives the direction towards us, and the one towards the far end or None without a new credible report.
        Reports that cannot be true are counted and ignored. Never raises.
        """
        self._skipped = skipped
        if buffer_ms is not None:
            self.buffer_ms = buffer_ms
        if far is not None:
            self._hear(far, reported)
        self._measure(rtt_ms, rtt_source)
        rtt = (ASSUMED_RTT_MS if self._rtt_ms is None else self._rtt_ms) / 2 + self.ptime_ms
        inbound = self._score(self._received, now, received, rtt + self.buffer_ms, silence)
        outbound = None
        if reported is not None and self._credible(now, reported):
            buffer = ASSUMED_BUFFER_MS if self._far is None else self._far.buffer_ms or ASSUMED_BUFFER_MS
            outbound = self._score(self._sent, now, self._with_discards(reported), rtt + buffer, NOTHING_EXPECTED)
        return inbound, outbound

    def implausible(self) -> None:
        """Something came from the far end that cannot be true."""
        self._implausible += 1

    def summary(self) -> QualitySummary:
        """Give the call as a whole so far."""
        source = self._delay_source
        received = tuple([each.summary(source) for each in self._received.stretches])
        sent = tuple([each.summary(source) for each in self._sent.stretches])
        main = _most(received)
        return QualitySummary(
            main.codec,
            main,
            _most(sent),
            self._implausible,
            received,
            sent,
            self._far,
            self._rtt_ms,
            self._skipped,
        )

    @property
    def _delay_source(self) -> DelaySource:
        return "assumed" if self._rtt_ms is None else self._rtt_source

    def _measure(self, rtt_ms: float | None, source: Literal["rtcp", "xr"]) -> None:
        """Take a measured round trip; else what the far end measured; else what is known stands."""
        if rtt_ms is not None:
            if isfinite(rtt_ms) and 0 <= rtt_ms <= LONGEST_RTT_MS:
                self._rtt_ms = rtt_ms
                self._rtt_source = source
            else:
                self._implausible += 1
        elif self._far is not None and self._far.rtt_ms is not None:
            self._rtt_ms = float(self._far.rtt_ms)
            self._rtt_source = "xr"

    def _hear(self, far: VoipMetrics, reported: StreamCounters | None) -> None:
        """Take the far end's figures, unless its own receiver reports contradict them."""
        if far is self._far:
            return
        if reported is not None and reported.expected > 0:
            loss = 100.0 * reported.lost / reported.expected
            if abs(loss - far.loss_percent) > CONTRADICTION:
                self._implausible += 1
                return
        self._far = far

    def _with_discards(self, reported: StreamCounters) -> StreamCounters:
        """The report with what the far end says it threw away.

        The block tells the share since the beginning, to 1/256, so that its increase over an interval says nothing:
        every interval is given that share of its own packets.
        """
        before = self._sent.counters
        if self._far is None:
            return reported
        if reported.expected < before.expected:
            self._far_discarded = 0.0
            added = reported.expected
        else:
            added = reported.expected - before.expected
        self._far_discarded += added * self._far.discard_percent / 100
        return StreamCounters(
            reported.expected,
            reported.received,
            reported.lost,
            int(self._far_discarded),
            reported.loss_events,
            reported.jitter_ms,
            reported.duplicates,
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
                self._far_discarded = float(reported.discarded)
            return False
        return reported.expected != sent.counters.expected

    def _score(
        self, direction: DirectionScores, now: float, counters: StreamCounters, way_ms: float, silence: str
    ) -> QualityInterval:
        """One direction over one interval; `way_ms` is its delay without the codec's look-ahead."""
        delta = difference(direction.counters, counters)
        expected, lost, discarded, _ = delta
        direction.counters = counters
        started = now if direction.last is None else direction.last
        direction.last = now
        stretch = direction.current
        impairment = stretch.impairment
        missing = lost + discarded
        ppl = 100.0 * missing / expected if missing else 0.0
        burst = _burst_ratio(delta, ppl) if missing else 1.0
        stretch.count(delta, counters.jitter_ms, burst)
        r: float | None = None
        lq: Opinion | None = None
        cq: Opinion | None = None
        sliding: Opinion | None = None
        degradation: Degradation | None = None
        ceiling = stretch.ceiling
        reason = ""
        delay = way_ms
        if isinstance(impairment, Unrated) or ceiling is None:
            # That nothing came is news, whatever the codec; that none was expected is not.
            nothing = not expected and silence != NOTHING_EXPECTED
            reason = impairment.reason if isinstance(impairment, Unrated) and not nothing else silence
        else:
            delay += impairment.look_ahead_ms
            if expected:
                scale = impairment.scale
                idd = scale.delay_impairment(delay)
                listening = impairment.listening_rating(ppl, burst) if missing else impairment.best_rating
                lq = scale.score(listening) if missing else ceiling
                r = listening - idd
                cq = scale.score(r) if idd else lq
                sliding = scale.opinion(stretch.slide(now, expected, float(cq)))
                damage = float(ceiling) - float(lq)
                by_discard = damage * discarded / missing if missing else 0.0
                degradation = Degradation(
                    stretch.best - float(ceiling), damage - by_discard, by_discard, float(lq) - float(cq)
                )
            else:
                reason = silence
        stretch.delay_ms = delay
        stretch.silence = silence
        verdict = QualityInterval(
            started,
            now,
            expected,
            lost,
            discarded,
            ppl,
            burst,
            counters.jitter_ms,
            self._rtt_ms,
            delay,
            self._delay_source,
            r,
            lq,
            cq,
            sliding,
            ceiling,
            delay > _LONGEST_VALID_TA or ppl > _HIGHEST_VALID_PPL,
            reason,
            stretch.codec,
            degradation,
        )
        if lq is not None and cq is not None and degradation is not None:
            stretch.score(verdict, float(lq), float(cq), degradation)
        return verdict


def _most(stretches: tuple[DirectionSummary, ...]) -> DirectionSummary:
    """That with most packets; the newest among equals."""
    return stretches[0] if len(stretches) == 1 else max(reversed(stretches), key=_expected)


def _expected(summary: DirectionSummary) -> int:
    return summary.expected


def _burst_ratio(delta: Delta, ppl: float) -> float:
    """BurstR: mean run of lost packets over that of random loss, within the range G.107 allows for this much loss."""
    if not delta.loss_events or not delta.lost:
        return 1.0
    measured = delta.lost / delta.loss_events * (1 - ppl / 100)
    if measured < 1:
        return 1.0
    return min(measured, 8.0 if ppl < 2 else 2.0)
