"""Call detail records: what is known for good once a call is over. One per call, one per leg.

Moments are kept as one wall-clock time and seconds elapsed since, measured on the monotonic clock: a clock that is
stepped while people talk must not bend a duration somebody is billed for.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from softswitch.value import value_class

if TYPE_CHECKING:
    from media.quality.opinion import Opinion
    from media.quality.verdict import Degradation
    from media.quality.voip_metrics import VoipMetrics


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
    """How one direction of a leg sounded. Scores are of one scale, told by their type: MOS-CQE (ITU-T G.107), MOS-CQEW
    (G.107.1) or MOS-CQEF (G.107.2), 1.0 to 4.5.
    """

    codec: str | None = None
    """What was scored: the codec of most packets of this direction."""
    mos_15s: Opinion | None = None
    """Over the last 15 s; of running calls only."""
    mos_mean: Opinion | None = None
    mos_worst: Opinion | None = None
    mos_lq: Opinion | None = None
    """The mean without delay."""
    mos_ceiling: Opinion | None = None
    """The best the codec can reach."""
    degradation: Degradation | None = None
    """What each cause took, in points of the scale: from its best (4.41 as MOS-CQE) to `mos_mean`."""
    grounding: str | None = None
    """What the codec's values rest on: `itu`, `published` or `assumed`."""
    packets: int = 0
    lost: int = 0
    discarded: int = 0
    burst_ratio: float | None = None
    """Of the packets that were missing: 1 is random loss."""
    jitter_ms: float | None = None
    delay_ms: float | None = None
    """One way, mouth to ear over this leg, when last scored."""
    delay_source: str | None = None
    """Where its round trip comes from: `rtcp`, `xr` or `assumed`."""
    reason: str | None = None
    """Why there is no score."""

    @property
    def scale(self) -> str | None:
        """`MOS-CQE`, `MOS-CQEW` or `MOS-CQEF`; None for a codec without values."""
        return None if self.mos_ceiling is None else self.mos_ceiling.scale


@value_class(frozen=True, slots=True)
class Shown:
    """The video that came from the party of a leg, over the call so far."""

    packets: int = 0
    octets: int = 0
    """With RTP headers, without those of IP and UDP."""
    lost: int = 0
    """Gaps in the numbers of pictures, between the party and the switch."""
    relayed: int = 0
    """Packets that went on to the other party."""
    refused: int = 0
    """Packets over the highest rate, or of more sources than a browser has."""
    key_frames_asked: int = 0
    """Key frames the party asked of the other one (PLI, FIR): it could not go on with what it had."""
    repairs_asked: int = 0
    """NACKs of the party; one may name many lost packets."""


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
    far: VoipMetrics | None = None
    """The party's own figures of what it receives (RFC 3611 4.7); not kept in the database."""
    video: Shown | None = None
    """None: it never had any."""
    times_weak: int = 0
    times_unhealthy: int = 0
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
    caller_canonical: str | None = None
    """The caller's number as the dialplan read it."""
    withheld: bool = False
    """The caller did not want to be known: the number is for this node's own records."""
    diverted_by: str | None = None
    """Who sent the call on before it came here, canonical; the latest."""
    verstat: str | None = None
    """What is known of the caller's right to the number: `TN-Validation-Passed` and the like."""
    attestation: str | None = None
    """What the signature of an incoming call claims of the caller: A, B or C (ATIS-1000074)."""
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
    mos_mean: Opinion | None = None
    """Lowest MOS-CQE mean of any direction of any leg; the other scales have fields of their own."""
    mos_worst: Opinion | None = None
    mos_cqew_mean: Opinion | None = None
    mos_cqew_worst: Opinion | None = None
    mos_cqef_mean: Opinion | None = None
    mos_cqef_worst: Opinion | None = None
    blame: str | None = None
    """Who damaged the call (`media.quality.blame.Culprit`); None when it was never bridged."""
    blame_because: str | None = None
    """The row of the table that says so."""
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
