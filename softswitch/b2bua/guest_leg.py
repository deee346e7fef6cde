"""The leg of a guest who calls over a link: the link is used by the answer, not by the attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.b2bua.inbound_leg import InboundLeg

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.origin import Origin
    from softswitch.b2bua.switchboard import Switchboard
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.sip.session.session import InviteSession
    from softswitch.telemetry.story import Story


class GuestLeg(InboundLeg):
    """A caller's leg that says when it is answered. Once."""

    __slots__ = ("_answered",)

    def __init__(
        self,
        switch: Switchboard,
        story: Story,
        *,
        name: str,
        origin: Origin,
        terms: MediaTerms,
        session: InviteSession,
        answered: Callable[[], None],
    ) -> None:
        super().__init__(switch, story, name=name, origin=origin, terms=terms, session=session)
        self._answered = answered

    def answer(self, like: Leg | None = None) -> None:
        """As of any caller. Raises CallFailed; then nothing was answered."""
        is_new = self.answered_at is None
        super().answer(like)
        if is_new and self.answered_at is not None:
            self._answered()
