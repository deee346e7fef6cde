"""Whom we called says where to call instead: 3xx (RFC 3261 8.1.3.4).

The places are tried by their q values, one after the other, until somebody answers or refuses for everybody (6xx). None
is tried twice, and no more than a few in one attempt to reach somebody, whoever they come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.outbound_leg import OutboundLeg
    from softswitch.sip.flow import Address
    from softswitch.sip.message import Response
    from softswitch.sip.uri import Uri

    Follow = Callable[[OutboundLeg], Sequence[Destination]]
    """Where a redirected leg may be tried instead, best first; none when it is not to be followed."""

FOLLOWED = frozenset({300, 301, 302})
"""305 wants a proxy used, 380 something else than a call."""
MOST = 5
"""Places tried for one party."""


def places(response: Response) -> tuple[Uri, ...]:
    """The addresses of a 3xx, best first (20.10: q is 1 unless said); () when it names none that can be read."""
    try:
        contacts = response.contacts
    except RemoteProtocolError:
        return ()
    ranked = sorted(contacts, key=lambda contact: -_quality(contact.parameters.get("q")))
    return tuple([contact.uri for contact in ranked[:MOST]])


def _quality(text: str | None) -> float:
    try:
        return min(1.0, max(0.0, float(text))) if text else 1.0
    except ValueError:
        return 0.0


def nowhere(_: OutboundLeg) -> Sequence[Destination]:
    """Redirections are not followed."""
    return ()


class Redirections:
    """What is left to try, for each leg of one `dial`."""

    def __init__(self, follow: Follow) -> None:
        self._follow = follow
        self._tried: set[tuple[str | None, Address]] = set()
        self._left: dict[OutboundLeg, list[Destination]] = {}
        self._count = 0

    def instead_of(self, leg: OutboundLeg) -> Destination | None:
        """Whom to call in the place of a leg that has ended; None: nobody is left."""
        assert leg.cause is not None
        places = self._left.pop(leg, [])
        if leg.redirected_to:
            self._tried.add((leg.party.uri.user, leg.session.flow.remote))
            places = [*self._follow(leg), *places]
        elif leg.ended_by == "switch" or leg.cause.status >= 600:
            return None
        while places and self._count < MOST:
            destination = places.pop(0)
            key = (destination.to.uri.user, destination.flow.remote)
            if key not in self._tried:
                self._tried.add(key)
                self._count += 1
                self._left[leg] = places
                return destination
        return None

    def rings(self, leg: OutboundLeg, instead_of: OutboundLeg) -> None:
        """It has been called; if it fails, what was left to try in the other's place is tried in its own."""
        self._left[leg] = self._left.pop(instead_of, [])
