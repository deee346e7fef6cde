"""What the person at a leg may do at this moment, for those who draw buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from softswitch.b2bua.keypad import refusal
from softswitch.b2bua.leg import LegState
from softswitch.b2bua.supervision import SupervisorLeg
from softswitch.b2bua.video import pictured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.transfer import TransferPolicy

Action = Literal["end", "mute", "hold", "transfer", "send_digits", "camera", "share_screen"]
ACTIONS: Final[tuple[Action, ...]] = ("end", "mute", "hold", "transfer", "send_digits", "camera", "share_screen")


def allowed_actions(leg: Leg, policy: TransferPolicy) -> Sequence[Action]:
    """In the order of ACTIONS. `policy`: of the leg's endpoint."""
    if leg.ended:
        return ()
    if leg.state is not LegState.ANSWERED or not leg.audible:
        return ("end",)
    if isinstance(leg, SupervisorLeg):
        return ("end", "mute")
    found: list[Action] = ["end", "mute", "hold"]
    partner = leg.partner
    if partner is None or partner.ended or partner.partner is not leg:
        return found
    if policy.refer and leg.transfers.asked is None:
        found.append("transfer")
    if refusal(partner) is None:
        found.append("send_digits")
    if pictured(leg.terms) and pictured(partner.terms):
        found += ("camera", "share_screen")
    return found
