"""What operators may see of this node and do to it: the admin endpoint's view, beside `app` in the composition root."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING

from softswitch.b2bua.channels import LIMITS
from softswitch.b2bua.supervision import Mode, NotSupervisableError
from softswitch.b2bua.transfer import NotTransferableError
from softswitch.callflow.view import call_snapshot
from softswitch.endpoints.toll import RULES
from softswitch.telemetry.metrics import Readings
from softswitch.telemetry.snapshot import NextHopSnapshot, Readiness, TrunkSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from media.control import MediaEngine
    from softswitch.b2bua.channels import Channels
    from softswitch.callflow.supervisor import CallSupervisor, RunningCall
    from softswitch.endpoints.access_control import Gate
    from softswitch.endpoints.trunk import Trunk
    from softswitch.sip.stack import SipStack
    from softswitch.store.cdr_writer import CdrWriter
    from softswitch.telemetry.log_sink import LogSink
    from softswitch.telemetry.snapshot import CallSnapshot, ContactSnapshot
    from softswitch.telemetry.story import Message, StoryLine
    from softswitch.transport.certificates import Keyring
    from softswitch.transport.next_hop import NextHop
    from softswitch.transport.websocket import WebSocketTransport
    from softswitch.webrtc.transports import WebTransports


class Observation:
    """Implements `admin.ports.SnapshotSource` and `Commands`. Reads everywhere, keeps nothing."""

    def __init__(
        self,
        *,
        supervisor: CallSupervisor,
        engine: MediaEngine,
        web: WebTransports | None,
        stack: SipStack,
        gate: Gate,
        channels: Channels,
        cdr: CdrWriter,
        sink: LogSink,
        keys: Keyring,
        clock: Callable[[], float],
        guests_refused: Mapping[str, int],
        pages: WebSocketTransport | None,
    ) -> None:
        self._supervisor = supervisor
        self._engine = engine
        self._web = web
        self._stack = stack
        self._gate = gate
        self._channels = channels
        self._cdr = cdr
        self._sink = sink
        self._keys = keys
        self._guests_refused = guests_refused
        self._pages = pages
        self._clock = clock

    def calls(self) -> Iterable[CallSnapshot]:
        """All running calls, the oldest first."""
        return map(self._snapshot, self._supervisor.calls.values())

    def call(self, call_id: str) -> CallSnapshot | None:
        """One call that runs, or is over and has no record yet."""
        running = self._found(call_id)
        return None if running is None else self._snapshot(running)

    def _snapshot(self, running: RunningCall) -> CallSnapshot:
        return call_snapshot(running, self._supervisor.resources.transfer_policy)

    def story(self, call_id: str) -> tuple[Sequence[StoryLine], Sequence[Message]] | None:
        """Events and SIP messages of such a call."""
        running = self._found(call_id)
        return None if running is None else (running.call.story.lines, running.call.story.messages)

    def _found(self, call_id: str) -> RunningCall | None:
        return self._supervisor.calls.get(call_id) or self._supervisor.settling.get(call_id)

    def trunks(self) -> Sequence[TrunkSnapshot]:
        """All trunks."""
        return [self._trunk(trunk) for trunk in self._supervisor.resources.trunks.values()]

    def contacts(self) -> Sequence[ContactSnapshot]:
        """All contacts of the phones registered here."""
        return self._supervisor.resources.bindings.snapshot(self._clock())

    def readiness(self) -> Readiness:
        """Whether new calls are taken."""
        reasons = []
        if self._supervisor.draining:
            reasons.append("draining: the node is going down")
        if self._supervisor.admission.why:
            reasons.append(self._supervisor.admission.why)
        if not self._engine.counters().ports_free:
            reasons.append("no media port is free")
        return Readiness(ready=not reasons, reasons=tuple(reasons))

    def readings(self) -> Readings:
        """What the parts have counted."""
        media = self._engine.counters()
        sip = self._stack.statistics
        return Readings(
            calls=len(self._supervisor.calls),
            legs=sum(not leg.ended for running in self._supervisor.calls.values() for leg in running.call.legs),
            transactions=sip.transactions,
            sip_received=dict(sip.received),
            sip_sent=dict(sip.sent),
            sip_retransmissions=sip.retransmissions_sent,
            sip_parse_errors=sip.parse_errors,
            refused_unknown=self._gate.counters.unknown,
            refused_throttled=self._gate.counters.throttled,
            bindings=self._supervisor.resources.bindings.purge(self._clock()),
            registered_trunks=self._supervisor.resources.registrations.states(),
            media_received=media.packets_received,
            media_sent=media.packets_sent,
            media_dropped=asdict(media.drops),
            browsers=0 if self._web is None else len(self._web),
            web_sockets=0 if self._pages is None else self._pages.open_connections,
            pages_expected=0 if self._pages is None else self._pages.expected,
            handshakes_dropped={} if self._web is None else self._web.dropped(),
            media_legs=media.legs,
            weak_legs=sum(
                leg.connection.weak and not leg.ended
                for running in self._supervisor.calls.values()
                for leg in running.call.legs
            ),
            media_ports_free=media.ports_free,
            media_load=media.worker_load,
            cdr_queued=self._cdr.queued,
            cdr_written=self._cdr.written,
            cdr_lost=self._cdr.lost,
            cdr_retries=self._cdr.retries,
            log_dropped=self._sink.dropped,
            tasks=len(asyncio.all_tasks()),
            refused_calls=dict(self._supervisor.admission.refused),
            trunks_up={trunk.name: trunk.state == "up" for trunk in self.trunks()},
            toll_refused=dict(self._supervisor.resources.outbound.watch.refused),
            guests_refused=dict(self._guests_refused),
            refused_by_trunk={
                (name.removeprefix("trunk:"), LIMITS[limit]): count
                for (name, limit), count in self._channels.refused.items()
            },
            certificate_ends={str(file): end for file, end in self._keys.ends().items()},
            certificate_failures=self._keys.failures,
        )

    def hang_up(self, call_id: str) -> bool:
        """End this call."""
        return self._supervisor.hang_up(call_id)

    def supervise(self, call_id: str, phone: str, mode: str) -> tuple[int, str]:
        """Let a phone take part in a call as somebody who is no party of it."""
        if phone not in self._supervisor.resources.dialplan.phones:
            return 409, f"phone {phone}: not configured"
        try:
            found = self._supervisor.supervise(call_id, phone, Mode(mode))
        except NotSupervisableError as error:
            return 409, str(error)
        return (202, "") if found else (404, f"no call {call_id[:64]}")

    def transfer(self, call_id: str, party: str, to: str, consulted: str) -> tuple[int, str]:
        """Hand a party over to a number, or to the callee of the call `consulted`."""
        try:
            found = self._supervisor.transfer(call_id, caller=party == "caller", to=to, consulted=consulted)
        except (NotSupervisableError, NotTransferableError) as error:
            return 409, str(error)
        return (202, "") if found else (404, f"no call {call_id[:64]}")

    def send_digits(self, call_id: str, party: str, digits: str, duration_ms: int, gap_ms: int) -> str | None:
        """Press keys for a party. Raises DigitsRefusedError."""
        return self._supervisor.send_digits(
            call_id, caller=party == "caller", digits=digits, duration_ms=duration_ms, gap_ms=gap_ms
        )

    def end_supervision(self, call_id: str, phone: str) -> bool:
        """Hang up on such a phone."""
        return self._supervisor.end_supervision(call_id, phone)

    def _trunk(self, trunk: Trunk) -> TrunkSnapshot:
        hops = tuple(map(self._next_hop, trunk.next_hops))
        return TrunkSnapshot(
            name=trunk.name,
            sources=tuple(map(str, trunk.sources)),
            next_hops=hops,
            state=_state(trunk, hops),
            codecs=tuple(codec.name for codec in trunk.terms.codecs),
            calls=self._channels.used(trunk.label),
            enabled=trunk.limits.enabled,
            direction=trunk.limits.direction,
            channel_limit=trunk.limits.capacity.channels,
            calls_per_second=trunk.limits.capacity.calls_per_second,
            strategy=trunk.hops.strategy,
            refused={LIMITS[limit]: self._channels.refused.get((trunk.label, limit), 0) for limit in LIMITS}
            | {rule: self._supervisor.resources.outbound.watch.refused.get((trunk.name, rule), 0) for rule in RULES},
            registration=self._supervisor.resources.registrations.snapshot(trunk, self._clock()),
        )

    def _next_hop(self, hop: NextHop) -> NextHopSnapshot:
        resources = self._supervisor.resources
        now, health = self._clock(), resources.health
        flows = resources.locator.flows(hop)
        states = {health.state(flow) for flow in flows}
        return NextHopSnapshot(
            address=f"{hop.host}:{hop.port}" if hop.port else hop.host,
            transport=hop.transport,
            avoided_for=max((health.avoided_for(flow, now) for flow in flows), default=0.0),
            state="up" if "up" in states else "down" if states == {"down"} else "unknown",
        )


def _state(trunk: Trunk, hops: Sequence[NextHopSnapshot]) -> str:
    if not trunk.limits.enabled:
        return "disabled"
    return "down" if hops and all(hop.state == "down" for hop in hops) else "up"
