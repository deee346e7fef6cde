"""Call detail records: what is known for good once a call is over. One per call, one per leg.

Moments are kept as one wall-clock time and seconds elapsed since, measured on the monotonic clock: a clock that is
stepped while people talk must not bend a duration somebody is billed for.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from softswitch.value import value_class

if TYPE_CHECKING:
    from media.quality.verdict import Degradation


class Outcome(StrEnum):
    """How a call ended, from the caller's point of view. Every call has exactly one."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    """The caller hung up before anybody answered."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    """Somebody, or the dialplan, decided against the call."""
    UNREACHABLE = "unreachable"
    """No route, no trunk, no registered phone, or all of them failed."""
    FAILED = "failed"
    """The switch itself could not go on."""


@value_class(frozen=True, slots=True, kw_only=True)
class Heard:
    """How one direction of a leg sounded. MOS is ITU-T G.107 narrowband, 1.0 to 4.5.

    The database keeps neither ceiling nor degradation: calls read back from it have None there.
    """

    mos_15s: float | None = None
    """Over the last 15 s; of running calls only."""
    mos_mean: float | None = None
    mos_worst: float | None = None
    mos_ceiling: float | None = None
    """The best the codec can reach."""
    degradation: Degradation | None = None
    """What each cause took, in MOS points: from 4.41 to `mos_mean`."""
    packets: int = 0
    lost: int = 0
    discarded: int = 0
    jitter_ms: float | None = None


@value_class(frozen=True, slots=True, kw_only=True)
class LegRecord:
    """One leg: one SIP dialog with one party. `*_after` are seconds since `created_at` (Unix seconds)."""

    leg_id: str
    call_id: str
    role: str
    """`caller` or `callee`."""
    endpoint: str
    """`trunk:carrier` or `phone:1001`."""
    remote_uri: str
    sip_call_id: str
    created_at: float
    ringing_after: float | None = None
    answered_after: float | None = None
    ended_after: float
    sip_status: int
    """The final status of the INVITE; 200 for a leg that was answered."""
    q850_cause: int | None = None
    hung_up_by: str
    """`local`, `remote`, `timeout` or `transport`."""
    codec: str | None = None
    remote_media: str | None = None
    """Address and port the media came from."""
    rtt_ms: float | None = None
    from_party: Heard | None = None
    """From the party on this leg to the switch."""
    to_party: Heard | None = None
    """From the switch to the party, as the party reports it."""
    recording: str | None = None

    @property
    def talk_seconds(self) -> float:
        """Seconds from answer to end; 0.0 for a leg that was never answered."""
        return 0.0 if self.answered_after is None else max(0.0, self.ended_after - self.answered_after)


@value_class(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call. `*_after` are seconds since `started_at` (Unix seconds)."""

    call_id: str
    source: str
    """Where it came from: `trunk:carrier` or `phone:1001`."""
    caller: str
    """The caller's number as it was received."""
    called: str
    """The called number as it was received."""
    called_canonical: str | None = None
    """The called number as the dialplan read it."""
    route: str | None = None
    """The dialplan rule that decided."""
    destination: str | None = None
    """Who was connected, or tried last: `trunk:carrier` or `phone:1001`."""
    trunk: str | None = None
    """Name of the outbound trunk, when one was used."""
    started_at: float
    ringing_after: float | None = None
    answered_after: float | None = None
    ended_after: float
    outcome: Outcome
    sip_status: int
    """What the caller was answered."""
    q850_cause: int | None = None
    hung_up_by: str
    """`caller`, `callee`, `switch`, `operator`, `timeout` or `transport`."""
    codec: str | None = None
    """On the caller's leg."""
    mos_mean: float | None = None
    """Lowest mean of any direction of any leg."""
    mos_worst: float | None = None
    recording: str | None = None
    """The stereo file of the conversation."""
    node: str = ""

    @property
    def duration_seconds(self) -> float:
        """Seconds from the INVITE to the end."""
        return max(0.0, self.ended_after)

    @property
    def talk_seconds(self) -> float:
        """Seconds from answer to end; 0.0 for a call that was never answered."""
        return 0.0 if self.answered_after is None else max(0.0, self.ended_after - self.answered_after)
