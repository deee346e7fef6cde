"""We call: provisional responses that we must acknowledge with PRACK (RFC 3262 4 and 5).

Theory. Each early dialog numbers its reliable responses by itself. One that repeats a number, or leaves one out, is
dropped: the far end sends it again. What an early dialog has said about media follows from the one offer of the
INVITE (RFC 6337 3.1): ours is answered by the first reliable SDP, and no later one means anything; where the INVITE
left the offer to them the first reliable SDP is it, and its PRACK waits for our answer.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from softswitch.sip.client_request import ClientRequest
from softswitch.sip.grammar import parse_digits
from softswitch.sip.session.reliable import MOST_RSEQ
from softswitch.sip.session.state import State as SessionState
from softswitch.sip.session.terms import RELIABLE, allows, option_tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.dialog import Dialog
    from softswitch.sip.message import Response
    from softswitch.sip.session.session import InviteSession


class State(IntEnum):
    """What an early dialog has settled of its media."""

    OFFERED = 1
    """Nothing; our INVITE held the offer."""
    WANTING = 2
    """Nothing; our INVITE asked for theirs."""
    OWING = 3
    """Their offer is here; its PRACK waits for our answer."""
    SETTLING = 4
    """Offer and answer are exchanged; the PRACK that says so is on its way."""
    SETTLED = 5
    """It has arrived: offers within the early dialog may follow."""


class Input(IntEnum):
    PLAIN = 1
    """Response: reliable, without SDP."""
    DESCRIPTION = 2
    """Response: reliable, with SDP."""
    ANSWER = 3
    """Our answer (bytes) to their offer."""
    ARRIVED = 4
    """2xx to the PRACK that settled offer and answer."""


class EarlyDialog:
    """One early dialog that sends reliable responses. Owner of its PRACKs."""

    __slots__ = ("_deciding", "_rseq", "_session", "_told", "answer", "changed", "dialog", "state")

    def __init__(self, session: InviteSession, dialog: Dialog) -> None:
        self._session = session
        self.dialog = dialog
        self.state = State.OFFERED if session.had_offer else State.WANTING
        self.answer = b""
        """Theirs to the offer of our INVITE."""
        self.changed = False
        """An UPDATE has offered something else since."""
        self._rseq: tuple[int, int] = (0, 0)
        """Of the last response that was taken: RSeq, and CSeq of the INVITE."""
        self._told = b""
        self._deciding: ClientRequest | None = None

    def step(self, what: int, now: float, payload: object = None) -> None:
        """Take one row of the table; a pair without a row is one of IGNORED."""
        row = TABLE.get((self.state, what))
        if row is not None:
            self.state, action = row
            action(self, now, payload)

    def take(self, response: Response, now: float) -> bytes | None:
        """A response with RSeq: the SDP to be told of, None for a response that is to be dropped."""
        rseq = parse_digits(response.headers.get("RSeq") or "", MOST_RSEQ)
        cseq = response.cseq.number
        last, last_cseq = self._rseq
        if not rseq or self.state is State.OWING or (cseq == last_cseq and rseq != last % MOST_RSEQ + 1):
            return None
        self._rseq = (rseq, cseq)
        self._told = b""
        self.step(Input.DESCRIPTION if response.body else Input.PLAIN, now, response)
        return self._told

    def on_provisional(self, exchange: ClientRequest, response: Response, now: float) -> None:
        """A PRACK takes as long as it takes."""

    def on_final(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """What failed to be acknowledged comes again, or the far end ends the call (3)."""
        if exchange is self._deciding and response is not None and status < 300:
            self.step(Input.ARRIVED, now)

    def repeat_cseq(self, exchange: ClientRequest, now: float) -> int | None:
        """With credentials, while anybody wants the call."""
        return self._session.next_cseq() if self._session.state is SessionState.PROCEEDING else None

    # Actions.

    def _acknowledge(self, now: float, _: Response) -> None:
        self._send(now, b"")

    def _send(self, now: float, body: bytes) -> ClientRequest:
        session, dialog = self._session, self.dialog
        rseq, cseq = self._rseq
        content = "Content-Type: application/sdp\r\n" if body else ""
        outgoing = dialog.request(
            "PRACK",
            session.next_cseq(),
            session.core.branch(),
            authorization=session.authorization("PRACK", dialog),
            headers=f"RAck: {rseq} {cseq} INVITE\r\n{session.core.agent_line}{content}",
            body=body,
        )
        return ClientRequest(session.core, self, outgoing, dialog.flow, session.authorizer, now)

    def _answered(self, now: float, response: Response) -> None:
        self.answer = self._told = response.body
        self._deciding = self._send(now, b"")

    def _offered(self, _: float, response: Response) -> None:
        self._told = response.body

    def _answer(self, now: float, body: bytes) -> None:
        self._deciding = self._send(now, body)

    def _settle(self, now: float, _: object) -> None:
        if self._session.modification is not None:
            self._session.modification.settle(now)


class Acknowledger:
    """The early dialogs of one session that send reliable responses."""

    __slots__ = ("_dialogs", "_session")

    def __init__(self, session: InviteSession) -> None:
        self._session = session
        self._dialogs: dict[str, EarlyDialog] = {}

    def take(self, dialog: Dialog, response: Response, now: float) -> bytes | None:
        """A provisional response of this early dialog: the SDP to be told of, None when it is to be dropped.

        One that is not reliable tells nothing of media once a reliable one has: a preview at best.
        """
        early = self._dialogs.get(dialog.remote_tag)
        if RELIABLE not in option_tags(response.headers, "Require"):
            return response.body if early is None or early.state <= State.WANTING else b""
        if early is None:
            early = self._dialogs[dialog.remote_tag] = EarlyDialog(self._session, dialog)
        self._session.takes_update = allows(response.headers, "UPDATE")
        return early.take(response, now)

    def answer(self, body: bytes, now: float) -> bool:
        """Our answer to the offer that came last; False when none awaits it."""
        for early in self._dialogs.values():
            if early.state is State.OWING:
                early.step(Input.ANSWER, now, body)
                return True
        return False

    def settled(self, tag: str) -> EarlyDialog | None:
        """The early dialog of this tag, if offer and answer were exchanged in it."""
        early = self._dialogs.get(tag)
        return early if early is not None and early.state >= State.SETTLING else None

    @property
    def changeable(self) -> Dialog | None:
        """The early dialog in which an offer of ours may follow: with several, nobody knows which will be the call."""
        ringing = tuple(self._session.early or ())
        early = self._dialogs.get(ringing[0]) if len(ringing) == 1 else None
        return early.dialog if early is not None and early.state is State.SETTLED else None


_OFFERED, _WANTING, _OWING, _SETTLING, _SETTLED = State
TABLE: dict[tuple[int, int], tuple[State, Callable[..., None]]] = {
    (_OFFERED, Input.PLAIN): (_OFFERED, EarlyDialog._acknowledge),
    (_OFFERED, Input.DESCRIPTION): (_SETTLING, EarlyDialog._answered),
    (_WANTING, Input.PLAIN): (_WANTING, EarlyDialog._acknowledge),
    (_WANTING, Input.DESCRIPTION): (_OWING, EarlyDialog._offered),
    (_OWING, Input.ANSWER): (_SETTLING, EarlyDialog._answer),
    (_SETTLING, Input.PLAIN): (_SETTLING, EarlyDialog._acknowledge),
    (_SETTLING, Input.DESCRIPTION): (_SETTLING, EarlyDialog._acknowledge),
    (_SETTLING, Input.ARRIVED): (_SETTLED, EarlyDialog._settle),
    (_SETTLED, Input.PLAIN): (_SETTLED, EarlyDialog._acknowledge),
    (_SETTLED, Input.DESCRIPTION): (_SETTLED, EarlyDialog._acknowledge),
}

_UNASKED = "no offer of theirs awaits an answer"
_NOTHING = "no PRACK that settles anything is on its way"
IGNORED: dict[tuple[int, int], str] = {
    **{(state, Input.ANSWER): _UNASKED for state in State if state is not _OWING},
    **{(_OWING, each): "must not come before our PRACK (3): dropped" for each in (Input.PLAIN, Input.DESCRIPTION)},
    **{(state, Input.ARRIVED): _NOTHING for state in (_OFFERED, _WANTING, _OWING, _SETTLED)},
}
