"""What may be seen of the running switch: values, copied out at one moment. No live object ever leaves through here."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from media.quality.voip_metrics import VoipMetrics
    from softswitch.telemetry.cdr import CallRecord, Heard, LegRecord, Shown
    from softswitch.telemetry.story import Message, Story, StoryLine


@value_class(frozen=True, slots=True, kw_only=True)
class LegSnapshot:
    """One leg of a running call."""

    leg_id: str
    role: str
    """`caller` or `callee`."""
    endpoint: str
    """`trunk:carrier` or `phone:1001`."""
    state: str
    remote_uri: str
    sip_call_id: str
    codec: str | None = None
    srtp: str | None = None
    """Crypto suite its media is under; None: plain RTP."""
    on_hold: bool = False
    local_media: str | None = None
    remote_media: str | None = None
    rtt_ms: float | None = None
    from_party: Heard | None = None
    to_party: Heard | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Packets thrown away, by reason; reasons that did not occur are left out."""
    far: VoipMetrics | None = None
    """The party's own figures of what it receives (RFC 3611 4.7)."""
    video: Shown | None = None
    """None: it never had any."""
    weak: bool = False
    alerts: tuple[str, ...] = ()
    """What is outside the healthy limits at present."""
    message: str | None = None
    """What is to be shown to the agent, word for word."""
    recording: str | None = None
    allowed_actions: tuple[str, ...] = ()
    """What the person there may do now: `end`, `mute`, `hold`, `transfer`, `send_digits`, `camera`, `share_screen`."""


@value_class(frozen=True, slots=True, kw_only=True)
class CallSnapshot:
    """One running call. Times are Unix seconds."""

    call_id: str
    state: str
    """`routing`, `ringing`, `talking`, `held`, `ending`..."""
    source: str
    caller: str
    called: str
    """As it came, as `caller`."""
    caller_canonical: str | None = None
    called_canonical: str | None = None
    withheld: bool = False
    diverted_by: str | None = None
    verstat: str | None = None
    attestation: str | None = None
    route: str | None = None
    destination: str | None = None
    started_at: float
    answered_at: float | None = None
    seconds: float = 0.0
    """Age of the call on the monotonic clock."""
    blame: str | None = None
    """Who damages the call so far (`media.quality.blame.Culprit`); None until it is bridged."""
    blame_because: str | None = None
    recording: str | None = None
    """The stereo file of the conversation."""
    legs: tuple[LegSnapshot, ...] = ()


@value_class(frozen=True, slots=True, kw_only=True)
class NextHopSnapshot:
    """One place a trunk is reached at."""

    address: str
    transport: str
    avoided_for: float = 0.0
    """Seconds it is still tried last, after a failure; 0.0: healthy as far as is known."""
    state: str = "unknown"
    """What OPTIONS say: `up` when one of its addresses is, `down` when none is, `unknown` when nobody asks."""


@value_class(frozen=True, slots=True, kw_only=True)
class ContactSnapshot:
    """One contact of a phone that is registered here."""

    user: str
    contact: str
    transport: str
    source: str
    """Address and port its REGISTER came from: the phone, its NAT, or the edge proxy."""
    expires_in: float
    """Seconds."""
    user_agent: str
    instance: str
    reg_id: str
    path: tuple[str, ...]
    quality: float
    connected: bool = True
    """False: a page that has lost its connection and is expected back."""


@value_class(frozen=True, slots=True, kw_only=True)
class RegistrationSnapshot:
    """How a trunk that we register at stands. Seconds."""

    registered: bool
    state: str
    """`registering`, `registered`, `refreshing`, `holding`, `waiting`, `refused`, ..."""
    registrar: str | None
    """Which of them holds our contact."""
    for_seconds: float | None
    """How long without a gap."""
    expires_in: float | None
    retry_in: float | None
    """Until the next attempt, after a failure."""
    error: str | None
    """Why the last attempt failed."""


@value_class(frozen=True, slots=True, kw_only=True)
class TrunkSnapshot:
    """One trunk."""

    name: str
    sources: tuple[str, ...]
    next_hops: tuple[NextHopSnapshot, ...]
    codecs: tuple[str, ...] = ()
    calls: int = 0
    """Calls over it at present."""
    state: str = "up"
    """`disabled` by the operator; `down`: every next hop is; else `up`, as far as is known."""
    enabled: bool = True
    direction: str = "both"
    """`inbound`, `outbound` or `both`."""
    strategy: str = "failover"
    """How its next hops take turns."""
    channel_limit: int | None = None
    calls_per_second: int | None = None
    refused: Mapping[str, int] = field(default_factory=dict)
    """Calls refused since start, by the limit or the rule against toll fraud."""
    registration: RegistrationSnapshot | None = None
    """None: we do not register there."""


@value_class(frozen=True, slots=True)
class FinishedCall:
    """A call that is over, as the recent list keeps it. Its story may still grow: the answer to a BYE comes last."""

    record: CallRecord
    legs: tuple[LegRecord, ...]
    told: Story

    @property
    def story(self) -> tuple[StoryLine, ...]:
        """Its events in order."""
        return self.told.lines

    @property
    def messages(self) -> tuple[Message, ...]:
        """Its SIP messages in order."""
        return self.told.messages


@value_class(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether new calls are taken, and if not, why."""

    ready: bool
    reasons: tuple[str, ...] = ()
