"""What is counted while calls go on: plain integers here, turned into Prometheus samples only when somebody asks.

Two kinds of numbers: those nobody else keeps (`Metrics`: outcomes, set-up times, MOS, loop lag), and those the parts of
the switch keep anyway (`Readings`: read once per scrape). Calls are counted when they end, not per packet or message.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from media.quality.blame import Culprit
from media.quality.opinion import OPINIONS
from softswitch.telemetry.cdr import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from softswitch.telemetry.cdr import CallRecord, LegRecord

SETUP_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
MOS_STEPS = (1.5, 2.0, 2.5, 3.0, 3.3, 3.6, 3.8, 4.0, 4.1, 4.2, 4.3, 4.4)
LAG_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
VIDEO = ("packets", "octets", "lost", "relayed", "refused", "key_frames_asked", "repairs_asked")

_NOTHING: Mapping[str, int] = MappingProxyType({})
_NOBODY: Mapping[str, bool] = MappingProxyType({})


class Histogram:
    """Counts of observations by upper bound; the last count is for those above all bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Metrics:
    """Written by the signalling loop only; read by whoever renders it."""

    __slots__ = (
        "blame",
        "calls",
        "loop_lag",
        "mos",
        "ringing_time",
        "routing_time",
        "setup_time",
        "unhealthy",
        "video",
        "weak",
    )

    def __init__(self) -> None:
        self.calls: dict[str, int] = dict.fromkeys((outcome.value for outcome in Outcome), 0)
        self.setup_time = Histogram(SETUP_SECONDS)
        """Seconds from the INVITE to the answer."""
        self.ringing_time = Histogram(SETUP_SECONDS)
        """Seconds from the INVITE to the first ringing (post-dial delay)."""
        self.routing_time = Histogram(LAG_SECONDS)
        """Seconds from the INVITE in to the INVITE out."""
        self.mos = {(way, scale): Histogram(MOS_STEPS) for way in ("from_party", "to_party") for scale in OPINIONS}
        """By direction and scale: no bucket holds scores of two scales."""
        self.weak: dict[str, int] = dict.fromkeys(("trunk", "phone", "guest"), 0)
        """How often connections turned weak, by what was at their end."""
        self.unhealthy: dict[str, int] = dict.fromkeys(("trunk", "phone", "guest"), 0)
        """How often links left their healthy limits."""
        self.blame: dict[str, int] = dict.fromkeys((culprit.value for culprit in Culprit), 0)
        """Bridged calls by who damaged them."""
        self.video: dict[str, int] = dict.fromkeys(VIDEO, 0)
        """What finished legs showed, by the fields of `Shown`."""
        self.loop_lag = Histogram(LAG_SECONDS)
        """Seconds a timer of the signalling loop came late."""

    def call_ended(self, call: CallRecord, legs: Sequence[LegRecord] = ()) -> None:
        """Count a finished call and the quality of its legs."""
        self.calls[call.outcome.value] += 1
        if call.ringing_after is not None:
            self.ringing_time.observe(call.ringing_after)
        if call.answered_after is not None:
            self.setup_time.observe(call.answered_after)
        if call.blame is not None:
            self.blame[call.blame] += 1
        for leg in legs:
            for way, heard in (("from_party", leg.from_party), ("to_party", leg.to_party)):
                if heard is not None and heard.mos_mean is not None:
                    self.mos[way, heard.mos_mean.scale].observe(float(heard.mos_mean))
            if leg.video is not None:
                for name in VIDEO:
                    self.video[name] += getattr(leg.video, name)
            kind = leg.endpoint.partition(":")[0]
            if kind in self.weak:
                self.weak[kind] += leg.times_weak
                self.unhealthy[kind] += leg.times_unhealthy


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the other parts of the switch have counted, read at one moment. Totals count from the process's start."""

    calls: int = 0
    """Calls at present."""
    legs: int = 0
    transactions: int = 0
    sip_received: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    """By method, or by status of a response: `INVITE`, `200`."""
    sip_sent: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    sip_retransmissions: int = 0
    sip_parse_errors: int = 0
    refused_unknown: int = 0
    """Messages dropped because nobody knows their source."""
    refused_throttled: int = 0
    bindings: int = 0
    """Contacts registered at present."""
    registered_trunks: Mapping[str, bool] = field(default_factory=lambda: _NOBODY)
    """Trunks that we register at: whether we are registered."""
    media_received: int = 0
    """Packets."""
    media_sent: int = 0
    media_dropped: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    """Packets by reason."""
    browsers: int = 0
    """Transports of browsers at present."""
    web_sockets: int = 0
    pages_expected: int = 0
    """Pages that have lost their WebSocket, and may be back."""
    handshakes_dropped: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    """Datagrams of ICE and DTLS by reason."""
    media_legs: int = 0
    weak_legs: int = 0
    """Legs whose connection is weak at present."""
    media_ports_free: int = 0
    media_load: Sequence[float] = ()
    """Share of its core each media worker has used lately, 0 to 1."""
    cdr_queued: int = 0
    cdr_written: int = 0
    cdr_lost: int = 0
    cdr_retries: int = 0
    log_dropped: int = 0
    refused_calls: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    """Calls the node had no room for, by limit."""
    refused_by_trunk: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Calls refused, by trunk and limit."""
    trunks_up: Mapping[str, bool] = field(default_factory=dict)
    """Whether calls can be sent there as far as is known, by trunk."""
    toll_refused: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Calls refused to prevent fraud, by trunk and rule, or "" and the caller's limit."""
    guests_refused: Mapping[str, int] = field(default_factory=dict)
    """Guests with call links, and without, who were sent away, by reason."""
    tasks: int = 0
    """Tasks of the signalling loop at present."""
    certificate_ends: Mapping[str, float] = field(default_factory=dict)
    """When our certificates expire, in Unix seconds, by file."""
    certificate_failures: int = 0
    """Renewed certificates that could not be used."""
