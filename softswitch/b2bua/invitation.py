"""What is settled before an INVITE of ours is written: whether the call may go there, and what is told there of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from softswitch.b2bua.cause import NO_CIRCUIT, NOT_SECURE, TOO_MANY_HOPS
from softswitch.b2bua.channels import LIMITS
from softswitch.b2bua.leg import CallFailed

if TYPE_CHECKING:
    from softswitch.b2bua.channels import Channels
    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.origin import Origin
    from softswitch.b2bua.presentation import Shown

CLEAR = frozenset({"UDP", "TCP", "WS"})
"""Transports without encryption of their own."""
MOST_FORWARDS = 70
"""Max-Forwards of a call whose INVITE states none, or more (RFC 3261 8.1.1.6)."""


def admitted(destination: Destination, caller: Leg, channels: Channels, now: float) -> int:
    """How many more switches the call may pass, once it may go there at all.

    Raises CallFailed: 480 when it came with a sips: URI and the way there has no TLS, 503 when the destination has as
    many calls, or calls a second, as it may have, 483 when it has come through too many switches.
    """
    if caller.session.request.uri.scheme == "sips" and destination.flow.transport in CLEAR:
        raise CallFailed(NOT_SECURE)
    refused = None
    if not destination.emergency:
        refused = channels.refusal(destination.name, "outbound", now)
    if refused is not None:
        caller.story.tell("limit reached", endpoint=destination.name, limit=LIMITS[refused])
        raise CallFailed(NO_CIRCUIT)
    # A call that runs in circles through several B2BUAs ends here (RFC 7332 4); the proxies' rules cannot see it.
    stated = caller.session.request.max_forwards
    forwards = MOST_FORWARDS if stated is None else min(stated, MOST_FORWARDS) - 1
    if forwards <= 0:
        raise CallFailed(TOO_MANY_HOPS)
    return forwards


class Introduction(NamedTuple):
    """How a call is announced at one destination."""

    destination: Destination
    origin: Origin
    shown: Shown

    @classmethod
    def of(cls, destination: Destination, caller: Leg) -> Self:
        """Who calls, as told there."""
        origin = destination.origin or caller.origin
        host = in_uri(destination.flow.local[0])
        return cls(destination, origin, destination.policy.presentation.show(origin, host, destination.uri))

    def headers(self, forwards: int) -> tuple[tuple[str, str], ...]:
        """What is not of the dialog: identity and its signature, what the call brings, what was let through."""
        policy, origin, shown = self.destination.policy, self.origin, self.shown
        signed = () if policy.attestor is None else policy.attestor.headers(origin, shown, self.destination.number)
        return (
            *shown.headers,
            *signed,
            *self.destination.headers,
            *policy.headers.given(origin.headers, withheld=origin.withheld),
            ("Max-Forwards", str(forwards)),
        )


def in_uri(address: str) -> str:
    """A host as it stands in a URI (RFC 3986 3.2.2)."""
    return f"[{address}]" if ":" in address else address
