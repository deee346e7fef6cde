"""Who sends this request: digest authentication of phones (RFC 3261 22, RFC 7616, RFC 8760), answers and locks.

Unknown and known users get the same answers after the same work, so that names cannot be probed. Failures delay the
source they come from, never the user they name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from softswitch.endpoints.throttle import FailureLocks
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request


@dataclass(frozen=True, slots=True)
class PhoneAccount:
    """One phone's user name and password."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"PhoneAccount({self.user!r})"


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The request comes from this user."""

    user: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """Ask for credentials: answer `status` with these headers, the strongest algorithm first."""

    headers: tuple[tuple[str, str], ...]
    status: int = 401


@dataclass(frozen=True, slots=True)
class Refused:
    """Do not go on: answer `status` with these headers."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
