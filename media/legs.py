"""What control remembers of an open leg, beside what the engine's leg table holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.quality.verdict import LegQuality
from media.value import value_class

if TYPE_CHECKING:
    from audiocodecs.coding import Decoder, Encoder

    from media.commands import PayloadFormat
    from media.srtp.keys import LegKeys

BUFFER_MS = 60.0
"""Nominal depth of the virtual jitter buffer, as in receive/statistics.pxd."""
_NOT_AUDIO = {"telephone-event", "cn"}


@value_class(frozen=True, slots=True)
class OpenedLeg:
    """A leg with its ports bound: RTP on `port`, RTCP on `port + 1`."""

    leg: int
    address: str
    port: int


class LegRecord:
    """One open leg."""

    __slots__ = ("bucket", "coders", "group", "keys", "label", "leg", "port", "quality", "tapped_by", "worker")

    def __init__(self, leg: int, port: int, label: str, group: str, worker: int) -> None:
        self.leg = leg
        self.port = port
        self.label = label
        self.group = group
        self.worker = worker
        self.bucket = 0
        self.quality: LegQuality | None = None
        self.tapped_by: int | None = None
        self.coders: dict[int, tuple[Decoder | Encoder, ...]] = {}
        """By token: what the worker uses, and what it has not let go of yet."""
        self.keys: LegKeys | None = None

    def released(self, token: int) -> None:
        """The worker has let go of what control gave this token: coders, or an SRTP session by its address."""
        if self.coders.pop(token, None) is None and self.keys is not None:
            self.keys.released(token)

    def settle(self, receive: tuple[PayloadFormat, ...], ptime: int, now: float) -> None:
        """The codec that is scored: the best one they may send to us."""
        codec = next((each.name for each in receive if each.name.lower() not in _NOT_AUDIO), None)
        if codec is None:
            return
        if self.quality is None:
            self.quality = LegQuality(codec, True, ptime, BUFFER_MS, started=now)
        elif self.quality.codec != codec or self.quality.ptime_ms != ptime:
            self.quality.set_codec(codec, plc=True, ptime_ms=ptime)
