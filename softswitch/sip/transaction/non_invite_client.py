"""The client transaction of every other request: RFC 3261 17.1.2 (figure 6).

Theory. The request is repeated until its final response (TRYING doubling up to T2, PROCEEDING every T2); 64*T1 end it
in any case (timer F). COMPLETED absorbs repetitions of the final response for T4.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from softswitch.sip.transaction.invite_client import NOBODY
from softswitch.sip.transaction.layer import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Response
    from softswitch.sip.outgoing import Outgoing
    from softswitch.sip.transaction.layer import ClientUser, TransactionLayer


class State(IntEnum):
    TRYING = 1
    PROCEEDING = 2
    COMPLETED = 3
    TERMINATED = 4


class Input(IntEnum):
    RESPONSE_1XX = 1
    RESPONSE_FINAL = 2
    TRANSPORT_ERROR = 3
    TIMER_E = 4
    TIMER_F = 5
    TIMER_K = 6


class NonInviteClient:
    """One request on its way to one hop."""

    __slots__ = ("_end_timer", "_interval", "_label", "_message", "_resend_timer", "flow", "key", "layer", "state",
                 "user")  # fmt: skip

    def __init__(self, layer: TransactionLayer, user: ClientUser, outgoing: Outgoing, flow: Flow, now: float) -> None:
        """Send the request now."""
        self.layer = layer
        self.user = user
        self.flow = flow
        self._label = outgoing.method
        self.key = outgoing.branch + self._label
        self.state = State.TRYING
        self._message = outgoing.encode()
        layer.clients[self.key] = self
        layer.send(flow, self._message, self._label)
        durations = layer.durations
        self._interval = durations.t1
        self._resend_timer = 0 if flow.reliable else layer.timers.start(now + durations.t1, self, Input.TIMER_E)
        self._end_timer = layer.timers.start(now + durations.timeout, self, Input.TIMER_F)

    def step(self, what: int, now: float, response: Response | None = None) -> None:
        """Take one row of the table; a pair without a row is one of IGNORED."""
        row = TABLE.get((self.state, what))
        if row is not None:
            self.state, action = row
            action(self, now, response)

    def receive(self, response: Response, now: float) -> None:
        """A response with our branch and method."""
        self.step(Input.RESPONSE_1XX if response.status < 200 else Input.RESPONSE_FINAL, now, response)

    def repeat(self) -> None:
        """Send the request again, if it has no final response."""
        if self.state < State.COMPLETED:
            self.layer.resend(self.flow, self._message, self._label)

    def transport_failed(self, now: float) -> None:
        """The request could not be sent."""
        self.step(Input.TRANSPORT_ERROR, now)

    def on_timer(self, kind: int, now: float) -> None:
        """A timer of ours is due."""
        self.step(kind, now)

    def _resend(self, now: float, _: Response | None) -> None:
        durations = self.layer.durations
        self.layer.resend(self.flow, self._message, self._label)
        self._interval = min(self._interval * 2, durations.t2)
        self._resend_timer = self.layer.timers.start(now + self._interval, self, Input.TIMER_E)

    def _resend_slowly(self, now: float, _: Response | None) -> None:
        self.layer.resend(self.flow, self._message, self._label)
        self._resend_timer = self.layer.timers.start(now + self.layer.durations.t2, self, Input.TIMER_E)

    def _pass_up(self, now: float, response: Response | None) -> None:
        assert response is not None
        self.user.on_response(response, now)

    def _complete(self, now: float, response: Response | None) -> None:
        assert response is not None
        self._stop_timers()
        self._message = b""
        user, self.user = self.user, NOBODY
        if self.flow.reliable:
            self.step(Input.TIMER_K, now)
        else:
            self._end_timer = self.layer.timers.start(now + self.layer.durations.t4, self, Input.TIMER_K)
            self.layer.client_lingers(self)
        user.on_response(response, now)

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

    def _stop_timers(self) -> None:
        timers = self.layer.timers
        timers.cancel(self._resend_timer)
        timers.cancel(self._end_timer)


if TYPE_CHECKING:
    Action = Callable[[NonInviteClient, float, Response | None], None]

_TRYING, _PROCEEDING, _COMPLETED, _TERMINATED = State
TABLE: dict[tuple[int, int], tuple[State, Action]] = {
    (_TRYING, Input.TIMER_E): (_TRYING, NonInviteClient._resend),
    (_TRYING, Input.TIMER_F): (_TERMINATED, NonInviteClient._report_timeout),
    (_TRYING, Input.TRANSPORT_ERROR): (_TERMINATED, NonInviteClient._report_transport),
    (_TRYING, Input.RESPONSE_1XX): (_PROCEEDING, NonInviteClient._pass_up),
    (_TRYING, Input.RESPONSE_FINAL): (_COMPLETED, NonInviteClient._complete),
    (_PROCEEDING, Input.TIMER_E): (_PROCEEDING, NonInviteClient._resend_slowly),
    (_PROCEEDING, Input.TIMER_F): (_TERMINATED, NonInviteClient._report_timeout),
    (_PROCEEDING, Input.TRANSPORT_ERROR): (_TERMINATED, NonInviteClient._report_transport),
    (_PROCEEDING, Input.RESPONSE_1XX): (_PROCEEDING, NonInviteClient._pass_up),
    (_PROCEEDING, Input.RESPONSE_FINAL): (_COMPLETED, NonInviteClient._complete),
    (_COMPLETED, Input.TIMER_K): (_TERMINATED, NonInviteClient._forget),
}

_STOPPED = "stopped when the state was left"
_NOT_STARTED = "not started in this state"
_REPEATED = "a response after the final one is a repetition: absorbed"
_OVER = "the transaction is over and no longer reachable by key"
IGNORED: dict[tuple[int, int], str] = {
    (_TRYING, Input.TIMER_K): _NOT_STARTED,
    (_PROCEEDING, Input.TIMER_K): _NOT_STARTED,
    (_COMPLETED, Input.RESPONSE_1XX): _REPEATED,
    (_COMPLETED, Input.RESPONSE_FINAL): _REPEATED,
    (_COMPLETED, Input.TRANSPORT_ERROR): "the outcome is already told and nothing more is sent",
    (_COMPLETED, Input.TIMER_E): _STOPPED,
    (_COMPLETED, Input.TIMER_F): _STOPPED,
    **{(_TERMINATED, each): _OVER for each in Input},
}
