"""The states of a registration of ours and what moves it; `table.py` holds the moves, RFC 3261 10.2 the reasons."""

from __future__ import annotations

from enum import IntEnum

from softswitch.value import value_class


class State(IntEnum):
    IDLE = 1
    """Not begun."""
    REGISTERING = 2
    """Asking; not registered."""
    REGISTERED = 3
    REFRESHING = 4
    """Asking again; still registered."""
    HOLDING = 5
    """The refresh failed everywhere, and the contact is good for a while yet: trying again soon."""
    WAITING = 6
    """Not registered, trying again after a while."""
    REFUSED = 7
    """Not registered, and the registrar says that we shall not be: trying again rarely."""
    STOPPING = 8
    """To be ended as soon as the REGISTER under way has its outcome."""
    LEAVING = 9
    """Asked to be forgotten (10.2.2)."""
    ENDED = 10


class Input(IntEnum):
    START = 1
    GRANTED = 2
    """2xx, and the contact is there."""
    AGAIN = 3
    """423, or a challenge that a remembered answer did not meet: the same target can be asked once more."""
    ELSEWHERE = 4
    """This target failed, another one is left."""
    FAILED = 5
    """The last target failed, or there is none."""
    REFUSED = 6
    """Another attempt would fare no better."""
    FLOW_LOST = 7
    """The connection the contact was registered by is gone."""
    FLOW_LOST_AGAIN = 8
    """The same, a moment after registering: whoever closes it must not be asked again at once."""
    MOVED = 9
    """Our own address has changed."""
    REFRESH_DUE = 10
    RETRY_DUE = 11
    EXPIRED = 12
    KEEP_ALIVE_DUE = 13
    STOP = 14


@value_class(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often and how long. Seconds."""

    expires: int = 600
    """Asked for."""
    first_retry: float = 15.0
    """After one round of failures at most twice this, and doubling (base-time of RFC 5626 4.5)."""
    longest_retry: float = 120.0
    """max-time of RFC 5626 4.5; also how often a preferred target that failed is tried again."""
    refused_retry: float = 300.0
    keep_alive: float = 25.0
    """Between two datagrams that keep a NAT open (UDP); 0.0: none."""
