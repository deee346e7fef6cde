"""Whether an INVITE of theirs fits what its trunk or the phones may use: 420, 421 and 422 where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.session.refresh import SessionTimer
from softswitch.sip.session.reliable import ReliableResponses
from softswitch.sip.session.terms import RELIABLE, TIMER, TRICKLE, allows, option_tags

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.session.terms import SessionTerms


def admit(session: InviteSession, terms: SessionTerms) -> tuple[int, tuple[tuple[str, str], ...]] | None:
    """Settle what this session uses; how to refuse it (status and headers), None when it can be taken."""
    session.terms = terms
    headers = session.request.headers
    required = option_tags(headers, "Require")
    if TRICKLE in required and not terms.trickle:
        return 420, (("Unsupported", TRICKLE),)
    if terms.timer is not None:
        timing = session.timing = SessionTimer(session, terms.timer)
        least = timing.too_short(session.request)
        if least is not None:
            return 422, (("Min-SE", str(least)),)
    elif TIMER in required:
        return 420, (("Unsupported", TIMER),)
    if terms.reliable == "off":
        if RELIABLE in required:
            return 420, (("Unsupported", RELIABLE),)
    elif RELIABLE in required or RELIABLE in option_tags(headers, "Supported"):
        session.reliable = ReliableResponses(session, required=RELIABLE in required)
        session.takes_update = allows(headers, "UPDATE")
    elif terms.reliable == "required":
        return 421, (("Require", RELIABLE),)
    return None
