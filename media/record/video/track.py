"""One leg's pictures in one recording: from the ring of its media worker to its files."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from media.record.video.moments import Moments
from media.record.video.output import PictureOutput
from media.record.video.payloads import payloads_of
from media.record.video.pictures import Pictures
from media.record.video.rtp import read_packet

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOMENT: Final = 200
"""Of media.video.tap: not a packet, but what its timestamp means."""
_SILENT: Final = 1_000_000_000
"""Nanoseconds after which a stream makes room for another one."""
_ASK_AGAIN: Final = 1_000_000_000


class PictureRing(Protocol):
    """What `media.video.ring.VideoTap` is."""

    @property
    def closed(self) -> bool:
        """Nothing more is put in."""

    @property
    def overruns(self) -> int:
        """Packets that found it full."""

    def read(self, most: int = 4096) -> list[tuple[int, int, bool, int, int, int, bytes]]:
        """The oldest entries: arrival, payload type, whether it repairs, SSRC, timestamp, sequence number, packet."""


class VideoTrack:
    """Belongs to the video writer's thread, but `formats` and `rings`, to which the loop's thread may give new ones."""

    def __init__(self, leg: int, stem: str, sound: str, started: int) -> None:
        """`stem`: the files' path without suffix; `sound`: the leg's WAV; `started`: second 0, CLOCK_MONOTONIC ns."""
        self.leg = leg
        self.formats: Mapping[int, str] = {}
        """Encoding names by payload type."""
        self.rings: deque[PictureRing] = deque()
        """The last one may still be filled; those before it only wait to be read."""
        self.output = PictureOutput(leg, stem, sound, started)
        self.overruns = 0
        self._gaps = 0
        """Of streams that are over."""
        self._ssrc = 0
        self._heard = 0
        self._pictures: Pictures | None = None
        self._moments: dict[int, Moments] = {}
        self._asked = 0

    @property
    def gaps(self) -> int:
        """How often there was nothing to show until the next key frame."""
        return self._gaps + (0 if self._pictures is None else self._pictures.gaps)

    def drain(self, now: int) -> None:
        """One pass: packets into pictures, pictures and sound into the file."""
        while self.rings:
            ring = self.rings[0]
            closed = ring.closed
            entries = ring.read()
            for arrival, payload_type, repairs, ssrc, timestamp, _, data in entries:
                if payload_type == _MOMENT:
                    self._moments.setdefault(ssrc, Moments()).report(timestamp, arrival)
                else:
                    self._take(arrival, payload_type, repairs, ssrc, data)
            if not entries and not closed:
                break
            if not entries:
                self.overruns += ring.overruns
                self.rings.popleft()
        self.output.write(now)

    def asks(self, now: int) -> bool:
        """Whether a key frame is needed, and it is time to ask for it."""
        if self._pictures is None or not self._pictures.wants_key or not self.rings or now - self._asked < _ASK_AGAIN:
            return False
        self._asked = now
        return True

    def finish(self, now: int) -> None:
        """Everything has been said, and the sound is whole."""
        self.drain(now)
        self.output.write(now, last=True)
        self.output.close()

    def _take(self, arrival: int, payload_type: int, repairs: bool, ssrc: int, data: bytes) -> None:
        packet = read_packet(data, arrival, repairs=repairs)
        if packet is None:
            return
        if not repairs:
            if not self._follow(ssrc, self.formats.get(payload_type, ""), arrival):
                return
            self._heard = arrival
        if self._pictures is None:
            return
        # What is sent again can only be of the one stream that is recorded: its number tells where it belongs.
        for picture in self._pictures.put(packet):
            moments = self._moments.setdefault(self._ssrc, Moments())
            moment = moments.of(picture.timestamp, picture.arrival)
            self.output.add(picture, moment, self._pictures.payloads.codec)

    def _follow(self, ssrc: int, name: str, arrival: int) -> bool:
        """Whether a packet is of the stream that is recorded: one at a time, until it falls silent."""
        known = self._pictures
        if known is not None and ssrc == self._ssrc and known.payloads.codec == name.lower():
            return True
        if known is not None and ssrc != self._ssrc and arrival - self._heard < _SILENT:
            return False
        payloads = payloads_of(name)
        if payloads is None:
            return False
        self._gaps = self.gaps
        self._ssrc = ssrc
        self._pictures = Pictures(payloads)
        return True
