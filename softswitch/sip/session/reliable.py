"""They call: provisional responses that they must acknowledge with PRACK (RFC 3262 3 and 5).

Theory. One response is outstanding at a time; the next waits for its PRACK, so that they arrive in order. It is
repeated from T1, doubling without bound, and after 64*T1 the call is refused with 504. What it may hold follows from
the one offer an INVITE makes or asks for: the answer, or, to an INVITE without an offer, the offer, whose answer
comes in the PRACK. Once it has held either it is settled and the 2xx holds no SDP; a 2xx must wait for the PRACK then
("MUST delay sending the 2xx"), and need not otherwise.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import TYPE_CHECKING

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.events import OfferAnswered
from softswitch.sip.grammar import parse_digits
from softswitch.sip.headers import MAX_CSEQ
from softswitch.sip.session import accept
from softswitch.sip.session.reinvite import Input as ModificationInput
from softswitch.sip.session.state import Input as SessionInput
from softswitch.sip.session.state import Refusal
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.session.reinvite import Theirs
    from softswitch.sip.session.session import InviteSession

MOST_RSEQ = 2**31 - 1
"""RFC 3262 3: the first number is chosen between 1 and this."""
REFRESH = 2.5
"""A proxy is content with one in 2.5 minutes when it must not get lost (3), where it wants one a minute otherwise."""


class State(IntEnum):
    IDLE = 1
    """None is outstanding."""
    RUNG = 2
    """One without SDP is outstanding."""
    DESCRIBED = 3
    """One with SDP is."""
    HELD = 4
    """The same, and the call is answered: our 2xx waits."""
    OVER = 5
    """The final response is sent, or the session is over."""


class Input(IntEnum):
    RING = 1
    """Response: one without SDP shall go."""
    DESCRIBE = 2
    """Response: one with SDP."""
    ACKNOWLEDGED = 3
    """Their PRACK for the outstanding one."""
    RESEND = 4
    """T1, 2*T1, 4*T1... are over."""
    GIVE_UP = 5
    """64*T1 are."""
    ACCEPT = 6
    """Response: our 2xx shall go."""
    CLOSE = 7
    """The session is over."""


@value_class(frozen=True, slots=True)
class Response:
    """What the application wants to say."""

    status: int
    lines: str
    body: bytes


class ReliableResponses:
    """Of one session."""

    __slots__ = (
        "_accept", "_end_timer", "_interval", "_queue", "_required", "_resend_timer", "_rseq", "_session", "_status",
        "described", "settled", "state",
    )  # fmt: skip

    def __init__(self, session: InviteSession, *, required: bool) -> None:
        """`required`: they take no provisional response that is not reliable."""
        self._session = session
        self._required = required
        self.state = State.IDLE
        self.described = False
        """Our answer, or our offer, was sent."""
        self.settled = False
        """It was acknowledged: an offer within the early dialog may follow (RFC 3311 5.1)."""
        self._rseq = 0
        """Of the last one sent."""
        self._status = 0
        self._interval = 0.0
        self._resend_timer = 0
        self._end_timer = 0
        self._queue: deque[Response] = deque()
        self._accept: Response | None = None

    @property
    def in_use(self) -> bool:
        """Whether any was sent."""
        return self._rseq > 0

    @property
    def wants_offer(self) -> bool:
        """Whether the next one must hold our offer: their INVITE has none and takes reliable responses only (5)."""
        return self._required and not self._session.had_offer and not self.described

    def step(self, what: int, now: float, payload: Response | None = None) -> None:
        """Take one row of the table; a pair without a row is one of IGNORED."""
        row = TABLE.get((self.state, what))
        if row is not None:
            self.state, action = row
            action(self, now, payload)

    def ring(self, response: Response, now: float) -> bool:
        """Send it, or as soon as the one before is acknowledged. False: it must go without being reliable.

        The first reliable response to an INVITE without an offer has to hold ours (5); where there is none yet and
        they do not insist, it goes as RFC 3261 knows it.
        """
        if not response.body and not self._session.had_offer and not self.described:
            return False
        self.step(Input.DESCRIBE if response.body else Input.RING, now, response)
        return True

    def ring_again(self, now: float) -> None:
        """So that no proxy's timer C ends the ringing."""
        if self.state is State.IDLE:
            self.step(Input.RING, now, Response(self._status, "", b""))

    def expects(self, rseq: int) -> bool:
        """Whether this response awaits its PRACK."""
        return rseq == self._rseq and bool(self._resend_timer or self._end_timer)

    def on_timer(self, kind: int, now: float) -> None:
        """A timer of ours is due."""
        self.step(kind, now)

    # Actions.

    def _send(self, now: float, response: Response | None) -> None:
        assert response is not None
        session, layer = self._session, self._session.core.layer
        server = session.server
        assert server is not None
        body = b"" if self.described else response.body
        self.described = self.described or bool(body)
        self._rseq = self._rseq % MOST_RSEQ + 1 if self._rseq else session.core.number_below(MOST_RSEQ) + 1
        lines = f"{response.lines}Require: 100rel\r\nRSeq: {self._rseq}\r\n"
        self._status = response.status
        server.respond(response.status, accept.write(session, response.status, lines, body), now)
        durations = layer.durations
        self._interval = durations.t1
        self._resend_timer = layer.timers.start(now + durations.t1, self, Input.RESEND)
        self._end_timer = layer.timers.start(now + durations.timeout, self, Input.GIVE_UP)
        accept.ring_later(session, now + durations.ring_refresh * REFRESH)

    def _queue_up(self, _: float, response: Response | None) -> None:
        assert response is not None
        if response.body and (self.described or any(each.body for each in self._queue)):
            response = Response(response.status, response.lines, b"")
        if self._queue and not self._queue[-1].body and not response.body:
            self._queue.pop()  # of several tidings the last is news
        self._queue.append(response)

    def _resend(self, now: float, _: object) -> None:
        server, layer = self._session.server, self._session.core.layer
        assert server is not None
        server.send_provisional_again(now)
        layer.statistics.retransmissions_sent += 1
        self._interval *= 2
        self._resend_timer = layer.timers.start(now + self._interval, self, Input.RESEND)

    def _next(self, now: float, _: object) -> None:
        self._stop_timers()
        self.settled = self.described
        if self._queue:
            response = self._queue.popleft()
            self.step(Input.DESCRIBE if response.body else Input.RING, now, response)
        if self.settled and self._session.modification is not None:
            self._session.modification.settle(now)

    def _give_up(self, now: float, _: object) -> None:
        self._stop_timers()
        self._session.step(SessionInput.REJECT, now, Refusal("timeout", 504))

    def _accept_now(self, now: float, response: Response | None) -> None:
        """The final response ends the repetitions; PRACKs that are on their way are still answered (3)."""
        assert response is not None
        timers = self._session.core.layer.timers
        timers.cancel(self._resend_timer)
        self._resend_timer = 0
        body = b"" if self.described else response.body
        data = accept.write(self._session, response.status, response.lines, body)
        self._session.step(SessionInput.ACCEPT, now, data)

    def _hold(self, _: float, response: Response | None) -> None:
        self._accept = response

    def _accept_held(self, now: float, _: object) -> None:
        self._stop_timers()
        self.settled = True
        self._accept_now(now, self._accept)

    def _acknowledged_late(self, _: float, __: object) -> None:
        self._stop_timers()

    def _expire(self, _: float, __: object) -> None:
        self._stop_timers()

    def _close(self, _: float, __: object) -> None:
        self._stop_timers()

    def _stop_timers(self) -> None:
        timers = self._session.core.layer.timers
        timers.cancel(self._resend_timer)
        timers.cancel(self._end_timer)
        self._resend_timer = self._end_timer = 0


def acknowledge(session: InviteSession, theirs: Theirs, now: float) -> None:
    """PRACK: 200 if it is for what is outstanding, 481 if not (RFC 3262 3)."""
    reliable = session.reliable
    try:
        rseq, cseq, method = read_rack(theirs.request.headers.get("RAck") or "")
    except RemoteProtocolError as error:
        _answer(session, theirs, error.status, now, error.reason)
        return
    if reliable is None or (cseq, method) != (session.remote_cseq, "INVITE") or not reliable.expects(rseq):
        _answer(session, theirs, 481, now)
        return
    body = theirs.request.body
    is_answer = reliable.described and not reliable.settled and not session.had_offer
    if is_answer and not body:
        # 5: "the PRACK MUST contain an answer". Repeating our offer may bring it.
        _answer(session, theirs, 400, now, "Answer missing")
        return
    if not body or is_answer:
        _answer(session, theirs, 200, now)
    elif reliable.described:
        # A further offer: what answers it is the answer to the PRACK.
        session.open_modification().step(ModificationInput.THEIR_UPDATE, now, theirs)
    else:
        _answer(session, theirs, 500, now, None, f"Retry-After: {session.core.number_below(11)}\r\n")
    if is_answer:
        session.core.events.append(OfferAnswered(session, body))
    reliable.step(Input.ACKNOWLEDGED, now)


def read_rack(text: str) -> tuple[int, int, str]:
    """RAck: the response's number, and number and method of the request it answered (RFC 3262 7.2)."""
    pieces = text.split()
    if len(pieces) == 3:
        rseq, cseq = parse_digits(pieces[0], 2**32 - 1), parse_digits(pieces[1], MAX_CSEQ)
        if rseq is not None and cseq is not None:
            return rseq, cseq, pieces[2]
    raise RemoteProtocolError("Malformed RAck", f"expected RSeq, CSeq and a method, got {text[:80]!r}")


def _answer(
    session: InviteSession, theirs: Theirs, status: int, now: float, reason: str | None = None, lines: str = ""
) -> None:
    data = theirs.reply.write(status, reason, headers=session.core.server_line + lines)
    theirs.server.respond(status, data, now)


_IDLE, _RUNG, _DESCRIBED, _HELD, _OVER = State
TABLE: dict[tuple[int, int], tuple[State, Callable[..., None]]] = {
    (_IDLE, Input.RING): (_RUNG, ReliableResponses._send),
    (_IDLE, Input.DESCRIBE): (_DESCRIBED, ReliableResponses._send),
    (_IDLE, Input.ACCEPT): (_OVER, ReliableResponses._accept_now),
    (_IDLE, Input.CLOSE): (_OVER, ReliableResponses._close),
    (_RUNG, Input.RING): (_RUNG, ReliableResponses._queue_up),
    (_RUNG, Input.DESCRIBE): (_RUNG, ReliableResponses._queue_up),
    (_RUNG, Input.ACKNOWLEDGED): (_IDLE, ReliableResponses._next),
    (_RUNG, Input.RESEND): (_RUNG, ReliableResponses._resend),
    (_RUNG, Input.GIVE_UP): (_OVER, ReliableResponses._give_up),
    (_RUNG, Input.ACCEPT): (_OVER, ReliableResponses._accept_now),
    (_RUNG, Input.CLOSE): (_OVER, ReliableResponses._close),
    (_DESCRIBED, Input.RING): (_DESCRIBED, ReliableResponses._queue_up),
    (_DESCRIBED, Input.DESCRIBE): (_DESCRIBED, ReliableResponses._queue_up),
    (_DESCRIBED, Input.ACKNOWLEDGED): (_IDLE, ReliableResponses._next),
    (_DESCRIBED, Input.RESEND): (_DESCRIBED, ReliableResponses._resend),
    (_DESCRIBED, Input.GIVE_UP): (_OVER, ReliableResponses._give_up),
    (_DESCRIBED, Input.ACCEPT): (_HELD, ReliableResponses._hold),
    (_DESCRIBED, Input.CLOSE): (_OVER, ReliableResponses._close),
    (_HELD, Input.ACKNOWLEDGED): (_OVER, ReliableResponses._accept_held),
    (_HELD, Input.RESEND): (_HELD, ReliableResponses._resend),
    (_HELD, Input.GIVE_UP): (_OVER, ReliableResponses._give_up),
    (_HELD, Input.CLOSE): (_OVER, ReliableResponses._close),
    (_OVER, Input.ACKNOWLEDGED): (_OVER, ReliableResponses._acknowledged_late),
    (_OVER, Input.GIVE_UP): (_OVER, ReliableResponses._expire),
    (_OVER, Input.CLOSE): (_OVER, ReliableResponses._close),
}

_NONE_OUT = "nothing is outstanding: such a PRACK is answered 481"
_NO_TIMER = "no timer is running"
_FINAL = "the final response is sent: none may follow (3)"
IGNORED: dict[tuple[int, int], str] = {
    (_IDLE, Input.ACKNOWLEDGED): _NONE_OUT,
    **{(_IDLE, each): _NO_TIMER for each in (Input.RESEND, Input.GIVE_UP)},
    **{(_HELD, each): "the call is answered: no more tidings" for each in (Input.RING, Input.DESCRIBE, Input.ACCEPT)},
    **{(_OVER, each): _FINAL for each in (Input.RING, Input.DESCRIBE, Input.ACCEPT)},
    (_OVER, Input.RESEND): "stopped by the final response",
}
