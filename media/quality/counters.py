"""Cumulative stream counters, and what happened between two readings of them.

Cumulative loss must never be scored as if it were recent, and a report from the network is believed only as far as it
could be true.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from media.value import value_class


@value_class(frozen=True, slots=True)
class StreamCounters:
    """One direction of one leg since it began (RFC 3550 6.4.1, A.3)."""

    expected: int
    """Packets by sequence number: highest extended minus first, plus one."""
    received: int
    lost: int
    """Never arrived; late arrivals and duplicates make it shrink."""
    discarded: int
    """Arrived too late (or too early) to be played; 0 when unknown."""
    loss_events: int
    """Runs of consecutive lost packets; 0 when unknown."""
    jitter_ms: float
    """Interarrival jitter (RFC 3550 A.8), current, in milliseconds."""
    duplicates: int


class Delta(NamedTuple):
    """What one interval added."""

    expected: int
    lost: int
    discarded: int
    loss_events: int


class Fault(Enum):
    """Why a reading cannot be true."""

    LOST_MORE_THAN_EXPECTED = "more packets lost than expected"
    NEGATIVE = "a negative count"
    TOO_MANY = "more packets than the time allows"


NOTHING = StreamCounters(0, 0, 0, 0, 0, 0.0, 0)


def difference(before: StreamCounters, after: StreamCounters) -> Delta:
    """Give what `after` adds to `before`, each count within 0 and the packets expected.

    A count of expected packets that went back means a stream that started anew (another SSRC): then all of `after` is
    new. Loss that shrank (late arrivals) counts as none.
    """
    if after.expected < before.expected:
        before = NOTHING
    expected = after.expected - before.expected
    lost = after.lost - before.lost
    discarded = after.discarded - before.discarded
    events = after.loss_events - before.loss_events
    # Plain comparisons: min() and max() cost three times as much, for every leg every five seconds.
    if lost < 0:
        lost = 0
    elif lost > expected:
        lost = expected
    if discarded < 0:
        discarded = 0
    elif discarded > expected - lost:
        discarded = expected - lost
    if events < 0:
        events = 0
    return Delta(expected, lost, discarded, events)


def fault(before: StreamCounters, after: StreamCounters, limit: int | None) -> Fault | None:
    """Tell why a remote report cannot be true; `limit` is the most packets that can have been sent since `before`."""
    # Asked this way round, a jitter that is not a number fails as well.
    if after.expected < 0 or after.discarded < 0 or not after.jitter_ms >= 0:
        return Fault.NEGATIVE
    if after.lost > after.expected:
        return Fault.LOST_MORE_THAN_EXPECTED
    added = after.expected - before.expected if after.expected >= before.expected else after.expected
    if after.expected >= before.expected and after.lost - before.lost > added:
        return Fault.LOST_MORE_THAN_EXPECTED
    return Fault.TOO_MANY if limit is not None and added > limit else None
