"""A callee's leg: an INVITE we sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.b2bua.leg import Leg, LegState
from softswitch.sip.events import Answered, Progressed

if TYPE_CHECKING:
    from softswitch.b2bua.leg import SessionEvent
    from softswitch.b2bua.switchboard import Switchboard
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.sip.headers import NameAddr
    from softswitch.sip.session.session import InviteSession
    from softswitch.telemetry.story import Story


class OutboundLeg(Leg):
    """`progress` is the last provisional status, 0 while nothing was heard."""

    __slots__ = ("progress",)

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

    @property
    def heard_from(self) -> bool:
        """Whether the far end gave any sign of life."""
        return self.progress > 0 or self.session.proceeding

    def handle(self, event: SessionEvent) -> None:
        """Progress and answer matter to callees only."""
        match event:
            case Progressed(status=status, body=body):
                if self.state is not LegState.CALLING:
                    return
                self.progress = status
                self._alerted()
                self.story.tell("progress", leg=self.name, status=status, sdp=bool(body))
                if body and not self._take_answer(body, provisional=True):
                    return
                self.on_change()
            case Answered(body=body):
                if self.state is not LegState.CALLING:
                    return
                if not body and self.media is not None and self.audible:
                    self.media.answered_without_body()
                elif not self._take_answer(body):
                    return
                self.state = LegState.ANSWERED
                self.answered_at = self.switch.clock()
                if self.media is not None:
                    self.media.expect_media()
                self.story.tell("answered", leg=self.name)
                self.on_change()
            case _:
                super().handle(event)
