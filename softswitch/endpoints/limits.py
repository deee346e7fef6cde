"""What a trunk may be used for, and how much of it there may be."""

from __future__ import annotations

from softswitch.b2bua.channels import Capacity
from softswitch.value import value_class


@value_class(frozen=True, slots=True, kw_only=True)
class TrunkLimits:
    """Immutable, from the configuration. The defaults limit no calls."""

    enabled: bool = True
    """The operator's switch: False takes no calls and sends none; calls that run go on."""
    inbound: bool = True
    """Whether it may call us."""
    outbound: bool = True
    """Whether it may be called."""
    capacity: Capacity = Capacity()
    messages_per_second: int = 2500
    """SIP messages from each of its addresses, with twice as many saved up: about what comes of 500 calls a second
    through one of them. More are not read."""

    @property
    def direction(self) -> str:
        """`inbound`, `outbound` or `both`."""
        return "both" if self.inbound and self.outbound else "inbound" if self.inbound else "outbound"

    def closed_to(self, way: str) -> str:
        """Why calls of this way (`inbound`, `outbound`) are not for this trunk; "" when they are."""
        if not self.enabled:
            return "trunk disabled"
        if not (self.inbound if way == "inbound" else self.outbound):
            return f"trunk is for {self.direction} calls only"
        return ""


NO_LIMITS = TrunkLimits()
