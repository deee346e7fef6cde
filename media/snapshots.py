"""What can be read of the media plane at any moment: frozen counters, cumulative unless said otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.value import value_class

if TYPE_CHECKING:
    from media.quality.verdict import StreamCounters


@value_class(frozen=True, slots=True)
class DropCounters:
    """Packets thrown away, by reason. The order is that of `DropReason` in leg.pxd.

    SRTP: `unauthenticated` were altered, forged or under another key; `replayed` came again, or too late to tell, or
    would have been sent under a number used before.
    `out_of_order` and `undecodable` only where audio is decoded: what is only relayed keeps its order and its faults.
    `handshake`: STUN and DTLS to a browser leg's port, more of it than is taken in a while.
    """

    malformed: int = 0
    stranger: int = 0
    unknown_payload: int = 0
    unroutable: int = 0
    foreign_ssrc: int = 0
    send_failed: int = 0
    unauthenticated: int = 0
    replayed: int = 0
    out_of_order: int = 0
    undecodable: int = 0
    handshake: int = 0

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
            + self.unauthenticated
            + self.replayed
            + self.out_of_order
            + self.undecodable
            + self.handshake
        )


@value_class(frozen=True, slots=True)
class VideoStatistics:
    """The video that came from a leg's far end, since the leg was opened.

    `octets` count RTP headers. `lost`: gaps in the numbers of pictures, retransmissions apart. Of what came, `relayed`
    packets went to the connected leg, `nowhere` had nobody to go to (no partner with video, or on hold); `refused` were
    over the highest rate, or of more sources than one browser has.
    `key_frames_asked`, `repairs_asked`: what its far end asked of the other (PLI and FIR, NACK); `key_frames_wanted`:
    what we asked of it for a new viewer.
    """

    packets: int
    octets: int
    lost: int
    relayed: int
    nowhere: int
    refused: int
    key_frames_asked: int
    key_frames_wanted: int
    repairs_asked: int
    tap_overruns: int


@value_class(frozen=True, slots=True)
class LegStatistics:
    """A leg since it was opened.

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
    video: VideoStatistics | None = None


@value_class(frozen=True, slots=True)
class EngineCounters:
    """The whole engine. `worker_load` is each worker's share of a core since the last call of `counters()`, 0.0-1.0,
    and `worst_delay_ms` the latest a worker came since then while it gathered packets (0 at light load).
    `packets_steered`: of those received, how many took the short way (MediaSettings.acceleration).
    """

    packets_received: int
    packets_sent: int
    packets_steered: int
    rtcp_received: int
    rtcp_sent: int
    drops: DropCounters
    worker_load: tuple[float, ...]
    worst_delay_ms: float
    wakeups: int
    events_lost: int
    legs: int
    ports_free: int
    ports_total: int
    recordings: int
    recording_backlog: int
