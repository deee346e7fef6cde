"""How an agent and its candidate pairs move: every row is one (state, input). Pairs without a row are in IGNORED_*.

Theory. A pair here is one address of the far end: we have one socket, so that our end of every pair is the same, and
all that differs is where it leads. A pair is checked once, repeated until it is answered or given up; the far end's own
checks bring its pair to the front of the queue, and a failed one back to life (RFC 8445 7.3.1.4): the far end has shown
that it can reach us that way now. The agent is connected as soon as one pair is proven in both directions, which is
consent to send there (12.1.1, RFC 7675 5.1); nomination then settles which one stays. Consent ends with the path, and
only the far end's checks can give it back within this generation, since they prove anew that it wants to be sent to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from softswitch.webrtc.ice import actions
from softswitch.webrtc.ice.state import AgentInput, AgentState, PairInput, PairState

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.webrtc.ice.agent import Agent
    from softswitch.webrtc.ice.full import FullAgent
    from softswitch.webrtc.ice.pair import Pair

    AgentAction = Callable[[Agent, float], None]
    PairAction = Callable[[FullAgent, Pair, float], None]

(_WAITING, _CHECKING, _CONNECTED, _LOST, _FAILED, _CLOSED) = AgentState

AGENT: Final[dict[tuple[int, int], tuple[AgentState, AgentAction]]] = {
    (_WAITING, AgentInput.REMOTE): (_CHECKING, actions.begin),
    (_CHECKING, AgentInput.VALID): (_CONNECTED, actions.connect),
    (_CHECKING, AgentInput.DEADLINE): (_FAILED, actions.give_up),
    (_CONNECTED, AgentInput.EXPIRED): (_LOST, actions.lose),
    (_CONNECTED, AgentInput.REVOKED): (_LOST, actions.obey),
    (_LOST, AgentInput.VALID): (_CONNECTED, actions.connect),
    **{(state, AgentInput.CLOSE): (_CLOSED, actions.end) for state in AgentState if state is not _CLOSED},
}

_ONCE = "a generation has one far end, known once"
_NO_PATH = "no path is there whose consent could end"
_STOPPED = "its timer runs in CHECKING alone: whoever was connected once is waited for by those who hold the call"
_NO_CHECKS = "no pair is checked in this state"

IGNORED_BY_AGENT: Final[dict[tuple[int, int], str]] = {
    **{(state, AgentInput.REMOTE): _ONCE for state in AgentState if state is not _WAITING},
    **{
        (state, what): _NO_PATH
        for state in AgentState
        if state is not _CONNECTED
        for what in (AgentInput.EXPIRED, AgentInput.REVOKED)
    },
    **{(state, AgentInput.DEADLINE): _STOPPED for state in AgentState if state is not _CHECKING},
    **{(state, AgentInput.VALID): _NO_CHECKS for state in (_WAITING, _FAILED, _CLOSED)},
    (_CONNECTED, AgentInput.VALID): "one more; which of them is used, nomination decides",
    (_CLOSED, AgentInput.CLOSE): "closed already",
}

(_FROZEN, _READY, _IN_PROGRESS, _SUCCEEDED, _GIVEN_UP) = PairState

PAIR: Final[dict[tuple[int, int], tuple[PairState, PairAction]]] = {
    (_FROZEN, PairInput.THAW): (_READY, actions.no_more),
    (_FROZEN, PairInput.CHECK): (_IN_PROGRESS, actions.check),
    (_FROZEN, PairInput.TRIGGERED): (_READY, actions.trigger),
    (_FROZEN, PairInput.SETTLED): (_GIVEN_UP, actions.no_more),
    (_READY, PairInput.CHECK): (_IN_PROGRESS, actions.check),
    (_READY, PairInput.TRIGGERED): (_READY, actions.trigger),
    # The check that the triggered one replaced may be answered before its turn comes.
    (_READY, PairInput.ANSWERED): (_SUCCEEDED, actions.prove),
    (_READY, PairInput.SETTLED): (_GIVEN_UP, actions.no_more),
    (_IN_PROGRESS, PairInput.TRIGGERED): (_READY, actions.trigger),
    (_IN_PROGRESS, PairInput.ANSWERED): (_SUCCEEDED, actions.prove),
    (_IN_PROGRESS, PairInput.CONFLICT): (_READY, actions.trigger),
    (_IN_PROGRESS, PairInput.REFUSED): (_GIVEN_UP, actions.no_more),
    (_IN_PROGRESS, PairInput.TIMED_OUT): (_GIVEN_UP, actions.no_more),
    (_IN_PROGRESS, PairInput.SETTLED): (_GIVEN_UP, actions.no_more),
    (_SUCCEEDED, PairInput.ANSWERED): (_SUCCEEDED, actions.prove),
    (_SUCCEEDED, PairInput.EXPIRED): (_GIVEN_UP, actions.no_more),
    (_GIVEN_UP, PairInput.TRIGGERED): (_READY, actions.trigger),
}

_NO_CHECK = "no check of it is under way whose outcome this could be"
_PROVEN = "proven: only consent can end"

IGNORED_BY_PAIR: Final[dict[tuple[int, int], str]] = {
    **{
        (state, what): _NO_CHECK
        for state in (_FROZEN, _READY, _GIVEN_UP)
        for what in (PairInput.CONFLICT, PairInput.REFUSED, PairInput.TIMED_OUT)
    },
    (_FROZEN, PairInput.ANSWERED): _NO_CHECK,
    (_GIVEN_UP, PairInput.ANSWERED): "given up: the far end's checks or none bring it back",
    **{
        (state, PairInput.EXPIRED): "nothing was proven that could expire"
        for state in (_FROZEN, _READY, _IN_PROGRESS, _GIVEN_UP)
    },
    **{(state, PairInput.THAW): "not frozen" for state in (_READY, _IN_PROGRESS, _SUCCEEDED, _GIVEN_UP)},
    (_IN_PROGRESS, PairInput.CHECK): "it is being checked",
    **{
        (_SUCCEEDED, what): _PROVEN
        for what in (PairInput.CHECK, PairInput.TRIGGERED, PairInput.CONFLICT, PairInput.REFUSED, PairInput.TIMED_OUT)
    },
    (_SUCCEEDED, PairInput.SETTLED): "it stays, for when the selected one fails",
    (_GIVEN_UP, PairInput.CHECK): "it is not in the queue",
    (_GIVEN_UP, PairInput.SETTLED): "nothing is tried of it",
}
