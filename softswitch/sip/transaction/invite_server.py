"""The INVITE server transaction: RFC 3261 17.2.1 (figure 7) as corrected by RFC 6026 (figure 2).

Theory. Repeated INVITEs get the last response again (PROCEEDING, COMPLETED). A refusal is repeated on unreliable
transports until its ACK (COMPLETED, then CONFIRMED absorbs further ACKs). A 2xx is repeated by the user until the ACK
arrives end to end; the transaction only keeps repeated INVITEs away from it meanwhile (ACCEPTED).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request
    from softswitch.sip.transaction.layer import ServerUser, TransactionLayer


class State(IntEnum):
    PROCEEDING = 1
    COMPLETED = 2
    CONFIRMED = 3
    ACCEPTED = 4
    TERMINATED = 5


class Input(IntEnum):
    INVITE = 1
    ACK = 2
    SEND_1XX = 3
    SEND_2XX = 4
    SEND_300_699 = 5
    TRANSPORT_ERROR = 6
    TIMER_G = 7
    TIMER_H = 8
    TIMER_I = 9
    TIMER_L = 10


class InviteServer:
    """One INVITE that came in."""

    __slots__ = ("_ack", "_end_timer", "_interval", "_label", "_message", "_resend_timer", "flow", "key", "layer",
                 "merge_key", "state", "to_tag", "user")  # fmt: skip

    def __init__(
        self, layer: TransactionLayer, user: ServerUser, key: str, merge_key: str, flow: Flow, to_tag: str
    ) -> None:
        """`flow` is the way back (RFC 3261 18.2.2); `merge_key` is empty for requests within a dialog.

        `to_tag` is that of our responses; a CANCEL is answered with the same (9.2).
        """
        self.layer = layer
        self.user = user
        self.key = key
        self.merge_key = merge_key
        self.flow = flow
        self.to_tag = to_tag
        self.state = State.PROCEEDING
        self._message = b""
        """The last response, while a repeated INVITE shall get it again."""
        self._label = ""
        self._ack: Request | None = None
        self._interval = layer.durations.t1
        self._resend_timer = 0
        self._end_timer = 0
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
        """The INVITE again, or an ACK with its branch."""
        if request.method == "ACK":
            self._ack = request
            self.step(Input.ACK, now)
            self._ack = None
        else:
            self.layer.statistics.retransmissions_received += 1
            self.step(Input.INVITE, now)

    def respond(self, status: int, data: bytes, now: float) -> None:
        """Send a response; a second final one of another class is ignored."""
        if status < 200:
            what = Input.SEND_1XX
        elif status < 300:
            what = Input.SEND_2XX
        else:
            what = Input.SEND_300_699
        if (self.state, what) in TABLE:
            self._message = data
            self._label = str(status)
            self.step(what, now)

    def send_provisional_again(self, now: float) -> None:
        """Repeat the last provisional response (13.3.1.1)."""
        self.step(Input.SEND_1XX, now)

    def transport_failed(self, now: float) -> None:
        """A response could not be sent."""
        self.step(Input.TRANSPORT_ERROR, now)

    def on_timer(self, kind: int, now: float) -> None:
        """A timer of ours is due."""
        self.step(kind, now)

    def _send(self, _: float) -> None:
        self.layer.send(self.flow, self._message, self._label)

    def _send_again(self, _: float) -> None:
        if self._message:
            self.layer.resend(self.flow, self._message, self._label)

    def _accept(self, now: float) -> None:
        self.layer.send(self.flow, self._message, self._label)
        self._message = b""
        self._end_timer = self.layer.timers.start(now + self.layer.durations.timeout, self, Input.TIMER_L)
        self.layer.server_lingers(self)

    def _send_2xx_again(self, _: float) -> None:
        self.layer.resend(self.flow, self._message, self._label)
        self._message = b""

    def _refuse(self, now: float) -> None:
        layer = self.layer
        layer.send(self.flow, self._message, self._label)
        self.user = NOBODY
        durations = layer.durations
        if not self.flow.reliable:
            self._resend_timer = layer.timers.start(now + durations.t1, self, Input.TIMER_G)
        self._end_timer = layer.timers.start(now + durations.timeout, self, Input.TIMER_H)
        layer.server_lingers(self)

    def _repeat_refusal(self, now: float) -> None:
        self.layer.resend(self.flow, self._message, self._label)
        self._interval = min(self._interval * 2, self.layer.durations.t2)
        self._resend_timer = self.layer.timers.start(now + self._interval, self, Input.TIMER_G)

    def _confirm(self, now: float) -> None:
        self._stop_timers()
        self._message = b""
        if self.flow.reliable:
            self.step(Input.TIMER_I, now)
        else:
            self._end_timer = self.layer.timers.start(now + self.layer.durations.t4, self, Input.TIMER_I)

    def _pass_ack_up(self, now: float) -> None:
        assert self._ack is not None
        self.user.on_ack(self._ack, now)

    def _report_transport(self, now: float) -> None:
        self.user.on_transport_failed(now)

    def _forget(self, _: float) -> None:
        self._stop_timers()
        self.layer.server_over(self)

    def _stop_timers(self) -> None:
        timers = self.layer.timers
        timers.cancel(self._resend_timer)
        timers.cancel(self._end_timer)


class _Nobody:
    """The user once the session needs nothing more from the transaction: lets go of it."""

    __slots__ = ()

    def on_ack(self, request: Request, now: float) -> None:
        """Nothing is expected."""

    def on_transport_failed(self, now: float) -> None:
        """Nothing is expected."""


NOBODY = _Nobody()

if TYPE_CHECKING:
    Action = Callable[[InviteServer, float], None]

_PROCEEDING, _COMPLETED, _CONFIRMED, _ACCEPTED, _TERMINATED = State
TABLE: dict[tuple[int, int], tuple[State, Action]] = {
    (_PROCEEDING, Input.INVITE): (_PROCEEDING, InviteServer._send_again),
    (_PROCEEDING, Input.SEND_1XX): (_PROCEEDING, InviteServer._send),
    (_PROCEEDING, Input.SEND_2XX): (_ACCEPTED, InviteServer._accept),
    (_PROCEEDING, Input.SEND_300_699): (_COMPLETED, InviteServer._refuse),
    (_PROCEEDING, Input.TRANSPORT_ERROR): (_PROCEEDING, InviteServer._report_transport),
    (_ACCEPTED, Input.SEND_2XX): (_ACCEPTED, InviteServer._send_2xx_again),
    (_ACCEPTED, Input.ACK): (_ACCEPTED, InviteServer._pass_ack_up),
    (_ACCEPTED, Input.TIMER_L): (_TERMINATED, InviteServer._forget),
    (_COMPLETED, Input.INVITE): (_COMPLETED, InviteServer._send_again),
    (_COMPLETED, Input.ACK): (_CONFIRMED, InviteServer._confirm),
    (_COMPLETED, Input.TIMER_G): (_COMPLETED, InviteServer._repeat_refusal),
    (_COMPLETED, Input.TIMER_H): (_TERMINATED, InviteServer._forget),  # no ACK: the caller is gone, nothing to undo
    (_COMPLETED, Input.TRANSPORT_ERROR): (_TERMINATED, InviteServer._forget),
    (_CONFIRMED, Input.TIMER_I): (_TERMINATED, InviteServer._forget),
}

_STOPPED = "stopped when the state was left"
_NOT_STARTED = "not started in this state"
_ANSWERED = "the final response is sent; another cannot follow"
_OVER = "the transaction is over and no longer reachable by key"
IGNORED: dict[tuple[int, int], str] = {
    (_PROCEEDING, Input.ACK): "nothing to acknowledge yet",
    **{(_PROCEEDING, each): _NOT_STARTED for each in (Input.TIMER_G, Input.TIMER_H, Input.TIMER_I, Input.TIMER_L)},
    (_ACCEPTED, Input.INVITE): "RFC 6026 7.1: absorbed; the user repeats its 2xx by itself",
    (_ACCEPTED, Input.SEND_1XX): _ANSWERED,
    (_ACCEPTED, Input.SEND_300_699): _ANSWERED,
    (_ACCEPTED, Input.TRANSPORT_ERROR): "RFC 6026 8.4: the user repeats its 2xx and times out by itself",
    **{(_ACCEPTED, each): _NOT_STARTED for each in (Input.TIMER_G, Input.TIMER_H, Input.TIMER_I)},
    **{(_COMPLETED, each): _ANSWERED for each in (Input.SEND_1XX, Input.SEND_2XX, Input.SEND_300_699)},
    **{(_COMPLETED, each): _NOT_STARTED for each in (Input.TIMER_I, Input.TIMER_L)},
    (_CONFIRMED, Input.INVITE): "a repetition that was overtaken by its ACK: absorbed",
    (_CONFIRMED, Input.ACK): "a repetition: absorbed",
    **{(_CONFIRMED, each): _ANSWERED for each in (Input.SEND_1XX, Input.SEND_2XX, Input.SEND_300_699)},
    (_CONFIRMED, Input.TRANSPORT_ERROR): "nothing more is sent",
    **{(_CONFIRMED, each): _STOPPED for each in (Input.TIMER_G, Input.TIMER_H)},
    (_CONFIRMED, Input.TIMER_L): _NOT_STARTED,
    **{(_TERMINATED, each): _OVER for each in Input},
}
