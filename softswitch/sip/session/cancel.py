"""CANCEL, both ways, and everything that can cross it (RFC 3261 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.reasons import reason_lines, reasons_of
from softswitch.sip.session import bye, finish, invite, reject
from softswitch.sip.session.state import Release
from softswitch.sip.transaction.invite_client import NOBODY, InviteClient
from softswitch.sip.transaction.non_invite_client import NonInviteClient

if TYPE_CHECKING:
    from softswitch.sip.message import Request, Response
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.session.state import Outcome


def hold(session: InviteSession, _: float, release: Release) -> None:
    """9.1: "If no provisional response has been received, the CANCEL request MUST NOT be sent"."""
    session.release = release


def hold_and_send(session: InviteSession, now: float, release: Release) -> None:
    """A provisional response is there: cancel at once."""
    session.release = release
    send(session, now, None)


def send(session: InviteSession, now: float, _: Response | None) -> None:
    """CANCEL to where the INVITE went, and 64*T1 for the INVITE to end (9.1)."""
    exchange, core = session.exchange, session.core
    assert exchange is not None
    assert exchange.outgoing is not None
    reasons = session.release.reasons if session.release is not None else ()
    cancel = exchange.outgoing.cancel(reason_lines(reasons) + core.agent_line)
    NonInviteClient(core.layer, NOBODY, cancel, exchange.flow, now)
    if isinstance(exchange.transaction, InviteClient):
        exchange.transaction.expect_end(now)


def on_early_bye(session: InviteSession, now: float, request: Request) -> None:
    """A callee that sends BYE before it answered (15 forbids it, some do): it is gone, so end the INVITE too."""
    hold_and_send(session, now, Release("remote", 487, reasons_of(request)))


def answer_crossed(session: InviteSession, now: float, response: Response) -> None:
    """The 2xx crossed our CANCEL, which then has no effect: ACK, then BYE (15)."""
    assert session.release is not None
    invite.confirm(session, response, b"")
    bye.send(session, now, session.release)


def finished(session: InviteSession, now: float, outcome: Outcome) -> None:
    """487 as asked, another refusal that crossed the CANCEL, or silence."""
    assert session.release is not None
    release = session.release
    status = outcome.status if outcome.response is not None else release.status
    finish.end(session, Release(release.by, status, release.reasons), now)


def received(session: InviteSession, now: float, request: Request) -> None:
    """The caller gave up before the answer: 487 to the INVITE (9.2)."""
    reject.send(session, now, Release("remote", 487, reasons_of(request)))
