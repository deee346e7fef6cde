"""The states of an INVITE session and what moves it; `table.py` holds the moves, RFC 3261 13 to 15 the reasons."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.sip.events import EndedBy
    from softswitch.sip.headers import Reason
    from softswitch.sip.message import Response


class State(IntEnum):
    CALLING = 1
    """Ours: INVITE sent, nothing heard."""
    PROCEEDING = 2
    """Ours: a provisional response came."""
    CANCEL_HELD = 3
    """Ours: to be cancelled, but no provisional response yet, so that CANCEL must wait (9.1)."""
    CANCELLING = 4
    """Ours: CANCEL sent, final response awaited."""
    ANSWERED = 5
    """Ours: a 2xx with an offer came; the ACK waits for our answer."""
    INCOMING = 6
    """Theirs: not answered yet."""
    ACCEPTED = 7
    """Theirs: 2xx sent, ACK awaited."""
    LEAVING = 8
    """Theirs: 2xx sent, and we have hung up: BYE must wait for the ACK or its time-out (15)."""
    ESTABLISHED = 9
    CLOSING = 10
    """BYE sent, its outcome awaited; `Ended` is already told (15.1.1)."""
    ENDED = 11


class Input(IntEnum):
    """What can happen; the payload of each is the third argument of its actions."""

    PROVISIONAL = 1
    """Response 101..199 (100 too)."""
    ANSWER = 2
    """Response 2xx to our INVITE with an offer."""
    OFFER = 3
    """Response 2xx to our INVITE without one."""
    REFUSED = 4
    """Outcome: final response 300..699, or none."""
    ACKNOWLEDGE = 5
    """The application's answer (bytes) to an offer in a 2xx."""
    ACCEPT = 6
    """Our 2xx (bytes)."""
    REJECT = 7
    """Refusal: our final response to their INVITE."""
    HANGUP = 8
    """Release."""
    CANCEL = 9
    """Their CANCEL (Request)."""
    BYE = 10
    """Their BYE (Request), already answered with 200."""
    ACK = 11
    """Their ACK (Request) to our first 2xx."""
    ACK_MISSING = 12
    """Release: 64*T1 without an ACK to our 2xx, or without the application's `ack`."""
    DIALOG_GONE = 13
    """Release: a request of ours within the dialog was answered 408 or 481, or not at all (12.2.1.2)."""
    BYE_DONE = 14
    """Our BYE has its outcome."""
    TRANSPORT_FAILED = 15
    """Release: the way to the caller is gone before the answer."""
    CHALLENGED = 16
    """401 or 407 that we can answer: may the INVITE be repeated? (no row: it may not)"""
    EXPIRED = 17
    """Release: the time that their INVITE's Expires gave us is over."""


@value_class(frozen=True, slots=True)
class Release:
    """Why a session ends: becomes `Ended`, and the Reason headers of what we send."""

    by: EndedBy
    status: int
    reasons: tuple[Reason, ...] = ()


@value_class(frozen=True, slots=True)
class Refusal(Release):
    """A final response to their INVITE in the application's own words."""

    reason: str | None = None
    lines: str = ""
    """Further header lines."""


@value_class(frozen=True, slots=True)
class Outcome:
    """How our INVITE failed."""

    status: int
    response: Response | None

    def release(self) -> Release:
        """As the end of the session: refused, never answered, or not reachable."""
        if self.response is not None:
            return Release("remote", self.status)
        return Release("timeout" if self.status == 408 else "transport", self.status)
