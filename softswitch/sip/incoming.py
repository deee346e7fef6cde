"""A request comes in: matched, checked in the order of RFC 3261 8.2, and handed to whoever it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip import loops, sparing
from softswitch.sip.body import ACCEPT_LINE, SDP, keep_description
from softswitch.sip.core import ALLOW_LINE, REGISTERING, SUPPORTED, session_key
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.events import InviteReceived, RequestReceived
from softswitch.sip.flow import SECURE, WEB_SOCKET
from softswitch.sip.grammar import parse_digits
from softswitch.sip.headers import MAX_DELTA_SECONDS, NameAddr
from softswitch.sip.message import KNOWN_METHODS, MAGIC_COOKIE
from softswitch.sip.parameters import NO_PARAMETERS, Parameters
from softswitch.sip.raw import noted_via
from softswitch.sip.reply import Reply, reply_flow
from softswitch.sip.server_request import ServerRequest
from softswitch.sip.session import receive
from softswitch.sip.session.session import InviteSession
from softswitch.sip.session.state import Input as SessionInput
from softswitch.sip.transaction.invite_server import InviteServer
from softswitch.sip.transaction.key import merge_key, server_key
from softswitch.sip.transaction.non_invite_server import NonInviteServer
from softswitch.sip.uri import Uri

if TYPE_CHECKING:
    from softswitch.sip.core import Core
    from softswitch.sip.flow import Flow
    from softswitch.sip.header_map import Headers
    from softswitch.sip.message import Request

SCHEMES = ("sip", "sips", "tel")
_DESCRIPTIONS = frozenset((SDP, "application/*", "*/*"))
_DIALOG_ONLY = frozenset(("BYE", "INFO", "UPDATE", "PRACK", "NOTIFY"))


def receive_request(core: Core, request: Request, flow: Flow, now: float) -> None:
    """One well-formed request."""
    method = request.method
    layer = core.layer
    key = server_key(request, "INVITE" if method == "ACK" else method)
    transaction = layer.server(key)
    if transaction is not None:
        transaction.receive(request, now)
        return
    if method == "ACK":
        _acknowledge(core, request, flow, now)
        return
    if method == "CANCEL":
        _cancel(core, request, key, flow, now)
        return
    to_tag = request.to_tag
    refusal = check(request, in_dialog=to_tag is not None)
    if refusal is not None:
        refuse(core, request, flow, *refusal)
    elif to_tag is not None:
        session = core.sessions.get(session_key(request.call_id, to_tag))
        if session is None or not core.belongs(flow, session.flow):
            refuse(core, request, flow, 481)
        else:
            receive.in_dialog(session, request, key, flow, now)
    else:
        _outside_dialog(core, request, key, flow, now)


def refuse_malformed(core: Core, error: RemoteProtocolError, flow: Flow) -> None:
    """The status of a request that could not be read, if an answer can be routed (RFC 4475 3.1.2)."""
    request = error.request
    if request is None:
        return
    via = request.via
    tag = core.stateless_tag(f"{request.headers.get('Call-ID')}|{via}")
    response = request.response(error.status, error.reason, to_tag=tag)
    response.headers.replace_top("Via", noted_via(request, flow))
    data = bytes(response)
    if len(data) <= request.size or not core.unverified(request, flow):
        core.layer.send(reply_flow(via, flow), data, str(error.status))


def refuse(core: Core, request: Request, flow: Flow, status: int, reason: str | None = None, lines: str = "") -> None:
    """A final response without a transaction (8.2.7): the same request again gets the same answer again."""
    via = request.via
    tag = "" if request.to_tag else core.stateless_tag(f"{request.headers.get('Call-ID')}|{via}")
    reply = Reply(request, noted_via(request, flow))
    data = sparing.respond(core, request, flow, reply, status, reason, tag, core.server_line + lines)
    if data is not None:
        core.layer.send(reply_flow(via, flow), data, str(status))


def check(request: Request, *, in_dialog: bool) -> tuple[int, str | None, str] | None:
    """Method, Request-URI, Max-Forwards, Require and content (8.2.1 to 8.2.3): how to refuse, None if all is well."""
    method, headers = request.method, request.headers
    if method not in KNOWN_METHODS:
        return 501, None, ALLOW_LINE
    if request.uri.scheme not in SCHEMES:
        return 416, None, ""
    if not in_dialog and method != "OPTIONS" and request.max_forwards == 0:
        return 483, None, ""
    if "Require" in headers:
        try:
            options = headers.get_all("Require")
        except RemoteProtocolError as error:
            return error.status, error.reason, ""
        known = (*SUPPORTED, *REGISTERING) if method == "REGISTER" else SUPPORTED
        unknown = [option for option in options if option.lower() not in known]
        if unknown:
            return 420, None, f"Unsupported: {', '.join(unknown)}\r\n"
    if request.body and method in ("INVITE", "UPDATE", "PRACK"):
        if "Content-Encoding" in headers and (headers.get("Content-Encoding") or "").lower() != "identity":
            return 415, None, "Accept-Encoding: identity\r\n"
        try:
            if not keep_description(request):
                return 415, None, ACCEPT_LINE
        except RemoteProtocolError as error:
            return error.status, error.reason, ""
    if method == "INVITE" and "Accept" in headers and not _accepts_sdp(headers):
        return 406, None, ""
    return None


def _accepts_sdp(headers: Headers) -> bool:
    """Whether the far end takes the only kind of body we have (20.1: an empty Accept takes none)."""
    kinds = [kind.partition(";")[0].strip(" \t").lower() for kind in headers.get_all("Accept")]
    return not _DESCRIPTIONS.isdisjoint(kinds)


def _acknowledge(core: Core, request: Request, flow: Flow, now: float) -> None:
    """An ACK to a 2xx is a transaction of its own (13.2.2.4) and never answered."""
    session = core.sessions.get(session_key(request.call_id, request.to_tag or ""))
    if session is None or session.dialog_with(request.from_tag or "") is None or not core.belongs(flow, session.flow):
        core.layer.statistics.strays += 1
    else:
        if request.body:
            keep_description(request)
        session.on_ack(request, now)


def _cancel(core: Core, request: Request, key: str, flow: Flow, now: float) -> None:
    """9.2: 200 to the CANCEL if its INVITE is known, whatever becomes of the INVITE."""
    invite = core.layer.server(server_key(request, "INVITE"))
    user = invite.user if isinstance(invite, InviteServer) else None
    if not isinstance(invite, InviteServer) or (isinstance(user, InviteSession) and not core.belongs(flow, user.flow)):
        refuse(core, request, flow, 481)
        return
    via = request.via
    transaction = NonInviteServer(core.layer, key, "", reply_flow(via, flow), now)
    tag = "" if request.to_tag else invite.to_tag
    transaction.respond(200, Reply(request, noted_via(request, flow)).write(200, to_tag=tag), now)
    if isinstance(user, InviteSession):
        user.on_cancel(invite, request, now)


def _outside_dialog(core: Core, request: Request, key: str, flow: Flow, now: float) -> None:
    method = request.method
    if method in _DIALOG_ONLY:
        refuse(core, request, flow, 481)
        return
    merge = merge_key(request)
    if merge in core.layer.merge_keys:
        refuse(core, request, flow, 482)
        return
    if method == "INVITE":
        lost = loops.refusal(core, request, flow)
        if lost is not None:
            refuse(core, request, flow, lost)
            return
        retry_after = core.overload(request, now)
        if retry_after is not None:
            refuse(core, request, flow, 503, lines=f"Retry-After: {retry_after}\r\n")
            return
        challenge = core.screen(request, flow, now)
        if challenge is not None:
            refuse(core, request, flow, challenge[0], lines=challenge[1])
            return
        _invite(core, request, key, merge, flow, now)
        return
    via = request.via
    transaction = NonInviteServer(core.layer, key, merge, reply_flow(via, flow), now)
    reply = Reply(request, noted_via(request, flow))
    exchange = ServerRequest(core, transaction, reply, request, flow, has_tag=False)
    core.events.append(RequestReceived(exchange, request, flow))


def _invite(core: Core, request: Request, key: str, merge: str, flow: Flow, now: float) -> None:
    """Somebody calls (13.3): 100 Trying at once, the rest is the application's."""
    via = request.via
    secure = request.uri.scheme == "sips"
    if secure and flow.transport not in SECURE:
        refuse(core, request, flow, 400, "A SIPS URI needs TLS")  # 26.2.2: on every hop, of which this was one
        return
    target = request.contact
    if target is None and not (via.branch or "").startswith(MAGIC_COOKIE):
        target = request.from_  # RFC 2543 callers need not say (RFC 4475 3.4.1)
    if target is None or not target.uri.is_sip:
        refuse(core, request, flow, 400, "Missing or unusable Contact")
        return
    own = secure_contact(flow) if secure else None
    session = InviteSession(core, "uas", call_id=request.call_id, flow=flow, remote_uri=request.from_.uri, contact=own)
    pinned = via.host.strip("[]") != flow.remote[0]
    dialog = Dialog.of_caller(request, session.local_tag, flow, pinned=pinned)
    dialog.remote_cseq = session.remote_cseq = request.cseq.number
    session.dialog = dialog
    session.register()
    session.remote_tag = dialog.remote_tag
    session.received = request
    session.had_offer = bool(request.body)
    session.reply = Reply(request, noted_via(request, flow))
    server = session.server = InviteServer(core.layer, session, key, merge, reply_flow(via, flow), session.local_tag)
    timestamp = request.headers.get("Timestamp")
    lines = f"Timestamp: {timestamp}\r\n" if timestamp else ""
    server.respond(100, session.reply.write(100, headers=lines), now)
    expires = request.headers.get("Expires")
    seconds = parse_digits(expires, MAX_DELTA_SECONDS) if expires is not None else None
    if seconds is not None:
        session.expiry = core.layer.timers.start(now + seconds, session, SessionInput.EXPIRED)
    core.events.append(InviteReceived(session, request, flow))


def secure_contact(flow: Flow) -> NameAddr:
    """Our Contact in a dialog that began with a sips: URI, which has to be one itself (12.1.1)."""
    host, port = flow.local
    parameters = Parameters((("transport", "ws"),)) if flow.transport in WEB_SOCKET else NO_PARAMETERS
    return NameAddr("", Uri("sips", None, f"[{host}]" if ":" in host else host, port, parameters))
