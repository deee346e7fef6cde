"""Whether a far end is still there: refreshes of its session, and the question when nothing is heard of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.events import ConnectionChanged, FarEndAsked, RefreshDue
from softswitch.sip.session import probe

if TYPE_CHECKING:
    from softswitch.b2bua.leg import Leg


class Watch:
    """What is known of one leg's far end. Handed the leg, which it must not hold: the circle would wait for the
    collector."""

    __slots__ = ("_asked_at",)

    def __init__(self) -> None:
        self._asked_at: int | None = None
        """How many packets had come when it was asked last."""

    def take(self, leg: Leg, event: RefreshDue | FarEndAsked | ConnectionChanged) -> None:
        """The session wants its refresh, the far end has answered a question, or is away and may come back."""
        match event:
            case RefreshDue():
                _refresh(leg)
            case FarEndAsked(status=status):
                leg.story.tell("far end answers", leg=leg.name, status=status)
                if leg.media is not None:
                    leg.media.expect_media_anew()
            case ConnectionChanged(is_there=is_there):
                leg.story.tell("page reconnected" if is_there else "page disconnected", leg=leg.name)

    def went_silent(self, leg: Leg) -> bool:
        """No packet for the whole time-out: whether that is the end of it.

        A far end that is silent may be there, muted: it is asked first. One that is not ends its session. One that
        answers has the time-out once more to be heard.
        """
        statistics = leg.media.statistics() if leg.media is not None else None
        heard = 0 if statistics is None else statistics.packets_received
        if self._asked_at == heard:
            return True
        self._asked_at = heard
        with leg.switch.driver.turn():
            return not probe.ask(leg.session, leg.switch.clock())


def _refresh(leg: Leg) -> None:
    """Offer what is agreed again, word for word. An offer that is open already does as well."""
    if leg.media is not None and leg.media.can_repeat:
        with leg.switch.driver.turn():
            leg.session.reinvite(leg.media.offer_again(), leg.switch.clock(), is_refresh=True)
