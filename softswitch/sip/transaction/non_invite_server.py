"""The server transaction of every other request: RFC 3261 17.2.2 (figure 8).

Theory. A repeated request is absorbed until there is a response (TRYING) and then gets it again (PROCEEDING,
COMPLETED). The RFC sets no limit to TRYING; ours is 64*T1, when the client has given up (its timer F).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request
    from softswitch.sip.transaction.layer import TransactionLayer


class State(IntEnum):
    TRYING = 1
    PROCEEDING = 2
    COMPLETED = 3
    TERMINATED = 4


class Input(IntEnum):
    REQUEST = 1
    SEND_1XX = 2
    SEND_FINAL = 3
    TRANSPORT_ERROR = 4
    TIMER_J = 5
    TIMER_F = 6
    """The client's own limit, kept here so that an unanswered request does not stay for ever."""


class NonInviteServer:
    """One request that came in."""

    __slots__ = ("_end_timer", "_label", "_message", "flow", "key", "layer", "merge_key", "state")

    def __init__(self, layer: TransactionLayer, key: str, merge_key: str, flow: Flow, now: float) -> None:
        """`flow` is the way back (RFC 3261 18.2.2); `merge_key` is empty for requests within a dialog."""
        self.layer = layer
        self.key = key
        self.merge_key = merge_key
        self.flow = flow
        self.state = State.TRYING
        self._message = b""
        self._label = ""
        self._end_timer = layer.timers.start(now + layer.durations.timeout, self, Input.TIMER_F)
        layer.servers[key] = self
        if merge_key:
            layer.merge_keys[merge_key] = key

    def step(self, what: int, now: float) -> None:
        """Take one row of the table; a pair without a row is one of IGNORED."""
        row = TABLE.get((self.state, what))
        if row is not None:
            self.state, action = row
            action(self, now)

    def receive(self, request: Request, now: float) -> None:
        """The request again."""
        self.layer.statistics.retransmissions_received += 1
        self.step(Input.REQUEST, now)

    def respond(self, status: int, data: bytes, now: float) -> None:
        """Send a response; after a final one, others are ignored."""
        what = Input.SEND_1XX if status < 200 else Input.SEND_FINAL
        if (self.state, what) in TABLE:
            self._message = data
            self._label = str(status)
            self.step(what, now)

    def transport_failed(self, now: float) -> None:
        """A response could not be sent."""
        self.step(Input.TRANSPORT_ERROR, now)

    def on_timer(self, kind: int, now: float) -> None:
        """A timer of ours is due."""
        self.step(kind, now)

    def _send(self, _: float) -> None:
        self.layer.send(self.flow, self._message, self._label)

    def _send_again(self, _: float) -> None:
        self.layer.resend(self.flow, self._message, self._label)

    def _complete(self, now: float) -> None:
        layer = self.layer
        layer.send(self.flow, self._message, self._label)
        layer.timers.cancel(self._end_timer)
        if self.flow.reliable:
            self.step(Input.TIMER_J, now)
        else:
            self._end_timer = layer.timers.start(now + layer.durations.timeout, self, Input.TIMER_J)
            layer.server_lingers(self)

    def _forget(self, _: float) -> None:
        self.layer.timers.cancel(self._end_timer)
        self.layer.server_over(self)


if TYPE_CHECKING:
    Action = Callable[[NonInviteServer, float], None]

_TRYING, _PROCEEDING, _COMPLETED, _TERMINATED = State
TABLE: dict[tuple[int, int], tuple[State, Action]] = {
    (_TRYING, Input.SEND_1XX): (_PROCEEDING, NonInviteServer._send),
    (_TRYING, Input.SEND_FINAL): (_COMPLETED, NonInviteServer._complete),
    (_TRYING, Input.TIMER_F): (_TERMINATED, NonInviteServer._forget),
    (_TRYING, Input.TRANSPORT_ERROR): (_TERMINATED, NonInviteServer._forget),  # the way back is gone
    (_PROCEEDING, Input.REQUEST): (_PROCEEDING, NonInviteServer._send_again),
    (_PROCEEDING, Input.SEND_1XX): (_PROCEEDING, NonInviteServer._send),
    (_PROCEEDING, Input.SEND_FINAL): (_COMPLETED, NonInviteServer._complete),
    (_PROCEEDING, Input.TIMER_F): (_TERMINATED, NonInviteServer._forget),
    (_PROCEEDING, Input.TRANSPORT_ERROR): (_TERMINATED, NonInviteServer._forget),
    (_COMPLETED, Input.REQUEST): (_COMPLETED, NonInviteServer._send_again),
    (_COMPLETED, Input.TIMER_J): (_TERMINATED, NonInviteServer._forget),
    (_COMPLETED, Input.TRANSPORT_ERROR): (_TERMINATED, NonInviteServer._forget),
}

_ANSWERED = "the final response is sent; another cannot follow"
_OVER = "the transaction is over and no longer reachable by key"
IGNORED: dict[tuple[int, int], str] = {
    (_TRYING, Input.REQUEST): "a repetition before there is anything to answer: absorbed",
    (_TRYING, Input.TIMER_J): "not started in this state",
    (_PROCEEDING, Input.TIMER_J): "not started in this state",
    (_COMPLETED, Input.SEND_1XX): _ANSWERED,
    (_COMPLETED, Input.SEND_FINAL): _ANSWERED,
    (_COMPLETED, Input.TIMER_F): "stopped when the state was left",
    **{(_TERMINATED, each): _OVER for each in Input},
}
