"""BYE, both ways (RFC 3261 15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.client_request import ClientRequest
from softswitch.sip.reasons import reason_lines, reasons_of
from softswitch.sip.session import finish
from softswitch.sip.session.state import Release

if TYPE_CHECKING:
    from softswitch.sip.message import Request
    from softswitch.sip.session.session import InviteSession


def send(session: InviteSession, now: float, release: Release) -> None:
    """BYE goes out; the session is over as soon as it does (15.1.1)."""
    dialog, core = session.dialog, session.core
    assert dialog is not None
    finish.quiet(session, now)
    outgoing = dialog.request(
        "BYE",
        session.next_cseq(),
        core.branch(),
        authorization=session.authorization("BYE"),
        headers=reason_lines(release.reasons) + core.agent_line,
    )
    ClientRequest(core, session, outgoing, dialog.flow, session.authorizer, now)
    finish.tell(session, release)


def hold(session: InviteSession, _: float, release: Release) -> None:
    """15: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an ACK"."""
    session.release = release


def send_held(session: InviteSession, now: float, _: object) -> None:
    """The ACK came, or will not come any more."""
    assert session.release is not None
    send(session, now, session.release)


def received(session: InviteSession, now: float, request: Request) -> None:
    """They hung up."""
    finish.end(session, session.release or Release("remote", 200, reasons_of(request)), now)


def crossed(_: InviteSession, __: float, ___: Request) -> None:
    """Both hung up at once: theirs is answered, ours goes on."""


def done(session: InviteSession, now: float, _: None) -> None:
    """Our BYE was answered, whatever the status, or never will be: the dialog is gone."""
    finish.end(session, Release("local", 200), now)
