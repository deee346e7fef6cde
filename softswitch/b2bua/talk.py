"""Two legs in conversation, until something happens that a script must decide about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.b2bua.call import Call
    from softswitch.b2bua.leg import Leg


@value_class(frozen=True, slots=True)
class HungUp:
    """One of the two left."""

    leg: Leg


@value_class(frozen=True, slots=True)
class WentSilent:
    """No media from this leg for the time-out, though it should send (not on hold, not in DTX)."""

    leg: Leg


async def talk(call: Call, a: Leg, b: Leg) -> HungUp | WentSilent:
    """Bridge `a` and `b` until one is gone or silent."""
    if a.media is not None and b.media is not None:
        a.media.connect(b.media)
    while True:
        call.check()
        for leg in (b, a):
            if leg.ended:
                return HungUp(leg)
            if leg.silent:
                leg.silent = False
                return WentSilent(leg)
        await call.changed()
