"""What control remembers of a leg in order to score it: verdicts, watches, and how its codecs are being used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.quality.codecs import ANY_MODE
from media.quality.usage import audio_of, in_use, mode_of
from media.quality.verdict import ASSUMED_BUFFER_MS, LegQuality
from media.quality.watch import DirectionWatch

if TYPE_CHECKING:
    from media.commands import PayloadFormat
    from media.legs import LegRecord
    from media.quality.codecs import CodecFactors, CodecImpairment, Unrated
    from media.quality.usage import Use
    from media.quality.watch import Thresholds


class LegScoring:
    """One leg's verdicts. Made when its first codec is known."""

    __slots__ = (
        "_factors",
        "_received_use",
        "_sent_use",
        "metrics_heard",
        "quality",
        "received_watch",
        "sent_watch",
    )

    def __init__(self, first: PayloadFormat, record: LegRecord, factors: CodecFactors, limits: Thresholds) -> None:
        self._factors = factors
        self._received_use: Use | None = None
        self._sent_use: Use | None = None
        self.metrics_heard = 0
        self.quality = LegQuality(first.name, True, record.ptime, ASSUMED_BUFFER_MS, started=record.settled_at)
        self.received_watch = DirectionWatch(limits)
        self.sent_watch = DirectionWatch(limits)
        self.look(record, None, None)

    @classmethod
    def begin(cls, record: LegRecord, factors: CodecFactors, limits: Thresholds) -> LegScoring | None:
        """None as long as no codec is known."""
        first = audio_of(record.receive) or audio_of(record.send)
        return None if first is None else cls(first, record, factors, limits)

    def look(self, record: LegRecord, received: Use | None, sent: Use | None) -> None:
        """See what is being received and sent, and score by that from here on."""
        quality = self.quality
        quality.ptime_ms = record.ptime
        coming = in_use(record.receive, received) or _meanwhile(record.receive, quality.codec)
        if coming is not None:
            quality.receives(coming.name, self._rated(coming, self._received_use, received))
        going = in_use(record.send, sent) or _meanwhile(record.send, quality.sent_codec)
        if going is not None:
            quality.sends(going.name, self._rated(going, self._sent_use, sent))
        self._received_use, self._sent_use = received or self._received_use, sent or self._sent_use

    def _rated(self, codec: PayloadFormat, before: Use | None, after: Use | None) -> CodecImpairment | Unrated:
        """Concealment is taken for granted: every receiver of speech has it."""
        mode = ANY_MODE
        if after is not None and self._factors.by_mode(codec.name):
            mode = mode_of(codec, before, after)
        return self._factors.find(codec.name, plc=True, mode=mode)


def _meanwhile(formats: tuple[PayloadFormat, ...], current: str) -> PayloadFormat | None:
    """What goes on while events or noise are sent: the codec in use, as long as it is agreed; else what SDP prefers."""
    return next((each for each in formats if each.name == current), None) or audio_of(formats)
