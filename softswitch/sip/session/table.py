"""How an INVITE session moves: every row is one (state, input), with the RFC 3261 section that asks for it.

Theory. A session goes from its INVITE to ENDED and never back. Four facts shape the table: a CANCEL may only follow a
provisional response (9.1); a 2xx must be acknowledged whatever we meant meanwhile (13.2.2.4); a callee must not send
BYE before the ACK (15); and after BYE the session is over for us at once, while the BYE itself goes on (15.1.1).
Inputs that a state has no row for are in IGNORED, with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.session import accept, bye, cancel, invite, reject
from softswitch.sip.session.state import Input, State

if TYPE_CHECKING:
    from collections.abc import Callable

(
    _CALLING, _PROCEEDING, _CANCEL_HELD, _CANCELLING, _ANSWERED, _INCOMING, _ACCEPTED, _LEAVING, _ESTABLISHED,
    _CLOSING, _ENDED,
) = State  # fmt: skip

TABLE: dict[tuple[int, int], tuple[State, Callable[..., None]]] = {
    # We call (13.2).
    (_CALLING, Input.PROVISIONAL): (_PROCEEDING, invite.progress),
    (_CALLING, Input.CHALLENGED): (_CALLING, invite.repeat),
    (_CALLING, Input.ANSWER): (_ESTABLISHED, invite.answered),
    (_CALLING, Input.OFFER): (_ANSWERED, invite.answered_with_offer),
    (_CALLING, Input.REFUSED): (_ENDED, invite.refused_at_once),
    (_CALLING, Input.HANGUP): (_CANCEL_HELD, cancel.hold),
    (_PROCEEDING, Input.PROVISIONAL): (_PROCEEDING, invite.progress),
    (_PROCEEDING, Input.CHALLENGED): (_CALLING, invite.repeat),
    (_PROCEEDING, Input.ANSWER): (_ESTABLISHED, invite.answered),
    (_PROCEEDING, Input.OFFER): (_ANSWERED, invite.answered_with_offer),
    (_PROCEEDING, Input.REFUSED): (_ENDED, invite.refused),
    (_PROCEEDING, Input.HANGUP): (_CANCELLING, cancel.hold_and_send),
    (_PROCEEDING, Input.BYE): (_CANCELLING, cancel.on_early_bye),
    (_CANCEL_HELD, Input.PROVISIONAL): (_CANCELLING, cancel.send),
    (_CANCEL_HELD, Input.ANSWER): (_CLOSING, cancel.answer_crossed),
    (_CANCEL_HELD, Input.OFFER): (_CLOSING, cancel.answer_crossed),
    (_CANCEL_HELD, Input.REFUSED): (_ENDED, cancel.finished),
    (_CANCELLING, Input.ANSWER): (_CLOSING, cancel.answer_crossed),
    (_CANCELLING, Input.OFFER): (_CLOSING, cancel.answer_crossed),
    (_CANCELLING, Input.REFUSED): (_ENDED, cancel.finished),
    (_ANSWERED, Input.ACKNOWLEDGE): (_ESTABLISHED, invite.acknowledge),
    (_ANSWERED, Input.HANGUP): (_CLOSING, invite.acknowledge_and_leave),
    (_ANSWERED, Input.ACK_MISSING): (_CLOSING, invite.acknowledge_and_leave),
    (_ANSWERED, Input.BYE): (_ENDED, bye.received),
    # They call (13.3).
    (_INCOMING, Input.ACCEPT): (_ACCEPTED, accept.send),
    (_INCOMING, Input.REJECT): (_ENDED, reject.send),
    (_INCOMING, Input.HANGUP): (_ENDED, reject.send),
    (_INCOMING, Input.CANCEL): (_ENDED, cancel.received),
    (_INCOMING, Input.BYE): (_ENDED, cancel.received),  # 15.1.2: BYE in an early dialog also ends the INVITE with 487
    (_INCOMING, Input.EXPIRED): (_ENDED, reject.send),  # 13.3.1: "a 487 response SHOULD be generated"
    (_INCOMING, Input.TRANSPORT_FAILED): (_ENDED, reject.send),  # should the caller come back, it hears 503
    (_ACCEPTED, Input.ACK): (_ESTABLISHED, accept.acknowledged),
    (_ACCEPTED, Input.ACK_MISSING): (_CLOSING, bye.send),  # 13.3.1.4
    (_ACCEPTED, Input.HANGUP): (_LEAVING, bye.hold),
    (_ACCEPTED, Input.BYE): (_ENDED, bye.received),
    (_LEAVING, Input.ACK): (_CLOSING, bye.send_held),
    (_LEAVING, Input.ACK_MISSING): (_CLOSING, bye.send_held),
    (_LEAVING, Input.BYE): (_ENDED, bye.received),
    # Either (14, 15).
    (_ESTABLISHED, Input.HANGUP): (_CLOSING, bye.send),
    (_ESTABLISHED, Input.ACK_MISSING): (_CLOSING, bye.send),  # 14.2: a re-INVITE's 2xx was never acknowledged
    (_ESTABLISHED, Input.DIALOG_GONE): (_CLOSING, bye.send),
    (_ESTABLISHED, Input.BYE): (_ENDED, bye.received),
    (_CLOSING, Input.BYE): (_CLOSING, bye.crossed),
    (_CLOSING, Input.BYE_DONE): (_ENDED, bye.done),
}

_LATER = "our INVITE has its outcome; further 2xx go to fork.DISCARD, which acknowledges them"
_THEIRS = "only sessions we started have this"
_OURS = "only sessions they started have this"
_NO_2XX = "there is no 2xx of ours to acknowledge"
_INTENT = "hanging up is already under way, or done: the intent is idempotent"
_NO_BYE = "no BYE of ours is under way"
_NOT_YET = "nothing was sent within the dialog yet"
_LATE = "it crossed the end of the session; nothing is left to do"

_UAC_EARLY = (_CALLING, _PROCEEDING, _CANCEL_HELD, _CANCELLING)
_UAS = (_INCOMING, _ACCEPTED, _LEAVING)
_OF_THEIRS = (Input.CANCEL, Input.TRANSPORT_FAILED, Input.EXPIRED)
_RESPONSES = (Input.PROVISIONAL, Input.CHALLENGED, Input.ANSWER, Input.OFFER, Input.REFUSED)

IGNORED: dict[tuple[int, int], str] = {
    (_CALLING, Input.BYE): "no early dialog exists before a provisional response: answered 481 by the stack",
    (_CANCEL_HELD, Input.BYE): "no early dialog exists before a provisional response: answered 481 by the stack",
    (_CANCELLING, Input.BYE): "our CANCEL will end it",
    (_CANCEL_HELD, Input.CHALLENGED): "nobody wants the call any more: the challenge is a refusal",
    (_CANCELLING, Input.CHALLENGED): "nobody wants the call any more: the challenge is a refusal",
    (_CANCELLING, Input.PROVISIONAL): "it crossed our CANCEL",
    **{(state, Input.HANGUP): _INTENT for state in (_CANCEL_HELD, _CANCELLING, _LEAVING, _CLOSING)},
    **{(state, Input.ACKNOWLEDGE): "no offer awaits an answer" for state in (*_UAC_EARLY, _ESTABLISHED)},
    **{(state, each): _OURS for state in (*_UAC_EARLY, _ANSWERED) for each in (Input.ACCEPT, Input.REJECT)},
    **{(state, each): _OURS for state in (*_UAC_EARLY, _ANSWERED) for each in _OF_THEIRS},
    **{(state, Input.ACK): _NO_2XX for state in (*_UAC_EARLY, _ANSWERED, _INCOMING)},
    **{(state, Input.ACK_MISSING): _NO_2XX for state in (*_UAC_EARLY, _INCOMING)},
    **{(state, Input.DIALOG_GONE): _NOT_YET for state in (*_UAC_EARLY, _ANSWERED, *_UAS)},
    **{(state, Input.BYE_DONE): _NO_BYE for state in (*_UAC_EARLY, _ANSWERED, *_UAS, _ESTABLISHED)},
    **{(_ANSWERED, each): _LATER for each in _RESPONSES},
    **{(_ESTABLISHED, each): _LATER for each in _RESPONSES},
    **{(state, each): _THEIRS for state in _UAS for each in (*_RESPONSES, Input.ACKNOWLEDGE)},
    **{
        (state, each): "the final response is sent"
        for state in (_ACCEPTED, _LEAVING, _ESTABLISHED)
        for each in (Input.ACCEPT, Input.REJECT, *_OF_THEIRS)
    },
    (_ESTABLISHED, Input.ACK): "the ACK of a re-INVITE goes to its Modification",
    **{(_CLOSING, each): _LATE for each in Input if each not in (Input.BYE, Input.BYE_DONE, Input.HANGUP)},
    **{(_ENDED, each): _LATE for each in Input},
}
