"""What the media plane tells signalling: frozen values in the past tense, delivered on the event loop in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from media.record.events import RecordedFile, RecordingFailed, RecordingFinished
from media.value import value_class

if TYPE_CHECKING:
    from media.quality.opinion import Opinion
    from media.quality.verdict import QualityInterval, QualitySummary
    from media.quality.watch import Figure
    from media.snapshots import LegStatistics

__all__ = [
    "ConnectionRecovered",
    "ConnectionWeak",
    "DigitReceived",
    "EngineDegraded",
    "Event",
    "HandshakeReceived",
    "LegGone",
    "LinkHealthy",
    "LinkUnhealthy",
    "MarkReached",
    "MediaStarted",
    "MediaTimeout",
    "PlaybackEnd",
    "PlaybackFinished",
    "QualityReport",
    "RecordedFile",
    "RecordingFailed",
    "RecordingFinished",
    "RoomChanged",
    "RoomClosed",
]

PlaybackEnd = Literal["end", "stopped", "no encoder"]


@value_class(frozen=True, slots=True)
class MediaStarted:
    """The first valid packet came and its source was accepted: the far end can be heard."""

    leg: int
    address: str
    port: int


@value_class(frozen=True, slots=True)
class MediaTimeout:
    """No valid packet for `silent_for` seconds though the far end should send. Told once per silence."""

    leg: int
    silent_for: float


@value_class(frozen=True, slots=True)
class DigitReceived:
    """One RFC 4733 telephone event has ended; told once per key press. `digit` is one of 0-9 * # A-D or `!` (flash)."""

    leg: int
    digit: str
    duration_ms: int


@value_class(frozen=True, slots=True)
class HandshakeReceived:
    """A STUN or DTLS datagram (RFC 7983: its first octet is 0-3 or 20-63) came to a browser leg's port.

    Anybody may have sent it: nothing in it, nor the address, is checked. It is at most 1,500 octets long.
    `leg` is 0 when it came to the port that browser legs share, from an address no `BindAddress` gave to one of them.
    """

    leg: int
    data: bytes
    address: str
    port: int


@value_class(frozen=True, slots=True)
class PlaybackFinished:
    """Exactly one per `Play` and `Announce`. "no encoder": none of the leg's codecs can carry the prompt.

    It was `position_ms` into the sound number `sound` of the command: where another Play may go on.
    """

    leg: int
    playback: int
    reason: PlaybackEnd
    sound: int = 0
    position_ms: int = 0


@value_class(frozen=True, slots=True)
class RoomChanged:
    """Somebody has joined or left: so many `parties` are in the room now."""

    room: int
    parties: int


@value_class(frozen=True, slots=True)
class RoomClosed:
    """The last event of a room."""

    room: int


@value_class(frozen=True, slots=True)
class MarkReached:
    """All that a stream said up to this mark has been said."""

    stream: int
    mark: int


@value_class(frozen=True, slots=True)
class QualityReport:
    """How the last interval sounded: `received` from the far end to us, `sent` as the far end reports it (RTCP)."""

    leg: int
    received: QualityInterval
    sent: QualityInterval | None


Direction = Literal["received", "sent"]
"""From the far end to us, or from us to the far end as it reports."""


@value_class(frozen=True, slots=True)
class ConnectionWeak:
    """The mean score of the last 15 s fell below the limit for this codec (media.quality.watch)."""

    leg: int
    direction: Direction
    score: Opinion
    ceiling: Opinion
    cause: str
    """What took most: `loss`, `discard`, `delay` or `codec`."""


@value_class(frozen=True, slots=True)
class ConnectionRecovered:
    """It has been good again for a while."""

    leg: int
    direction: Direction
    score: Opinion


@value_class(frozen=True, slots=True)
class LinkUnhealthy:
    """A link left its healthy limits: `loss` in percent over the last 15 s, or `latency` in milliseconds one way."""

    leg: int
    direction: Direction
    figure: Figure
    value: float
    limit: float


@value_class(frozen=True, slots=True)
class LinkHealthy:
    """It has been back within them for a while."""

    leg: int
    direction: Direction
    figure: Figure
    value: float


@value_class(frozen=True, slots=True)
class LegGone:
    """The last event of a leg: its ports are given back, its id will not be used again."""

    leg: int
    statistics: LegStatistics
    quality: QualitySummary | None


@value_class(frozen=True, slots=True)
class EngineDegraded:
    """The engine runs, but not as asked (no real-time priority, events lost ...); worth one warning line."""

    reason: str


Event = (
    MediaStarted
    | MediaTimeout
    | DigitReceived
    | HandshakeReceived
    | PlaybackFinished
    | QualityReport
    | RoomChanged
    | RoomClosed
    | ConnectionWeak
    | ConnectionRecovered
    | LinkUnhealthy
    | LinkHealthy
    | MarkReached
    | RecordingFinished
    | RecordingFailed
    | LegGone
    | EngineDegraded
)
