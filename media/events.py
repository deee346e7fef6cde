"""What the media plane tells signalling: frozen values in the past tense, delivered on the event loop in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from media.quality.verdict import QualityInterval, QualitySummary, StreamCounters

PlaybackEnd = Literal["end", "stopped", "no encoder"]


@dataclass(frozen=True, slots=True)
class MediaStarted:
    """The first valid packet came and its source was accepted: the far end can be heard."""

    leg: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class MediaTimeout:
    """No valid packet for `silent_for` seconds though the far end should send. Told once per silence."""

    leg: int
    silent_for: float


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """One RFC 4733 telephone event has ended; told once per key press. `digit` is one of 0-9 * # A-D or `!` (flash)."""

    leg: int
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class PlaybackFinished:
    """Exactly one per `Play`. "no encoder": none of the leg's codecs can carry the prompt."""

    leg: int
    playback: int
    reason: PlaybackEnd


@dataclass(frozen=True, slots=True)
class QualityReport:
    """How the last interval sounded: `received` from the far end to us, `sent` as the far end reports it (RTCP)."""

    leg: int
    received: QualityInterval
    sent: QualityInterval | None


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    """All files of the recording are complete. `lost_packets` could not be handed to the writer in time."""

    recording: int
    files: tuple[str, ...]
    lost_packets: int


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """A file could not be written; what was written stays readable, the call goes on."""

    recording: int
    path: str
    error: str


@dataclass(frozen=True, slots=True)
class DropCounters:
    """Packets of one leg thrown away, by reason."""

    malformed: int
    stranger: int
    unknown_payload: int
    unroutable: int
    foreign_ssrc: int
    send_failed: int

    @property
    def total(self) -> int:
        """All of them."""
        return (
            self.malformed
            + self.stranger
            + self.unknown_payload
            + self.unroutable
            + self.foreign_ssrc
            + self.send_failed
        )


@dataclass(frozen=True, slots=True)
class LegStatistics:
    """A leg's counters at one moment, cumulative since it was opened.

    `reported` is what the far end's RTCP says of the stream we send; `remote` the address the leg is locked to.
    """

    received: StreamCounters
    reported: StreamCounters | None
    rtt_ms: float | None
    remote: tuple[str, int] | None
    packets_received: int
    octets_received: int
    packets_sent: int
    octets_sent: int
    ssrc_received: int
    ssrc_sent: int
    drops: DropCounters
    tap_overruns: int


@dataclass(frozen=True, slots=True)
class LegGone:
    """The last event of a leg: its ports are given back, its id will not be used again."""

    leg: int
    statistics: LegStatistics
    quality: QualitySummary | None


@dataclass(frozen=True, slots=True)
class EngineDegraded:
    """The engine runs, but not as asked (no real-time priority, events lost ...); worth one warning line."""

    reason: str


Event = (
    MediaStarted
    | MediaTimeout
    | DigitReceived
    | PlaybackFinished
    | QualityReport
    | RecordingFinished
    | RecordingFailed
    | LegGone
    | EngineDegraded
)
