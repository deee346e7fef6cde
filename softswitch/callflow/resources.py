"""What a call script needs besides the call itself: one immutable value; running calls keep theirs at a reload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.b2bua.dial import Stage
from softswitch.dialplan.route import PhoneTarget, TrunkTarget
from softswitch.recording.session import Recording

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from softswitch.b2bua.call import Call
    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.leg import OutboundLeg
    from softswitch.dialplan.route import Dial
    from softswitch.dialplan.rules import Dialplan
    from softswitch.endpoints.bindings import Bindings
    from softswitch.endpoints.health import DestinationHealth
    from softswitch.endpoints.trunk import NextHop, Trunk
    from softswitch.sdp.negotiate import Codec
    from softswitch.sip.flow import Flow
    from softswitch.transport.locate import Locator


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Everything the dialplan's applications draw on."""

    dialplan: Dialplan
    trunks: Mapping[str, Trunk]
    bindings: Bindings
    health: DestinationHealth
    locator: Locator
    phone_domain: str
    phone_codecs: tuple[Codec, ...]
    prompts: Mapping[str, int]
    """Absolute path of a prompt file -> the engine's number for it; loaded before the first call."""
    recordings: Path
    record_by_default: bool

    def stages(self, call: Call, dial: Dial) -> list[Stage]:
        """Where to ring, in order. Targets nobody can be reached at now contribute nothing."""
        stages: list[Stage] = []
        for target in dial.targets:
            match target:
                case TrunkTarget(trunk, number):
                    alternatives = self._trunk(call, self.trunks[trunk], number or "")
                    after_trunk = bool(stages) and stages[-1].destinations[0].name.startswith("trunk:")
                    stages += [
                        Stage((destination,), alternative=after_trunk or bool(index))
                        for index, destination in enumerate(alternatives)
                    ]
                case PhoneTarget(user):
                    contacts = self.bindings.destinations(
                        user, call.switch.clock(), domain=self.phone_domain, codecs=self.phone_codecs
                    )
                    if contacts:
                        stages.append(Stage(tuple(contacts)))
                    else:
                        call.story.tell("not registered", phone=user)
        if dial.strategy == "parallel" and stages:
            # Of a trunk only the best next hop rings: several would ring the same person twice.
            return [Stage(tuple(each for stage in stages if not stage.alternative for each in stage.destinations))]
        return stages

    def watch(self, leg: OutboundLeg, status: int) -> None:
        """Remember how a destination did."""
        if leg.name.startswith("trunk:") and not (status == 408 and leg.heard_from):
            self.health.report(leg.session.flow, status, leg.switch.clock())

    def record(self, call: Call) -> Recording:
        """Start recording this call."""
        return Recording(call, self.recordings, call.switch.number())

    def _trunk(self, call: Call, trunk: Trunk, number: str) -> list[Destination]:
        found = trunk.destinations(
            number, locate=self._locate, health=self.health, now=call.switch.clock(), caller=None
        )
        if not found:
            call.story.warn("trunk has no address", trunk=trunk.name)
        return found

    def _locate(self, hop: NextHop) -> list[Flow]:
        return self.locator.flows(hop.transport, hop.host, hop.port)
