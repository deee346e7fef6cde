"""What somebody asks of a call link, made into one: defaults filled in, and everything that makes no sense refused."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from softswitch.contact_center.call_link import CallLink, Kind, Routing, Validity
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.time_condition import TimeCondition

DAY = 86_400.0
SHORTEST_IDENTITY, LONGEST_IDENTITY = 3, 64
_MARKS = frozenset("-_+=/.")
MOST_CALLS = 1_000_000
LONGEST_TEXT = 128
"""Characters of a title or of a conversation's id."""


class CallLinkError(ValueError):
    """Such a link cannot be made; `field` names what of the wish is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@value_class(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for links of which nothing else is said. Durations in seconds."""

    kind: Kind = Kind.VIDEO
    validity: Validity = Validity.ONE_TIME
    routing: Routing = Routing.EXISTING_RULES
    destination: str = ""
    title: str = ""
    valid_for: float = DAY
    longest: float = 90 * DAY
    """From being made to the end, at most."""
    hours: TimeCondition | None = None


@value_class(frozen=True, slots=True, kw_only=True)
class Wish:
    """A link to be made; None: as the defaults have it. Times are Unix seconds."""

    identity: str | None = None
    kind: Kind | None = None
    validity: Validity | None = None
    routing: Routing | None = None
    agent: str | None = None
    destination: str | None = None
    title: str | None = None
    valid_from: float | None = None
    valid_until: float | None = None
    hours: TimeCondition | None = None
    max_calls: int | None = None
    conversation: str | None = None


def make(wish: Wish, defaults: Defaults, *, link_id: str, now: float) -> CallLink:
    """The link. Raises CallLinkError."""
    validity = wish.validity or defaults.validity
    routing = wish.routing or defaults.routing
    conversation = _text("conversation", wish.conversation)
    start, end = _period(wish, defaults, validity, now)
    return CallLink(
        id=link_id,
        identity=identity(conversation if wish.identity is None and conversation else wish.identity),
        kind=wish.kind or defaults.kind,
        validity=validity,
        routing=routing,
        agent=_agent(wish, routing),
        destination=_destination(wish, defaults, routing),
        title=_text("title", wish.title) or ("" if routing is Routing.ROUTE_TO_SHARING_AGENT else defaults.title),
        created_at=now,
        valid_from=start,
        valid_until=end,
        hours=wish.hours or defaults.hours,
        max_calls=_max_calls(wish, validity),
        conversation=conversation,
    )


def identity(text: str | None) -> str:
    """3 to 64 letters, digits (of any script) and any of `-_+=/.`, composed (NFC). Raises CallLinkError."""
    if text is None:
        raise CallLinkError("identity", "expected who the guest is, a name or a telephone number, got nothing")
    composed = unicodedata.normalize("NFC", text)
    if not SHORTEST_IDENTITY <= len(composed) <= LONGEST_IDENTITY:
        message = f"expected {SHORTEST_IDENTITY} to {LONGEST_IDENTITY} characters, got {len(composed)}"
        raise CallLinkError("identity", message)
    for char in composed:
        if unicodedata.category(char)[0] not in "LN" and char not in _MARKS:
            raise CallLinkError("identity", f"expected letters, digits and -_+=/. only, got {char!a}")
    return composed


def _period(wish: Wish, defaults: Defaults, validity: Validity, now: float) -> tuple[float, float]:
    if validity is Validity.TIME_FRAME:
        for field, given in (("valid_from", wish.valid_from), ("valid_until", wish.valid_until)):
            if given is None:
                raise CallLinkError(field, "a link for a time frame needs its beginning and its end")
    start = now if wish.valid_from is None else wish.valid_from
    if start < 0:
        raise CallLinkError("valid_from", "expected a time after 1970")
    end = max(now, start) + defaults.valid_for if wish.valid_until is None else wish.valid_until
    if end <= now:
        raise CallLinkError("valid_until", "expected a time to come")
    if end <= start:
        raise CallLinkError("valid_until", "expected a time after valid_from")
    if end - now > defaults.longest:
        raise CallLinkError("valid_until", f"expected a time within {defaults.longest / DAY:g} days from now")
    return start, end


def _agent(wish: Wish, routing: Routing) -> str:
    if routing is Routing.ROUTE_TO_SHARING_AGENT and not wish.agent:
        raise CallLinkError("agent", "expected the phone of who shares the link: its calls are to ring there")
    return wish.agent or ""


def _destination(wish: Wish, defaults: Defaults, routing: Routing) -> str:
    if routing is Routing.ROUTE_TO_SHARING_AGENT:
        if wish.destination:
            raise CallLinkError("destination", "a link that leads to the sharing agent has no other destination")
        return ""
    destination = _text("destination", wish.destination, 64) or defaults.destination
    if not destination:
        raise CallLinkError("destination", "expected the number the dialplan is to route, as there is no default one")
    return destination


def _max_calls(wish: Wish, validity: Validity) -> int | None:
    if validity is Validity.ONE_TIME:
        if wish.max_calls not in (None, 1):
            raise CallLinkError("max_calls", "a one-time link is good for one call")
        return 1
    if wish.max_calls is not None and not 1 <= wish.max_calls <= MOST_CALLS:
        raise CallLinkError("max_calls", f"expected a number from 1 to {MOST_CALLS}, got {wish.max_calls}")
    return wish.max_calls


def _text(field: str, text: str | None, longest: int = LONGEST_TEXT) -> str:
    text = (text or "").strip()
    if len(text) > longest or not text.isprintable():
        raise CallLinkError(field, f"expected at most {longest} printable characters")
    return text
