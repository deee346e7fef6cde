"""What a registrar's final response means to whom it answers (RFC 3261 10.2.4 to 10.2.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.headers import NameAddr, RetryAfter, parse_delta_seconds
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.sip.message import Response

LONGEST_WAIT = 3600
"""Seconds of a Retry-After that are believed."""
LONGEST_EXPIRES = 7 * 24 * 3600
"""Seconds of a Min-Expires that are agreed to."""

_PASSING = frozenset((408, 430, 480, 491))
"""4xx that speak of the moment or of the way there; every other one asks for an operator. 430: RFC 5626 11.5."""


@value_class(frozen=True, slots=True)
class Granted:
    """2xx."""

    seconds: int
    """Until the contact is forgotten; 0: it is not there."""
    service_route: tuple[NameAddr, ...]
    """Where calls are to pass (RFC 3608)."""
    public: tuple[str, int] | None
    """Address and port the registrar saw us at, if it says (RFC 3581)."""


@value_class(frozen=True, slots=True)
class TooBrief:
    """423."""

    least: int
    """Seconds to ask for."""


@value_class(frozen=True, slots=True)
class Trouble:
    """Anything else, and silence."""

    reason: str
    """For the operator."""
    passing: bool
    """Worth another attempt soon, and at another target."""
    retry_after: int = 0
    """Seconds the registrar asks to be left alone."""


def read_answer(response: Response | None, status: int, contact: NameAddr, asked: int) -> Granted | TooBrief | Trouble:
    """The meaning of the outcome of one REGISTER that offered `contact` for `asked` seconds."""
    if response is None:
        return Trouble("no answer" if status == 408 else "it cannot be reached", passing=True)
    headers = response.headers
    if 200 <= status < 300:
        return Granted(_seconds(response, contact, asked), _addresses(response, "Service-Route"), _public(response))
    if status == 423:
        least = parse_delta_seconds(headers.get("Min-Expires") or "", 0)
        if asked < least <= LONGEST_EXPIRES:
            return TooBrief(least)
    passing = status in _PASSING or 500 <= status < 600
    hint = ": user name, password or realm is not right" if status in (401, 407) else ""
    return Trouble(f"{status} {response.reason}{hint}", passing, _retry_after(headers.get("Retry-After")))


def _seconds(response: Response, contact: NameAddr, asked: int) -> int:
    """The least of what is said about our contact: its own parameter, Expires, and what was asked for.

    A registrar lists all contacts of the user; one that lists none grants what its Expires says, or what was asked
    for. Where ours is not among several it is not registered; a single one is ours, rewritten on the way.
    """
    listed = response.contacts
    ours = [each for each in listed if each.uri.equivalent(contact.uri)]
    if not ours:
        ours = [each for each in listed if each.uri.user == contact.uri.user]
    if not ours and len(listed) == 1:
        ours = list(listed)
    if listed and not ours:
        return 0
    said = [each.parameters.get("expires") for each in ours]
    said.append(response.headers.get("Expires"))
    return min([asked, *(parse_delta_seconds(text, asked) for text in said if text is not None)])


def _addresses(response: Response, name: str) -> tuple[NameAddr, ...]:
    try:
        return tuple(NameAddr.parse(value) for value in response.headers.get_all(name))
    except RemoteProtocolError:
        return ()


def _public(response: Response) -> tuple[str, int] | None:
    via = response.via
    return (via.received, via.rport) if via.received and via.rport else None


def _retry_after(text: str | None) -> int:
    if text is None:
        return 0
    try:
        return min(RetryAfter.parse(text).seconds, LONGEST_WAIT)
    except RemoteProtocolError:
        return 0
