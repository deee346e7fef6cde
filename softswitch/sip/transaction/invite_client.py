"""The INVITE client transaction: RFC 3261 17.1.1 (figure 5) as corrected by RFC 6026 (figure 1).

Theory. The INVITE is repeated until anything comes back (CALLING). Provisional responses stop the repetition and may
last for minutes (PROCEEDING). A refusal is acknowledged here, hop by hop, and again for each repetition (COMPLETED).
A 2xx is acknowledged by the user end to end; the transaction stays so that repetitions, and 2xx of other forks, still
find their user (ACCEPTED). All rules are rows of TABLE; IGNORED names every other pair and why it means nothing.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from softswitch.sip.transaction.layer import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Response
    from softswitch.sip.outgoing import Outgoing
    from softswitch.sip.transaction.layer import ClientUser, TransactionLayer


class State(IntEnum):
    CALLING = 1
    PROCEEDING = 2
    COMPLETED = 3
    ACCEPTED = 4
    TERMINATED = 5


class Input(IntEnum):
    RESPONSE_1XX = 1
    RESPONSE_2XX = 2
    RESPONSE_300_699 = 3
    TRANSPORT_ERROR = 4
    TIMER_A = 5
    TIMER_B = 6
    TIMER_D = 7
    TIMER_M = 8


class InviteClient:
    """One INVITE on its way to one hop."""

    __slots__ = ("_end_timer", "_interval", "_is_expected_to_end", "_message", "_outgoing", "_resend_timer", "flow",
                 "key", "layer", "state", "user")  # fmt: skip

    def __init__(self, layer: TransactionLayer, user: ClientUser, outgoing: Outgoing, flow: Flow, now: float) -> None:
        """Send the INVITE now."""
        self.layer = layer
        self.user = user
        self.flow = flow
        self.key = outgoing.branch + "INVITE"
        self.state = State.CALLING
        self._is_expected_to_end = False
        self._outgoing: Outgoing | None = outgoing
        self._message = outgoing.encode()
        """The INVITE while it may be repeated; the ACK once refused; nothing when accepted."""
        layer.clients[self.key] = self
        layer.send(flow, self._message, "INVITE")
        durations = layer.durations
        self._interval = durations.t1
        self._resend_timer = 0 if flow.reliable else layer.timers.start(now + durations.t1, self, Input.TIMER_A)
        self._end_timer = layer.timers.start(now + durations.timeout, self, Input.TIMER_B)

    def step(self, what: int, now: float, response: Response | None = None) -> None:
        """Take one row of the table; a pair without a row is one of IGNORED."""
        row = TABLE.get((self.state, what))
        if row is not None:
            self.state, action = row
            action(self, now, response)

    def receive(self, response: Response, now: float) -> None:
        """A response with our branch."""
        status = response.status
        if status < 200:
            self.step(Input.RESPONSE_1XX, now, response)
        elif status < 300:
            self.step(Input.RESPONSE_2XX, now, response)
        else:
            self.step(Input.RESPONSE_300_699, now, response)

    def repeat(self) -> None:
        """Send the INVITE again, if nothing was heard about it."""
        if self.state is State.CALLING:
            self.layer.resend(self.flow, self._message, "INVITE")

    def transport_failed(self, now: float) -> None:
        """The INVITE or the ACK could not be sent."""
        self.step(Input.TRANSPORT_ERROR, now)

    def on_timer(self, kind: int, now: float) -> None:
        """A timer of ours is due."""
        self.step(kind, now)

    def expect_end(self, now: float) -> None:
        """Our CANCEL is out, or nobody wants the answer: give the far end 64*T1, then forget it (RFC 3261 9.1)."""
        if self.state <= State.PROCEEDING:
            self._is_expected_to_end = True
            timers = self.layer.timers
            timers.cancel(self._end_timer)
            self._end_timer = timers.start(now + self.layer.durations.timeout, self, Input.TIMER_B)

    # Actions: what a row does besides changing the state.

    def _resend(self, now: float, _: Response | None) -> None:
        self.layer.resend(self.flow, self._message, "INVITE")
        self._interval *= 2
        self._resend_timer = self.layer.timers.start(now + self._interval, self, Input.TIMER_A)

    def _pass_up(self, now: float, response: Response | None) -> None:
        assert response is not None
        self.user.on_response(response, now)

    def _proceed(self, now: float, response: Response | None) -> None:
        timers = self.layer.timers
        timers.cancel(self._resend_timer)
        if not self._is_expected_to_end:
            timers.cancel(self._end_timer)
        self._message = b""
        self._pass_up(now, response)

    def _accept(self, now: float, response: Response | None) -> None:
        self._stop_timers()
        self._message = b""
        self._outgoing = None
        self._linger(now, self.layer.durations.timeout, Input.TIMER_M)
        self._pass_up(now, response)

    def _ack_and_pass_up(self, now: float, response: Response | None) -> None:
        assert response is not None
        assert self._outgoing is not None
        self._stop_timers()
        self._message = self._outgoing.ack_refusal(response.headers.get("To") or self._outgoing.to)
        self._outgoing = None
        user, self.user = self.user, NOBODY
        self.layer.send(self.flow, self._message, "ACK")
        if self.flow.reliable:
            self.step(Input.TIMER_D, now)
        else:
            self._linger(now, self.layer.durations.d, Input.TIMER_D)
        user.on_response(response, now)

    def _ack_again(self, _: float, __: Response | None) -> None:
        self.layer.resend(self.flow, self._message, "ACK")

    def _report_timeout(self, now: float, _: Response | None) -> None:
        user = self.user
        self._forget(now, None)
        user.on_failure(Failure.TIMEOUT, now)

    def _report_transport(self, now: float, _: Response | None) -> None:
        user = self.user
        self._forget(now, None)
        user.on_failure(Failure.TRANSPORT, now)

    def _forget(self, _: float, __: Response | None) -> None:
        self._stop_timers()
        self.user = NOBODY  # who holds us: the circle would wait for the collector
        self.layer.client_over(self)

    def _linger(self, now: float, seconds: float, timer: Input) -> None:
        self._end_timer = self.layer.timers.start(now + seconds, self, timer)
        self.layer.client_lingers(self)

    def _stop_timers(self) -> None:
        timers = self.layer.timers
        timers.cancel(self._resend_timer)
        timers.cancel(self._end_timer)


class _Nobody:
    """The user of a transaction whose outcome is already told: lets go of the session."""

    __slots__ = ()

    def on_response(self, response: Response, now: float) -> None:
        """Nothing is expected."""

    def on_failure(self, failure: Failure, now: float) -> None:
        """Nothing is expected."""


NOBODY = _Nobody()

if TYPE_CHECKING:
    Action = Callable[[InviteClient, float, Response | None], None]

_CALLING, _PROCEEDING, _COMPLETED, _ACCEPTED, _TERMINATED = State
TABLE: dict[tuple[int, int], tuple[State, Action]] = {
    (_CALLING, Input.TIMER_A): (_CALLING, InviteClient._resend),  # doubles; unreliable transports only
    (_CALLING, Input.TIMER_B): (_TERMINATED, InviteClient._report_timeout),
    (_CALLING, Input.TRANSPORT_ERROR): (_TERMINATED, InviteClient._report_transport),
    (_CALLING, Input.RESPONSE_1XX): (_PROCEEDING, InviteClient._proceed),
    (_CALLING, Input.RESPONSE_2XX): (_ACCEPTED, InviteClient._accept),
    (_CALLING, Input.RESPONSE_300_699): (_COMPLETED, InviteClient._ack_and_pass_up),
    (_PROCEEDING, Input.RESPONSE_1XX): (_PROCEEDING, InviteClient._pass_up),
    (_PROCEEDING, Input.RESPONSE_2XX): (_ACCEPTED, InviteClient._accept),
    (_PROCEEDING, Input.RESPONSE_300_699): (_COMPLETED, InviteClient._ack_and_pass_up),
    (_PROCEEDING, Input.TRANSPORT_ERROR): (_TERMINATED, InviteClient._report_transport),  # the connection is lost
    (_PROCEEDING, Input.TIMER_B): (_TERMINATED, InviteClient._report_timeout),  # started by expect_end only
    (_COMPLETED, Input.RESPONSE_300_699): (_COMPLETED, InviteClient._ack_again),
    (_COMPLETED, Input.TRANSPORT_ERROR): (_TERMINATED, InviteClient._forget),  # the outcome is already told
    (_COMPLETED, Input.TIMER_D): (_TERMINATED, InviteClient._forget),
    (_ACCEPTED, Input.RESPONSE_2XX): (_ACCEPTED, InviteClient._pass_up),
    (_ACCEPTED, Input.TIMER_M): (_TERMINATED, InviteClient._forget),
}

_STOPPED = "stopped when the state was left"
_NOT_STARTED = "not started in this state"
_AFTER_FINAL = "a provisional or another class of final response cannot follow the final one"
_OVER = "the transaction is over and no longer reachable by key"
IGNORED: dict[tuple[int, int], str] = {
    (_CALLING, Input.TIMER_D): _NOT_STARTED,
    (_CALLING, Input.TIMER_M): _NOT_STARTED,
    (_PROCEEDING, Input.TIMER_A): _STOPPED,
    (_PROCEEDING, Input.TIMER_D): _NOT_STARTED,
    (_PROCEEDING, Input.TIMER_M): _NOT_STARTED,
    (_COMPLETED, Input.RESPONSE_1XX): _AFTER_FINAL,
    (_COMPLETED, Input.RESPONSE_2XX): _AFTER_FINAL,
    (_COMPLETED, Input.TIMER_A): _STOPPED,
    (_COMPLETED, Input.TIMER_B): _STOPPED,
    (_COMPLETED, Input.TIMER_M): _NOT_STARTED,
    (_ACCEPTED, Input.RESPONSE_1XX): _AFTER_FINAL,
    (_ACCEPTED, Input.RESPONSE_300_699): _AFTER_FINAL,
    (_ACCEPTED, Input.TRANSPORT_ERROR): "RFC 6026 8.4: the user's ACK failed, and the user repeats it",
    (_ACCEPTED, Input.TIMER_A): _STOPPED,
    (_ACCEPTED, Input.TIMER_B): _STOPPED,
    (_ACCEPTED, Input.TIMER_D): _NOT_STARTED,
    **{(_TERMINATED, each): _OVER for each in Input},
}
