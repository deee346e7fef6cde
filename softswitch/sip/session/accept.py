"""They call: ringing, answering, and the ACK (RFC 3261 13.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.core import ALLOW_LINE
from softswitch.sip.events import Established
from softswitch.sip.session.pending_ack import PendingAck

if TYPE_CHECKING:
    from softswitch.sip.message import Request
    from softswitch.sip.session.session import InviteSession


def ring(session: InviteSession, status: int, lines: str, body: bytes, now: float) -> None:
    """A provisional response, repeated every minute while nothing else is sent (13.3.1.1)."""
    assert session.server is not None
    assert session.reply is not None
    session.server.respond(status, write(session, status, lines, body), now)
    ring_later(session, now + session.core.layer.durations.ring_refresh)


def ring_later(session: InviteSession, when: float) -> None:
    """The next repetition is due then."""
    timers = session.core.layer.timers
    timers.cancel(session.timer)
    session.timer = timers.start(when, session, RING_AGAIN)


RING_AGAIN = 0
"""Timer kind; not an input of the table, for it changes nothing."""


def ring_again(session: InviteSession, now: float) -> None:
    """The last provisional response once more."""
    if session.reliable is not None and session.reliable.in_use:
        session.reliable.ring_again(now)
        return
    assert session.server is not None
    session.server.send_provisional_again(now)
    ring_later(session, now + session.core.layer.durations.ring_refresh)


def write(session: InviteSession, status: int, lines: str, body: bytes) -> bytes:
    """A dialog-forming response (12.1.1): Record-Route as it came, our Contact."""
    assert session.reply is not None
    core = session.core
    content = "Content-Type: application/sdp\r\n" if body else ""
    ours = f"{session.contact_line}{ALLOW_LINE}{session.terms.supported_line}{core.server_line}"
    headers = f"{session.reply.record_routes}{ours}{lines}{content}"
    return session.reply.write(status, to_tag=session.local_tag, headers=headers, body=body)


def send(session: InviteSession, now: float, message: bytes) -> None:
    """Our 2xx, repeated until its ACK."""
    assert session.server is not None
    timers = session.core.layer.timers
    timers.cancel(session.timer)
    timers.cancel(session.expiry)
    session.timer = 0
    session.pending_ack = PendingAck(
        session, session.server, session.remote_cseq, message, now, late_offer=not session.had_offer
    )
    session.server = None
    session.reply = None


def acknowledged(session: InviteSession, _: float, request: Request) -> None:
    """The call stands; the ACK has the answer when our 2xx had the offer."""
    session.core.events.append(Established(session, request.body))
