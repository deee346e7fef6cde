"""Where a bridged call is damaged: this node, the caller's leg, the callee's leg, or a carrier beyond it.

Each leg is seen from both its ends: what we received of it, and what its far end reports of what we sent. What was lost
before it came to us shows again in the report of the other leg's far end, because a relay keeps the gaps: it is taken
off there. The table below is read from the top; the first row whose condition holds names the culprit. Pure.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from media.quality.watch import HEALTHY, Thresholds
from media.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.quality.scores import QualitySummary

LATE_MS = 40.0
"""A worker that came this late at most held two packets up: every buffer allows for one."""
SEND_FAILED_PERCENT = 0.5
SAME_CAUSE = 3.0
"""Two legs damaged within this factor of each other are taken to share a cause: what both have in common is us."""
LEAST_PACKETS = 100
"""Two seconds of audio: shares of less say nothing."""
BAD_BEYOND_R = 70
"""R of the network behind a far end, below which many users are dissatisfied (G.107 annex B)."""
DELAY_BEYOND_MS = 150
"""What an end system may add: more is a network behind it."""
NOTICEABLE = 0.1
"""Points of score; less is not worth blaming anybody for."""


class Culprit(StrEnum):
    """Who damages a call."""

    NOBODY = "nobody"
    NODE = "node"
    """This machine: it came late, or could not send."""
    OUR_NETWORK = "our_network"
    """What both legs have in common between this machine and the world."""
    CALLER_LEG = "caller_leg"
    CALLEE_LEG = "callee_leg"
    CARRIER = "carrier"
    """Beyond the far end of a trunk."""
    CODEC = "codec"
    """Nothing is damaged; the codec cannot do better."""
    UNKNOWN = "unknown"
    """Nobody told us enough."""


@value_class(frozen=True, slots=True)
class LegEvidence:
    """One leg over the call. Percentages are None when nobody can tell."""

    trunk: bool
    lost_in: float | None
    """Percent lost on the way to us."""
    late_in: float | None
    """Percent that came to us too late to be played."""
    lost_out: float | None
    """Percent lost on the way from us, less what we never had ourselves."""
    late_out: float | None
    """Percent that the far end says came too late (RFC 3611 4.7.1)."""
    one_way_ms: float | None
    send_failed: float = 0.0
    """Percent of packets the kernel did not take from us."""
    codec_points: float = 0.0
    """What the codec alone takes off the score."""
    beyond_r: int | None = None
    """R of the network behind the far end, as it says (RFC 3611 4.7.5)."""
    beyond_ms: int | None = None
    """What the far end itself adds, as it says."""
    far_score: float | None = None
    """MOS-CQ as the far end says."""

    def damage(self, limits: Thresholds) -> float:
        """How far the leg is outside the healthy limits; 1 is just so. The worst of its figures."""
        loss = [each for each in (self.lost_in, self.late_in, self.lost_out, self.late_out) if each is not None]
        delay = 0.0 if self.one_way_ms is None else self.one_way_ms / limits.one_way_ms
        return max([*(each / limits.loss_percent for each in loss), delay])

    @property
    def lossless(self) -> bool:
        """Whether both ends say that hardly anything was missing."""
        known = (self.lost_in, self.late_in, self.lost_out)
        return all(each is not None and each < HEALTHY.loss_percent / 2 for each in known)


@value_class(frozen=True, slots=True)
class CallEvidence:
    """Both legs, and how late our worker was at most while they lasted (milliseconds)."""

    caller: LegEvidence
    callee: LegEvidence
    late_ms: float = 0.0
    limits: Thresholds = HEALTHY


@value_class(frozen=True, slots=True)
class Blame:
    """The verdict, and the row of the table it comes from."""

    culprit: Culprit
    because: str


class Row(NamedTuple):
    """One row of the table."""

    name: str
    culprit: Callable[[CallEvidence], Culprit]
    holds: Callable[[CallEvidence], bool]


def _legs(e: CallEvidence) -> tuple[LegEvidence, LegEvidence]:
    return e.caller, e.callee


def _hurt(e: CallEvidence) -> bool:
    return any(leg.damage(e.limits) >= 1 for leg in _legs(e))


def _worse(e: CallEvidence) -> Culprit:
    first, second = (leg.damage(e.limits) for leg in _legs(e))
    return Culprit.CALLER_LEG if first >= second else Culprit.CALLEE_LEG


def _shared(e: CallEvidence) -> bool:
    first, second = sorted(leg.damage(e.limits) for leg in _legs(e))
    return first >= 1 and second <= SAME_CAUSE * first


def _one_sided(leg: LegEvidence, limits: Thresholds) -> bool:
    """Whole on the way out and quick, but not on the way in: it was lost before it came to the line."""
    return (
        leg.trunk
        and leg.lost_in is not None
        and leg.lost_in >= limits.loss_percent
        and (leg.late_in or 0.0) < limits.loss_percent / 2
        and leg.lost_out is not None
        and leg.lost_out < limits.loss_percent / 2
        and (leg.one_way_ms or 0.0) < limits.one_way_ms
    )


def _beyond(leg: LegEvidence, limits: Thresholds) -> bool:
    """A trunk whose line is clean, but whose far end speaks of damage."""
    if not leg.trunk or not leg.lossless or leg.damage(limits) >= 1:
        return False
    return (
        (leg.beyond_r is not None and leg.beyond_r < BAD_BEYOND_R)
        or (leg.beyond_ms is not None and leg.beyond_ms >= DELAY_BEYOND_MS)
        or (leg.far_score is not None and leg.far_score < limits.weak_below - leg.codec_points)
    )


def _always(culprit: Culprit) -> Callable[[CallEvidence], Culprit]:
    return lambda _: culprit


def _mute(leg: LegEvidence) -> bool:
    return leg.lost_in is None and leg.lost_out is None


TABLE: tuple[Row, ...] = (
    Row(
        "our packets could not be sent",
        _always(Culprit.NODE),
        lambda e: any(leg.send_failed >= SEND_FAILED_PERCENT for leg in _legs(e)),
    ),
    Row(
        "our media worker came late",
        _always(Culprit.NODE),
        lambda e: e.late_ms >= LATE_MS and any(_suffers_from_lateness(leg, e.limits) for leg in _legs(e)),
    ),
    Row("both legs are damaged alike", _always(Culprit.OUR_NETWORK), _shared),
    Row(
        "the caller's carrier delivers with gaps what we send whole",
        _always(Culprit.CARRIER),
        lambda e: _one_sided(e.caller, e.limits) and _worse(e) is Culprit.CALLER_LEG,
    ),
    Row(
        "the callee's carrier delivers with gaps what we send whole",
        _always(Culprit.CARRIER),
        lambda e: _one_sided(e.callee, e.limits) and _worse(e) is Culprit.CALLEE_LEG,
    ),
    Row("loss, lateness or delay on one leg", _worse, _hurt),
    Row(
        "the line is clean and its far end complains",
        _always(Culprit.CARRIER),
        lambda e: any(_beyond(leg, e.limits) for leg in _legs(e)),
    ),
    Row("neither side was ever heard", _always(Culprit.UNKNOWN), lambda e: all(_mute(leg) for leg in _legs(e))),
    Row(
        "the codec alone",
        _always(Culprit.CODEC),
        lambda e: any(leg.codec_points >= NOTICEABLE for leg in _legs(e)),
    ),
    Row("nothing is damaged", _always(Culprit.NOBODY), lambda _: True),
)


def _suffers_from_lateness(leg: LegEvidence, limits: Thresholds) -> bool:
    """Packets that a worker holds up come late to us and to them; they are not lost."""
    return any(each is not None and each >= limits.loss_percent / 2 for each in (leg.late_in, leg.late_out))


def blame(evidence: CallEvidence) -> Blame:
    """Who damages the call; the last row always holds."""
    row = next(row for row in TABLE if row.holds(evidence))
    return Blame(row.culprit(evidence), row.name)


def leg_evidence(summary: QualitySummary | None, *, trunk: bool, sent: int = 0, send_failed: int = 0) -> LegEvidence:
    """A leg's evidence from the verdicts on it; `sent` packets, `send_failed` that could not be."""
    failed = 100.0 * send_failed / (sent + send_failed) if send_failed else 0.0
    if summary is None:
        return LegEvidence(trunk, None, None, None, None, None, failed)
    received = summary.received_by_codec or (summary.received,)
    reported = summary.sent_by_codec or (summary.sent,)
    came, lost, late = (sum(getattr(each, name) for each in received) for name in ("expected", "lost", "discarded"))
    told, missing = (sum(getattr(each, name) for each in reported) for name in ("expected", "lost"))
    far = summary.far
    lost_in = late_in = lost_out = late_out = None
    if came >= LEAST_PACKETS:
        lost_in, late_in = 100.0 * lost / came, 100.0 * late / came
    if told >= LEAST_PACKETS:
        lost_out = 100.0 * max(0, missing - summary.skipped) / told
        late_out = None if far is None else far.discard_percent
    worst = max((each.degradation.codec for each in (summary.received, summary.sent) if each.degradation), default=0.0)
    return LegEvidence(
        trunk,
        lost_in,
        late_in,
        lost_out,
        late_out,
        None if summary.rtt_ms is None else summary.rtt_ms / 2,
        failed,
        worst,
        None if far is None else far.external_r,
        None if far is None else far.end_system_ms,
        None if far is None else far.mos_cq,
    )
