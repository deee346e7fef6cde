"""What the media plane tells signalling: frozen values in the past tense, delivered on the event loop in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from media.record.events import RecordedFile, RecordingFailed, RecordingFinished
from media.value import value_class

if TYPE_CHECKING:
    from media.quality.verdict import QualityInterval, QualitySummary
    from media.snapshots import LegStatistics

__all__ = [
    "DigitReceived",
    "EngineDegraded",
    "Event",
    "LegGone",
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
class QualityReport:
    """How the last interval sounded: `received` from the far end to us, `sent` as the far end reports it (RTCP)."""

    leg: int
    received: QualityInterval
    sent: QualityInterval | None


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
    | PlaybackFinished
    | QualityReport
    | RoomChanged
    | RoomClosed
    | RecordingFinished
    | RecordingFailed
    | LegGone
    | EngineDegraded
)
