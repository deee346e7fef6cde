"""The caller's leg: an INVITE we received."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.ports import PortsExhausted
from softswitch.b2bua import cause as causes
from softswitch.b2bua.codec_choice import answer_alone, answer_like, audio, common, towards
from softswitch.b2bua.leg import CallFailed, Leg, LegState
from softswitch.b2bua.video import answering
from softswitch.sdp.errors import SdpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.b2bua.cause import ReleaseCause
    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.origin import Origin
    from softswitch.b2bua.switchboard import Switchboard
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.sdp.agreement import AudioOffer
    from softswitch.sdp.codec import Codec
    from softswitch.sip.session.session import InviteSession
    from softswitch.telemetry.story import Story


class InboundLeg(Leg):
    """Its answer waits until we know which codec the other side will use."""

    __slots__ = ("_origin", "offer")

    role = "caller"

    def __init__(
        self,
        switch: Switchboard,
        story: Story,
        *,
        name: str,
        origin: Origin,
        terms: MediaTerms,
        session: InviteSession,
    ) -> None:
        super().__init__(switch, story, name=name, party=origin.party, terms=terms, session=session)
        self._origin = origin
        self.offer: AudioOffer | None = None

    @property
    def origin(self) -> Origin:
        """Who calls."""
        return self._origin

    def take_offer(self, body: bytes) -> None:
        """The INVITE's own offer, before any answer. Raises SdpError, or PortsExhausted when no port is left."""
        if body and self.state is LegState.CALLING:
            self.offer = self._open_media().take_offer(body)

    def can_do(self) -> Sequence[Codec] | None:
        """What is agreed, else what was offered and this source is allowed to use."""
        agreed = super().can_do()
        if agreed is None and self.offer is not None:
            return common(self.offer.codecs, self.terms.codecs)
        return agreed

    def ring(self, status: int = 180) -> None:
        """Tell the caller that somebody is alerted."""
        if self.state is LegState.CALLING:
            with self.switch.driver.turn():
                body = self._early_body(None) if self.session.wants_offer else None
                self.session.ring(self.switch.clock(), status, body=body or b"")
            self._alerted()

    def open_early(self, like: Leg | None = None) -> bool:
        """183 with our SDP, so that the caller hears what comes before the answer. False: it does not, or not yet.

        To an INVITE without an offer it is ours, and the caller hears nothing before its PRACK has the answer.
        """
        if self.state is not LegState.CALLING or not self.session.can_describe:
            return False
        if self.media is not None and (self.audible or self.media.offering):
            return self.audible
        with self.switch.driver.turn():
            body = self._early_body(like)
            if body is None:
                return False
            self.session.ring(self.switch.clock(), 183, body=body)
        self._alerted()
        self.story.tell("early media", leg=self.name)
        return self.audible

    def answer(self, like: Leg | None = None) -> None:
        """200 with our answer, or with our offer when the INVITE had none.

        Raises CallFailed without a common codec, or when a late offer finds no port left.
        """
        if self.state is not LegState.CALLING:
            return
        with self.switch.driver.turn():
            try:
                body = self._answer_body(like)
            except PortsExhausted as error:
                self.story.warn("no media port", error=str(error))
                raise CallFailed(causes.NO_CIRCUIT) from error
            if body is None:
                raise self._unanswerable(like)
            secure = self.session.request.uri.scheme == "sips"
            contact = self.switch.contact(self.session.flow, secure=secure)
            self.session.accept(body, self.switch.clock(), contact=contact)
        self.state = LegState.ANSWERED
        self.answered_at = self.switch.clock()
        if self.audible and self.media is not None:
            self.media.expect_media()
        self.story.tell("answered", leg=self.name)

    def incompatible_with(self, destination: Destination) -> CallFailed:
        """488, because nothing this caller has can be made into what may be offered there."""
        able = self.can_do()
        if able is not None and not audio(able) and self.offer is not None:
            return self.nothing_in_common(self.offer.codecs)
        return super().incompatible_with(destination)

    def _unanswerable(self, like: Leg | None) -> CallFailed:
        """Why there was no answer body: nothing of the offer is allowed here, or what is cannot be made into theirs."""
        agreed = like.media.agreement if like is not None and like.media is not None else None
        offered = self.offer.codecs if self.offer is not None else ()
        if agreed is None or not common(offered, self.terms.codecs):
            return self.nothing_in_common(offered)
        return self.nothing_in_common([agreed.codec], allowed=common(offered, self.terms.codecs))

    def reject(self, cause: ReleaseCause) -> None:
        """Final response instead of an answer."""
        self.hangup(cause)

    def refuse_offer(self, cause: ReleaseCause, error: SdpError) -> None:
        """Final response to an INVITE whose offer cannot be taken."""
        if self.state is not LegState.CALLING:
            return
        with self.switch.driver.turn():
            self.session.reject(cause.status, self.switch.clock(), headers=self.warnings(error))
            self._end(cause, "switch")

    def _early_body(self, like: Leg | None) -> bytes | None:
        try:
            return self._answer_body(like)
        except PortsExhausted as error:
            self.story.warn("no media port", error=str(error))
            return None

    def _answer_body(self, like: Leg | None) -> bytes | None:
        media = self._open_media()
        if media.offering or media.agreement is not None:
            return media.negotiation.local_body
        if self.offer is None:
            agreed = like.media.agreement if like is not None and like.media is not None else None
            codecs = towards(self.terms.codecs, None if agreed is None else [agreed.codec])
            return media.offer(codecs) if codecs else None
        like_agreement = like.media.agreement if like is not None and like.media is not None else None
        if like_agreement is not None:
            codecs = answer_like(self.offer.codecs, self.terms.codecs, like_agreement.codec)
        else:
            codecs = answer_alone(self.offer.codecs, self.terms.codecs)
        if not codecs:
            return None
        try:
            body = media.answer(codecs, video=answering(self, self.offer, like))
        except SdpError as error:
            self.story.tell("no answer possible", leg=self.name, error=str(error))
            return None
        self._tell_codec()
        return body
