"""Guests: callers who are no phones, and whose token lets them call one destination and do nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from softswitch.b2bua.guest_leg import GuestLeg
from softswitch.endpoints.authentication import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from softswitch.b2bua.origin import Origin
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.dialplan.route import Route
    from softswitch.endpoints.claims import Claim
    from softswitch.sip.message import Request
    from softswitch.sip.session.terms import SessionTerms
    from softswitch.telemetry.story import Story


def _nothing() -> None:
    """Nobody counts."""


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
    route: Route | None = None
    """What is done, where the dialplan is not asked."""
    answered: Callable[[], None] = _nothing
    """Told once, when somebody answers the guest."""
    facts: Mapping[str, str | None] = field(default_factory=dict)
    """What the call's story says of the link it came by; nothing: it came by none."""

    @property
    def leg(self) -> Callable[..., GuestLeg]:
        """What makes the guest's leg."""
        return partial(GuestLeg, answered=self.answered)

    def tell(self, story: Story) -> None:
        """What lets the guest call, for whoever reads the story."""
        if self.facts:
            story.tell("call link", **self.facts)


class Guests(Protocol):
    """Who lets guests call."""

    def call(self, claims: Mapping[str, Claim], request: Request, source: str) -> GuestCall | Refused:
        """What becomes of the INVITE of a guest at the address `source` whose token says `claims`. Called on the
        signalling loop; must not wait.
        """


class NoGuests:
    """Nobody is let in."""

    def call(self, claims: Mapping[str, Claim], request: Request, source: str) -> GuestCall | Refused:
        """403."""
        return Refused(403)
