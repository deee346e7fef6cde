"""Call links: a web address with which a guest may call, and the rules that say when.

A link is settled when it is made (`CallLink`, immutable) and judged whenever somebody comes with it: `refusal` looks at
the link, at what it was used for so far, and at the time, which it is told. Nothing here reads a clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, NamedTuple

from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.time_condition import TimeCondition


class Kind(StrEnum):
    """What a guest may begin."""

    AUDIO = "audio"
    VIDEO = "video"
    """A video call, or one without a camera."""


class Validity(StrEnum):
    """What makes a link useless in the end. Each has a beginning and an end in time."""

    ONE_TIME = "one_time"
    """The first call that is answered."""
    TIME_FRAME = "time_frame"
    """The end of the time it was made for, a beginning and an end that somebody has to name."""
    EXPIRATION = "expiration"
    """The end of its time, a day after it was made unless somebody names another; any number of calls until then."""


class Routing(StrEnum):
    """Where the call goes."""

    ROUTE_TO_SHARING_AGENT = "route_to_sharing_agent"
    EXISTING_RULES = "existing_rules"
    """To the link's destination, by the dialplan."""


@value_class(frozen=True, slots=True, kw_only=True)
class CallLink:
    """One link as it was made. Times are Unix seconds."""

    id: str
    identity: str
    """Who the guest is said to be: shown as the caller. A telephone number is one."""
    kind: Kind
    validity: Validity
    routing: Routing
    agent: str = ""
    """The phone of who shares the link; "": nobody said."""
    destination: str = ""
    """The number that the dialplan gets, with EXISTING_RULES."""
    title: str = ""
    """Who is called, in words for the guest; "": the agent."""
    created_at: float
    valid_from: float
    valid_until: float
    """Not included."""
    hours: TimeCondition | None = None
    """When within that time; None: around the clock."""
    max_calls: int | None = None
    """Answered calls it is good for; None: any number."""
    conversation: str = ""
    """The conversation its calls belong to; "": none."""


class Use(NamedTuple):
    """What was done with a link so far."""

    calls: int = 0
    """Calls over it that were answered, those that go on included."""
    revoked_at: float | None = None
    """Unix seconds."""


class Traffic(NamedTuple):
    """Calls over a link at this moment."""

    running: int = 0
    ringing: int = 0
    """Those of them that nobody has answered yet."""
    most: int = 1
    """How many there may be."""


class Refusal(Enum):
    """Why a guest may not call: a code for programs, a sentence for the guest."""

    UNKNOWN = "unknown", "This link is not valid. Please check that you have all of it."
    REVOKED = "revoked", "This link has been withdrawn. Please ask for a new one."
    IN_USE = "in_use", "A call over this link is already under way."
    USED = "used", "This link was good for one call, which has been made. Please ask for a new one."
    USED_UP = "used_up", "This link has been used as often as it may be. Please ask for a new one."
    EXPIRED = "expired", "This link has expired. Please ask for a new one."
    NOT_YET_VALID = "not_yet_valid", "It is too early for this call. Please come back later."
    OUTSIDE_HOURS = "outside_hours", "Nobody takes calls at this hour. Please come back later."
    BUSY = "busy", "Too many calls are under way over this link. Please try again in a few minutes."
    TOO_MANY_ATTEMPTS = "too_many_attempts", "There were too many attempts. Please try again in a minute."
    UNAVAILABLE = "unavailable", "Calls cannot be taken at the moment. Please try again later."

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text


def _within_hours(link: CallLink, now: float) -> bool:
    return link.hours is None or link.hours.fits(datetime.fromtimestamp(now, UTC))


_RULES: tuple[tuple[Refusal, Callable[[CallLink, Use, Traffic, float], bool]], ...] = (
    (Refusal.REVOKED, lambda _link, use, _traffic, _now: use.revoked_at is not None),
    (Refusal.IN_USE, lambda link, _use, traffic, _now: link.validity is Validity.ONE_TIME and traffic.running > 0),
    (Refusal.USED, lambda link, use, _traffic, _now: link.validity is Validity.ONE_TIME and use.calls > 0),
    (Refusal.USED_UP, lambda link, use, _traffic, _now: link.max_calls is not None and use.calls >= link.max_calls),
    (Refusal.EXPIRED, lambda link, _use, _traffic, now: now >= link.valid_until),
    (Refusal.NOT_YET_VALID, lambda link, _use, _traffic, now: now < link.valid_from),
    (
        Refusal.OUTSIDE_HOURS,
        lambda link, _use, _traffic, now: not _within_hours(link, now),
    ),
    (
        # Whoever rings may be answered: the last call of a link is not promised twice.
        Refusal.BUSY,
        lambda link, use, traffic, _now: (
            traffic.running >= traffic.most
            or (link.max_calls is not None and use.calls + traffic.ringing >= link.max_calls)
        ),
    ),
)
"""Each refusal with what it is about. The first that holds is told: what no waiting mends comes before what it does."""

FOR_GOOD = frozenset({Refusal.REVOKED, Refusal.USED, Refusal.USED_UP, Refusal.EXPIRED})
"""What no waiting mends."""


def refusal(link: CallLink, use: Use, traffic: Traffic, now: float) -> Refusal | None:
    """Why nobody may begin a call over this link at `now` (Unix seconds); None: somebody may."""
    for reason, holds in _RULES:
        if holds(link, use, traffic, now):
            return reason
    return None
