"""What a session may use beyond RFC 3261, as its trunk or the phones have it. Made once, shared by all its sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from softswitch.sip.core import SUPPORTED
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.grammar import split_list

if TYPE_CHECKING:
    from softswitch.sip.header_map import Headers

Reliable = Literal["off", "supported", "required"]
RELIABLE = "100rel"
"""The option tag of RFC 3262."""
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """Immutable; the lines that go into messages are written once."""

    reliable: Reliable = "off"
    """Provisional responses that are acknowledged (RFC 3262): never, with whoever can, or with nobody who cannot."""
    supported_line: str = field(init=False)
    """What we support there: for requests, 2xx and whatever else may carry it."""
    invite_lines: str = field(init=False)
    """What an INVITE of ours says."""

    def __post_init__(self) -> None:
        tags = [tag for tag in SUPPORTED if tag != RELIABLE or self.reliable != "off"]
        supported = f"Supported: {', '.join(tags)}\r\n" if tags else ""
        required = f"Require: {RELIABLE}\r\n" if self.reliable == "required" else ""
        object.__setattr__(self, "supported_line", supported)
        object.__setattr__(self, "invite_lines", supported + required)


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
