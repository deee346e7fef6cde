"""The generations of ICE of one transport: the one in use, one that was offered, one that is being connected.

A restart (RFC 8445 9) is a new generation with credentials of its own. Media goes on over the old one until the new one
has a path; a generation that was offered and not taken is forgotten as soon as another is agreed on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.webrtc import stun
from softswitch.webrtc.dice import credentials
from softswitch.webrtc.ice.full import FullAgent
from softswitch.webrtc.ice.lite import LiteAgent
from softswitch.webrtc.ice.state import IceCounters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from softswitch.sdp.browser import IceCandidate, IceCredentials, WebAgreement
    from softswitch.webrtc.ice.agent import Agent, Dice
    from softswitch.webrtc.ice.state import IceNews
    from softswitch.webrtc.settings import WebSettings
    from softswitch.webrtc.stun import Address


class Generations:
    """The newest last. `on_fragment(fragment, known)` is told which fragments of ours are in use."""

    def __init__(
        self,
        settings: WebSettings,
        candidates: Sequence[IceCandidate],
        dice: Dice,
        on_fragment: Callable[[str, bool], None],
    ) -> None:
        self.counters = IceCounters()
        """Of those that are over, and of what concerned none."""
        self.agreed: Agent | None = None
        """What SDP has settled last."""
        self._settings = settings
        self._candidates = candidates
        self._dice = dice
        self._on_fragment = on_fragment
        self._all: list[Agent] = []

    # What SDP says.

    def describe(self, *, restart: bool) -> Agent:
        """The one whose credentials to say: that in use, or with `restart` one nobody has used yet."""
        if not restart and self.agreed is not None:
            return self.agreed
        unused = [each for each in self._all if each.remote is None]
        if restart or not unused:
            self._retire(unused)
            return self._begin(credentials())
        return unused[0]

    def agree(self, agreement: WebAgreement, now: float) -> bool | None:
        """Go on with the generation that was agreed on. True: it begins; None: nobody described it."""
        ours, theirs = agreement.local.credentials, agreement.remote.credentials
        same = [each for each in self._all if each.credentials == ours]
        if not same:
            return None
        agent = next((each for each in same if each.remote in (None, theirs)), None)
        if agent is None:
            # Another answer to the same offer (a fork): somebody else, who has to be found for himself.
            self._retire(same)
            agent = self._begin(ours)
        begins = agent.remote is None
        self.agreed = agent
        self._retire([each for each in self._all if each is not agent and each.path is None])
        for candidate in agreement.remote.candidates:
            agent.add_candidate(candidate, now)
        if agreement.remote.complete:
            agent.end_of_candidates()
        agent.set_remote(theirs, lite=agreement.remote.lite, controlling=agreement.controlling, now=now)
        return begins

    def add_candidate(self, candidate: IceCandidate, now: float) -> None:
        """One more of theirs; one of other credentials counts for nothing (RFC 8840 4.4)."""
        agreed = self.agreed
        if agreed is not None and agreed.remote is not None and candidate.fragment in ("", agreed.remote.fragment):
            agreed.add_candidate(candidate, now)

    def end_of_candidates(self) -> None:
        """They have no more."""
        if self.agreed is not None:
            self.agreed.end_of_candidates()

    # Datagrams and time.

    def receive(self, data: bytes, source: Address, now: float) -> None:
        """A datagram that begins as STUN does."""
        try:
            message = stun.read(data)
        except stun.StunError:
            self.counters.malformed += 1
            return
        for agent in reversed(self._all):
            if agent.concerns(message):
                agent.receive(message, source, now)
                return
        if message.kind in (stun.SUCCESS, stun.ERROR):
            self.counters.unexpected += 1
        elif message.kind == stun.REQUEST:
            self.counters.stranger += 1

    def handle_timers(self, now: float) -> None:
        """Do what is due."""
        for agent in tuple(self._all):
            agent.handle_timers(now)

    def next_timer(self) -> float:
        """When that is; infinity: never."""
        return min((due for agent in self._all if (due := agent.next_timer()) is not None), default=float("inf"))

    def to_send(self) -> Iterator[tuple[bytes, Address]]:
        """Datagrams, and where to."""
        for agent in self._all:
            yield from agent.to_send()

    def next_news(self) -> tuple[Agent, IceNews] | None:
        """What happened, and to which."""
        for agent in self._all:
            news = agent.next_news()
            if news is not None:
                return agent, news
        return None

    # Paths.

    def has_heard(self, source: Address) -> bool:
        """Whether the far end has shown that it knows our password, from there."""
        return any(each.has_heard(source) for each in self._all)

    def validated(self, source: Address) -> bool:
        """Whether it has shown that it is there, too."""
        return any(each.validated(source) for each in self._all)

    @property
    def has_path(self) -> bool:
        """Whether one of them leads there."""
        return any(each.path is not None for each in self._all)

    def took_over(self, agent: Agent) -> None:
        """It has a path: those before it are not needed any more."""
        self._retire(self._all[: self._all.index(agent)])

    def alive(self, now: float) -> None:
        """Authentic media came."""
        for agent in self._all:
            agent.alive(now)

    def stop(self) -> None:
        """None of them leads anywhere any more. What was agreed on is still what is said: credentials change with a
        restart alone, and in an answer only when the offer had new ones (RFC 8839 4.4.1.1.1).
        """
        self._retire([each for each in self._all if each is not self.agreed])
        if self.agreed is not None:
            self.agreed.close()

    def close(self) -> None:
        """The end of all of them."""
        self._retire(tuple(self._all))
        self.agreed = None

    def retire(self, agent: Agent) -> None:
        """It came to nothing: what was before it is in force again."""
        self._retire((agent,))
        if agent is self.agreed:
            self.agreed = next((each for each in reversed(self._all) if each.path is not None), None)

    def total(self) -> IceCounters:
        """What was dropped since the beginning, and why."""
        total = IceCounters()
        for counters in (self.counters, *(each.counters for each in self._all)):
            total += counters
        return total

    def _begin(self, ours: IceCredentials) -> Agent:
        kind = LiteAgent if self._settings.lite else FullAgent
        agent = kind(ours, self._candidates, pace=self._settings.pace, dice=self._dice)
        self._all.append(agent)
        self._on_fragment(ours.fragment, True)
        return agent

    def _retire(self, agents: Sequence[Agent]) -> None:
        for agent in agents:
            agent.close()
            self.counters += agent.counters
            self._all.remove(agent)
            self._on_fragment(agent.credentials.fragment, False)
