"""From the engine's plain tuples to the values of `events` and `snapshots`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.addresses import address_text
from media.events import DigitReceived, MediaStarted, MediaTimeout, PlaybackFinished
from media.quality.verdict import StreamCounters
from media.snapshots import DropCounters, EngineCounters, LegStatistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from media.engine import CoreEvent, CoreStatistics, WorkerCounters
    from media.events import PlaybackEnd

STARTED, TIMEOUT, DIGIT, PLAYBACK_FINISHED, GONE = range(5)
"""EventKind of ring.pxd."""

_DIGITS = "0123456789*#ABCD!"
_ENDS: tuple[PlaybackEnd, ...] = ("end", "stopped", "no encoder")


def event(entry: CoreEvent) -> MediaStarted | MediaTimeout | DigitReceived | PlaybackFinished:
    """The value of any entry but GONE, which control completes itself."""
    kind, leg, number, second, address = entry
    if kind == STARTED and address is not None:
        return MediaStarted(leg, address_text(address[0]), address[1])
    if kind == TIMEOUT:
        return MediaTimeout(leg, number / 1e6)
    if kind == DIGIT:
        return DigitReceived(leg, _DIGITS[number], second)
    return PlaybackFinished(leg, number, _ENDS[second])


def statistics(found: CoreStatistics) -> LegStatistics:
    """A leg's snapshot."""
    received, reported, rtt_ms, remote, *counts, drops, overruns = found
    packets_received, octets_received, packets_sent, octets_sent, ssrc_received, ssrc_sent = counts
    return LegStatistics(
        StreamCounters(*received),
        None if reported is None else StreamCounters(*reported),
        rtt_ms,
        None if remote is None else (address_text(remote[0]), remote[1]),
        packets_received,
        octets_received,
        packets_sent,
        octets_sent,
        ssrc_received,
        ssrc_sent,
        DropCounters(*drops),
        overruns,
    )


def counters(
    workers: Sequence[WorkerCounters],
    load: tuple[float, ...],
    *,
    legs: int,
    ports_free: int,
    ports_total: int,
    recordings: int,
    recording_backlog: int,
) -> EngineCounters:
    """All workers added up."""
    drops = [sum(each) for each in zip(*(worker[4] for worker in workers), strict=True)]
    return EngineCounters(
        packets_received=sum(each[0] for each in workers),
        packets_sent=sum(each[1] for each in workers),
        packets_steered=sum(each[10] for each in workers),
        rtcp_received=sum(each[2] for each in workers),
        rtcp_sent=sum(each[3] for each in workers),
        drops=DropCounters(*drops),
        worker_load=load,
        worst_delay_ms=max(each[9] for each in workers) / 1000,
        wakeups=sum(each[6] for each in workers),
        events_lost=sum(each[5] for each in workers),
        legs=legs,
        ports_free=ports_free,
        ports_total=ports_total,
        recordings=recordings,
        recording_backlog=recording_backlog,
    )
