"""Guests: callers who are no phones, and whose token lets them call one destination and do nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from softswitch.endpoints.authentication import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from softswitch.b2bua.origin import Origin
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.endpoints.tokens import Claim
    from softswitch.sip.message import Request
    from softswitch.sip.session.terms import SessionTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestCall:
    """A call that a guest may make."""

    source: str
    """Who it is from, in logs, records and the dialplan: `guest:...`."""
    origin: Origin
    called: str
    """Where it goes, whatever the INVITE says."""
    terms: MediaTerms
    session: SessionTerms


class Guests(Protocol):
    """Who lets guests call."""

    def call(self, claims: Mapping[str, Claim], request: Request) -> GuestCall | Refused:
        """What becomes of the INVITE of a guest whose token says `claims`. Called on the signalling loop."""


class NoGuests:
    """Nobody is let in."""

    def call(self, claims: Mapping[str, Claim], request: Request) -> GuestCall | Refused:
        """403."""
        return Refused(403)
