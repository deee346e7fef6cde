"""We call: the INVITE we send and what its responses do (RFC 3261 13.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from softswitch.sip.client_request import ClientRequest
from softswitch.sip.core import ALLOW_LINE
from softswitch.sip.dialog import Dialog, arrange, is_elsewhere
from softswitch.sip.events import Answered, Progressed, Refused
from softswitch.sip.grammar import parse_digits
from softswitch.sip.large_request import flow_of_dialog
from softswitch.sip.outgoing import MAX_FORWARDS, Outgoing, header_lines, one_line, via_for
from softswitch.sip.session import bye, finish, refresh
from softswitch.sip.session.fork import DISCARD
from softswitch.sip.session.prack import Acknowledger
from softswitch.sip.session.state import Input, Release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.sip.headers import NameAddr
    from softswitch.sip.message import Response
    from softswitch.sip.session.prack import EarlyDialog
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.session.state import Outcome
    from softswitch.sip.uri import Uri

MOST_EARLY_DIALOGS = 16
"""Forks whose early dialogs are remembered; more come only from an attacker."""


def send(
    session: InviteSession,
    *,
    uri: Uri,
    from_: NameAddr,
    to: NameAddr,
    headers: Sequence[tuple[str, str]],
    routes: Sequence[NameAddr],
    content_type: str,
    body: bytes,
    now: float,
) -> None:
    """Send the INVITE of a new session (13.2.1). Raises LocalProtocolError before anything is sent or kept."""
    core, flow = session.core, session.flow
    branch = core.branch()
    max_forwards = MAX_FORWARDS
    for name, value in headers:
        if name.lower() == "max-forwards":
            stated = parse_digits(value, 255)
            max_forwards = MAX_FORWARDS if stated is None else stated
    lines = header_lines([pair for pair in headers if pair[0].lower() != "max-forwards"])
    content = header_lines([("Content-Type", content_type)]) if body else ""
    request_uri, route_lines, hop = arrange(str(uri), [one_line(str(route)) for route in routes])
    caller = replace(from_, parameters=from_.parameters.without("tag")) if from_.tag else from_
    session.pinned = is_elsewhere(hop, flow)
    session.had_offer = bool(body)
    session.local_cseq = session.invite_cseq = 1
    outgoing = Outgoing(
        "INVITE",
        request_uri,
        branch,
        via_for(flow, branch),
        one_line(f"{caller};tag={session.local_tag}"),
        one_line(str(to)),
        one_line(session.call_id),
        session.local_cseq,
        route_lines,
        "",
        f"{session.contact_line}{ALLOW_LINE}{core.agent_line}{session.terms.invite_lines}{lines}{content}",
        body,
        max_forwards,
    )
    session.sent = outgoing
    session.register()
    session.exchange = ClientRequest(core, session, outgoing, flow, session.authorizer, now)


def progress(session: InviteSession, now: float, response: Response) -> None:
    """A provisional response: 101..199 with a tag makes an early dialog (12.1.2)."""
    if response.status == 100:
        return
    tag = response.to_tag
    body: bytes | None = response.body
    if tag:
        if session.early is None:
            session.early = {}
        early = session.early.get(tag)
        if early is not None:
            early.refresh(response.headers.get("Contact"))
        elif len(session.early) < MOST_EARLY_DIALOGS:
            early = session.early[tag] = _dialog(session, response)
        if early is not None and session.terms.reliable != "off":
            if session.acknowledger is None and "RSeq" in response.headers:
                session.acknowledger = Acknowledger(session)
            if session.acknowledger is not None:
                body = session.acknowledger.take(early, response, now)
    if body is not None:
        session.core.events.append(Progressed(session, response.status, body, response.reason, tag or ""))


def repeat(_: InviteSession, __: float, ___: None) -> None:
    """The INVITE goes out again with credentials, as if for the first time."""


def answered(session: InviteSession, now: float, response: Response) -> None:
    """The far end answered our offer, now or in a reliable provisional response: then this one says no more of it.

    Nothing at all is told where an UPDATE in that early dialog has the last word.
    """
    early = settled_early(session, response)
    body = response.body
    if early is not None:
        body = b"" if early.changed else early.answer
    confirm(session, response, b"")
    refresh.confirmed(session, response, now)
    session.core.events.append(Answered(session, body, response))
    if session.modification is not None:
        session.modification.confirmed(now)


def settled_early(session: InviteSession, response: Response) -> EarlyDialog | None:
    """What was settled reliably in the early dialog that a 2xx confirms."""
    return None if session.acknowledger is None else session.acknowledger.settled(response.to_tag or "")


def answered_with_offer(session: InviteSession, now: float, response: Response) -> None:
    """The far end answered with an offer; the ACK waits for the application, but not for ever."""
    session.dialog = _dialog(session, response)
    session.remote_tag = session.dialog.remote_tag
    exchange = session.exchange
    assert exchange is not None
    exchange.accepted(session.remote_tag, session.dialog.flow, b"", DISCARD)
    layer = session.core.layer
    session.timer = layer.timers.start(now + layer.durations.timeout, session, Input.ACK_MISSING)
    refresh.confirmed(session, response, now)
    session.core.events.append(Answered(session, response.body, response))


def acknowledge(session: InviteSession, _: float, body: bytes) -> None:
    """The application's answer to the offer in the 2xx."""
    session.core.layer.timers.cancel(session.timer)
    _send_ack(session, body)


def acknowledge_and_leave(session: InviteSession, now: float, release: Release) -> None:
    """No answer will come: a bare ACK, for the 2xx must have one, and BYE."""
    _send_ack(session, b"")
    bye.send(session, now, release)


def refused_at_once(session: InviteSession, now: float, outcome: Outcome) -> None:
    """The same before anything else was heard."""
    session.core.events.append(Refused(session, outcome.response, outcome.status, at_once=True))
    finish.end(session, outcome.release(), now)


def refused(session: InviteSession, now: float, outcome: Outcome) -> None:
    """300..699, or nothing at all."""
    session.core.events.append(Refused(session, outcome.response, outcome.status))
    finish.end(session, outcome.release(), now)


def confirm(session: InviteSession, response: Response, body: bytes) -> None:
    """Make the dialog of a 2xx ours and acknowledge it (13.2.2.4)."""
    dialog = session.dialog = _dialog(session, response)
    session.remote_tag = dialog.remote_tag
    assert session.exchange is not None
    session.exchange.accepted(dialog.remote_tag, dialog.flow, b"", DISCARD)
    _send_ack(session, body)


def _send_ack(session: InviteSession, body: bytes) -> None:
    dialog, exchange = session.dialog, session.exchange
    assert dialog is not None
    assert exchange is not None
    core = session.core
    # Its number is the INVITE's, as are its credentials (13.2.2.4).
    ack = dialog.request(
        "ACK",
        session.invite_cseq,
        core.branch(),
        authorization=exchange.authorization,
        headers=core.agent_line + ("Content-Type: application/sdp\r\n" if body else ""),
        body=body,
    ).encode()
    if exchange.acks is not None:
        exchange.acks[dialog.remote_tag] = (dialog.flow, ack)
    core.layer.send(dialog.flow, ack, "ACK")
    session.exchange = None
    session.early = None
    session.acknowledger = None


def _dialog(session: InviteSession, response: Response) -> Dialog:
    """The dialog of a response; an early one lends what it has learned (its route set is computed anew, 13.2.2.4)."""
    assert session.exchange is not None
    sent = session.exchange.outgoing
    fallback = sent.uri if sent is not None else str(response.to.uri)
    flow = flow_of_dialog(session.flow, session.exchange.flow, response)
    dialog = Dialog.of_callee(response, fallback, flow, pinned=session.pinned)
    early = session.early.get(dialog.remote_tag) if session.early else None
    if early is not None:
        dialog.remote_cseq = early.remote_cseq
    return dialog
