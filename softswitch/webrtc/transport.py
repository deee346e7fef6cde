"""The way to one browser: generations of ICE, one DTLS association, and the engine's leg they are for.

What is said of us in SDP comes from here (`describe`), what SDP has settled comes back (`agree`); ICE and DTLS go on
behind it. The leg's path is whatever pair ICE has consent for, and its keys are with the engine before the datagram
that completes the handshake is sent, so that media never passes through here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from media.commands import SetKeys, SetPath
from softswitch.b2bua.web import WebNews, WebState
from softswitch.sdp.browser import IceCandidate, LocalTransport
from softswitch.sdp.errors import SdpError
from softswitch.webrtc.dice import LegDice
from softswitch.webrtc.dtls import DtlsAssociation, DtlsClosed, DtlsFailed, KeysAgreed
from softswitch.webrtc.gate import DatagramGate
from softswitch.webrtc.generations import Generations
from softswitch.webrtc.ice.candidate import host_candidates
from softswitch.webrtc.ice.state import IceCounters, IceFailed, PathChanged, PathLost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.sdp.browser import WebAgreement
    from softswitch.webrtc.ice.agent import Agent
    from softswitch.webrtc.ice.state import IceNews
    from softswitch.webrtc.identity import DtlsIdentity
    from softswitch.webrtc.stun import Address
    from softswitch.webrtc.transports import WebTransports

log = logging.getLogger(__name__)

LEAST_DELAY: Final = 0.01
"""Seconds. OpenSSL's clock is another one: where it says now, it may find a moment later that it is not yet time."""
MOST_EARLY: Final = 4
"""Datagrams of DTLS kept until there is a path: a browser may be connected a moment before we are."""


class WebTransport:
    """One leg's. Made by `WebTransports.open`; ends with `close`."""

    def __init__(
        self,
        home: WebTransports,
        leg: int,
        *,
        addresses: Sequence[str],
        port: int,
        identity: DtlsIdentity,
        mark: bytes,
        on_state: Callable[[WebNews], None],
    ) -> None:
        self.leg = leg
        self.mark = mark
        """What our transactions begin with."""
        self.bound: list[Address] = []
        """Where it was heard from at the shared port, the newest last."""
        self.timer = 0
        self.timer_at = float("inf")
        self._home = home
        self._identity = identity
        self._candidates = host_candidates(addresses, port)
        self._ice = Generations(
            home.settings, self._candidates, LegDice(mark), lambda fragment, known: home.names(self, fragment, known)
        )
        self._gate = DatagramGate()
        self._path_gate = DatagramGate()
        """What comes from where the browser is: a flood from elsewhere does not end its consent."""
        self._flooded = 0
        self._strangers = 0
        self._on_state = on_state
        self._agreement: WebAgreement | None = None
        self._dtls: DtlsAssociation | None = None
        self._early: list[tuple[bytes, Address]] = []
        self.path: Address | None = None
        """Where the engine sends media to."""
        self._path_of: Agent | None = None
        self._state: WebState | None = None
        self._agreed_at: float | None = None
        """When ICE began, until it is told."""
        self._ice_ms: float | None = None
        self._shook_at: float | None = None
        """When the handshake began."""
        self._deadline = float("inf")
        """Of the handshake."""
        self._heard = 0
        self._is_closed = False

    # What SDP says.

    def describe(self, *, restart: bool) -> LocalTransport:
        """Ours, all of it; `restart`: with fresh credentials (RFC 8839 4.4.1.1.1)."""
        agent = self._ice.describe(restart=restart)
        return LocalTransport(
            agent.credentials, self._candidates, agent.lite, trickle=True, fingerprint=self._identity.fingerprint
        )

    def agree(self, agreement: WebAgreement) -> None:
        """Begin, go on, or begin anew. The same agreement again changes nothing."""
        if self._is_closed or agreement == self._agreement:
            return
        now = self._home.now()
        begins = self._ice.agree(agreement, now)
        if begins is None:
            log.error("leg %d: an agreement on credentials of ICE that are not its own", self.leg)
            return
        self._agreement = agreement
        if not self._ice.has_path:
            self._close_path()
        if begins:
            self._agreed_at = now
            if self.path is None:
                self._tell(WebState.CONNECTING)
        self._renew_dtls(agreement)
        self._settle(now)

    def add_candidate(self, text: str) -> None:
        """One more of theirs (RFC 8840); one that cannot be read counts for nothing."""
        try:
            candidate = IceCandidate.parse(text)
        except SdpError as error:
            log.info("leg %d: passed over: %s", self.leg, error)
            return
        now = self._home.now()
        self._ice.add_candidate(candidate, now)
        self._settle(now)

    def end_of_candidates(self) -> None:
        """They have no more."""
        self._ice.end_of_candidates()

    def close(self) -> None:
        """Tell nothing more, and let go. The browser is told by DTLS, should the BYE not reach it."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._dtls is not None:
            self._dtls.close()
        self._flush()
        self._ice.close()
        self._home.closed(self)

    # What comes along the wire.

    def receive(self, data: bytes, source: Address, now: float) -> None:
        """A datagram of STUN or DTLS, from anybody."""
        if self._is_closed:
            return
        gate = self._path_gate if source == self.path else self._gate
        if not gate.admits(now):
            self._flooded += 1
            return
        if data[:1] < b"\x04":
            self._ice.receive(data, source, now)
        else:
            self._receive_dtls(data, source)
        self._settle(now)

    def has_heard(self, source: Address) -> bool:
        """Whether the far end has shown that it knows our password, from there."""
        return self._ice.has_heard(source)

    def on_timer(self, kind: int, now: float) -> None:
        """Something is due."""
        # The queue calls a moment early; what was due then would not be yet, and wait for the same instant for ever.
        now = max(now, self.timer_at)
        self.timer, self.timer_at = 0, float("inf")
        if self._home.settings.lite:
            self._look_for_media(now)
        self._ice.handle_timers(now)
        if self._dtls is not None:
            self._dtls.handle_timer()
        if now >= self._deadline:
            self._fail(f"no DTLS handshake within {self._home.settings.pace.connect:g} s")
        self._settle(now)

    def counters(self) -> IceCounters:
        """What was dropped since the beginning, and why."""
        total = self._ice.total()
        total.flooded += self._flooded
        total.stranger += self._strangers
        return total

    def _receive_dtls(self, data: bytes, source: Address) -> None:
        """Only from where the far end is proven to be; what comes a moment too early waits."""
        if self._dtls is not None and self._shook_at is not None and self._ice.validated(source):
            self._dtls.receive(data)
        elif self._shook_at is None and self._ice.has_heard(source) and len(self._early) < MOST_EARLY:
            self._early.append((data, source))
        else:
            self._strangers += 1

    def _look_for_media(self, now: float) -> None:
        """Lite: authentic packets along the path are a sign of life."""
        statistics = self._home.engine.statistics(self.leg)
        heard = 0 if statistics is None else statistics.received.received
        if heard != self._heard:
            self._heard = heard
            self._ice.alive(now)

    # DTLS.

    def _renew_dtls(self, agreement: WebAgreement) -> None:
        """A new association where fingerprints or roles are new, or the old one has ended (RFC 8842 5)."""
        client, fingerprints = agreement.dtls_client, agreement.remote.fingerprints
        if self._dtls is None or self._dtls.is_over or not self._dtls.suits(client=client, fingerprints=fingerprints):
            self._dtls = DtlsAssociation(self._identity, client=client, fingerprints=fingerprints)
            self._shook_at = None
            self._deadline = float("inf")

    def _shake_hands(self, now: float) -> None:
        """As soon as the path that was agreed on is there."""
        dtls = self._dtls
        if dtls is None or self.path is None or self._path_of is not self._ice.agreed:
            return
        if self._deadline == float("inf") and not dtls.is_done:
            self._deadline = now + self._home.settings.pace.connect
        if self._shook_at is not None:
            return
        self._shook_at = now
        dtls.start()
        early, self._early = self._early, []
        for data, source in early:
            if self._ice.validated(source):
                dtls.receive(data)

    # News, and what follows from them.

    def _settle(self, now: float) -> None:
        """After whatever happened: tell, send, and see to the timer."""
        while (told := self._ice.next_news()) is not None:
            self._on_ice(*told, now)
        self._shake_hands(now)
        while self._dtls is not None and (news := self._dtls.next_news()) is not None:
            match news:
                case KeysAgreed(receive, send):
                    self._on_keys(SetKeys(self.leg, receive, send), now)
                case DtlsClosed():
                    self._lose("the browser has closed its connection")
                case DtlsFailed(reason):
                    self._fail(reason)
        self._flush()
        if not self._is_closed:
            self._home.arm(self, self._next_timer(now))

    def _on_ice(self, agent: Agent, news: IceNews, now: float) -> None:
        match news:
            case PathChanged(address):
                self._ice.took_over(agent)
                self._take_path(agent, address, now)
            case PathLost(reason):
                if agent is self._path_of:
                    self._lose(reason)
            case IceFailed(reason):
                if self._ice.has_path:
                    log.warning("leg %d: a restart of ICE came to nothing, the old way stays: %s", self.leg, reason)
                    self._ice.retire(agent)
                else:
                    self._fail(reason)

    def _take_path(self, agent: Agent, address: Address, now: float) -> None:
        if self._agreed_at is not None:
            self._ice_ms, self._agreed_at = (now - self._agreed_at) * 1000, None
        self.path, self._path_of = address, agent
        self._home.engine.post(SetPath(self.leg, *address))
        if self._dtls is not None and self._dtls.is_done and not self._dtls.is_over:
            self._tell(WebState.CONNECTED)

    def _on_keys(self, keys: SetKeys, now: float) -> None:
        self._deadline = float("inf")
        self._home.engine.post(keys)
        self._tell(WebState.CONNECTED, dtls_ms=None if self._shook_at is None else (now - self._shook_at) * 1000)

    def _lose(self, reason: str) -> None:
        """What ICE knows stays: the browser's checks may bring the path back, unless it said goodbye."""
        self._close_path()
        if self._dtls is not None and self._dtls.is_over:
            self._ice.stop()
        self._tell(WebState.LOST, reason)

    def _fail(self, reason: str) -> None:
        """Nothing more is tried; a restart of ICE is a new beginning."""
        self._close_path()
        self._ice.stop()
        self._tell(WebState.FAILED, reason)

    def _close_path(self) -> None:
        """A handshake that is under way waits for the next path, and has its whole time there."""
        self._deadline = float("inf")
        self._flush()
        if self.path is not None:
            self.path = self._path_of = None
            self._home.engine.post(SetPath(self.leg, "", 0))

    def _tell(self, state: WebState, reason: str = "", dtls_ms: float | None = None) -> None:
        """Every change, and none twice."""
        if state is not self._state:
            self._state = state
            connected = state is WebState.CONNECTED
            news = WebNews(state, reason, self._ice_ms if connected else None, dtls_ms)
            self._ice_ms = None if connected else self._ice_ms
            self._home.soon(self._pass_on, news)

    def _pass_on(self, news: WebNews) -> None:
        if not self._is_closed:
            self._on_state(news)

    def _flush(self) -> None:
        send, leg = self._home.engine.send_datagram, self.leg
        for data, (address, port) in self._ice.to_send():
            send(leg, data, address, port)
        if self._dtls is not None and self.path is not None:
            for data in self._dtls.to_send():
                send(leg, data, *self.path)

    def _next_timer(self, now: float) -> float:
        due = min(self._deadline, self._ice.next_timer())
        delay = None if self._dtls is None or self._shook_at is None else self._dtls.next_timer()
        return due if delay is None else min(due, now + max(delay, LEAST_DELAY))
