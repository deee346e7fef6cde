"""A 2xx of ours until its ACK arrives: repeated from T1 doubling to T2, given up after 64*T1 (RFC 3261 13.3.1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.headers import Reason
from softswitch.sip.session.state import Input, Release
from softswitch.sip.transaction.invite_server import NOBODY

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.transaction.invite_server import InviteServer

_RESEND, _GIVE_UP = 1, 2
NO_ACK = (Reason("SIP", 408, "no ACK"), Reason("Q.850", 102, "recovery on timer expiry"))
"""What the BYE says that ends such a call."""


class PendingAck:
    """Repeats one 2xx, over every transport: the ACK is end to end and may be lost behind the next hop."""

    __slots__ = ("_give_up", "_interval", "_message", "_resend", "_session", "_transaction", "cseq", "late_offer")

    def __init__(
        self,
        session: InviteSession,
        transaction: InviteServer,
        cseq: int,
        message: bytes,
        now: float,
        *,
        late_offer: bool,
    ) -> None:
        """Send `message` now. `late_offer`: it carries our offer, so that the ACK will carry the answer."""
        self.cseq = cseq
        self.late_offer = late_offer
        self._session = session
        self._transaction = transaction
        self._message = message
        layer = session.core.layer
        self._interval = layer.durations.t1
        self._resend = layer.timers.start(now + self._interval, self, _RESEND)
        self._give_up = layer.timers.start(now + layer.durations.timeout, self, _GIVE_UP)
        transaction.respond(200, message, now)

    def stop(self) -> None:
        """The ACK is here, or nobody waits for it any more."""
        timers = self._session.core.layer.timers
        timers.cancel(self._resend)
        timers.cancel(self._give_up)
        self._transaction.user = NOBODY

    def on_timer(self, kind: int, now: float) -> None:
        """Repeat, or give up."""
        if kind == _RESEND:
            layer = self._session.core.layer
            self._transaction.respond(200, self._message, now)
            self._interval = min(self._interval * 2, layer.durations.t2)
            self._resend = layer.timers.start(now + self._interval, self, _RESEND)
        else:
            self._session.step(Input.ACK_MISSING, now, Release("timeout", 408, NO_ACK))
