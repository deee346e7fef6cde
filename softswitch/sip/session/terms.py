"""What a session may use beyond RFC 3261, as its trunk or the phones have it. Made once, shared by all its sessions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from softswitch.sip.core import SUPPORTED
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.grammar import split_list

if TYPE_CHECKING:
    from softswitch.sip.header_map import Headers

Reliable = Literal["off", "supported", "required"]
Refresher = Literal["auto", "us", "them"]
RELIABLE = "100rel"
"""The option tag of RFC 3262."""
TIMER = "timer"
"""The option tag of RFC 4028."""
TRICKLE = "trickle-ice"
"""The option tag of RFC 8840, and its Info package."""
LEAST_INTERVAL = 90
"""Seconds, RFC 4028 4: no session interval is shorter."""
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TimerTerms:
    """Session timers (RFC 4028); whole seconds."""

    expires: int = 1800
    """The session interval we ask for."""
    minimum: int = LEAST_INTERVAL
    """Shorter ones are refused with 422."""
    refresher: Refresher = "auto"
    """Who refreshes where the choice is ours. auto: whom the far end names, or else we.

    us: we do, also where the far end knows nothing of session timers.
    """

    def lines(self, interval: int, minimum: int, refresher: str) -> str:
        """What a request says; `refresher` is `uac`, `uas` or nothing."""
        whom = f";refresher={refresher}" if refresher else ""
        least = f"Min-SE: {minimum}\r\n" if minimum > LEAST_INTERVAL else ""
        return f"Session-Expires: {interval}{whom}\r\n{least}"

    @property
    def first_refresher(self) -> str:
        """Whom an INVITE of ours names."""
        return {"us": "uac", "them": "uas", "auto": ""}[self.refresher]


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """Immutable; the lines that go into messages are written once."""

    reliable: Reliable = "off"
    """Provisional responses that are acknowledged (RFC 3262): never, with whoever can, or with nobody who cannot."""
    timer: TimerTerms | None = None
    """Session timers, ours and theirs; None: none."""
    trickle: bool = False
    """Whether candidates of ICE may come one by one, in INFO requests (RFC 8840)."""
    supported_line: str = field(init=False)
    """What we support there: for requests, 2xx and whatever else may carry it."""
    invite_lines: str = field(init=False)
    """What an INVITE of ours says."""

    def __post_init__(self) -> None:
        unused = {RELIABLE: self.reliable == "off", TIMER: self.timer is None, TRICKLE: not self.trickle}
        tags = [tag for tag in SUPPORTED if not unused.get(tag)]
        supported = f"Supported: {', '.join(tags)}\r\n" if tags else ""
        if self.trickle:
            supported += f"Recv-Info: {TRICKLE}\r\n"  # RFC 6086 3
        required = f"Require: {RELIABLE}\r\n" if self.reliable == "required" else ""
        object.__setattr__(self, "supported_line", supported)
        timer = self.timer
        expires = "" if timer is None else timer.lines(timer.expires, timer.minimum, timer.first_refresher)
        object.__setattr__(self, "invite_lines", supported + required + expires)


@lru_cache(64)
def trickling(terms: SessionTerms) -> SessionTerms:
    """The same with candidates by INFO."""
    return replace(terms, trickle=True)


PLAIN = SessionTerms()
"""RFC 3261 alone."""


def option_tags(headers: Headers, *names: str) -> frozenset[str]:
    """The option tags, in lower case, that stand in the headers of these names (20.32, 20.37)."""
    found = _NONE
    for name in names:
        for line in headers.lines(name):
            found |= _tags(line)
    return found


@lru_cache(256)
def _tags(line: str) -> frozenset[str]:
    try:
        return frozenset(tag.lower() for tag in split_list(line) if tag)
    except RemoteProtocolError:
        return _NONE


def allows(headers: Headers, method: str) -> bool:
    """Whether Allow names this method (20.5). Without Allow nothing is known, and nothing is asked for."""
    return any(method in _methods(line) for line in headers.lines("Allow"))


@lru_cache(256)
def _methods(line: str) -> frozenset[str]:
    return frozenset(method.strip(" \t") for method in line.split(","))
