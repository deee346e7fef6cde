"""Branches of our INVITE that a proxy has forked: one that leaves, and 2xx responses that nobody waits for.

Those are repetitions of the one we took, and the 2xx of other branches (RFC 3261 13.2.2.4). A repetition gets its ACK
again. Another branch's 2xx is acknowledged and its dialog ended with BYE. Both happen here without the session, which
may be long over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.dialog import Dialog
from softswitch.sip.events import Progressed
from softswitch.sip.transaction.invite_client import NOBODY
from softswitch.sip.transaction.non_invite_client import NonInviteClient

if TYPE_CHECKING:
    from softswitch.sip.client_request import ClientRequest
    from softswitch.sip.message import Response
    from softswitch.sip.session.session import InviteSession

MOST_FORKS = 16
"""More 2xx with different tags to one INVITE are not forks but an attack: ignored."""


def left(session: InviteSession, tag: str) -> bool:
    """BYE in one of several early dialogs (15.1.2): that branch is over, the others ring on. False: it was the last."""
    if session.early is None or len(session.early) < 2 or session.early.pop(tag, None) is None:
        return False
    session.core.events.append(Progressed(session, 199, b"", "Early Dialog Terminated", tag))
    return True


class _Discard:
    """Owner of an INVITE whose outcome is settled."""

    __slots__ = ()

    def on_provisional(self, exchange: ClientRequest, response: Response, now: float) -> None:
        """A fork still rings; its CANCEL is the proxy's business (16.7 step 10)."""

    def on_final(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """Acknowledge a 2xx; end the dialog if it is not ours."""
        if response is None or not 200 <= status < 300 or exchange.acks is None:
            return
        tag = response.to_tag or ""
        known = exchange.acks.get(tag)
        if known is None:
            if len(exchange.acks) < MOST_FORKS:
                _refuse_answer(exchange, tag, response, now)
        elif known[1]:
            exchange.core.layer.resend(*known, "ACK")

    def repeat_cseq(self, exchange: ClientRequest, now: float) -> int | None:
        """Nobody wants it repeated."""
        return None


DISCARD = _Discard()


def _refuse_answer(exchange: ClientRequest, tag: str, response: Response, now: float) -> None:
    """ACK, then BYE."""
    core = exchange.core
    cseq = response.cseq.number
    dialog = Dialog.of_callee(response, str(response.to.uri), exchange.flow, pinned=False)
    ack = dialog.request("ACK", cseq, core.branch(), authorization=exchange.authorization).encode()
    if exchange.acks is not None:
        exchange.acks[tag] = (dialog.flow, ack)
    core.layer.send(dialog.flow, ack, "ACK")
    bye = dialog.request("BYE", cseq + 1, core.branch(), headers=core.agent_line)
    NonInviteClient(core.layer, NOBODY, bye, dialog.flow, now)
