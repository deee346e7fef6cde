"""The composition root: a configuration found good in, a running node out. Only here everything knows everything.

Starting is all or nothing: what was opened is closed again in reverse order when a later step fails, and the reason is
one sentence (`StartError`).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import secrets
import signal
import sys
from typing import TYPE_CHECKING, Self

from media.control import MediaEngine
from media.play.prompt import PromptError
from media.record.repair import repair
from softswitch import assembly
from softswitch.admin.ports import AdminParts
from softswitch.admin.server import AdminServer, AdminSettings, AdminStartError, start_admin
from softswitch.b2bua.channels import Channels
from softswitch.b2bua.ladder import Ladder
from softswitch.b2bua.switchboard import Switchboard
from softswitch.callflow.reception import Reception
from softswitch.callflow.resources import Resources
from softswitch.callflow.supervisor import CallSupervisor, Limits
from softswitch.dice import Tokens
from softswitch.endpoints.access_control import AccessConflictError, Gate, Phones
from softswitch.endpoints.authentication import Authenticator
from softswitch.endpoints.bindings import Bindings
from softswitch.endpoints.health import DestinationHealth
from softswitch.endpoints.registrar import Registrar, RegistrarLimits
from softswitch.observation import Observation
from softswitch.service import notify
from softswitch.sip.digest import NonceKeeper
from softswitch.sip.stack import SipStack
from softswitch.sip.timers import Timers
from softswitch.store.call_log import CallLog
from softswitch.store.cdr_writer import CdrWriter
from softswitch.store.database import open_engine
from softswitch.store.errors import StoreError
from softswitch.store.schema import prepare
from softswitch.store.state_lock import StateLock
from softswitch.telemetry import log_context
from softswitch.telemetry.log_sink import LogSink
from softswitch.telemetry.loop_lag import LoopLag
from softswitch.telemetry.metrics import Metrics
from softswitch.telemetry.recent import RecentCalls
from softswitch.transport.driver import SipDriver
from softswitch.transport.locate import Locator
from softswitch.transport.tcp import TcpTransport
from softswitch.transport.udp import UdpTransport
from softswitch.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from config.load import Settings
    from softswitch.endpoints.trunk import Trunk
    from softswitch.provision import Provision
    from softswitch.sip.events import Event
    from softswitch.sip.flow import Flow
    from softswitch.transport.listener import Listener

log = logging.getLogger(__name__)

WRONG = 2
"""Exit status when the node could not start."""
DRAIN_SECONDS = 20.0
"""How long running calls may go on after SIGTERM or SIGINT; a second signal ends them at once."""
PURGE_SECONDS = 60.0
"""Between two sweeps over expired registrations."""


class StartError(Exception):
    """The node cannot start; the message is one sentence for an operator."""


class Node:
    """A running switch. Made by `Node.start`; `stop` closes everything in reverse order."""

    def __init__(self, provision: Provision) -> None:
        self._provision = provision
        self._stack = contextlib.AsyncExitStack()
        self._dispatch: Callable[[Event], None] = _not_yet
        self.supervisor: CallSupervisor
        self.driver: SipDriver
        self.admin: AdminServer | None = None

    @classmethod
    async def start(cls, provision: Provision) -> Self:
        """Open everything. Raises StartError; then nothing is open."""
        node = cls(provision)
        try:
            await node._start()
        except BaseException as error:
            await node._stack.aclose()
            if isinstance(error, (StoreError, AdminStartError, AccessConflictError, PromptError)):
                raise StartError(str(error)) from error
            raise
        return node

    async def drain(self) -> None:
        """Take no new calls, give the running ones a while."""
        notify("STOPPING=1")
        log.info("draining: %d calls", len(self.supervisor.calls))
        await self.supervisor.drain(DRAIN_SECONDS)

    async def stop(self) -> None:
        """Close everything; calls that still run are ended first."""
        await self.supervisor.drain(0.0)
        await self._stack.aclose()

    # -- starting, in the order things depend on each other ---------------------------------------------------------

    async def _start(self) -> None:
        settings, dialplan = self._provision.settings, self._provision.dialplan
        closing = self._stack
        loop = asyncio.get_running_loop()

        lock = StateLock(settings.state_directory)
        closing.callback(lock.release)
        sink = LogSink(json=settings.logging.format == "json")
        closing.callback(sink.close)
        handler = log_context.install(sink, settings.logging.level)
        closing.callback(log_context.uninstall, handler)

        database = open_engine(settings.database.url)
        closing.callback(database.dispose)
        prepare(database)
        cdr = CdrWriter(database)
        closing.callback(cdr.close)

        await asyncio.to_thread(_repair_recordings, settings)
        engine = self._start_engine(settings, loop)
        closing.push_async_callback(engine.stop)
        prompts = {path: engine.load_prompt(path) for path in assembly.prompt_files(dialplan)}

        metrics, recent = Metrics(), RecentCalls()
        trunks = assembly.trunks(settings)
        phones = Phones(settings.phones.allow_from)
        bindings = Bindings()
        gate = Gate(list(trunks.values()), phones, registered=bindings)
        ladder = Ladder(loop.time)
        sip_timers = settings.sip.timers
        self.driver = SipDriver(
            SipStack(
                token=Tokens(12),
                user_agent=settings.sip.user_agent,
                timers=Timers(sip_timers.t1, sip_timers.t2, sip_timers.t4),
            ),
            loop,
            admission=(door := _Door(gate, bindings, loop.time)),
            dispatch=lambda event: self._dispatch(event),
            tracer=ladder,
        )
        closing.push_async_callback(self.driver.close)

        channels = Channels({trunk.label: trunk.max_channels for trunk in trunks.values()})
        locator = Locator(lambda host, address: _expect(gate, trunks.values(), host, address))
        closing.push_async_callback(locator.close)
        await locator.follow(hop.host for trunk in trunks.values() for hop in trunk.next_hops)

        switch = Switchboard(
            driver=self.driver,
            engine=engine,
            number=_Numbers(),
            media_address=assembly.media_address(settings),
            ladder=ladder,
            channels=channels,
            warn=log.warning,
        )
        self._media_events = switch.media_event
        phone_codecs = assembly.codecs(settings.phones.codecs)
        self.supervisor = CallSupervisor(
            switch,
            Resources(
                dialplan=dialplan,
                trunks=trunks,
                bindings=bindings,
                health=DestinationHealth(),
                locator=locator,
                phone_domain=settings.phones.realm,
                phone_codecs=phone_codecs,
                prompts=prompts,
                recordings=settings.recording.directory,
                record_by_default=settings.recording.enabled,
            ),
            limits=Limits(calls=settings.limits.max_calls),
            new_id=Tokens(8),
            sink=sink,
            node=settings.node.name,
            metrics=metrics,
            recent=recent,
            file_records=cdr.submit,
        )
        authenticator = Authenticator(
            assembly.accounts(settings),
            NonceKeeper(secrets.token_bytes(32)),
            realm=settings.phones.realm,
            algorithms=tuple(settings.phones.digest),
            is_bound=bindings.has_flow,
        )
        self._dispatch = Reception(
            gate=gate,
            authenticator=authenticator,
            registrar=Registrar(
                authenticator,
                bindings,
                RegistrarLimits(
                    least_expires=round(settings.phones.minimum_expires),
                    most_expires=round(settings.phones.maximum_expires),
                    default_expires=round(min(3600.0, settings.phones.maximum_expires)),
                ),
            ),
            supervisor=self.supervisor,
            driver=self.driver,
            phone_codecs=phone_codecs,
            identities=assembly.identities(settings, settings.phones.realm),
        ).dispatch

        if settings.admin.enabled:
            self.admin = await start_admin(
                AdminParts(
                    source=(
                        observation := Observation(
                            supervisor=self.supervisor,
                            engine=engine,
                            stack=self.driver.stack,
                            gate=gate,
                            channels=channels,
                            cdr=cdr,
                            sink=sink,
                            clock=loop.time,
                        )
                    ),
                    commands=observation,
                    recent=recent,
                    history=CallLog(database),
                    metrics=metrics,
                    version=VERSION,
                ),
                AdminSettings(
                    host=settings.admin.address, port=settings.admin.port, token=settings.admin.token.reveal()
                ),
            )
            closing.push_async_callback(self.admin.stop)
        lag = LoopLag(loop, metrics.loop_lag)
        lag.start()
        closing.callback(lag.stop)
        sweep = loop.create_task(_sweep(bindings, loop.time), name="sweep")
        closing.callback(sweep.cancel)
        for listener in assembly.listeners(settings):
            await self._listen(listener)
        locator.start_from(self.driver.listening())
        door.is_open = True

    def _start_engine(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> MediaEngine:
        try:
            return MediaEngine.start(assembly.media(settings), lambda event: self._media_events(event), loop)
        except (ValueError, OSError) as error:
            raise StartError(f"media: {error}; check media.address and media.ports") from error

    async def _listen(self, listener: Listener) -> None:
        kind = UdpTransport if listener.transport == "UDP" else TcpTransport
        try:
            await kind.listen(self.driver, listener)
        except OSError as error:
            raise StartError(
                f"sip: cannot listen on {listener.address} port {listener.port} ({listener.transport}): "
                f"{error.strerror or error}; stop whoever has it or change sip.listen"
            ) from error


class _Door:
    """The gate as the driver sees it."""

    def __init__(self, gate: Gate, bindings: Bindings, clock: Callable[[], float]) -> None:
        self._admit = gate.admit
        self._bindings = bindings
        self._clock = clock
        self.is_open = False
        """Nobody is heard before all listeners are there: a call half a node would take is a call lost."""

    def admits(self, flow: Flow) -> bool:
        """Whether this source is anybody."""
        return self.is_open and self._admit(flow, self._clock()) is not None

    def connection_lost(self, flow: Flow) -> None:
        """Phones registered through it are gone."""
        self._bindings.connection_lost(flow)


class _Numbers:
    """1, 2, 3, ... for recordings, playbacks and SDP sessions, from a random start."""

    def __init__(self) -> None:
        self._last = secrets.randbelow(1 << 30)

    def __call__(self) -> int:
        self._last += 1
        return self._last


def run(provision: Provision) -> int:
    """Run a node until SIGTERM or SIGINT; the exit status."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(provision))


async def _serve(provision: Provision) -> int:
    try:
        node = await Node.start(provision)
    except StartError as error:
        sys.stderr.write(f"softswitch cannot start: {error}\n")
        return WRONG
    signals: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.put_nowait, number)
    # What lives now lives as long as the process: the collector need not look at it again. Calls come and go in
    # reference cycles of some hundred objects, so a larger young generation costs little and saves most passes.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    heard = ", ".join(f"{each.transport} {each.address}:{each.port}" for each in node.driver.listening())
    log.info("ready: SIP on %s; admin %s", heard, node.admin.url if node.admin is not None else "off")
    notify("READY=1")
    await signals.get()
    drain = loop.create_task(node.drain(), name="drain")
    impatient = loop.create_task(signals.get(), name="second signal")
    await asyncio.wait({drain, impatient}, return_when=asyncio.FIRST_COMPLETED)
    for task in (drain, impatient):
        task.cancel()
    await asyncio.gather(drain, impatient, return_exceptions=True)
    await node.stop()
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None  # asyncio's own loop: twice the cost of a datagram, nothing else changes
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _repair_recordings(settings: Settings) -> None:
    for repaired in repair(settings.recording.directory):
        log.warning("recording repaired: %s, %.2f s -> %.2f s", repaired.path, repaired.before, repaired.after)


def _expect(gate: Gate, trunks: Iterable[Trunk], host: str, address: str) -> None:
    """Answers and requests within dialogs come from the addresses a next hop's name stands for."""
    for trunk in trunks:
        if any(hop.host == host for hop in trunk.next_hops):
            gate.expect(address, trunk)


async def _sweep(bindings: Bindings, clock: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(PURGE_SECONDS)
        bindings.purge(clock())


def _not_yet(event: Event) -> None:
    """Nothing listens before the dispatcher is there."""
