"""From packets in any order to whole pictures in theirs; after a loss, only from the next key frame on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from media.record.video.payloads import Payloads

PATIENCE: Final = 500_000_000
"""Nanoseconds to wait for a packet that is missing: it may be late, or sent again."""
_MOST_HELD: Final = 1024


class VideoPacket(NamedTuple):
    """One RTP packet of a stream, its repair undone."""

    sequence: int
    timestamp: int
    marker: bool
    """The last of its picture."""
    payload: bytes
    """b"": padding alone, as senders probe the way with."""
    arrival: int
    """Nanoseconds of CLOCK_MONOTONIC."""


class Picture(NamedTuple):
    """One whole picture."""

    data: bytes
    key: bool
    timestamp: int
    arrival: int
    """Of its first packet."""


class Pictures:
    """One stream (SSRC) of one codec. Every picture it gives can be decoded after those it gave before."""

    def __init__(self, payloads: Payloads) -> None:
        self.payloads = payloads
        self.wants_key = True
        """Nothing can be given before a key frame comes."""
        self.gaps = 0
        """How often packets were missing for good, or did not fit together."""
        self.skipped = 0
        """Whole pictures that came while a key frame was waited for."""
        self._next: int | None = None
        """The sequence number, not wrapped, that comes next."""
        self._held: dict[int, VideoPacket] = {}
        self._parts: list[VideoPacket] = []
        """Of the picture that is being put together."""
        self._sure = False
        """Where a picture begins; not so after a loss."""
        self._beheaded: int | None = None
        """The timestamp of a picture whose beginning is lost."""

    def put(self, packet: VideoPacket) -> Iterator[Picture]:
        """Take a packet; give the pictures that are whole now. What comes twice or too late is passed over."""
        if self._next is None:
            self._next = packet.sequence
        number = self._next + ((packet.sequence - self._next + 0x8000 & 0xFFFF) - 0x8000)
        if number < self._next:
            return
        self._held.setdefault(number, packet)
        while self._held:
            known = self._held.pop(self._next, None)
            if known is not None:
                self._next += 1
                yield from self._take(known)
            elif len(self._held) > _MOST_HELD or packet.arrival - self._oldest() > PATIENCE:
                self._lose()
                self._next = min(self._held)
            else:
                return

    def _oldest(self) -> int:
        return min(packet.arrival for packet in self._held.values())

    def _take(self, packet: VideoPacket) -> Iterator[Picture]:
        """The packet that comes next."""
        if not packet.payload:
            return
        if self._parts and self._parts[0].timestamp != packet.timestamp:
            yield from self._finish()  # its last packet came without the marker
        if not self._sure and not self._begins(packet):
            return
        self._parts.append(packet)
        if packet.marker:
            yield from self._finish()

    def _begins(self, packet: VideoPacket) -> bool:
        """After a loss: what is left of a picture is passed over until the next one begins."""
        if self._beheaded is None and not self.payloads.begins(packet.payload):
            self._beheaded = packet.timestamp
        self._sure = packet.timestamp != self._beheaded
        return self._sure

    def _finish(self) -> Iterator[Picture]:
        parts, self._parts = self._parts, []
        try:
            data = self.payloads.join([part.payload for part in parts])
        except ValueError:
            data = b""
        if not data:
            self.gaps += 1
            self.wants_key = True
            return
        key = self.payloads.is_key(data)
        if key or not self.wants_key:
            self.wants_key = False
            yield Picture(data, key, parts[0].timestamp, parts[0].arrival)
        else:
            self.skipped += 1

    def _lose(self) -> None:
        self.gaps += 1
        self._parts.clear()
        self.wants_key = True
        self._sure = False
        self._beheaded = None
