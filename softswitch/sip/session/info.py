"""INFO, both ways (RFC 6086): digits in the body; candidates of browsers; notices of ours to pages of ours.

Ours go in order and one at a time.

RFC 6086 wants bodies to belong to negotiated packages; digits by INFO are older and belong to none (its section 2,
"legacy usage"), so they are recognised by their type. The one package there is are candidates of ICE (RFC 8840), where
the session takes them; one we did not ask for is refused with 469.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from softswitch.sip.client_request import ClientRequest
from softswitch.sip.dtmf import ACCEPTED, PLAIN, RELAY, is_digits, read_key
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.events import CandidatesReceived, InfoReceived, InfoRefused
from softswitch.sip.session.fork import DISCARD
from softswitch.sip.session.terms import TRICKLE
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.sip.dtmf import KeyPress
    from softswitch.sip.message import Response
    from softswitch.sip.session.reinvite import Theirs
    from softswitch.sip.session.session import InviteSession

MOST_WAITING = 64
FRAGMENT: Final = "application/trickle-ice-sdpfrag"


def answer(session: InviteSession, theirs: Theirs, now: float) -> None:
    """Theirs: 200 for a digit, for candidates and for a body that says nothing; 400, 415 or 469 otherwise."""
    request = theirs.request
    package, content_type = request.headers.get("Info-Package"), request.headers.get("Content-Type") or ""
    status, lines, reason, key = 200, "", None, None
    if package is not None:
        known = TRICKLE if session.terms.trickle else ""
        if package.partition(";")[0].strip(" \t").lower() != TRICKLE or not known:
            status, lines = 469, f"Recv-Info: {known}\r\n"
        elif content_type.partition(";")[0].strip(" \t").lower() != FRAGMENT:
            status, lines = 415, f"Accept: {FRAGMENT}\r\n"
    elif request.body and not is_digits(content_type):
        status, lines = 415, f"Accept: {ACCEPTED}\r\n"
    elif request.body:
        try:
            key = read_key(content_type, request.body)
        except RemoteProtocolError as error:
            status, reason = error.status, error.reason
    reply = theirs.reply.write(status, reason=reason, headers=session.core.server_line + lines)
    theirs.server.respond(status, reply, now)
    if status == 200 and package is not None:
        session.core.events.append(CandidatesReceived(session, request.body))
    elif status == 200:
        session.core.events.append(InfoReceived(session, request, key))


@value_class(frozen=True, slots=True)
class Notice:
    """Something a far end that knows this type of body may like to hear; whether it does is of no consequence."""

    content_type: str
    body: bytes


class InfoSender:
    """Our INFO requests of one session: each waits for the outcome of the one before, so that they arrive in order."""

    __slots__ = ("_content_type", "_exchange", "_session", "_under_way", "_waiting")

    def __init__(self, session: InviteSession) -> None:
        self._session = session
        self._waiting: deque[KeyPress | Notice] = deque()
        self._exchange: ClientRequest | None = None
        self._under_way: KeyPress | Notice | None = None
        self._content_type = RELAY

    def send(self, what: KeyPress | Notice, now: float) -> bool:
        """Now, or behind those that wait; False when too many do."""
        if len(self._waiting) >= MOST_WAITING:
            return False
        self._waiting.append(what)
        self._next(now)
        return True

    def close(self) -> None:
        """The session is over: nobody wants to know any more."""
        self._waiting.clear()
        if self._exchange is not None:
            self._exchange.owner = DISCARD
            self._exchange = None

    def resume(self, now: float) -> None:
        """The session stands: what waited for that may go."""
        self._next(now)

    def on_outcome(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """Who knows only the shorter body gets that from now on. Nothing else is told twice: it may have counted."""
        if exchange is not self._exchange or self._under_way is None:
            return
        told, self._exchange, self._under_way = self._under_way, None, None
        if isinstance(told, Notice):
            pass
        elif response is not None and status == 415 and self._content_type == RELAY:
            self._content_type = PLAIN
            self._waiting.appendleft(told)
        elif status >= 300:
            self._session.core.events.append(InfoRefused(self._session, status))
        self._next(now)

    def _next(self, now: float) -> None:
        session, dialog = self._session, self._session.dialog
        if self._exchange is not None or not self._waiting or not session.is_established or dialog is None:
            return
        self._under_way = what = self._waiting.popleft()
        content_type = what.content_type if isinstance(what, Notice) else self._content_type
        outgoing = dialog.request(
            "INFO",
            session.next_cseq(),
            session.core.branch(),
            authorization=session.authorization("INFO"),
            headers=f"Content-Type: {content_type}\r\n" + session.core.agent_line,
            body=what.body if isinstance(what, Notice) else what.body(content_type),
        )
        self._exchange = ClientRequest(session.core, session, outgoing, dialog.flow, session.authorizer, now)
