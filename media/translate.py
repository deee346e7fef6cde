"""From the engine's plain tuples to the values of `events` and `snapshots`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.addresses import address_text
from media.events import (
    DigitReceived,
    MarkReached,
    MediaStarted,
    MediaTimeout,
    PlaybackFinished,
    RoomChanged,
    RoomClosed,
)
from media.quality.verdict import StreamCounters
from media.snapshots import DropCounters, EngineCounters, LegStatistics, VideoStatistics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from media.engine import CoreAddress, CoreEvent, CoreStatistics, CoreVideo, WorkerCounters
    from media.events import Event, PlaybackEnd

STARTED = 0
TIMEOUT = 1
DIGIT = 2
PLAYBACK_FINISHED = 3
GONE = 4
RELEASED = 5
SILENCE = 6
ROOM_CHANGED = 20
ROOM_CLOSED = 21
MARK_REACHED = 22
STREAM_LEFT = 23
"""EventKind of ring.pxd. GONE, RELEASED and SILENCE are control's own affair, the others have a value each."""

_DIGITS = "0123456789*#ABCD!"
_ENDS: tuple[PlaybackEnd, ...] = ("end", "stopped", "no encoder")
_TICKS_A_MS = 8


def _started(leg: int, _number: int, _second: int, address: CoreAddress | None) -> Event:
    host, port = address or (b"", 0)
    return MediaStarted(leg, address_text(host), port)


def _timeout(leg: int, silent_for: int, _second: int, _address: CoreAddress | None) -> Event:
    return MediaTimeout(leg, silent_for / 1e6)


def _digit(leg: int, number: int, duration_ms: int, _address: CoreAddress | None) -> Event:
    return DigitReceived(leg, _DIGITS[number], duration_ms)


def _playback_finished(leg: int, playback: int, end: int, _address: CoreAddress | None) -> Event:
    return PlaybackFinished(leg, playback, _ENDS[end & 0xFF], end >> 8 & 0xFF, (end >> 16) // _TICKS_A_MS)


def _room_changed(_leg: int, room: int, parties: int, _address: CoreAddress | None) -> Event:
    return RoomChanged(room, parties)


def _room_closed(_leg: int, room: int, _second: int, _address: CoreAddress | None) -> Event:
    return RoomClosed(room)


def _mark_reached(stream: int, mark: int, _second: int, _address: CoreAddress | None) -> Event:
    return MarkReached(stream, mark)


_VALUES: dict[int, Callable[[int, int, int, CoreAddress | None], Event]] = {
    STARTED: _started,
    TIMEOUT: _timeout,
    DIGIT: _digit,
    PLAYBACK_FINISHED: _playback_finished,
    ROOM_CHANGED: _room_changed,
    ROOM_CLOSED: _room_closed,
    MARK_REACHED: _mark_reached,
}


def event(entry: CoreEvent) -> Event:
    """The value of an entry of `EngineCore.read` that has one."""
    kind, leg, number, second, address = entry
    return _VALUES[kind](leg, number, second, address)


def statistics(found: CoreStatistics, video: CoreVideo | None) -> LegStatistics:
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
        None if video is None else VideoStatistics(*video),
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
