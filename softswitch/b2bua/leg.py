"""One dialog and its media, as a call script sees it.

A leg owns no task and never waits: verbs record intent and the sans-IO session chooses the messages (CANCEL, BYE or a
final response). What has happened is kept as levels (`state`, `progress`, `cause`), so looking late cannot miss it;
`on_change` only wakes whoever looks. In-dialog requests that need no decision (hold, address change, session refresh)
are answered here and never reach a script.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, assert_never

from softswitch.b2bua import cause as causes
from softswitch.b2bua import video
from softswitch.b2bua.browser import tell_of_connection
from softswitch.b2bua.codec_choice import acceptable, convertible, towards, why_nothing
from softswitch.b2bua.connection import Connection
from softswitch.b2bua.digits import told_by_info
from softswitch.b2bua.keep_alive import Watch
from softswitch.b2bua.renegotiation import renegotiate
from softswitch.b2bua.transfer import Transfers
from softswitch.sdp.errors import SdpError, warning_value
from softswitch.sip.events import (
    Answered,
    CandidatesReceived,
    ConnectionChanged,
    Ended,
    Established,
    FarEndAsked,
    InfoReceived,
    InfoRefused,
    OfferAnswered,
    OfferReceived,
    OfferRefused,
    Progressed,
    ReferralEnded,
    ReferReceived,
    RefreshDue,
    Refused,
    TransferCompleted,
    TransferProgressed,
)
from softswitch.sip.flow import WEB_SOCKET

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from media.commands import Sound
    from media.events import LegGone, PlaybackFinished
    from softswitch.b2bua.cause import ReleaseCause
    from softswitch.b2bua.connection import QualityNews
    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.leg_media import LegMedia
    from softswitch.b2bua.origin import Origin
    from softswitch.b2bua.switchboard import Switchboard
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.b2bua.web import WebNews
    from softswitch.sdp.codec import Codec
    from softswitch.sip.headers import NameAddr
    from softswitch.sip.session.session import InviteSession
    from softswitch.telemetry.story import Story

MOST_PRESSED = 1000

SessionEvent = (
    Progressed
    | Answered
    | Refused
    | Established
    | OfferReceived
    | OfferAnswered
    | OfferRefused
    | RefreshDue
    | FarEndAsked
    | InfoReceived
    | CandidatesReceived
    | InfoRefused
    | ReferReceived
    | ReferralEnded
    | TransferProgressed
    | TransferCompleted
    | ConnectionChanged
    | Ended
)


class LegState(Enum):
    """Where a leg is in its life; it only moves forward."""

    CALLING = "calling"
    ANSWERED = "answered"
    ENDED = "ended"


class CallFailed(Exception):
    """The far end refused, or nobody answered in time."""

    def __init__(self, cause: ReleaseCause) -> None:
        super().__init__(cause.text)
        self.cause = cause


class Leg:
    """What callers and callees have in common."""

    __slots__ = (
        "_music",
        "_music_at",
        "_pressed",
        "answered_at",
        "cause",
        "connection",
        "created_at",
        "ended_at",
        "ended_by",
        "finished",
        "gone",
        "group",
        "keys_by_info",
        "media",
        "name",
        "on_change",
        "partner",
        "party",
        "press_count",
        "recording",
        "ringing_at",
        "session",
        "silent",
        "speaks",
        "state",
        "story",
        "switch",
        "terms",
        "transfers",
        "watch",
    )

    role = ""
    """`caller` or `callee`."""

    def __init__(
        self,
        switch: Switchboard,
        story: Story,
        *,
        name: str,
        party: NameAddr,
        terms: MediaTerms,
        session: InviteSession,
    ) -> None:
        self.switch = switch
        self.story = story
        self.name = name
        self.party = party
        self.terms = terms
        self.partner: Leg | None = None
        """Whom it talks to."""
        self.transfers = Transfers()
        """What its far end, or somebody in its place, wants of the call."""
        self.keys_by_info: bool | None = None
        """How the far end told its first digit: by INFO, or in media."""
        self.session = session
        self.state = LegState.CALLING
        self.media: LegMedia | None = None
        self.on_change: Callable[[], None] = _nobody
        self.silent = False
        self.connection = Connection(name, story, webrtc=terms.is_browser)
        self.watch = Watch()
        self.finished: set[int] = set()
        """Numbers of the playbacks that have ended."""
        self.speaks = False
        self.press_count = 0
        """How many keys were pressed so far."""
        self._pressed = ""
        self.group = story.call_id
        """Legs with the same one live on the same media worker."""
        """Whether a packet of its far end has ever come."""
        self._music: dict[int, tuple[Sound, ...]] = {}
        self._music_at: dict[tuple[Sound, ...], tuple[int, int]] = {}
        self.gone: LegGone | None = None
        self.created_at = switch.clock()
        self.ringing_at: float | None = None
        self.answered_at: float | None = None
        self.recording: str | None = None
        self.ended_at: float | None = None
        self.cause: ReleaseCause | None = None
        self.ended_by = ""
        session.owner = self
        switch.channels.enter(name)

    # -- what scripts ask ---------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Over, by whomever."""
        return self.state is LegState.ENDED

    @property
    def audible(self) -> bool:
        """Whether SDP is settled, so that audio can pass."""
        return self.media is not None and self.media.agreement is not None

    def can_do(self) -> Sequence[Codec] | None:
        """Audio codecs this leg can still be asked to use; None when it has said nothing yet."""
        if self.media is not None and self.media.agreement is not None:
            return [each.codec for each in self.media.agreement.send]
        return None

    @property
    def origin(self) -> Origin:
        """Who is said to call when somebody else is called for this party."""
        raise NotImplementedError

    # -- intent -------------------------------------------------------------------------------------------------

    def ring(self, status: int = 180) -> None:
        """Tell whoever waits that somebody is alerted. Only a caller can be told."""

    def open_early(self, like: Leg | None = None) -> bool:
        """Let it hear what comes before the answer, like `like` if need be. False: it cannot."""
        return self.audible

    def answer(self, like: Leg | None = None) -> None:
        """Answer like `like`. Only who calls waits for that; raises CallFailed when it cannot be done."""

    def incompatible_with(self, destination: Destination) -> CallFailed:
        """488, because nothing this party has can be made into what may be offered there."""
        return self.nothing_in_common(destination.terms.codecs, allowed=self.can_do())

    def hangup(self, cause: ReleaseCause = causes.NORMAL) -> None:
        """End this leg now, in whatever state it is. Never waits; asking twice is asking once."""
        if self.state is LegState.ENDED:
            return
        with self.switch.driver.turn():
            try:
                self._hang_up(cause)
            finally:
                self._end(cause, "switch")

    def _hang_up(self, cause: ReleaseCause) -> None:
        status = cause.status if cause.status >= 300 else 480
        headers: tuple[tuple[str, str], ...] = ()
        if cause.warning is not None:
            headers = (("Warning", warning_value(cause.warning[0], self._agent(), cause.warning[1])),)
        self.session.hangup(self.switch.clock(), reasons=cause.reasons, status=status, headers=headers)

    def pass_on(self) -> None:
        """Its dialog goes on as a leg of another call, which owns the session already; here it is over."""
        self._end(causes.TRANSFERRED, "switch")

    # -- what the stack reports ---------------------------------------------------------------------------------

    def handle(self, event: SessionEvent) -> None:
        """One event of this leg's session."""
        if self.state is LegState.ENDED and not isinstance(event, Ended):
            return  # it crossed our hanging up, which the session looks after
        match event:
            case Progressed() | Answered():
                pass
            case Refused():
                self._refused(event)
            case Established(body=body):
                self._established(body)
            case OfferReceived(body=body):
                self._renegotiate(body)
            case OfferAnswered(body=body):
                self._take_late_answer(body)
            case RefreshDue() | FarEndAsked() | ConnectionChanged():
                self.watch.take(self, event)
            case OfferRefused():
                self._offer_refused(event)
            case InfoReceived() | InfoRefused():
                told_by_info(self, event)
            case CandidatesReceived():
                self._take_candidates(event.fragment)
            case ReferReceived() | ReferralEnded() | TransferProgressed() | TransferCompleted():
                self.transfers.take(self, event)
            case Ended():
                self._session_ended(event)
            case _:
                assert_never(event)

    def _refused(self, event: Refused) -> None:
        match event:
            case Refused(response=None, status=408):
                self._end(causes.NO_RESPONSE, "timeout")
            case Refused(response=None, status=status):
                self._end(causes.from_status(status), "transport")
            case Refused(status=408, at_once=True):
                self._end(causes.UNHEARD, "remote")
            case Refused(response=response):
                assert response is not None
                for warning in response.headers.get_all("Warning")[:3]:
                    self.story.tell("warning received", leg=self.name, warning=warning[:200])
                self._end(causes.from_response(response), "remote")

    def _take_candidates(self, fragment: bytes) -> None:
        if self.media is not None and self.media.browser is not None:
            try:
                self.media.browser.take_candidates(fragment)
            except SdpError as error:
                self.story.tell("candidates unreadable", leg=self.name, error=str(error))

    def lost_media(self, silent_for: float) -> None:
        """The engine heard nothing for too long; once the far end was asked the script decides what that means."""
        if self.state is LegState.ANSWERED:
            self.story.tell("media timeout", leg=self.name, silent_for=round(silent_for, 1))
            if self.watch.went_silent(self):
                self.silent = True
                self.on_change()

    def playback_finished(self, event: PlaybackFinished) -> None:
        """The engine finished one `Play` or `Announce`; `finished` is the level a script waits for."""
        self.finished.add(event.playback)
        sounds = self._music.pop(event.playback, None)
        if sounds is not None:
            self._music_at[sounds] = (event.sound, event.position_ms)
        if event.reason == "no encoder":
            self.story.warn("cannot play", leg=self.name, reason="no codec of this leg can carry it")
        self.on_change()

    def resume_music(self, playback: int, sounds: tuple[Sound, ...]) -> tuple[int, int]:
        """Where this playback of `sounds` is to begin, as it was when it last stopped: (which one, milliseconds)."""
        self._music[playback] = sounds
        return self._music_at.get(sounds, (0, 0))

    def media_started(self) -> None:
        """The first packet of the far end has come."""
        self.speaks = True
        self.on_change()

    def connection_changed(self, news: QualityNews) -> None:
        """The connection turned weak or recovered, its link left the healthy limits or came back."""
        was_weak = self.connection.weak
        self.connection.take(news)
        if self.connection.weak is not was_weak:
            tell_of_connection(self)
        self.on_change()

    def web_changed(self, news: WebNews) -> None:
        """The way to its browser was found, lost or found again."""
        if self.media is not None and self.media.browser is not None and self.state is not LegState.ENDED:
            self.media.browser.take(self, news)

    def press(self, digit: str) -> None:
        """The far end has pressed a key."""
        self.press_count += 1
        self._pressed = (self._pressed + digit)[-MOST_PRESSED:]
        self.on_change()

    def pressed_since(self, count: int) -> str:
        """The keys pressed after the first `count` (a `press_count` of before), at most the last MOST_PRESSED."""
        new = self.press_count - count
        return self._pressed[-new:] if new > 0 else ""

    def media_gone(self, gone: LegGone) -> None:
        """The engine's last word about this leg: what the CDR is made of."""
        self.gone = gone
        drops = gone.statistics.drops
        if drops.unauthenticated or drops.replayed:
            self.story.tell(
                "srtp packets dropped", leg=self.name, unauthenticated=drops.unauthenticated, replayed=drops.replayed
            )
        self.on_change()

    def let_go(self) -> None:
        """The call is over and on record: nobody is to be woken any more."""
        self.on_change = _nobody

    def _alerted(self) -> None:
        if self.ringing_at is None:
            self.ringing_at = self.switch.clock()

    def _established(self, body: bytes) -> None:
        """The ACK. When our 2xx had the offer it must have the answer (RFC 3261 13.2.2.4), else there is no audio."""
        if self.media is not None and self.media.agreement is None and self._take_answer(body):
            self.media.expect_media()
            self.on_change()

    def _session_ended(self, event: Ended) -> None:
        self.switch.ladder.release(self.session.call_id)
        self.session.owner = None
        if event.by == "remote" and event.reasons:
            self._end(causes.from_reasons(event.reasons, event.status), "remote")
        elif event.status == 487 and self.state is LegState.CALLING:
            self._end(causes.CANCELLED, event.by)
        elif event.by == "transport" and self.session.flow.transport in WEB_SOCKET:
            self._end(causes.PAGE_LOST, event.by)
        else:
            self._end(causes.from_status(event.status), event.by)

    def _end(self, cause: ReleaseCause, by: str) -> None:
        if self.state is LegState.ENDED:
            return
        self.state = LegState.ENDED
        self.cause = cause
        self.ended_by = by
        if self.partner is not None and self.partner.partner is self:
            self.partner.partner = None
        self.partner = None
        self.ended_at = self.switch.clock()
        self.switch.channels.leave(self.name)
        # An answered leg has had its 200: what stands in the cause is no status anybody was sent.
        status = cause.status if self.answered_at is None else None
        self.story.tell("leg ended", leg=self.name, by=by, status=status, q850=cause.q850, cause=cause.text)
        if self.media is not None:
            self.media.close()
        self.on_change()

    # -- SDP ----------------------------------------------------------------------------------------------------

    def _open_media(self) -> LegMedia:
        if self.media is None:
            self.media = self.switch.open_media(self)
        return self.media

    def _take_answer(self, body: bytes, *, provisional: bool = False) -> bool:
        """Apply an answer; one that cannot be used ends the leg, because there would be no audio."""
        try:
            if self._open_media().take_answer(body, provisional=provisional):
                self._tell_codec()
        except SdpError as error:
            self.story.tell("answer unusable", leg=self.name, error=str(error))
            self.hangup(causes.NOT_ACCEPTABLE)
            return False
        return True

    def warnings(self, error: SdpError) -> tuple[tuple[str, str], ...]:
        """The header that tells the far end why its offer is refused, where there is one."""
        value = error.warning_value(self._agent())
        return () if value is None else (("Warning", value),)

    def _agent(self) -> str:
        """Who warns, in a Warning header."""
        host, port = self.session.flow.local
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def nothing_in_common(self, peer: Sequence[Codec], *, allowed: Sequence[Codec] | None = None) -> CallFailed:
        """488, told and warned of: this leg may use `allowed` (by default what its configuration says), the other side
        of the call has `peer`."""
        mine = self.terms.codecs if allowed is None else allowed
        self.story.warn("no common codec", leg=self.name, why=why_nothing(mine, peer))
        return CallFailed(causes.no_common_codec(acceptable(self.terms.codecs, peer)))

    def _take_late_answer(self, body: bytes) -> None:
        """The answer to an offer within the call; none at all leaves everything as it was."""
        if not body and self.media is not None:
            self.media.answered_without_body()
        elif self._take_answer(body):
            if self.media is not None and self.state is LegState.ANSWERED:
                self.media.expect_media()
            self.on_change()
        video.answered(self)

    def adapt_to(self, other: Leg) -> None:
        """Offer again what `other` uses, if what we agreed on meanwhile cannot be made into it.

        That happens when the caller's codec was settled by early media of another callee. Raises CallFailed when
        there is nothing in common.
        """
        ours = self.media.agreement if self.media is not None else None
        theirs = other.media.agreement if other.media is not None else None
        if self.media is None or ours is None or theirs is None or convertible(ours.codec, theirs.codec):
            return
        codecs = towards(self.terms.codecs, [theirs.codec])
        if not codecs:
            raise self.nothing_in_common([theirs.codec])
        with self.switch.driver.turn():
            self.session.reinvite(self.media.offer(codecs, video=video.again(self)), self.switch.clock())

    def _offer_refused(self, refused: OfferRefused) -> None:
        if refused.refresh:
            if self.media is not None:
                self.media.negotiation.withdraw_offer()
            return
        if video.refused(self, refused.status):
            return
        self.story.tell("offer refused", leg=self.name, status=refused.status)
        # Audio is only ever offered again because what is agreed cannot be heard at the other end.
        self.hangup(causes.NOT_ACCEPTABLE)

    def _renegotiate(self, body: bytes) -> None:
        """A re-INVITE or UPDATE: nothing that a script would have to decide."""
        with self.switch.driver.turn():
            changed = renegotiate(self, self._open_media(), body)
            if changed:
                self._tell_codec()
        if changed:
            self.on_change()

    def _tell_codec(self) -> None:
        agreement = self.media.agreement if self.media is not None else None
        if agreement is not None:
            self.story.tell(
                "media agreed",
                leg=self.name,
                codec=agreement.codec.name,
                direction=agreement.direction.value,
                remote=f"{agreement.remote_address}:{agreement.remote_port}",
                srtp=None if agreement.keys is None else agreement.keys.suite,
            )
            if agreement.keys is not None:
                self.switch.keys_exchanged(self)


def _nobody() -> None:
    """A leg without a call has nobody to wake."""
