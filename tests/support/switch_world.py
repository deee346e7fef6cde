"""A whole switch on virtual time: real stack, legs, calls and scripts; a wire instead of sockets, quiet media."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from media.play.countries import RECOMMENDED
from softswitch.b2bua.channels import Capacity, Channels
from softswitch.b2bua.destination import NOTHING_ELSE
from softswitch.b2bua.ladder import Ladder
from softswitch.b2bua.switchboard import Switchboard
from softswitch.b2bua.terms import MediaTerms
from softswitch.b2bua.transfer import NO_RULES, TransferPolicy
from softswitch.callflow.outbound import Outbound
from softswitch.callflow.reception import NO_GUESTS, Reception
from softswitch.callflow.resources import Resources
from softswitch.callflow.sounds import NetworkTones, Sounds
from softswitch.callflow.supervisor import CallSupervisor, Limits
from softswitch.dialplan.route import Dial, Route, TrunkTarget
from softswitch.dialplan.rules import AS_TYPED, Dialplan, NumberCondition, Rule
from softswitch.endpoints.access_control import Gate, Phones
from softswitch.endpoints.admission import Admission, Envelope
from softswitch.endpoints.authentication import Account, Authenticator, account
from softswitch.endpoints.bindings import Bindings
from softswitch.endpoints.callers import CallerLedger, CallerLimits
from softswitch.endpoints.choice import TrunkChooser
from softswitch.endpoints.health import DestinationHealth
from softswitch.endpoints.identity import FROM_ALONE, IdentityRules, account_origin
from softswitch.endpoints.limits import NO_LIMITS, TrunkLimits
from softswitch.endpoints.network import Source
from softswitch.endpoints.registrar import Registrar
from softswitch.endpoints.selection import Selector
from softswitch.endpoints.toll import NO_POLICY, TollGuard, TollPolicy
from softswitch.endpoints.toll_watch import TollWatch
from softswitch.endpoints.trunk import Trunk
from softswitch.endpoints.trunk_registration import TrunkRegistrations
from softswitch.sdp.codec import KNOWN_CODECS
from softswitch.sip.digest import NonceKeeper
from softswitch.sip.headers import NameAddr
from softswitch.sip.parameters import NO_PARAMETERS
from softswitch.sip.session.terms import PLAIN, SessionTerms
from softswitch.sip.stack import SipStack
from softswitch.sip.uri import Uri
from softswitch.speech.engine import SpeechError
from softswitch.streams.session import Streams
from softswitch.telemetry.log_sink import NullSink
from softswitch.telemetry.metrics import Metrics
from softswitch.telemetry.recent import RecentCalls
from softswitch.transport.driver import SipDriver
from softswitch.transport.locate import Locator
from softswitch.transport.next_hop import NextHop
from tests.support.phone import Everyone, Phone, Plan
from tests.support.quiet_media import QuietMedia
from tests.support.wire_loop import Wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from softswitch.b2bua.destination import OutwardPolicy
    from softswitch.b2bua.terms import Dtmf
    from softswitch.b2bua.transfer import TransferRules
    from softswitch.callflow.guests import Guests
    from softswitch.callflow.verification import Verification
    from softswitch.dialplan.number_format import NumberFormat
    from softswitch.dialplan.numbers import Numbering
    from softswitch.dialplan.route import Action
    from softswitch.endpoints.tokens import TokenSigner
    from softswitch.sdp.codec import Codec
    from softswitch.sip.events import Event
    from softswitch.speech.utterance import Utterance
    from softswitch.telemetry.cdr import CallRecord, LegRecord

SWITCH = ("192.0.2.1", 5060)
REALM = "pbx.example"


class Mute:
    """A voice that knows the word `hello`, and takes a second for it."""

    async def say(self, utterance: Utterance) -> int:
        await asyncio.sleep(1.0)
        if utterance.text != "hello":
            raise SpeechError("the engine did not speak within 5 s")
        return 2

    def ready(self, utterance: Utterance) -> int | None:
        return 2 if utterance.text == "hello" else None


SOUNDS = Sounds(
    prompts={"/prompt.wav": 1, "/music.wav": 3},
    voice=Mute(),
    tones=NetworkTones(
        ringback=RECOMMENDED.ringback,
        busy=RECOMMENDED.busy,
        congestion=RECOMMENDED.congestion,
        special_information=RECOMMENDED.special_information,
    ),
)
PASSWORD = "correct horse"
PHONE_USERS = ("1001", "1002")
CODECS = (KNOWN_CODECS["pcma"], KNOWN_CODECS["pcmu"])


class World:
    """One switch, any number of phones. Trunk `tN` leads to the phone at 198.51.100.N; calls from there are a trunk's.

    From 203.0.113.0/24 the users of PHONE_USERS may register and call.
    """

    tokens: TokenSigner | None = None
    """Who signs what pages show in place of a digest; None: there are no pages."""

    def __init__(
        self,
        dice: Random,
        actions: Sequence[Action],
        *,
        codecs: tuple[Codec, ...] = CODECS,
        called: tuple[Codec, ...] | None = None,
        ptime: int | None = None,
        sounds: Sounds = SOUNDS,
        dtmf: tuple[Dtmf, Dtmf] = ("rfc4733", "rfc4733"),
        mask_digits: bool = False,
        limits: Mapping[str, TrunkLimits] | None = None,
        session: SessionTerms = PLAIN,
        registered: Sequence[Trunk] = (),
        routes: Mapping[str, Sequence[Action]] | None = None,
        transfers: TransferRules = NO_RULES,
        own_trunks: bool = False,
        accounts: Sequence[Account] = (),
        identity: IdentityRules = FROM_ALONE,
        outward: OutwardPolicy = NOTHING_ELSE,
        formats: Mapping[str, NumberFormat] | None = None,
        verification: Verification | None = None,
        toll: Mapping[str, TollPolicy] | None = None,
        numbering: Numbering = AS_TYPED,
        callers: CallerLimits = CallerLimits(),  # noqa: B008 - a value
        **wire: float,
    ) -> None:
        """`routes`: what these numbers do, instead of `actions`. `own_trunks`: whoever trunk `tN` leads to calls as
        `trunk:tN` as well, and may transfer.

        `codecs` are those of all trunks; `called`, where given, those of the trunks that can be called.

        `dtmf`: of the trunk that calls, and of those that can be called. `limits`: of trunks, by name; the one
        that calls is `inbound`. `registered`: trunks that `register` is for, and others.
        `accounts`: of those, beside the phones'. `identity`: of the one that calls; `outward`: of the others.
        """
        self.identity = identity
        self.verification = verification
        self.dice = dice
        self._accounts = accounts
        self._registered = registered
        self.codecs = codecs
        self.session = session
        self.toll = toll or {}
        self.limits = {"t8": TrunkLimits(capacity=Capacity(1)), **(limits or {})}
        self.wire = Wire(dice, **wire)
        self.media = QuietMedia()
        rules = [
            Rule(Route(number, tuple(each)), called=NumberCondition(frozenset((number,))))
            for number, each in (routes or {}).items()
        ]
        self.records: list[tuple[CallRecord, Sequence[LegRecord]]] = []
        self.recent = RecentCalls()
        self.phones: dict[int, Phone] = {}
        loop = asyncio.get_running_loop()
        ladder = Ladder(loop.time)
        self.admission = Admission(Envelope(calls=100), is_emergency=lambda called: called == "112")
        self.stack = SipStack(
            token=self.token,
            user_agent="softswitch",
            overload=lambda request, now: self.admission.refusal(request.uri.user or "", now),
            screen=lambda request, flow, now: self.reception.screen(request, flow, now),
            unverified=lambda request, flow: self.reception.unverified(request, flow),
        )
        self.driver = SipDriver(self.stack, loop, admission=Everyone(), dispatch=self._dispatch, tracer=ladder)
        self.wire.join(self.driver, SWITCH)
        numbers = itertools.count(1)
        self.switch = Switchboard(
            driver=self.driver,
            engine=self.media,
            number=lambda: next(numbers),
            media_address="",
            ladder=ladder,
            channels=Channels({f"trunk:{name}": each.capacity for name, each in self.limits.items()}),
            warn=lambda _text: None,
            mask_digits=mask_digits,
        )
        self.media.on_event = self.switch.media_event
        locator = Locator()
        locator.start_from(self.driver.listening())
        trunks = {
            each.name: replace(each, outward=outward)
            for each in (
                self._inbound(ptime, dtmf[0]),
                *self._called(called, ptime, dtmf[1], own=own_trunks),
                *registered,
            )
        }
        self.plan = Dialplan(
            (*rules, Rule(Route("test", tuple(actions)))),
            numbering,
            emergency=frozenset(("112",)),
            formats=formats or {},
        )
        self.watch = TollWatch()
        self.outbound = Outbound(
            TrunkChooser(trunks, selector := Selector(dice.randrange), TollGuard(numbering)),
            selector,
            CallerLedger(callers, self.plan.day_of),
            self.watch,
            wall_clock=loop.time,
        )
        self.supervisor = CallSupervisor(
            self.switch,
            Resources(
                dialplan=self.plan,
                trunks=trunks,
                outbound=self.outbound,
                transfers=transfers,
                bindings=(bindings := Bindings()),
                health=DestinationHealth(),
                locator=locator,
                registrations=(registrations := TrunkRegistrations()),
                phone_domain=SWITCH[0],
                phone_terms=dict.fromkeys(PHONE_USERS, MediaTerms(CODECS)),
                sounds=sounds,
                streams=Streams({}),
                recordings=Path("/recordings"),
                record_by_default=True,
            ),
            limits=Limits(),
            admission=self.admission,
            new_id=self.token,
            sink=NullSink(),
            node="test",
            metrics=Metrics(),
            recent=self.recent,
            file_records=lambda call, legs: self.records.append((call, legs)),
        )
        self.registrations = registrations
        self.reception = self._reception(bindings, own=own_trunks)

    def register(self) -> None:
        """Begin the registrations of those trunks that have one."""
        resources = self.supervisor.resources
        with self.driver.turn() as stack:
            self.registrations.begin(
                resources.trunks.values(), stack, locate=resources.locate, gate=self.gate, now=self.driver.now()
            )

    def token(self) -> str:
        """Random hex from the seeded dice."""
        return f"{self.dice.getrandbits(64):016x}"

    def phone(self, number: int, plan: Plan | None = None) -> Phone:
        """The phone trunk `t<number>` leads to."""
        self.phones[number] = Phone(self.wire, (f"198.51.100.{number}", 5060), self.token, plan)
        return self.phones[number]

    async def settle(self, seconds: float = 200.0) -> None:
        """Let every timer run out, then check that nothing is left of any call."""
        await asyncio.sleep(seconds)
        assert not self.supervisor.calls
        assert not self.media.open, f"legs left in the engine: {self.media.open}"
        assert not self.media.recordings
        assert not self.media.connected
        assert not self.media.rooms
        assert not self.stack.statistics.sessions
        assert not self.stack.statistics.transactions + self.stack.statistics.lingering
        for phone in self.phones.values():
            assert not phone.stack.statistics.sessions
            assert not phone.stack.statistics.transactions + phone.stack.statistics.lingering
        task = asyncio.current_task()
        assert task is not None
        assert asyncio.all_tasks() == {task}
        assert task.cancelling() == 0

    def _inbound(self, ptime: int | None, dtmf: Dtmf) -> Trunk:
        return Trunk(
            name="inbound",
            sources=(Source.parse("198.51.100.0/24"), Source.parse(SWITCH[0])),
            terms=MediaTerms(self.codecs, ptime, dtmf=dtmf),
            limits=self.limits.get("inbound", NO_LIMITS),
            session=self.session,
            identity=self.identity,
        )

    def _called(self, codecs: tuple[Codec, ...] | None, ptime: int | None, dtmf: Dtmf, *, own: bool) -> list[Trunk]:
        return [
            Trunk(
                name=f"t{number}",
                sources=(Source.parse(f"198.51.100.{number}"),) if own else (),
                transfer=TransferPolicy(refer=own, refer_out=own),
                next_hops=(NextHop(f"198.51.100.{number}"),),
                terms=MediaTerms(codecs or self.codecs, ptime, dtmf=dtmf),
                limits=self.limits.get(f"t{number}", NO_LIMITS),
                session=self.session,
                toll=self.toll.get(f"t{number}", NO_POLICY),
            )
            for number in range(1, 9)
        ]

    def _reception(self, bindings: Bindings, *, own: bool) -> Reception:
        authenticator = Authenticator(
            [*(account(user, PASSWORD, REALM) for user in PHONE_USERS), *self._accounts],
            NonceKeeper(b"a secret of the test, 32 octets.."),
            realm=REALM,
            is_bound=bindings.has_flow,
            tokens=self.tokens,
        )
        self.gate = Gate(
            [
                trunk
                for name, trunk in self.supervisor.resources.trunks.items()
                if own != (name == "inbound") or (trunk in self._registered and trunk.sources)
            ],
            Phones((ip_network("203.0.113.0/24"),)),
            registered=bindings,
        )
        return Reception(
            gate=self.gate,
            authenticator=authenticator,
            registrar=Registrar(authenticator, bindings),
            supervisor=self.supervisor,
            driver=self.driver,
            phone_terms=dict.fromkeys(PHONE_USERS, MediaTerms(self.codecs)),
            identities={
                user: account_origin(NameAddr(name, Uri("sip", user, REALM), NO_PARAMETERS), user)
                for user, name in (("1001", "Desk"), ("1002", ""))
            },
            registrations=self.registrations,
            verification=self.verification,
            guests=self._guests(),
        )

    def _guests(self) -> Guests:
        """Nobody is let in without a number; a world of guests says otherwise."""
        return NO_GUESTS

    def _dispatch(self, event: Event) -> None:
        self.reception.dispatch(event)


def to(*trunks: int, strategy: str = "sequential", ring_for: float = 20.0) -> Dial:
    """A dial action for these trunks."""
    targets = tuple(TrunkTarget(f"t{n}", "123") for n in trunks)
    return Dial(targets, "parallel" if strategy == "parallel" else "sequential", ring_for)
