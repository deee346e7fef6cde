"""A request within a dialog (RFC 3261 12.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.body import ACCEPT_LINE
from softswitch.sip.core import ALLOW_LINE
from softswitch.sip.raw import noted_via
from softswitch.sip.reply import Reply, reply_flow
from softswitch.sip.session import fork, info, referral, refresh, reliable, transfer
from softswitch.sip.session.reinvite import Input as ModificationInput
from softswitch.sip.session.reinvite import Theirs, refuse
from softswitch.sip.session.state import Input, State
from softswitch.sip.transaction.invite_server import InviteServer
from softswitch.sip.transaction.non_invite_server import NonInviteServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request
    from softswitch.sip.session.session import InviteSession


def in_dialog(session: InviteSession, request: Request, key: str, flow: Flow, now: float) -> None:
    """Everything but ACK and CANCEL; the stack has checked the request and found the session."""
    core, method = session.core, request.method
    reply = Reply(request, noted_via(request, flow))
    way_back = reply_flow(request.via, flow)
    dialog = session.dialog_with(request.from_tag or "")
    number = request.cseq.number

    def refuse(status: int, lines: str = "") -> None:
        core.layer.send(way_back, reply.write(status, headers=core.server_line + lines), str(status))

    if dialog is None or (session.state is State.CLOSING and method != "BYE"):
        refuse(481)
    elif number <= dialog.remote_cseq:
        refuse(500)  # 12.2.2: out of order
    elif method not in _TAKERS and method != "INVITE":
        refuse(405, ALLOW_LINE)
    elif method == "INVITE":
        dialog.remote_cseq = number
        server = InviteServer(core.layer, session, key, "", way_back, session.local_tag)
        _reinvite(session, Theirs(request, reply, server), now)
    else:
        dialog.remote_cseq = number
        transaction = NonInviteServer(core.layer, key, "", way_back, now)
        _TAKERS[method](session, Theirs(request, reply, transaction), now)


def _bye(session: InviteSession, theirs: Theirs, now: float) -> None:
    _ok(session, theirs, now)
    if session.dialog is None and fork.left(session, theirs.request.from_tag or ""):
        return
    session.step(Input.BYE, now, theirs.request)


def _options(session: InviteSession, theirs: Theirs, now: float) -> None:
    _ok(session, theirs, now, f"{ALLOW_LINE}{ACCEPT_LINE}")


def _update(session: InviteSession, theirs: Theirs, now: float) -> None:
    """RFC 3311 5.2."""
    if _too_short(session, theirs, now):
        return
    if not theirs.request.body:
        dialog = session.dialog_with(theirs.request.from_tag or "")
        if dialog is not None:
            dialog.refresh(theirs.request.headers.get("Contact"))
        _ok(session, theirs, now, session.contact_line + ALLOW_LINE + refresh.answer(session, theirs.request, now))
    elif session.takes_offer(theirs.request.from_tag or ""):
        session.open_modification().step(ModificationInput.THEIR_UPDATE, now, theirs)
    else:
        _refuse_early(session, theirs, now)


def _reinvite(session: InviteSession, theirs: Theirs, now: float) -> None:
    """14.2."""
    if _too_short(session, theirs, now):
        return
    if session.is_established:
        session.open_modification().step(ModificationInput.THEIR_INVITE, now, theirs)
    else:
        _refuse_early(session, theirs, now)


def _too_short(session: InviteSession, theirs: Theirs, now: float) -> bool:
    """RFC 4028 9: whether it was refused because it would have the session expire too soon."""
    least = None if session.timing is None else session.timing.too_short(theirs.request)
    if least is not None:
        refuse(session, theirs, 422, now, f"Min-SE: {least}\r\n")
    return least is not None


def _refuse_early(session: InviteSession, theirs: Theirs, now: float) -> None:
    """The first offer is still open: theirs (500, 14.2) or ours, or the ACK of our 2xx is on its way (491)."""
    core = session.core
    if session.state is State.INCOMING:
        status, lines = 500, f"Retry-After: {core.number_below(11)}\r\n"
    else:
        status, lines = 491, ""
    theirs.server.respond(status, theirs.reply.write(status, headers=core.server_line + lines), now)


def _ok(session: InviteSession, theirs: Theirs, now: float, lines: str = "") -> None:
    theirs.server.respond(200, theirs.reply.write(200, headers=session.core.server_line + lines), now)


_TAKERS: dict[str, Callable[[InviteSession, Theirs, float], None]] = {
    "BYE": _bye,
    "INFO": info.answer,
    "NOTIFY": transfer.receive,
    "OPTIONS": _options,
    "PRACK": reliable.acknowledge,
    "REFER": referral.receive,
    "UPDATE": _update,
}
