"""A running switch, opened step by step in the order its parts depend on each other. Only here everything knows
everything.

Starting is all or nothing: what was opened is closed again in reverse order when a later step fails, and the reason is
one sentence (`StartError`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from media.control import MediaEngine
from media.play.prompt import PromptError
from media.record.repair import repair
from softswitch import assembly, optional_parts, parties, stir_settings, tls_settings
from softswitch.admin.ports import AdminParts
from softswitch.admin.server import AdminServer, AdminSettings, AdminStartError, start_admin
from softswitch.b2bua.ladder import Ladder
from softswitch.b2bua.switchboard import Switchboard
from softswitch.callflow.outbound import Outbound, restore
from softswitch.callflow.prompts import Prompts
from softswitch.callflow.reception import NO_GUESTS, Reception
from softswitch.callflow.resources import Resources
from softswitch.callflow.sounds import Sounds
from softswitch.callflow.supervisor import CallSupervisor, Limits
from softswitch.dialplan.match import is_emergency
from softswitch.dice import Numbers, Tokens
from softswitch.endpoints.access_control import AccessConflictError
from softswitch.endpoints.admission import Admission
from softswitch.endpoints.authentication import Authenticator
from softswitch.endpoints.callers import CallerLedger
from softswitch.endpoints.choice import TrunkChooser
from softswitch.endpoints.health import DestinationHealth
from softswitch.endpoints.probe import Prober
from softswitch.endpoints.registrar import Registrar, RegistrarLimits, nobody_asks
from softswitch.endpoints.selection import Selector
from softswitch.endpoints.toll import TollGuard
from softswitch.endpoints.toll_watch import TollWatch
from softswitch.endpoints.trunk_registration import TrunkRegistrations
from softswitch.neighbours import Door, Neighbours, meet_neighbours
from softswitch.observation import Observation
from softswitch.provision import hold_music, transfer_audio
from softswitch.sip.digest import NonceKeeper
from softswitch.sip.stack import SipStack, known_to_be_there, open_to_all
from softswitch.sip.timers import Timers
from softswitch.speech.engine import SpeechError
from softswitch.speech.preview import Preview
from softswitch.speech.speaker import Speaker, prepare_folder
from softswitch.store.call_log import CallLog
from softswitch.store.cdr_writer import CdrWriter
from softswitch.store.database import open_engine
from softswitch.store.errors import StoreError
from softswitch.store.schema import prepare
from softswitch.store.state_lock import StateLock
from softswitch.streams.session import Streams
from softswitch.telemetry import log_context
from softswitch.telemetry.log_sink import LogSink
from softswitch.telemetry.loop_lag import LoopLag
from softswitch.telemetry.metrics import Metrics
from softswitch.telemetry.recent import RecentCalls
from softswitch.transport.certificates import CertificateError, Keyring
from softswitch.transport.connection import TcpLimits
from softswitch.transport.datagram_limit import DatagramLimit
from softswitch.transport.driver import SipDriver
from softswitch.transport.listener import advertised_at, interface_towards
from softswitch.transport.tcp import TcpTransport
from softswitch.transport.tls import TlsTransport
from softswitch.transport.udp import UdpTransport
from softswitch.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

    from config.load import Settings
    from media.events import Event as MediaEvent
    from softswitch.admin.web_server import WebServer
    from softswitch.callflow.guests import Guests
    from softswitch.dialplan.route import Say
    from softswitch.endpoints.tls_identities import TrunkIdentities
    from softswitch.endpoints.tokens import TokenSigner
    from softswitch.provision import Provision
    from softswitch.sip.events import Event
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request
    from softswitch.transport.listener import Listener
    from softswitch.web_service import WebService
    from softswitch.webrtc.transports import WebTransports

log = logging.getLogger(__name__)

DRAIN_SECONDS = 20.0
"""How long running calls may go on when the node is asked to end."""
ADDRESSES_SECONDS = 15.0
"""Between two looks at whether our addresses are still ours."""
LAST_ANSWERS = 2.0
"""How long after the last call its BYEs and final responses are still repeated."""

RENEW_SECONDS = 60.0
"""Between two looks at the certificates' files."""


class StartError(Exception):
    """The node cannot start; the message is one sentence for an operator."""


class Node:
    """A running switch. Made by `Node.start`; `stop` closes everything in reverse order."""

    def __init__(self, provision: Provision) -> None:
        self._settings = provision.settings
        self._dialplan = provision.dialplan
        self._closing = contextlib.AsyncExitStack()
        self._loop = asyncio.get_running_loop()
        self._registrations = TrunkRegistrations()
        self._on_sip: Callable[[Event], None] = _nobody_listens
        self._screen: Callable[[Request, Flow, float], tuple[int, str] | None] = open_to_all
        self._unverified: Callable[[Request, Flow], bool] = known_to_be_there
        self._on_media: Callable[[MediaEvent], None] = _nobody_listens
        self.supervisor: CallSupervisor
        self.driver: SipDriver
        self._browsers: WebTransports | None = None
        self.keys: Keyring
        self.prompts: Prompts
        self.speech: Preview
        self.admin: AdminServer | None = None
        self.web: WebServer | None = None

    @classmethod
    async def start(cls, provision: Provision) -> Self:
        """Open everything. Raises StartError; then nothing is open."""
        node = cls(provision)
        try:
            await node._open()
        except BaseException as error:
            await node._closing.aclose()
            if isinstance(error, (StoreError, AdminStartError, AccessConflictError, PromptError, SpeechError)):
                raise StartError(str(error)) from error
            raise
        return node

    async def drain(self) -> None:
        """Take no new calls, give the running ones a while."""
        log.info("draining: %d calls", len(self.supervisor.calls))
        self._leave_registrars()
        await self.supervisor.drain(DRAIN_SECONDS)

    async def stop(self) -> None:
        """Close everything; calls that still run are ended first."""
        await self.supervisor.drain(0.0)
        self._leave_registrars()
        await self._hear_the_last_answers()
        await self._closing.aclose()

    def _leave_registrars(self) -> None:
        """Calls shall go where they can be taken."""
        with self.driver.turn():
            self._registrations.stop(self._loop.time())

    async def _hear_the_last_answers(self) -> None:
        """A BYE that got lost would leave its far end in the call: once or twice more it may be repeated."""
        deadline = self._loop.time() + LAST_ANSWERS
        while self.driver.stack.statistics.transactions and self._loop.time() < deadline:  # noqa: ASYNC110  it calls nobody
            await asyncio.sleep(0.02)

    # -- starting ---------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        state = self._open_state()
        engine = await self._open_media()
        self.keys = self._open_keys()
        neighbours = meet_neighbours(self._settings, self._closing)
        admission = Admission(
            assembly.envelope(self._settings), is_emergency=lambda called: is_emergency(self._dialplan, called)
        )
        door, switch = self._open_stack(neighbours, engine, admission, await self._media_address())
        await neighbours.locate()
        tokens = optional_parts.token_signer(self._settings)
        authenticator = self._authenticator(neighbours, tokens)
        pages = optional_parts.web_service(
            self._settings,
            tokens,
            driver=self.driver,
            gate=neighbours.gate,
            keys=self.keys,
            authenticator=authenticator,
            on_ended=neighbours.bindings.session_ended,
        )
        metrics, recent = Metrics(), RecentCalls()
        sounds = await self._open_sounds(engine)
        outbound = await self._outbound(neighbours, CallLog(state.database))
        resources = self._resources(neighbours, outbound, sounds)
        self.supervisor = CallSupervisor(
            switch,
            resources,
            limits=Limits(retry_after=admission.envelope.retry_after),
            admission=admission,
            new_id=Tokens(8),
            sink=state.sink,
            node=self._settings.node.name,
            metrics=metrics,
            recent=recent,
            file_records=state.cdr.submit,
        )
        guests = desk = None
        if pages is not None:
            guests, desk = await pages.open_links(
                state.database, supervisor=self.supervisor, channels=neighbours.channels, closing=self._closing
            )
        reception = self._reception(neighbours, resources, authenticator, pages, guests or NO_GUESTS)
        self._on_sip, self._screen, self._unverified = reception.dispatch, reception.screen, reception.unverified
        observation = Observation(
            supervisor=self.supervisor,
            engine=engine,
            web=self._browsers,
            stack=self.driver.stack,
            gate=neighbours.gate,
            channels=neighbours.channels,
            cdr=state.cdr,
            sink=state.sink,
            keys=self.keys,
            clock=self._loop.time,
            guests_refused={} if guests is None else guests.refused,
            pages=None if pages is None else pages.sip,
        )
        parts = AdminParts(
            source=observation,
            commands=observation,
            recent=recent,
            history=CallLog(state.database),
            metrics=metrics,
            prompts=self.prompts,
            speech=self.speech,
            version=VERSION,
            pages=None if pages is None else pages.visits,
            links=desk,
            guests=guests,
        )
        await self._open_admin(parts)
        self._keep_watch(metrics, admission, engine)
        for listener in assembly.listeners(self._settings):
            await self._listen(listener, neighbours.gate.identities)
        neighbours.locator.start_from(self.driver.listening())
        if pages is not None:
            self.web = await pages.open(parts, self._closing)
        door.is_open = True
        self._begin_registrations(neighbours, resources)
        prober = Prober(
            self.driver, resources.health, locate=resources.locate, contact=switch.contact, below=secrets.randbelow
        )
        self._closing.push_async_callback(prober.stop)
        prober.begin(neighbours.trunks.values())

    def _open_state(self) -> State:
        """Lock, log, database: what outlives the process. The log closes last but one, because the others log."""
        settings, closing = self._settings, self._closing
        closing.callback(StateLock(settings.state_directory).release)
        sink = LogSink(json=settings.logging.format == "json")
        closing.callback(sink.close)
        closing.callback(log_context.uninstall, log_context.install(sink, settings.logging.level))
        database = open_engine(settings.database.url)
        closing.callback(database.dispose)
        prepare(database)
        cdr = CdrWriter(database)
        closing.callback(cdr.close)
        return State(sink, database, cdr)

    async def _media_address(self) -> str:
        """What SDP names; a name is resolved here and now, since few far ends can do it (RFC 4566 5.7)."""
        try:
            await advertised_at(self._settings.node.advertised_address or "", "")
            return await advertised_at(assembly.media_address(self._settings), self._settings.media.address)
        except OSError as error:
            raise StartError(f"advertised_address: {error}; give an address, or a name that DNS knows") from error

    def _open_keys(self) -> Keyring:
        """Certificates and keys, looked at again and again: a renewed one is used without anybody saying so."""
        try:
            server, trunks = tls_settings.terms(self._settings)
            keys = Keyring(server, trunks, clock=time.time, web=tls_settings.web_terms(self._settings))
        except CertificateError as error:
            raise StartError(f"TLS: {error}") from error
        watch = self._loop.create_task(_renew(keys), name="certificates")
        self._closing.callback(watch.cancel)
        return keys

    def reload_certificates(self) -> None:
        """Read all certificates and keys anew, for connections to come; those that are open keep theirs."""
        self.keys.renew(force=True)

    async def _open_media(self) -> MediaEngine:
        if self._settings.recording.enabled or assembly.records(self._dialplan):
            await asyncio.to_thread(_prepare_folder, self._settings.recording.directory)
        await asyncio.to_thread(_repair_recordings, self._settings)
        try:
            engine = MediaEngine.start(assembly.media(self._settings), lambda event: self._on_media(event), self._loop)
        except (ValueError, OSError) as error:
            raise StartError(f"media: {error}; check media.address and media.ports") from error
        self._closing.push_async_callback(engine.stop)
        for limit in parties.only_relayed(self._settings):
            log.warning(limit)
        return engine

    def _open_stack(
        self, neighbours: Neighbours, engine: MediaEngine, admission: Admission, media_address: str
    ) -> tuple[Door, Switchboard]:
        settings = self._settings
        ladder = Ladder(self._loop.time)
        door = Door(neighbours.gate, neighbours.bindings, self._loop.time)
        timers = settings.sip.timers
        stack = SipStack(
            token=Tokens(12),
            user_agent=settings.sip.user_agent,
            timers=Timers(timers.t1, timers.t2, timers.t4),
            belongs=neighbours.gate.same_party,
            overload=lambda request, now: admission.refusal(request.uri.user or "", now),
            screen=lambda request, flow, now: self._screen(request, flow, now),
            unverified=lambda request, flow: self._unverified(request, flow),
            large=DatagramLimit(settings.sip.largest_datagram, lambda: self.driver.listening()),
        )
        self.driver = SipDriver(
            stack, self._loop, admission=door, dispatch=lambda event: self._on_sip(event), tracer=ladder
        )
        self._closing.push_async_callback(self.driver.close)
        switch = Switchboard(
            driver=self.driver,
            engine=engine,
            number=Numbers(),
            media_address=media_address,
            ladder=ladder,
            channels=neighbours.channels,
            warn=log.warning,
            mask_digits=settings.recording.mask_digits,
        )
        switch.web = self._browsers = optional_parts.browsers(settings, engine, self._loop, self._closing)
        self._on_media = switch.media_event
        return door, switch

    async def _open_sounds(self, engine: MediaEngine) -> Sounds:
        """Load what the dialplan plays, and begin to make what takes longer: words, and music in other codecs."""
        settings = self._settings
        hold, transfer = hold_music(settings), transfer_audio(settings)
        self.prompts = Prompts(settings.prompts.directory, engine, vox_rate=settings.prompts.vox_rate)
        await self.prompts.load(assembly.prompt_files(self._dialplan, [*hold.values(), transfer]))
        words = assembly.texts(self._dialplan, [*hold.values(), transfer])
        try:
            await asyncio.to_thread(prepare_folder, settings.speech.cache)
        except OSError as error:
            if words:
                raise StartError(
                    f"speech: cannot write to {settings.speech.cache}: {error.strerror}; change speech.cache"
                ) from error
        speaker = Speaker(
            assembly.speech_engines(settings),
            default=settings.speech.engine,
            timeout=settings.speech.timeout,
            folder=settings.speech.cache,
            load=engine.load_prompt_aside,
            forget=engine.forget_prompt,
        )
        self._closing.push_async_callback(speaker.stop)
        self.speech = Preview(speaker, engine.preview, settings.speech.language)
        sounds = Sounds(
            prompts=self.prompts,
            voice=speaker,
            tones=assembly.tones(settings),
            hold=hold,
            transfer=transfer,
            transfer_early_media=settings.transfer.early_media,
        )
        warming = self._loop.create_task(self._warm(engine, sounds, words), name="warm sounds")
        self._closing.callback(warming.cancel)
        return sounds

    async def _warm(self, engine: MediaEngine, sounds: Sounds, words: list[Say]) -> None:
        """What the first caller would otherwise wait for."""
        sounds.ready(words)
        codecs = parties.every_codec(self._settings)
        for tone in sounds.tones.every():
            await engine.prepare(tone, codecs)
        for prompt in list(self.prompts.values()):
            await engine.prepare(prompt, codecs)

    async def _outbound(self, neighbours: Neighbours, history: CallLog) -> Outbound:
        """What every call to a trunk goes through, with what callers have used up today."""
        plan = self._dialplan
        callers = CallerLedger(assembly.caller_limits(self._settings), plan.day_of)
        now = time.time()
        if assembly.caller_limits(self._settings).any:
            midnight = plan.midnight_before(now)
            restore(callers, await asyncio.to_thread(history.used_since, midnight), now)
        selector = Selector(secrets.randbelow)
        chooser = TrunkChooser(neighbours.trunks, selector, TollGuard(plan.numbering))
        return Outbound(chooser, selector, callers, TollWatch())

    def _resources(self, neighbours: Neighbours, outbound: Outbound, sounds: Sounds) -> Resources:
        settings = self._settings
        streams = Streams(assembly.stream_targets(settings))
        self._closing.push_async_callback(streams.stop)
        return Resources(
            dialplan=self._dialplan,
            trunks=neighbours.trunks,
            outbound=outbound,
            bindings=neighbours.bindings,
            health=DestinationHealth(),
            locator=neighbours.locator,
            registrations=self._registrations,
            phone_domain=parties.phone_domain(settings),
            phone_terms=parties.phone_terms(settings),
            phone_session=parties.session_terms(settings.phones),
            phone_policy=parties.phone_policy(settings),
            sounds=sounds,
            streams=streams,
            recordings=settings.recording.directory,
            record_by_default=settings.recording.enabled,
            transfers=parties.transfer_rules(settings),
        )

    def _begin_registrations(self, neighbours: Neighbours, resources: Resources) -> None:
        registrations = self._registrations
        with self.driver.turn() as stack:
            registrations.begin(
                neighbours.trunks.values(),
                stack,
                locate=resources.locate,
                gate=neighbours.gate,
                now=self._loop.time(),
            )
        if registrations.states():
            watch = self._loop.create_task(self._watch_addresses(), name="watch addresses")
            self._closing.callback(watch.cancel)

    async def _watch_addresses(self) -> None:
        """A node that has moved (DHCP, a link that comes and goes) is not called where it was."""
        while True:
            await asyncio.sleep(ADDRESSES_SECONDS)
            interface_towards.cache_clear()
            with self.driver.turn():
                self._registrations.look(self._loop.time())

    def _authenticator(self, neighbours: Neighbours, tokens: TokenSigner | None) -> Authenticator:
        """Who proves who he is."""
        phones = self._settings.phones
        return Authenticator(
            parties.accounts(self._settings),
            NonceKeeper(secrets.token_bytes(32)),
            realm=phones.realm,
            algorithms=tuple(phones.digest),
            is_bound=neighbours.bindings.has_flow,
            tokens=tokens,
        )

    def _reception(
        self,
        neighbours: Neighbours,
        resources: Resources,
        authenticator: Authenticator,
        pages: WebService | None,
        guests: Guests,
    ) -> Reception:
        phones = self._settings.phones
        introduce = nobody_asks if pages is None else pages.sip.introduce
        limits = RegistrarLimits(
            least_expires=round(phones.minimum_expires),
            most_expires=round(phones.maximum_expires),
            default_expires=round(min(3600.0, phones.maximum_expires)),
            outbound=phones.outbound,
        )
        return Reception(
            gate=neighbours.gate,
            authenticator=authenticator,
            registrar=Registrar(authenticator, neighbours.bindings, limits, introduce=introduce),
            supervisor=self.supervisor,
            driver=self.driver,
            phone_terms=resources.phone_terms,
            phone_session=resources.phone_session,
            identities=parties.identities(self._settings),
            registrations=self._registrations,
            phone_headers=resources.phone_policy.headers,
            verification=stir_settings.verification(self._settings),
            introduce=introduce,
            guests=guests,
        )

    async def _open_admin(self, parts: AdminParts) -> None:
        admin = self._settings.admin
        if admin.enabled:
            self.admin = await start_admin(
                parts, AdminSettings(host=admin.address, port=admin.port, token=admin.token.reveal())
            )
            self._closing.push_async_callback(self.admin.stop)

    def _keep_watch(self, metrics: Metrics, admission: Admission, engine: MediaEngine) -> None:
        lag = LoopLag(
            self._loop,
            metrics.loop_lag,
            lambda late: admission.observe(late, engine.cpu_spent(), self._loop.time()),
        )
        lag.start()
        self._closing.callback(lag.stop)

    async def _listen(self, listener: Listener, holders: TrunkIdentities) -> None:
        driver, limits = self.driver, TcpLimits(keep_alive=self._settings.sip.keep_alive)
        try:
            match listener.transport:
                case "UDP":
                    await UdpTransport.listen(driver, listener)
                case "TCP":
                    await TcpTransport.listen(driver, listener, limits)
                case _:
                    await TlsTransport.listen_with(driver, listener, self.keys, holders, limits)
        except OSError as error:
            raise StartError(
                f"sip: cannot listen on {listener.address} port {listener.port} ({listener.transport}): "
                f"{error.strerror or error}; stop whoever has it or change sip.listen"
            ) from error


@dataclass(frozen=True, slots=True)
class State:
    """What outlives the process, and what writes it."""

    sink: LogSink
    database: Engine
    cdr: CdrWriter


def _prepare_folder(folder: Path) -> None:
    """Raises StartError unless recordings can be written there: found out now, not when somebody has spoken."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StartError(
            f"recording: cannot write to {folder}: {error.strerror}; "
            "give this user access or change recording.directory"
        ) from error


def _repair_recordings(settings: Settings) -> None:
    for repaired in repair(settings.recording.directory):
        log.warning("recording repaired: %s, %.2f s -> %.2f s", repaired.path, repaired.before, repaired.after)


async def _renew(keys: Keyring) -> None:
    keys.warn_of_ends()
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        keys.renew()


def _nobody_listens(event: object) -> None:
    """Nothing is heard before the parts that listen are there."""
