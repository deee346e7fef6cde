"""They ask for a transfer: REFER received, and the NOTIFYs that say how it goes (RFC 3515 2.4, RFC 4488, RFC 6665 4.2).

Theory. A REFER is answered once: refused, or accepted with 202, which makes a subscription without a SUBSCRIBE. Its
first NOTIFY follows at once (RFC 6665 4.2.1.2), the next never before the one before has its outcome (NOTIFYING); news
waits its turn meanwhile. The final status goes out in the NOTIFY that ends the subscription (LAST), behind all that
waits (HELD). A NOTIFY that is refused or not answered ends it as well (4.2.2): nobody listens. The
subscription is a usage of its own (RFC 5057): it outlives the call that it came in.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING

from softswitch.sip import refer, sipfrag
from softswitch.sip.client_request import ClientRequest
from softswitch.sip.core import ALLOW_LINE
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.events import ReferralEnded, ReferReceived

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.message import Response
    from softswitch.sip.refer import Refer
    from softswitch.sip.session.reinvite import Theirs
    from softswitch.sip.session.session import InviteSession

MOST_WAITING = 8
"""Provisional statuses that wait to be told."""
EXPIRES = 600
"""Seconds a transfer may take before its subscription ends without an outcome."""


class State(IntEnum):
    ASKED = 1
    """Not answered yet."""
    SILENT = 2
    """Accepted without a subscription (Refer-Sub: false)."""
    ACTIVE = 3
    """Accepted; no NOTIFY is on its way."""
    NOTIFYING = 4
    HELD = 5
    """A NOTIFY is on its way, and the final one waits."""
    LAST = 6
    """The final NOTIFY is on its way."""
    OVER = 7


class Input(IntEnum):
    """What can happen, and the payload of its action."""

    ACCEPT = 1
    ACCEPT_SILENTLY = 2
    REFUSE = 3
    """Final status and reason phrase (int, str | None)."""
    PROGRESS = 4
    """Provisional status (int)."""
    FINISH = 5
    """Final status (int)."""
    DELIVERED = 6
    """2xx to a NOTIFY."""
    UNDELIVERABLE = 7
    """Anything else, or nothing."""
    EXPIRED = 8
    LAST_DUE = 9
    """Final status (int): nothing else waits any more."""


class Referral:
    """One REFER of theirs. `accept` or `refuse` it, `progress` at will, `finish` once; what comes too late is nothing.

    The outcome told is the true one: whoever accepts must finish.
    """

    __slots__ = ("_event", "_expires_at", "_last", "_news", "_session", "_theirs", "_timer", "refer", "state")

    def __init__(self, session: InviteSession, theirs: Theirs, asked: Refer, *, first: bool) -> None:
        """`first`: no REFER came in this dialog before."""
        self.refer = asked
        self.state = State.ASKED
        # RFC 3515 2.4.6: from the second REFER of a dialog on the CSeq number tells their subscriptions apart.
        self._event = "refer" if first else f"refer;id={theirs.request.cseq.number}"
        self._expires_at = 0.0
        self._session = session
        self._theirs: Theirs | None = theirs
        self._news: deque[int] = deque()
        """What waits for the NOTIFY on its way."""
        self._last = 100
        self._timer = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be told."""
        return self.state is State.OVER

    # Verbs.

    def accept(self, now: float) -> None:
        """202, and NOTIFY with 100 Trying if they want to be told."""
        self._step(Input.ACCEPT if self.refer.reports else Input.ACCEPT_SILENTLY, now)

    def refuse(self, status: int, now: float, reason: str | None = None) -> None:
        """A final response 300..699; nothing is transferred."""
        self._step(Input.REFUSE, now, (status, reason))

    def progress(self, status: int, now: float) -> None:
        """The target has made progress, 101..199. Repetitions are not told."""
        if 100 < status < 200 and status != (self._news[-1] if self._news else self._last):
            self._step(Input.PROGRESS, now, status)

    def finish(self, status: int, now: float) -> None:
        """The outcome, 200..699."""
        self._step(Input.FINISH, now, status)

    def close(self, now: float) -> None:
        """The call is over. A REFER that nobody has answered is refused; a subscription goes on."""
        self._step(Input.REFUSE, now, (481, None))

    # What moves it.

    def _step(self, what: Input, now: float, payload: object = None) -> None:
        row = TABLE.get((self.state, what))
        if row is not None:
            self.state, action = row
            action(self, now, payload)

    def on_timer(self, _: int, now: float) -> None:
        """Nobody knows in time how it ended."""
        self._step(Input.EXPIRED, now)

    def on_provisional(self, exchange: ClientRequest, response: Response, now: float) -> None:
        """Of no interest."""

    def on_final(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """The outcome of a NOTIFY."""
        self._step(Input.DELIVERED if response is not None and status < 300 else Input.UNDELIVERABLE, now)

    def repeat_cseq(self, exchange: ClientRequest, now: float) -> int | None:
        """The next number of the dialog."""
        return self._session.next_cseq()

    # Actions.

    def _accept(self, now: float, _: object) -> None:
        self._answer(202, now)
        self._expires_at = now + EXPIRES
        self._timer = self._session.core.layer.timers.start(self._expires_at, self, Input.EXPIRED)
        self._notify(now, 100)

    def _accept_silently(self, now: float, _: object) -> None:
        self._answer(202, now, "Refer-Sub: false\r\n")

    def _refuse(self, now: float, refusal: tuple[int, str | None]) -> None:
        status, reason = refusal
        self._answer(status, now, reason=reason)

    def _notify(self, now: float, status: int) -> None:
        self._send(status, f"active;expires={max(0, round(self._expires_at - now))}", now)

    def _hold(self, _: float, status: int) -> None:
        if len(self._news) < MOST_WAITING or status >= 200:
            self._news.append(status)

    def _delivered(self, now: float, _: object) -> None:
        if self._news:
            self._step(Input.PROGRESS, now, self._news.popleft())

    def _notify_last(self, now: float, status: int) -> None:
        self._session.core.layer.timers.cancel(self._timer)
        self._send(status, "terminated;reason=noresource", now)  # RFC 3515 2.4.7

    def _notify_held(self, now: float, _: object) -> None:
        news = self._news.popleft()
        if self._news:
            self._notify(now, news)
        else:
            self._step(Input.LAST_DUE, now, news)

    def _expire(self, now: float, _: object) -> None:
        self._send(self._last, "terminated;reason=timeout", now)

    def _hold_expiry(self, _: float, __: object) -> None:
        self._news.append(self._last)

    def _over(self, _: float, __: object) -> None:
        session = self._session
        session.core.layer.timers.cancel(self._timer)
        if not session.told:
            session.core.events.append(ReferralEnded(session))

    def _answer(self, status: int, now: float, lines: str = "", reason: str | None = None) -> None:
        theirs, self._theirs = self._theirs, None
        assert theirs is not None
        core = self._session.core
        contact = self._session.contact_line if status < 300 else ""
        data = theirs.reply.write(status, reason, headers=contact + lines + core.server_line)
        theirs.server.respond(status, data, now)

    def _send(self, status: int, state: str, now: float) -> None:
        session = self._session
        dialog, core = session.dialog, session.core
        assert dialog is not None
        self._last = status
        lines = (
            f"Event: {self._event}\r\nSubscription-State: {state}\r\n{session.contact_line}{ALLOW_LINE}"
            f"{core.agent_line}Content-Type: {sipfrag.CONTENT_TYPE}\r\n"
        )
        outgoing = dialog.request(
            "NOTIFY",
            session.next_cseq(),
            core.branch(),
            authorization=session.authorization("NOTIFY"),
            headers=lines,
            body=sipfrag.write(status),
        )
        ClientRequest(core, self, outgoing, dialog.flow, session.authorizer, now)


def receive(session: InviteSession, theirs: Theirs, now: float) -> None:
    """A REFER within the dialog: refused where it cannot be meant, else `ReferReceived`."""
    before = session.referral
    if session.told or not session.is_established:
        _refuse(session, theirs, 480, now, "The call is not answered yet")
    elif before is not None and before.state < State.LAST:
        _refuse(session, theirs, 491, now)  # RFC 3261 21.4.27: one transfer of a call at a time
    else:
        try:
            asked = refer.read(theirs.request)
        except RemoteProtocolError as error:
            _refuse(session, theirs, error.status, now, error.reason)
            return
        session.referral = Referral(session, theirs, asked, first=before is None)
        session.core.events.append(ReferReceived(session, session.referral))


def _refuse(session: InviteSession, theirs: Theirs, status: int, now: float, reason: str | None = None) -> None:
    theirs.server.respond(status, theirs.reply.write(status, reason, headers=session.core.server_line), now)


_ASKED, _SILENT, _ACTIVE, _NOTIFYING, _HELD, _LAST, _OVER = State
TABLE: dict[tuple[int, int], tuple[State, Callable[..., None]]] = {
    (_ASKED, Input.ACCEPT): (_NOTIFYING, Referral._accept),
    (_ASKED, Input.ACCEPT_SILENTLY): (_SILENT, Referral._accept_silently),
    (_ASKED, Input.REFUSE): (_OVER, Referral._refuse),
    (_SILENT, Input.FINISH): (_OVER, Referral._over),
    (_ACTIVE, Input.PROGRESS): (_NOTIFYING, Referral._notify),
    (_ACTIVE, Input.FINISH): (_LAST, Referral._notify_last),
    (_ACTIVE, Input.EXPIRED): (_LAST, Referral._expire),
    (_NOTIFYING, Input.PROGRESS): (_NOTIFYING, Referral._hold),
    (_NOTIFYING, Input.FINISH): (_HELD, Referral._hold),
    (_NOTIFYING, Input.DELIVERED): (_ACTIVE, Referral._delivered),
    (_NOTIFYING, Input.UNDELIVERABLE): (_OVER, Referral._over),
    (_NOTIFYING, Input.EXPIRED): (_HELD, Referral._hold_expiry),
    (_HELD, Input.DELIVERED): (_HELD, Referral._notify_held),
    (_HELD, Input.LAST_DUE): (_LAST, Referral._notify_last),
    (_HELD, Input.UNDELIVERABLE): (_OVER, Referral._over),
    (_LAST, Input.DELIVERED): (_OVER, Referral._over),
    (_LAST, Input.UNDELIVERABLE): (_OVER, Referral._over),
}

_ANSWERED = "the REFER has its answer"
_UNANSWERED = "the REFER has no answer yet"
_NONE_OUT = "no NOTIFY of ours is on its way"
_SETTLED = "the outcome is told, or about to be"
_NO_TIMER = "there is no subscription that could expire"
IGNORED: dict[tuple[int, int], str] = {
    **{
        (state, each): _ANSWERED
        for state in State
        if state is not _ASKED
        for each in (Input.ACCEPT, Input.ACCEPT_SILENTLY, Input.REFUSE)
    },
    **{(_ASKED, each): _UNANSWERED for each in (Input.PROGRESS, Input.FINISH)},
    (_SILENT, Input.PROGRESS): "they asked not to be told",
    **{(state, each): _SETTLED for state in (_HELD, _LAST, _OVER) for each in (Input.PROGRESS, Input.FINISH)},
    **{
        (state, each): _NONE_OUT
        for state in (_ASKED, _SILENT, _ACTIVE, _OVER)
        for each in (Input.DELIVERED, Input.UNDELIVERABLE)
    },
    **{(state, Input.EXPIRED): _NO_TIMER for state in (_ASKED, _SILENT, _OVER)},
    **{(state, Input.EXPIRED): _SETTLED for state in (_HELD, _LAST)},
    **{(state, Input.LAST_DUE): "there is no final status that waits" for state in State if state is not _HELD},
}
