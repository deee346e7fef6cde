"""The end of a session: told once, then nothing of it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.core import session_key
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.events import Ended
from softswitch.sip.headers import Reason
from softswitch.sip.session.fork import DISCARD

if TYPE_CHECKING:
    from softswitch.sip.message import Request
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.session.state import Release


def tell(session: InviteSession, release: Release) -> None:
    """Emit `Ended`, the first time."""
    if not session.told:
        session.told = True
        session.core.events.append(Ended(session, release.cause, release.by, release.status))


def end(session: InviteSession, release: Release, now: float) -> None:
    """Tell, and let go of everything: dialog, timers, transactions."""
    tell(session, release)
    core = session.core
    if core.sessions.pop(session_key(session.call_id, session.local_tag), None) is None:
        return
    quiet(session, now)
    if session.exchange is not None:
        session.exchange.owner = DISCARD
        session.exchange = None
    session.server = None
    session.reply = None
    session.early = None
    session.authorizer = None


def quiet(session: InviteSession, now: float) -> None:
    """Stop what no longer matters once BYE is on its way: timers, a pending ACK, a re-INVITE or digits."""
    timers = session.core.layer.timers
    timers.cancel(session.timer)
    session.timer = 0
    if session.pending_ack is not None:
        session.pending_ack.stop()
        session.pending_ack = None
    if session.modification is not None:
        session.modification.close(now)
        session.modification = None
    if session.keys is not None:
        session.keys.close()
        session.keys = None


def reason_of(request: Request) -> Reason | None:
    """The Reason header (RFC 3326), the Q.850 one if there are several; a malformed one says nothing."""
    if not request.headers.lines("Reason"):
        return None
    try:
        reasons = [Reason.parse(text) for text in request.headers.get_all("Reason")]
    except RemoteProtocolError:
        return None
    for reason in reasons:
        if reason.protocol.upper() == "Q.850":
            return reason
    return reasons[0] if reasons else None


def reason_line(cause: Reason | None) -> str:
    """The Reason header to send with a BYE, CANCEL or refusal (RFC 3326, RFC 6432).

    One that could not stand in a message is left out: hanging up never fails.
    """
    if cause is None:
        return ""
    text = str(cause)
    return f"Reason: {text}\r\n" if text.isprintable() else ""
