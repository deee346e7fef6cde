"""How a registration moves: every row is one (state, input).

Theory. One contact of ours is kept alive at one registrar that may be reached at several targets, the preferred one
first. There is never more than one REGISTER under way (10.2), all of them share a Call-ID, and CSeq only rises. Before
the contact expires it is refreshed (10.2.4); a target that fails is passed over at once for the next; when all have
failed, attempts go on for ever, ever further apart and never in step with other clients (RFC 5626 4.5). A refusal that
another attempt cannot mend (wrong password, unknown user) is repeated rarely: an operator has to act. While the contact
is held by another target than the preferred one, that one is tried again soon.

Inputs that a state has no row for are in IGNORED, with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.registration import actions
from softswitch.sip.registration.state import Input, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.registration.registration import Registration

    Action = Callable[[Registration, float, object], None]

(
    _IDLE, _REGISTERING, _REGISTERED, _REFRESHING, _HOLDING, _WAITING, _REFUSED, _STOPPING, _LEAVING, _ENDED,
) = State  # fmt: skip

TABLE: dict[tuple[int, int], tuple[State, Action]] = {
    (_IDLE, Input.START): (_REGISTERING, actions.begin),
    (_IDLE, Input.STOP): (_ENDED, actions.end),
    # Not registered, asking.
    (_REGISTERING, Input.GRANTED): (_REGISTERED, actions.granted),
    (_REGISTERING, Input.AGAIN): (_REGISTERING, actions.ask),
    (_REGISTERING, Input.ELSEWHERE): (_REGISTERING, actions.elsewhere),
    (_REGISTERING, Input.FAILED): (_WAITING, actions.back_off),
    (_REGISTERING, Input.REFUSED): (_REFUSED, actions.give_in),
    (_REGISTERING, Input.STOP): (_STOPPING, actions.wait_for_outcome),
    # Registered.
    (_REGISTERED, Input.REFRESH_DUE): (_REFRESHING, actions.begin),
    (_REGISTERED, Input.KEEP_ALIVE_DUE): (_REGISTERED, actions.keep_alive),
    (_REGISTERED, Input.FLOW_LOST): (_REGISTERING, actions.begin_anew),
    (_REGISTERED, Input.FLOW_LOST_AGAIN): (_WAITING, actions.lose_and_back_off),
    (_REGISTERED, Input.MOVED): (_REGISTERING, actions.begin_anew),
    (_REGISTERED, Input.STOP): (_LEAVING, actions.leave),
    # Registered, asking again.
    (_REFRESHING, Input.GRANTED): (_REGISTERED, actions.granted),
    (_REFRESHING, Input.AGAIN): (_REFRESHING, actions.ask),
    (_REFRESHING, Input.ELSEWHERE): (_REFRESHING, actions.elsewhere),
    (_REFRESHING, Input.FAILED): (_HOLDING, actions.back_off),
    (_REFRESHING, Input.REFUSED): (_REFUSED, actions.give_in),
    (_REFRESHING, Input.KEEP_ALIVE_DUE): (_REFRESHING, actions.keep_alive),
    (_REFRESHING, Input.FLOW_LOST): (_REGISTERING, actions.lose),
    (_REFRESHING, Input.FLOW_LOST_AGAIN): (_REGISTERING, actions.lose),
    (_REFRESHING, Input.EXPIRED): (_REGISTERING, actions.lose),
    (_REFRESHING, Input.STOP): (_STOPPING, actions.wait_for_outcome),
    # Registered still, trying again after a while.
    (_HOLDING, Input.RETRY_DUE): (_REFRESHING, actions.begin),
    (_HOLDING, Input.KEEP_ALIVE_DUE): (_HOLDING, actions.keep_alive),
    (_HOLDING, Input.FLOW_LOST): (_WAITING, actions.lose),
    (_HOLDING, Input.FLOW_LOST_AGAIN): (_WAITING, actions.lose),
    (_HOLDING, Input.MOVED): (_REGISTERING, actions.begin_anew),
    (_HOLDING, Input.EXPIRED): (_WAITING, actions.lose),
    (_HOLDING, Input.STOP): (_LEAVING, actions.leave),
    # Not registered, trying again after a while.
    (_WAITING, Input.RETRY_DUE): (_REGISTERING, actions.begin),
    (_WAITING, Input.STOP): (_ENDED, actions.end),
    (_REFUSED, Input.RETRY_DUE): (_REGISTERING, actions.begin),
    (_REFUSED, Input.STOP): (_ENDED, actions.end),
    # Going (10.2.2).
    (_STOPPING, Input.GRANTED): (_LEAVING, actions.leave),
    (_STOPPING, Input.FAILED): (_ENDED, actions.end),
    (_LEAVING, Input.GRANTED): (_ENDED, actions.end),
}

_ASKING = (_REGISTERING, _REFRESHING)
_OUTCOMES = (Input.GRANTED, Input.AGAIN, Input.ELSEWHERE, Input.FAILED, Input.REFUSED)
_LOSSES = (Input.FLOW_LOST, Input.FLOW_LOST_AGAIN, Input.MOVED, Input.EXPIRED, Input.KEEP_ALIVE_DUE, Input.REFRESH_DUE)
_ONCE = "it has begun, and begins only once"
_NO_REQUEST = "no REGISTER is under way"
_NOTHING_HELD = "no contact is held that could be lost, refreshed or kept alive"
_STOPPED = "its timer is not running in this state"
_LAST = "the contact is being taken back: whatever happens to it, the outcome of the REGISTER under way ends it"

IGNORED: dict[tuple[int, int], str] = {
    **{(state, Input.START): _ONCE for state in State if state is not _IDLE},
    **{
        (state, what): _NO_REQUEST for state in (_IDLE, _REGISTERED, _HOLDING, _WAITING, _REFUSED) for what in _OUTCOMES
    },
    **{(state, what): _NOTHING_HELD for state in (_IDLE, _REGISTERING, _WAITING, _REFUSED) for what in _LOSSES},
    **{(state, Input.RETRY_DUE): _STOPPED for state in (_IDLE, _REGISTERED, *_ASKING)},
    (_REGISTERED, Input.EXPIRED): "the refresh is due long before",
    (_REFRESHING, Input.REFRESH_DUE): _STOPPED,
    (_REFRESHING, Input.MOVED): "seen by `look` when the REGISTER under way has its outcome",
    (_HOLDING, Input.REFRESH_DUE): _STOPPED,
    **{
        (state, what): _LAST
        for state in (_STOPPING, _LEAVING)
        for what in (*_LOSSES, Input.RETRY_DUE, Input.STOP, Input.AGAIN, Input.ELSEWHERE, Input.REFUSED)
    },
    (_LEAVING, Input.FAILED): "told as GRANTED while there is a contact: refused or silent, it is let go",
    **{(_ENDED, what): "the registration is over" for what in Input if what is not Input.START},
}
