"""A callee's leg: an INVITE we sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.b2bua.forks import Forks
from softswitch.b2bua.leg import Leg, LegState
from softswitch.b2bua.origin import Number, Origin
from softswitch.b2bua.redirect import FOLLOWED, places
from softswitch.sdp.errors import SdpError
from softswitch.sip.events import Answered, OfferReceived, Progressed, Refused

if TYPE_CHECKING:
    from softswitch.b2bua.leg import SessionEvent
    from softswitch.b2bua.switchboard import Switchboard
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.sdp.agreement import AudioAgreement
    from softswitch.sdp.negotiate import Negotiation
    from softswitch.sip.headers import NameAddr
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.uri import Uri
    from softswitch.telemetry.story import Story


EARLY_DIALOG_TERMINATED = 199


class OutboundLeg(Leg):
    """`progress` is the last provisional status, 0 while nothing was heard."""

    __slots__ = ("_forks", "number", "progress", "redirected_to", "told")

    role = "callee"

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
        super().__init__(switch, story, name=name, party=party, terms=terms, session=session)
        self.progress = 0
        self.number = ""
        """The number called, canonical."""
        self.told: Origin | None = None
        """Who was said to call."""
        self.redirected_to: tuple[Uri, ...] = ()
        """Where its far end says that the call should go instead, best first."""
        self._forks: Forks | None = None
        """From the first provisional response with SDP."""

    @property
    def origin(self) -> Origin:
        """Who is said to call when somebody else is called for this party: the one that was called."""
        user = self.party.uri.user or ""
        return Origin(party=self.party, number=Number(user, self.number or user), ours=self.name.startswith("phone:"))

    @property
    def heard_from(self) -> bool:
        """Whether the far end gave any sign of life."""
        return self.progress > 0 or self.session.proceeding

    def handle(self, event: SessionEvent) -> None:
        """Progress and answer matter to callees only."""
        match event:
            case Progressed(status=status, body=body, tag=tag):
                if self.state is not LegState.CALLING:
                    return
                self.story.tell("progress", leg=self.name, status=status, sdp=bool(body))
                if status == EARLY_DIALOG_TERMINATED:
                    self._branch_ended(tag)
                    return
                self.progress = status
                self._alerted()
                if body:
                    self._described(tag, body)
                self.on_change()
            case Answered(body=body):
                if self.state is not LegState.CALLING:
                    return
                if not self._branch_answered(self.session.remote_tag, body):
                    return
                self.state = LegState.ANSWERED
                self.answered_at = self.switch.clock()
                if self.media is not None:
                    self.media.expect_media()
                self.story.tell("answered", leg=self.name)
                self.on_change()
            case OfferReceived(tag=tag) if self.state is LegState.CALLING and self.media is not None:
                # An UPDATE in the early dialog: what a reliable response has said was the answer to our INVITE's offer.
                if self._forks is None:
                    self._forks = Forks()
                self._hear(self._forks.changes(tag, self.media.negotiation))
                super().handle(event)
            case Refused(response=response, status=status) if status in FOLLOWED and response is not None:
                self.redirected_to = places(response)
                super().handle(event)
            case _:
                super().handle(event)

    def _described(self, tag: str, body: bytes) -> None:
        """Early media of one branch. What cannot be heard is left alone: the answer may come from another."""
        if self._forks is None:
            self._forks = Forks()
        if self._forks.describes(tag, body) and not self._preview(body):
            self._branch_ended(tag)

    def _branch_ended(self, tag: str) -> None:
        """RFC 6228: this branch will not answer any more; another one that was heard before is heard again."""
        if self._forks is None:
            return
        before = self._forks.forget(tag)
        if before is None:
            return
        changed = self._forks.changed(before)
        if changed is not None:
            self._hear(changed)
            self.on_change()
        elif self._preview(self._forks.answer(before)):
            self.on_change()

    def _branch_answered(self, tag: str, body: bytes) -> bool:
        """The call is this branch's; False: nothing can be heard of it, and the leg has ended."""
        forks, self._forks = self._forks, None
        if forks is None:
            return self._take_answer(body)
        changed = forks.changed(tag)
        if changed is not None:
            self._hear(changed)
            return True
        if forks.unchanged is not None and self.media is not None:
            self.media.go_on(forks.unchanged)
        return self._take_answer(body or forks.answer(tag))

    def _hear(self, changed: Negotiation) -> None:
        """The branch with which this was settled."""
        assert self.media is not None
        if self.media.go_on(changed):
            self.speaks = False
            self._tell_codec()

    def _preview(self, body: bytes) -> bool:
        was = self.media.agreement if self.media is not None else None
        if self.media is not None and self._forks is not None and self._forks.unchanged is not None:
            self.media.go_on(self._forks.unchanged)
        try:
            if self._open_media().take_answer(body, provisional=True):
                self._tell_codec()
        except SdpError as error:
            self.story.tell("early media unusable", leg=self.name, error=str(error))
            return False
        now = self.media.agreement if self.media is not None else None
        if was is not None and now is not None and _media_address(was) != _media_address(now):
            self.speaks = False  # the engine tells when the other one begins
        return True


def _media_address(agreement: AudioAgreement) -> tuple[str, int]:
    return agreement.remote_address, agreement.remote_port
