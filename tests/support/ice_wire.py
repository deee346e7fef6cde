"""Agents of ICE and a network between them that loses, delays, reorders, translates and breaks: on virtual time."""

from __future__ import annotations

import heapq
import itertools
import random
from functools import partial
from typing import TYPE_CHECKING

from softswitch.sdp.browser import IceCredentials
from softswitch.webrtc import stun
from softswitch.webrtc.ice.candidate import host_candidates
from softswitch.webrtc.ice.full import FullAgent
from softswitch.webrtc.ice.lite import LiteAgent
from softswitch.webrtc.ice.state import AgentState, Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.webrtc.ice.agent import Agent
    from softswitch.webrtc.ice.state import IceNews
    from softswitch.webrtc.stun import Address


class SeededDice:
    """Every run the same."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def transaction(self) -> bytes:
        return self._random.randbytes(12)

    def tie_breaker(self) -> int:
        return self._random.getrandbits(64)

    def spread(self) -> float:
        return self._random.random()


class Party:
    """An agent, where it is, and what it told."""

    def __init__(self, name: str, addresses: Sequence[str], *, lite: bool = False, pace: Pace | None = None) -> None:
        self.name = name
        self.addresses = list(addresses)
        """Where it can be reached; the first is where it sends from."""
        self.port = 5000
        kind = LiteAgent if lite else FullAgent
        self.agent: Agent = kind(
            IceCredentials(name * 4, name * 24),
            host_candidates(addresses, self.port),
            pace=pace or Pace(),
            dice=SeededDice(ord(name[0])),
        )
        self.news: list[tuple[float, IceNews]] = []
        self.sent: list[tuple[float, bytes, Address]] = []

    @property
    def here(self) -> Address:
        """What others see when it sends."""
        return self.addresses[0], self.port

    def know(self, other: Party, now: float, *, controlling: bool, candidates: bool = True) -> None:
        """Its description has come."""
        if candidates:
            for each in other.agent.announced:
                self.agent.add_candidate(each, now)
            self.agent.end_of_candidates()
        self.agent.set_remote(other.agent.credentials, lite=other.agent.lite, controlling=controlling, now=now)


class Network:
    """Carries datagrams between parties. `fate(sender, data, to)`: seconds until it arrives, or several copies; none:
    it is lost."""

    def __init__(self, *parties: Party, fate: Callable[[Party, bytes, Address], Sequence[float]] | None = None) -> None:
        self.parties = parties
        self.now = 0.0
        self.fate = fate or (lambda *_: (0.01,))
        self._serial = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something then."""
        heapq.heappush(self._events, (when, next(self._serial), action))

    def run(self, until: float, *, stop: Callable[[], bool] = lambda: False) -> None:
        """Until then, or until it may stop."""
        while True:
            self._collect()
            if stop():
                return
            timers = [(due, party) for party in self.parties if (due := party.agent.next_timer()) is not None]
            due, who = min(timers, key=lambda each: each[0], default=(float("inf"), None))
            arrival = self._events[0][0] if self._events else float("inf")
            if min(due, arrival) > until:
                self.now = until
                return
            if arrival <= due:
                when, _, action = heapq.heappop(self._events)
                self.now = max(self.now, when)
                action()
            elif who is not None:
                self.now = max(self.now, due)
                who.agent.handle_timers(self.now)

    def _collect(self) -> None:
        for party in self.parties:
            for data, to in party.agent.to_send():
                party.sent.append((self.now, data, to))
                source = party.here
                for delay in self.fate(party, data, to):
                    self.at(self.now + delay, partial(self.deliver, data, source, to))
            while (news := party.agent.next_news()) is not None:
                party.news.append((self.now, news))

    def deliver(self, data: bytes, source: Address, to: Address) -> None:
        """To whoever has that address now."""
        for party in self.parties:
            if to in [(address, party.port) for address in party.addresses]:
                party.agent.receive(stun.read(data), source, self.now)


def connected(*parties: Party) -> bool:
    """Whether all of them are, and have selected."""
    return all(each.agent.state is AgentState.CONNECTED and each.agent.selected is not None for each in parties)
