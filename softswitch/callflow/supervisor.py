"""All running calls: admits them, gives each a task and a story, contains its faults, writes its record, drains.

Not a TaskGroup: one crashing call must not cancel its siblings.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from media.ports import PortsExhausted
from softswitch.b2bua.call import Call
from softswitch.b2bua.cause import (
    ADMIN,
    INTERNAL,
    NO_CIRCUIT,
    NOT_ACCEPTABLE,
    SHUTDOWN,
    TOO_LONG,
    ReleaseCause,
    from_status,
)
from softswitch.b2bua.channels import LIMITS
from softswitch.b2bua.conference import conference_group
from softswitch.b2bua.inbound_leg import InboundLeg
from softswitch.b2bua.keypad import press
from softswitch.b2bua.leg import CallFailed
from softswitch.b2bua.supervision import NotSupervisableError, Supervision, heard, talking
from softswitch.b2bua.transfer import NotTransferableError, TransferRequest
from softswitch.callflow.inbound import inbound_call
from softswitch.callflow.recorder import Recorder
from softswitch.callflow.records import call_record, leg_records
from softswitch.callflow.replacement import take_place
from softswitch.callflow.streaming import Streaming
from softswitch.dialplan.match import CallFacts, canonical, decide, is_emergency, straight
from softswitch.dialplan.route import Conference, Dial, PhoneTarget
from softswitch.sdp.errors import SdpError
from softswitch.sip.refer import Refer
from softswitch.sip.uri import Uri, escape_user
from softswitch.telemetry.log_context import current_call
from softswitch.telemetry.seldom import Seldom
from softswitch.telemetry.snapshot import FinishedCall
from softswitch.telemetry.story import Story

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.b2bua.destination import Destination
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.origin import Origin
    from softswitch.b2bua.supervision import Mode
    from softswitch.b2bua.switchboard import Switchboard
    from softswitch.b2bua.terms import Dtmf, MediaTerms
    from softswitch.callflow.guests import GuestCall
    from softswitch.callflow.resources import Resources
    from softswitch.dialplan.match import Decision
    from softswitch.endpoints.admission import Admission
    from softswitch.sip.message import Request
    from softswitch.sip.session.session import InviteSession
    from softswitch.telemetry.cdr import CallRecord, LegRecord
    from softswitch.telemetry.log_sink import Sink
    from softswitch.telemetry.metrics import Metrics
    from softswitch.telemetry.recent import RecentCalls

log = logging.getLogger(__name__)

SUPERVISOR_RINGS_FOR = 30.0
"""Seconds."""
MEDIA_GONE_WITHIN = 2.0
"""Seconds the engine has to say goodbye to a call's legs before its record is written without their last figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call may take. How many there may be is for `Admission`."""

    call_seconds: float = 28_800.0
    retry_after: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A call that was admitted: who calls whom, known to be who they say."""

    session: InviteSession
    request: Request
    source: str
    """`trunk:carrier`, `phone:1001` or `guest:<link>`."""
    origin: Origin
    terms: MediaTerms
    called: str = ""
    """The number, where it is not that in the Request-URI."""
    guest: GuestCall | None = None
    """Of a guest: what lets it call."""


class RunningCall:
    """What the supervisor knows of one call."""

    __slots__ = ("call", "called", "decision", "recorder", "supervision")

    def __init__(self, call: Call, called: str, decision: Decision, recorder: Recorder) -> None:
        self.call = call
        self.called = called
        self.decision = decision
        self.recorder = recorder
        self.supervision = Supervision(call)


class CallSupervisor:
    """Owns the set of calls. Invariant: every call admitted ends with exactly one outcome and one record."""

    def __init__(
        self,
        switch: Switchboard,
        resources: Resources,
        *,
        limits: Limits,
        admission: Admission,
        new_id: Callable[[], str],
        sink: Sink,
        node: str,
        metrics: Metrics,
        recent: RecentCalls,
        file_records: Callable[[CallRecord, Sequence[LegRecord]], None],
    ) -> None:
        self.calls: dict[str, RunningCall] = {}
        self.settling: dict[str, RunningCall] = {}
        """Over, and not in the records yet: their media is still being released."""
        self.resources = resources
        self._switch = switch
        self._limits = limits
        self.admission = admission
        self._new_id = new_id
        self._sink = sink
        self._node = node
        self._metrics = metrics
        self._recent = recent
        self._file_records = file_records
        self._draining = False
        self._seldom = Seldom()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- a call begins ------------------------------------------------------------------------------------------

    def begin(self, incoming: Incoming) -> None:
        """Take the call on, or refuse it at once with the right status."""
        now = self._switch.clock()
        called = incoming.called or incoming.request.uri.user or ""
        refusal = self._refusal(incoming.source, called, now)
        if refusal is not None:
            headers = (("Retry-After", str(self._limits.retry_after)),) if refusal.status == 503 else ()
            incoming.session.reject(refusal.status, now, headers=headers)
            return
        if incoming.request.headers.lines("Replaces"):
            take_place(incoming, self._switch, self.calls)
            return
        # Before anything is made that would have to be released, should a rule go wrong.
        guest, plan = incoming.guest, self.resources.dialplan
        facts = CallFacts(incoming.source, called, incoming.origin.number.raw)
        if guest is None or guest.route is None:
            decision = decide(plan, facts, datetime.now(UTC))
        else:
            decision = straight(plan, guest.route, facts)
        story = Story(self._new_id(), self._sink)
        caller = (InboundLeg if guest is None else guest.leg)(
            self._switch,
            story,
            name=incoming.source,
            origin=self._normalised(incoming, decision),
            terms=incoming.terms,
            session=incoming.session,
        )
        meeting = next((action for action in decision.actions if isinstance(action, Conference)), None)
        if meeting is not None:
            caller.group = conference_group(meeting.name)
        self._switch.ladder.claim(incoming.session.call_id, caller)
        origin = caller.origin
        story.tell(
            "call received",
            source=incoming.source,
            caller=origin.number.raw or None,
            called=called,
            withheld=origin.withheld or None,
            diverted_by=origin.diversions[0].number.raw if origin.diversions else None,
            verstat=origin.verstat or None,
            attestation=origin.attestation or None,
            doubt=origin.doubt or None,
        )
        if guest is not None:
            guest.tell(story)
        call = Call(caller, self._switch, story)
        story.tell(
            "routed",
            route=decision.route.name if decision.route is not None else None,
            caller=decision.caller or None,
            called=decision.called,
            because=decision.trail[-1].why if decision.trail else None,
        )
        running = RunningCall(call, called, decision, Recorder(call, self.resources))
        self.calls[call.id] = running
        self.admission.entered(now)
        task = asyncio.get_running_loop().create_task(self._run(running, incoming.request.body), name=f"call:{call.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _normalised(self, incoming: Incoming, decision: Decision) -> Origin:
        origin = incoming.origin
        if origin.number.canonical == decision.caller and not origin.diversions:
            return origin
        return origin.normalised(decision.caller, lambda raw: canonical(self.resources.dialplan, raw, incoming.source))

    def _refusal(self, source: str, called: str, now: float) -> ReleaseCause | None:
        """Why this call is not taken. What the node as a whole can take was asked by the stack before."""
        if self._draining:
            return SHUTDOWN
        kind, _, name = source.partition(":")
        trunk = self.resources.trunks.get(name) if kind == "trunk" else None
        closed = "" if trunk is None else trunk.limits.closed_to("inbound")
        if closed:
            self._tell_refused(source, closed, now)
            return from_status(403)
        limit = self._switch.channels.refusal(source, "inbound", now)
        if limit is None or is_emergency(self.resources.dialplan, called):
            return None
        self._tell_refused(source, f"{LIMITS[limit]} is reached", now)
        return NO_CIRCUIT

    def _tell_refused(self, source: str, why: str, now: float) -> None:
        untold = self._seldom.due(f"{source} {why}", now)
        if untold is not None:
            log.warning("calls from %s are refused: %s; %d refused since it was last told", source, why, untold + 1)

    def _take_offer(self, call: Call, body: bytes) -> None:
        try:
            call.caller.take_offer(body)
        except SdpError as error:
            call.story.tell("offer not acceptable", error=str(error))
            cause = NOT_ACCEPTABLE if error.status == 488 else from_status(error.status)
            call.cause = cause
            call.caller.refuse_offer(cause, error)
        except PortsExhausted as error:
            call.story.warn("no media port", error=str(error))
            call.end(NO_CIRCUIT)

    # -- a call runs --------------------------------------------------------------------------------------------

    async def _run(self, running: RunningCall, offer: bytes) -> None:
        call = running.call
        current_call.set(call.id)
        longest = asyncio.get_running_loop().call_later(self._limits.call_seconds, self._too_long, call)
        try:
            self._take_offer(call, offer)
            streaming = Streaming(call, running.supervision, self.resources.streams, running.called)
            await inbound_call(call, running.decision.actions, self.resources, running.recorder, streaming)
        except Exception as error:
            # The fence between calls: this one ends with 500, the others never notice.
            call.story.fail("script failed", error=f"{type(error).__name__}: {error}")
            log.exception("call %s failed", call.id)
            call.release_all(INTERNAL)
        finally:
            longest.cancel()
            self.settling[call.id] = self.calls.pop(call.id)
            self.admission.left()
            self.resources.outbound.ended(call)
        await self._settle(call)
        try:
            self._write(running)
        except Exception:
            log.exception("call %s has no record", call.id)
        del self.settling[call.id]
        call.let_go()

    def _too_long(self, call: Call) -> None:
        call.story.warn("call too long", seconds=self._limits.call_seconds)
        call.end(TOO_LONG)

    def fail(self, call_id: str, error: Exception) -> None:
        """Something about this call went wrong outside its script: it ends with 500, the others never notice."""
        running = self.calls.get(call_id)
        if running is not None:
            running.call.story.fail("event not handled", error=f"{type(error).__name__}: {error}")
            running.call.end(INTERNAL)

    async def _settle(self, call: Call) -> None:
        try:
            async with asyncio.timeout(MEDIA_GONE_WITHIN):
                while any(leg.media is not None and leg.gone is None for leg in call.legs):
                    await call.news()
        except TimeoutError:
            call.story.warn("media not released in time")

    def _write(self, running: RunningCall) -> None:
        call = running.call
        legs = leg_records(call)
        record = call_record(
            call, running.decision, legs, called=running.called, recording=running.recorder.stereo, node=self._node
        )
        call.story.tell(
            "call ended",
            outcome=record.outcome.value,
            status=record.sip_status,
            cause=call.cause.text,
            by=record.hung_up_by,
            seconds=round(record.duration_seconds, 3),
            mos=record.mos_mean,
            mos_cqew=record.mos_cqew_mean,
            mos_cqef=record.mos_cqef_mean,
            blame=record.blame,
            because=record.blame_because,
        )
        self._metrics.call_ended(record, legs)
        self._recent.add(FinishedCall(record, tuple(legs), call.story))
        self._file_records(record, legs)

    # -- commands -----------------------------------------------------------------------------------------------

    def hang_up(self, call_id: str) -> bool:
        """End one call for an operator; False when there is none of this id."""
        running = self.calls.get(call_id)
        if running is None:
            return False
        running.call.end(ADMIN)
        return True

    def hang_up_on(self, endpoint: str, *, talking: bool = True) -> int:
        """End every call that somebody of this endpoint takes part in; how many there were. Without `talking` only
        those in which nobody has answered that one yet."""
        found = [
            running.call
            for running in self.calls.values()
            if any(
                leg.name == endpoint and not leg.ended and (talking or leg.answered_at is None)
                for leg in running.call.legs
            )
        ]
        for call in found:
            call.end(ADMIN)
        return len(found)

    def supervise(self, call_id: str, phone: str, mode: Mode) -> bool:
        """Let a phone listen, whisper or speak in a call, or change how it does; False: there is no such call.

        Raises NotSupervisableError when the call, or the phone, cannot.
        """
        running = self.calls.get(call_id)
        if running is None:
            return False
        if running.supervision.change(phone, mode):
            return True
        running.supervision.check()
        try:
            stages = self.resources.stages(running.call, Dial((PhoneTarget(phone),)))
        except CallFailed as failed:
            raise NotSupervisableError(f"phone {phone}: {failed.cause.text}") from failed
        destinations = [destination for stage in stages for destination in stage.destinations]
        task = asyncio.get_running_loop().create_task(
            self._supervise(running, phone, destinations, mode), name=f"supervise:{call_id}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _supervise(
        self, running: RunningCall, phone: str, destinations: Sequence[Destination], mode: Mode
    ) -> None:
        try:
            await running.supervision.supervise(phone, destinations, mode, SUPERVISOR_RINGS_FOR)
        except Exception as error:
            # The call goes on without its supervisor.
            running.call.story.fail("supervision failed", error=f"{type(error).__name__}: {error}")
            log.exception("supervision of call %s failed", running.call.id)

    def transfer(self, call_id: str, *, caller: bool, to: str, consulted: str = "") -> bool:
        """Hand one party of a call over to a number, or to the callee of the call `consulted`; the others are hung up.

        False: there is no such call. Raises NotSupervisableError, NotTransferableError when there is nobody to hand
        over or to join with.
        """
        running = self.calls.get(call_id)
        if running is None:
            return False
        parties = talking(running.call)
        transferor = parties[1] if caller else parties[0]
        other: Leg | None = None
        if consulted:
            second = self.calls.get(consulted)
            if second is None or second is running:
                raise NotTransferableError(f"call {consulted[:64]}: there is no other running call of this id")
            other = talking(second.call)[1]
        if transferor.partner is None or transferor.transfers.asked is not None:
            raise NotTransferableError(f"call {call_id} is being transferred already")
        running.call.story.tell("transfer by an operator", party="caller" if caller else "callee", to=to or consulted)
        target = Uri("sip", escape_user(to) if to else None, "operator.invalid")
        transferor.transfers.asked = TransferRequest(transferor, Refer(target), consulted=other)
        transferor.on_change()
        return True

    def send_digits(self, call_id: str, *, caller: bool, digits: str, duration_ms: int, gap_ms: int) -> Dtmf | None:
        """Press keys for a party: how it is told them; None: there is no such call.

        Raises DigitsRefusedError when it cannot be told.
        """
        running = self.calls.get(call_id)
        if running is None:
            return None
        parties = heard(running.call)
        leg = next((each for each in parties if (each is running.call.caller) is caller), None)
        return press(leg, digits, duration_ms, gap_ms)

    def end_supervision(self, call_id: str, phone: str) -> bool:
        """Hang up on a supervisor; False: there is none."""
        running = self.calls.get(call_id)
        return running is not None and running.supervision.end(phone)

    async def drain(self, seconds: float) -> None:
        """Refuse new calls, give the running ones `seconds`, then end them; returns when all records are written."""
        self._draining = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for running in list(self.calls.values()):
            running.call.end(SHUTDOWN)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=MEDIA_GONE_WITHIN + 1.0)

    @property
    def draining(self) -> bool:
        """Whether new calls are refused because the node is going down."""
        return self._draining
