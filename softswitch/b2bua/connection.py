"""How a leg's connection is doing just now: weak or not, its link healthy or not, and what its user is to be told.

The engine decides (media.quality.watch); here it is kept as levels for whoever looks, counted for the record, and told
in the story once for each turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.events import ConnectionRecovered, ConnectionWeak, LinkHealthy, LinkUnhealthy
from media.quality.scores import NOTHING_CAME

if TYPE_CHECKING:
    from media.events import Direction, QualityReport
    from media.quality.watch import Figure
    from softswitch.telemetry.story import Story

QualityNews = ConnectionWeak | ConnectionRecovered | LinkUnhealthy | LinkHealthy

AGENT_WEAK = "Your connection is weak"
CUSTOMER_WEAK = "Customer’s connection is weak"

_WAYS: dict[Direction, str] = {"received": "from party", "sent": "to party"}


def message(endpoint: str, *, webrtc: bool) -> str | None:
    """What is to be shown about a weak leg: agents are told of their own, and of a customer's when it is WebRTC.

    A customer on a telephone line is not something an agent could ask to move closer to the router.
    """
    if endpoint.startswith("phone:"):
        return AGENT_WEAK
    return CUSTOMER_WEAK if webrtc else None


class Connection:
    """One leg's connection."""

    __slots__ = (
        "_codecs",
        "_leg",
        "_silent",
        "_story",
        "_unhealthy",
        "_weak",
        "times_unhealthy",
        "times_weak",
        "webrtc",
    )

    def __init__(self, leg: str, story: Story, *, webrtc: bool = False) -> None:
        self._leg = leg
        self._story = story
        self._codecs: dict[str, str] = {}
        self._silent = True
        """Whether nothing has come so far; told once, for a pause later on may be silence suppression."""
        self._weak: set[Direction] = set()
        self._unhealthy: dict[tuple[Direction, Figure], float] = {}
        self.times_weak = 0
        self.times_unhealthy = 0
        self.webrtc = webrtc

    def heard(self, report: QualityReport) -> None:
        """Notice when the packets of a direction begin to carry another codec, and when none ever come."""
        if report.received.expected:
            self._silent = False
        elif self._silent and report.received.reason == NOTHING_CAME:
            self._silent = False
            self._story.warn("nothing received", leg=self._leg, way="from party", reason=NOTHING_CAME)
        for way, interval in (("from party", report.received), ("to party", report.sent)):
            if interval is None or not interval.expected:
                continue
            before = self._codecs.get(way, interval.codec)
            self._codecs[way] = interval.codec
            if before != interval.codec:
                self._story.tell("codec changed", leg=self._leg, way=way, codec=interval.codec, before=before)

    @property
    def weak(self) -> bool:
        """Whether either direction is weak at present."""
        return bool(self._weak)

    @property
    def alerts(self) -> tuple[str, ...]:
        """What is outside the healthy limits at present: `loss from party`, `latency from party`..."""
        return tuple(f"{figure} {_WAYS[direction]}" for direction, figure in self._unhealthy)

    @property
    def message(self) -> str | None:
        """What is to be shown at present."""
        return message(self._leg, webrtc=self.webrtc) if self._weak else None

    def take(self, news: QualityNews) -> None:
        """Take what the engine found."""
        way = _WAYS[news.direction]
        match news:
            case ConnectionWeak():
                self._weak.add(news.direction)
                self.times_weak += 1
                self._story.warn(
                    "connection weak",
                    leg=self._leg,
                    way=way,
                    mos=round(float(news.score), 2),
                    ceiling=round(float(news.ceiling), 2),
                    scale=news.score.scale,
                    mostly=news.cause,
                    message=self.message,
                )
            case ConnectionRecovered():
                self._weak.discard(news.direction)
                self._story.tell(
                    "connection recovered",
                    leg=self._leg,
                    way=way,
                    mos=round(float(news.score), 2),
                    scale=news.score.scale,
                )
            case LinkUnhealthy():
                self._unhealthy[news.direction, news.figure] = news.value
                self.times_unhealthy += 1
                self._story.warn(
                    "link unhealthy",
                    leg=self._leg,
                    way=way,
                    figure=news.figure,
                    value=round(news.value, 2),
                    limit=news.limit,
                )
            case LinkHealthy():
                self._unhealthy.pop((news.direction, news.figure), None)
                self._story.tell("link healthy", leg=self._leg, way=way, figure=news.figure, value=round(news.value, 2))
