"""We ask for a transfer: REFER sent, and the NOTIFYs judged that say how it goes (RFC 3515 2.4, RFC 6665 4.1).

Theory. A REFER waits until the call stands (WANTED). The far end takes it (2xx) or refuses it. From then on it owes us
NOTIFYs; the first may overtake the 2xx. The outcome is the first final status told, whether or not the subscription
ends with it. A subscription that ends without one, is never notified (timer N) or expires leaves the outcome unknown,
and unknown is not success.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from softswitch.sip import sipfrag
from softswitch.sip.client_request import ClientRequest
from softswitch.sip.core import ALLOW_LINE
from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError
from softswitch.sip.events import TransferCompleted, TransferProgressed
from softswitch.sip.outgoing import header_lines
from softswitch.sip.refer import SubscriptionState
from softswitch.sip.session.state import Input as SessionInput
from softswitch.sip.session.state import Release
from softswitch.sip.session.state import State as SessionState

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.message import Request, Response
    from softswitch.sip.refer import Refer
    from softswitch.sip.session.reinvite import Theirs
    from softswitch.sip.session.session import InviteSession

UNSTATED: Final = 60
"""Seconds a subscription lasts when nobody says how long (RFC 3515 2.4.4 leaves it to the notifier)."""
LONGEST: Final = 600
"""Seconds until the next NOTIFY, whatever the far end promises."""


class State(IntEnum):
    WANTED = 1
    """The ACK of our 2xx is on its way."""
    SENT = 2
    SUBSCRIBED = 3
    """2xx came."""
    OVER = 4


class Input(IntEnum):
    """What can happen, and the payload of its action."""

    SEND = 1
    """The call stands."""
    ACCEPTED = 2
    REFUSED = 3
    """Final status 300..699, 408 (nobody answered) or 503 (transport)."""
    TOLD = 4
    """NOTIFY with a provisional status, or none: (int, seconds until the next one is due)."""
    FINAL = 5
    """NOTIFY with a final status (int)."""
    LOST = 6
    """The subscription is over, or nobody notifies."""


class Transfer:
    """One REFER of ours: `TransferCompleted` tells how it ended, once."""

    __slots__ = ("_cseq", "_lines", "_session", "_timer", "state")

    def __init__(self, session: InviteSession, refer_to: Refer) -> None:
        """Raises LocalProtocolError when it cannot stand in a message."""
        self.state = State.WANTED
        self._session = session
        self._timer = 0
        self._cseq = 0
        lines = [("Refer-To", refer_to.refer_to)]
        if refer_to.referred_by is not None:
            lines.append(("Referred-By", str(refer_to.referred_by)))
        self._lines = header_lines(lines)

    def resume(self, now: float) -> None:
        """Send it, if the call stands by now."""
        if self._session.is_established:
            self._step(Input.SEND, now)

    def close(self) -> None:
        """The session is over: nobody wants to know any more."""
        self.state = State.OVER
        self._session.core.layer.timers.cancel(self._timer)

    def is_for(self, event: str) -> bool:
        """Whether a NOTIFY with this Event is about it; without an id it can be about nothing else (RFC 3515 2.4.6)."""
        package, _, rest = event.partition(";")
        if package.strip(" \t").lower() != "refer":
            return False
        stated = [
            piece.partition("=")[2].strip(" \t") for piece in rest.split(";") if piece.strip()[:3].lower() == "id="
        ]
        return self.state in (State.SENT, State.SUBSCRIBED) and stated in ([], [str(self._cseq)])

    def notified(self, request: Request, now: float) -> None:
        """A NOTIFY. Raises RemoteProtocolError when it cannot be read."""
        state = SubscriptionState.parse(request.headers.get("Subscription-State") or "")
        status = sipfrag.read(request.body) if request.body else 0
        if status >= 200:
            self._step(Input.FINAL, now, status)
        elif state.active:
            self._step(Input.TOLD, now, (status, min(state.expires or UNSTATED, LONGEST)))
        else:
            self._step(Input.LOST, now)

    # From the request and the timer.

    def on_provisional(self, exchange: ClientRequest, response: Response, now: float) -> None:
        """Of no interest."""

    def on_final(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """The outcome of the REFER itself."""
        if response is not None and status < 300:
            self._step(Input.ACCEPTED, now)
            return
        self._step(Input.REFUSED, now, status)
        if status in (408, 481):
            # RFC 3261 12.2.1.2: the far end does not know the dialog any more, or is not there.
            release = Release("timeout" if response is None else "remote", status)
            self._session.step(SessionInput.DIALOG_GONE, now, release)

    def repeat_cseq(self, exchange: ClientRequest, now: float) -> int | None:
        """The next number, while the call stands."""
        if self.state is not State.SENT or not self._session.is_established:
            return None
        self._cseq = self._session.next_cseq()
        return self._cseq

    def on_timer(self, _: int, now: float) -> None:
        """No NOTIFY when one was due."""
        self._step(Input.LOST, now)

    # Actions.

    def _step(self, what: Input, now: float, payload: object = None) -> None:
        row = TABLE.get((self.state, what))
        if row is not None:
            self.state, action = row
            action(self, now, payload)

    def _send(self, now: float, _: object) -> None:
        session = self._session
        dialog, core = session.dialog, session.core
        assert dialog is not None
        outgoing = dialog.request(
            "REFER",
            session.next_cseq(),
            core.branch(),
            authorization=session.authorization("REFER"),
            headers=f"{self._lines}{session.contact_line}{ALLOW_LINE}{core.agent_line}",
        )
        self._cseq = outgoing.cseq
        ClientRequest(core, self, outgoing, dialog.flow, session.authorizer, now)

    def _expect(self, now: float, seconds: float) -> None:
        layer = self._session.core.layer
        layer.timers.cancel(self._timer)
        self._timer = layer.timers.start(now + seconds, self, Input.LOST)

    def _accepted(self, now: float, _: object) -> None:
        self._expect(now, self._session.core.layer.durations.timeout)  # RFC 6665 4.1.2.4: timer N

    def _told(self, now: float, news: tuple[int, int]) -> None:
        status, seconds = news
        if self.state is State.SUBSCRIBED:
            self._expect(now, seconds)
        if status:
            self._session.core.events.append(TransferProgressed(self._session, status))

    def _complete(self, _: float, status: int) -> None:
        self._session.core.layer.timers.cancel(self._timer)
        self._session.core.events.append(TransferCompleted(self._session, status, taken=True))

    def _refused(self, _: float, status: int) -> None:
        self._session.core.events.append(TransferCompleted(self._session, status, taken=False))

    def _lost(self, now: float, _: object) -> None:
        self._complete(now, 0)


def send(session: InviteSession, refer_to: Refer, now: float) -> None:
    """REFER, now or when the call stands. Raises LocalProtocolError while another one is open, or without a call."""
    if session.state not in (SessionState.ACCEPTED, SessionState.ESTABLISHED) or session.told:
        raise LocalProtocolError(f"refer: expected a call that is answered, this one is {session.state.name}")
    if session.transfer is not None and session.transfer.state is not State.OVER:
        raise LocalProtocolError("refer: expected the outcome of the one before; wait for TransferCompleted")
    session.transfer = Transfer(session, refer_to)
    session.transfer.resume(now)


def receive(session: InviteSession, theirs: Theirs, now: float) -> None:
    """A NOTIFY within the dialog: 481 for a subscription nobody has (RFC 6665 4.1.3), 489 for another package."""
    event = theirs.request.headers.get("Event") or ""
    if event.partition(";")[0].strip(" \t").lower() != "refer":
        _answer(session, theirs, 489, now, lines="Allow-Events: refer\r\n")
    elif session.transfer is None or not session.transfer.is_for(event):
        _answer(session, theirs, 481, now)
    else:
        try:
            session.transfer.notified(theirs.request, now)
        except RemoteProtocolError as error:
            _answer(session, theirs, error.status, now, error.reason)
        else:
            _answer(session, theirs, 200, now)


def _answer(
    session: InviteSession, theirs: Theirs, status: int, now: float, reason: str | None = None, lines: str = ""
) -> None:
    theirs.server.respond(status, theirs.reply.write(status, reason, headers=session.core.server_line + lines), now)


_WANTED, _SENT, _SUBSCRIBED, _OVER = State
TABLE: dict[tuple[int, int], tuple[State, Callable[..., None]]] = {
    (_WANTED, Input.SEND): (_SENT, Transfer._send),
    (_SENT, Input.ACCEPTED): (_SUBSCRIBED, Transfer._accepted),
    (_SENT, Input.REFUSED): (_OVER, Transfer._refused),
    (_SENT, Input.TOLD): (_SENT, Transfer._told),
    (_SENT, Input.FINAL): (_OVER, Transfer._complete),
    (_SENT, Input.LOST): (_OVER, Transfer._lost),
    (_SUBSCRIBED, Input.TOLD): (_SUBSCRIBED, Transfer._told),
    (_SUBSCRIBED, Input.FINAL): (_OVER, Transfer._complete),
    (_SUBSCRIBED, Input.LOST): (_OVER, Transfer._lost),
}
IGNORED: dict[tuple[int, int], str] = {
    **{(_WANTED, each): "the REFER is not sent yet" for each in Input if each is not Input.SEND},
    **{(state, Input.SEND): "the REFER is sent" for state in (_SENT, _SUBSCRIBED)},
    **{(_SUBSCRIBED, each): "the REFER has its answer" for each in (Input.ACCEPTED, Input.REFUSED)},
    **{(_OVER, each): "the outcome is told" for each in Input},
}
