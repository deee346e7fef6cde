"""One registration of ours: what it knows, what comes in, what goes out.

Nothing here reads a clock, a socket or a name server: `targets` gives the flows to try whenever a round begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.authorizer import Authorizer
from softswitch.sip.client_request import ClientRequest
from softswitch.sip.core import ALLOW_LINE
from softswitch.sip.events import RegistrationChanged, RegistrationNews
from softswitch.sip.outgoing import Outgoing, one_line, via_for
from softswitch.sip.registration.answer import Granted, TooBrief, Trouble, read_answer
from softswitch.sip.registration.state import Input, State
from softswitch.sip.registration.table import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.sip.core import Core
    from softswitch.sip.digest import Credentials
    from softswitch.sip.flow import Flow
    from softswitch.sip.headers import NameAddr
    from softswitch.sip.message import Response
    from softswitch.sip.registration.state import Pace
    from softswitch.sip.uri import Uri

MOST_AGAIN = 3
"""REGISTERs at one target for a longer expiry or a fresh challenge, before it counts as a refusal."""


class Registration:
    """One address of ours at one registrar. `SipStack.register` makes it; every change of note is an event."""

    __slots__ = ("_call_id", "_contact", "_credentials", "_cseq", "_remembered", "_sender", "_told", "account", "again",
                 "asked", "authorizer", "core", "error", "expires", "expires_at", "failures", "flow", "granted_at",
                 "pace", "preferred", "public", "registrar", "retry_at", "round", "service_route", "since", "state",
                 "targets", "timers", "width")  # fmt: skip

    def __init__(
        self,
        core: Core,
        *,
        registrar: Uri,
        account: NameAddr,
        contact: Callable[[Flow], NameAddr],
        targets: Callable[[], Sequence[Flow]],
        credentials: Credentials,
        pace: Pace,
    ) -> None:
        """`registrar`: the Request-URI, a domain; `account`: our address-of-record there.

        `contact(flow)`: where we are reached by whoever is at the other end. `targets()`: where the registrar is at
        present, best first.
        """
        self.core = core
        self.registrar = registrar
        self.account = account
        self._contact = contact
        self.targets = targets
        self.pace = pace
        self._credentials = credentials
        self.authorizer = Authorizer(credentials)
        self._call_id = core.token()
        self._sender = one_line(f"{account};tag={core.token()}")
        self._cseq = 0
        self.expires = pace.expires
        self._remembered = False
        self._told: tuple[object, object] = (None, None)
        self.state = State.IDLE
        self.asked: Flow | None = None
        """Where a REGISTER is under way."""
        self.round: list[Flow] = []
        """Targets that are left, should this one fail."""
        self.width = 0
        """Targets the round began with."""
        self.again = 0
        """REGISTERs that this target wanted otherwise."""
        self.failures = 0
        """Rounds that failed, one after the other."""
        self.granted_at = 0.0
        self.timers: dict[int, int] = {}
        """Input -> number of its running timer."""
        self.flow: Flow | None = None
        """By which the contact is held; None: it is not there."""
        self.preferred = True
        """Whether that leads to the first of the targets."""
        self.since: float | None = None
        """Since when without a gap; None: not registered."""
        self.expires_at: float | None = None
        self.retry_at: float | None = None
        self.error: str | None = None
        """Why the last attempt failed; None when it did not."""
        self.service_route: tuple[NameAddr, ...] = ()
        """What calls to this registrar's domain have to pass (RFC 3608 5)."""
        self.public: tuple[str, int] | None = None
        """Where the registrar saw us, if it said so."""

    @property
    def is_registered(self) -> bool:
        """Whether the contact is there, as far as is known."""
        return self.since is not None

    # In.

    def start(self, now: float) -> None:
        """Register, and keep at it."""
        self.step(Input.START, now)

    def stop(self, now: float) -> None:
        """Be forgotten by the registrar: an intent, nobody waits for it here."""
        self.step(Input.STOP, now)

    def transport_failed(self, flow: Flow, now: float) -> None:
        """A connection is gone, or a datagram could not be sent there."""
        own = self.flow
        if own is not None and (own.transport, own.remote) == (flow.transport, flow.remote):
            lately = now - self.granted_at < self.pace.first_retry
            self.step(Input.FLOW_LOST_AGAIN if lately else Input.FLOW_LOST, now)

    def look(self, now: float) -> None:
        """Compare the address that we registered with the one that we have towards the registrar now."""
        own = self.flow
        if own is not None and self.asked is None:
            same = [flow for flow in self.targets() if (flow.transport, flow.remote) == (own.transport, own.remote)]
            if same and own.local not in [flow.local for flow in same]:
                self.step(Input.MOVED, now)

    def on_timer(self, kind: int, now: float) -> None:
        """A timer of ours is due."""
        del self.timers[kind]
        self.step(kind, now)

    def on_provisional(self, exchange: ClientRequest, response: Response, now: float) -> None:
        """A registrar may say that it is thinking."""

    def repeat_cseq(self, exchange: ClientRequest, now: float) -> int | None:
        """The next number: a challenge is answered in any state."""
        self._cseq += 1
        return self._cseq

    def on_final(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """The outcome of the REGISTER under way."""
        flow = exchange.flow
        if self.state in (State.STOPPING, State.LEAVING):
            self.asked = None
            if status < 300:
                self.flow = flow
            self.step(Input.FAILED if self.flow is None else Input.GRANTED, now)
            return
        match read_answer(response, status, self._contact(flow), self.expires):
            case Granted(seconds=0):
                self._fail(Trouble(f"{status}, but our contact is not among those it lists", passing=True), now)
            case Granted() as granted:
                self.step(Input.GRANTED, now, granted)
            case TooBrief(least):
                self.expires = least
                self._again_or(Trouble("423 again and again", passing=False), now)
            case Trouble() as trouble if status in (401, 407):
                # Perhaps it was only the remembered nonce, and the registrar did not call it stale.
                self.authorizer = Authorizer(self._credentials)
                if self._remembered:
                    self._again_or(trouble, now)
                else:
                    self._fail(trouble, now)
            case Trouble() as trouble:
                self._fail(trouble, now)

    def step(self, what: int, now: float, outcome: Granted | Trouble | None = None) -> None:
        """Take one row of the table; a pair without a row is one of IGNORED."""
        row = TABLE.get((self.state, what))
        if row is not None:
            self.state, action = row
            action(self, now, outcome)
            self._tell()

    def _again_or(self, trouble: Trouble, now: float) -> None:
        self.again += 1
        if self.again < MOST_AGAIN:
            self.step(Input.AGAIN, now)
        else:
            self._fail(trouble, now)

    def _fail(self, trouble: Trouble, now: float) -> None:
        if trouble.passing:
            self.step(Input.ELSEWHERE if self.round else Input.FAILED, now, trouble)
        else:
            self.step(Input.REFUSED, now, trouble)

    # For the actions.

    def note(self, trouble: Trouble) -> None:
        """Keep why it failed, and where."""
        asked, self.asked = self.asked, None
        place = f"{asked.remote[0]} port {asked.remote[1]} ({asked.transport}): " if asked is not None else ""
        self.error = f"{place}{trouble.reason}"

    def send(self, flow: Flow, expires: int, now: float) -> None:
        """One REGISTER; with what was learnt of the registrar's nonce, so that it need not ask again."""
        core = self.core
        self._cseq += 1
        branch, uri = core.branch(), str(self.registrar)
        proof = self.authorizer.lines("REGISTER", uri, core.token)
        self._remembered = bool(proof)
        contact = one_line(f"Contact: {self._contact(flow)};expires={expires}")
        lines = f"{contact}\r\nExpires: {expires}\r\nSupported: path\r\n{ALLOW_LINE}{core.agent_line}"
        outgoing = Outgoing(
            "REGISTER", uri, branch, via_for(flow, branch), self._sender, one_line(str(self.account)), self._call_id,
            self._cseq, "", proof, lines,
        )  # fmt: skip
        ClientRequest(core, self, outgoing, flow, self.authorizer, now)

    def retry(self, when: float) -> None:
        """Begin another round then."""
        self.retry_at = when
        self.start_timer(Input.RETRY_DUE, when)

    def start_timer(self, kind: Input, when: float) -> None:
        """In place of one of its kind that runs."""
        self.stop_timers(kind)
        self.timers[kind] = self.core.layer.timers.start(when, self, kind)

    def stop_timers(self, *kinds: int) -> None:
        """Those of them that run."""
        for kind in kinds:
            self.core.layer.timers.cancel(self.timers.pop(kind, 0))

    def _tell(self) -> None:
        """An event for every change an operator would want to hear of, and none for its repetitions."""
        news: tuple[RegistrationNews, Flow | str | None]
        match self.state:
            case State.ENDED:
                news = "ended", None
            case State.HOLDING:
                news = "holding", None
            case State.REFUSED:
                news = "refused", self.error
            case State.WAITING:
                news = "failing", None
            case State.REGISTERED:
                news = "registered", self.flow
            case _ if self._told[0] in ("registered", "holding") and self.since is None:
                news = "lost", None
            case _:
                return
        if news != self._told:
            self._told = news
            self.core.events.append(RegistrationChanged(self, news[0]))
