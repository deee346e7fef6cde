"""What control remembers of an open leg, beside what the engine's leg table holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.repair import LegRepair
from media.value import value_class

if TYPE_CHECKING:
    from audiocodecs.coding import Decoder, Encoder

    from media.coding import Coder, Need, Plan
    from media.commands import PayloadFormat
    from media.scoring import LegScoring
    from media.srtp.keys import LegKeys

_TELEPHONE_EVENT = "telephone-event"


@value_class(frozen=True, slots=True)
class OpenedLeg:
    """A leg with its ports bound: RTP on `port`, RTCP on `port + 1`. A browser's is one, perhaps shared, for all."""

    leg: int
    address: str
    port: int


class LegRecord:
    """One open leg."""

    __slots__ = (
        "browser",
        "bucket",
        "coders",
        "expects_media",
        "group",
        "keys",
        "label",
        "leg",
        "needs",
        "partner",
        "plan",
        "port",
        "ptime",
        "receive",
        "reduce_noise",
        "repair",
        "reports_metrics",
        "room",
        "scoring",
        "send",
        "settled_at",
        "silent",
        "tapped_by",
        "tells_keys",
        "video",
        "worker",
    )

    def __init__(self, leg: int, port: int, label: str, group: str, worker: int, *, browser: bool = False) -> None:
        """`port`: its own; 0 for a browser that shares one."""
        self.leg = leg
        self.port = port
        self.label = label
        self.group = group
        self.worker = worker
        self.browser = browser
        self.bucket = 0
        self.scoring: LegScoring | None = None
        self.settled_at: float | None = None
        """When its codecs were first known, monotonic seconds."""
        self.expects_media = False
        self.reports_metrics = False
        """Whether VoIP Metrics are sent to the far end, which then want our scores."""
        self.tapped_by: int | None = None
        self.tells_keys = False
        """Whether keys of the other side are told to its far end in media."""
        self.video: tuple[PayloadFormat, ...] = ()
        self.receive: tuple[PayloadFormat, ...] = ()
        self.send: tuple[PayloadFormat, ...] = ()
        self.ptime = 20
        self.reduce_noise = 0
        self.repair = LegRepair() if browser else None
        self.partner: LegRecord | None = None
        self.room: int | None = None
        # Of media.coding: why it is needed as audio, what was lent to it last, and by token what it still has.
        self.needs: dict[str, Need] = {}
        self.silent = False
        self.plan: Plan | None = None
        self.coders: dict[int, dict[Coder, Decoder | Encoder]] = {}
        self.keys: LegKeys | None = None

    @property
    def hears_tones(self) -> bool:
        """Whether keys reach its far end as tones: it takes no telephone events."""
        return self.tells_keys and not any(each.name.lower() == _TELEPHONE_EVENT for each in self.send)

    @property
    def sends_events(self) -> bool:
        """Whether keys of its far end may come as telephone events."""
        return any(each.name.lower() == _TELEPHONE_EVENT for each in self.receive)

    def released(self, token: int) -> None:
        """The worker has let go of an SRTP session that control gave it, known by its address."""
        if self.keys is not None:
            self.keys.released(token)
