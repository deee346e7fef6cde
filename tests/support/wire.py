"""Two SIP stacks and the network between them, on a clock that jumps; loss, reordering and duplication by seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from softswitch.sip.flow import Flow
from softswitch.sip.headers import NameAddr
from softswitch.sip.session.terms import PLAIN
from softswitch.sip.stack import SipStack
from softswitch.sip.timers import Timers
from softswitch.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.digest import Credentials
    from softswitch.sip.events import Event
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.session.terms import SessionTerms

OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8 0 101\r\n"
ANSWER = OFFER.replace(b"192.0.2.1", b"192.0.2.2")


@dataclass(frozen=True, slots=True)
class Weather:
    """What the network does to each message."""

    loss: float = 0.0
    duplication: float = 0.0
    delay: tuple[float, float] = (0.01, 0.01)
    """Shortest and longest way, seconds; a wide range reorders."""


CALM = Weather()
STORM = Weather(loss=0.25, duplication=0.15, delay=(0.005, 0.9))


@dataclass(slots=True)
class Node:
    """One stack and what became of it."""

    name: str
    address: tuple[str, int]
    stack: SipStack
    events: list[Event] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    on_event: Callable[[Event, float], None] | None = None

    def flow_to(self, other: Node, transport: str = "UDP") -> Flow:
        """The flow from here to there."""
        return Flow(transport, self.address, other.address, 0 if transport == "UDP" else 1)

    def seen(self, kind: type) -> list[Event]:
        """Events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def lines(self) -> list[str]:
        """First lines of what was sent, shortened to method or status and CSeq method."""
        return [summary(data) for data in self.sent]


class Wire:
    """Carries messages between nodes in virtual time; `run` lets everything happen until nothing is left to happen."""

    def __init__(self, seed: int = 0, weather: Weather = CALM, timers: Timers | None = None) -> None:
        self.random = random.Random(seed)
        self.weather = weather
        self.now = 1000.0
        self._serial = 0
        self._queue: list[tuple[float, int, Node | None, Flow | None, bytes, Callable[[], None] | None]] = []
        durations = timers if timers is not None else Timers()
        self.a = self._node("a", ("192.0.2.1", 5060), durations)
        self.b = self._node("b", ("192.0.2.2", 5060), durations)
        self.nodes = {self.a.address: self.a, self.b.address: self.b}
        self.drop: Callable[[Node, bytes], bool] = lambda node, data: False
        """Loses chosen messages: (sender, data) -> whether it is lost."""
        self.alter: Callable[[bytes], bytes] = lambda data: data
        """What becomes of a message on its way."""

    def _node(self, name: str, address: tuple[str, int], durations: Timers) -> Node:
        token = lambda: f"{self.random.getrandbits(64):016x}"  # noqa: E731 - a dice, not a function with a name
        return Node(name, address, SipStack(token=token, user_agent=f"node-{name}", timers=durations))

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something `seconds` from now."""
        self._push(self.now + seconds, None, None, b"", action)

    def deliver(self, node: Node, data: bytes, flow: Flow) -> None:
        """Hand a message to a node at once."""
        node.stack.receive(data, flow, self.now)
        self.drain()

    def drain(self) -> None:
        """Let both nodes say what they have to say."""
        busy = True
        while busy:
            busy = False
            for node in self.nodes.values():
                for flow, data in node.stack.to_send():
                    node.sent.append(data)
                    self._carry(node, flow, data)
                while (event := node.stack.next_event()) is not None:
                    busy = True
                    node.events.append(event)
                    if node.on_event is not None:
                        node.on_event(event, self.now)

    def run(self, until: float | None = None) -> None:
        """Advance to `until` seconds from now, or until there is nothing more to happen."""
        end = None if until is None else self.now + until
        self.drain()
        while (when := self._next()) is not None and (end is None or when <= end):
            self.now = max(self.now, when)
            while self._queue and self._queue[0][0] <= self.now:
                _, _, node, flow, data, action = heappop(self._queue)
                if action is not None:
                    action()
                elif node is not None and flow is not None:
                    node.stack.receive(data, flow, self.now)
                self.drain()
            for node in self.nodes.values():
                node.stack.handle_timers(self.now)
            self.drain()
        if end is not None:
            self.now = end

    def _next(self) -> float | None:
        times = [node.stack.next_timer() for node in self.nodes.values()]
        times.append(self._queue[0][0] if self._queue else None)
        return min((time for time in times if time is not None), default=None)

    def _carry(self, node: Node, flow: Flow, data: bytes) -> None:
        other = self.nodes.get(flow.remote)
        if other is None or self.drop(node, data):
            return
        weather, dice = self.weather, self.random
        copies = 1 + (dice.random() < weather.duplication)
        for _ in range(copies):
            if flow.reliable or dice.random() >= weather.loss:
                delay = weather.delay[0] if flow.reliable else dice.uniform(*weather.delay)
                back = Flow(flow.transport, flow.remote, flow.local, flow.connection)
                self._push(self.now + delay, other, back, self.alter(data), None)
            if flow.reliable:
                break

    def _push(
        self, when: float, node: Node | None, flow: Flow | None, data: bytes, action: Callable[[], None] | None
    ) -> None:
        self._serial += 1
        heappush(self._queue, (when, self._serial, node, flow, data, action))

    # Convenience for stories.

    def call(
        self,
        *,
        transport: str = "UDP",
        body: bytes = OFFER,
        credentials: Credentials | None = None,
        terms: SessionTerms = PLAIN,
    ) -> InviteSession:
        """`a` calls `b`."""
        return self.a.stack.invite(
            uri=Uri.parse("sip:1001@192.0.2.2:5060"),
            from_=NameAddr.parse('"Alice" <sip:alice@192.0.2.1>'),
            to=NameAddr.parse("<sip:1001@192.0.2.2>"),
            contact=NameAddr.parse("<sip:192.0.2.1:5060>"),
            flow=self.a.flow_to(self.b, transport),
            body=body,
            now=self.now,
            credentials=credentials,
            terms=terms,
        )


def summary(data: bytes) -> str:
    """`INVITE`, or `180 INVITE` for a response."""
    head = data.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    if not head[0].startswith("SIP/2.0"):
        return head[0].split(" ")[0]
    method = next(line for line in head if line.startswith("CSeq:")).split(" ")[-1]
    return f"{head[0].split(' ')[1]} {method}"


def nothing_left(wire: Wire) -> list[str]:
    """What is still alive at either node; empty when all is well."""
    left = []
    for node in wire.nodes.values():
        statistics = node.stack.statistics
        for what in ("transactions", "lingering", "sessions", "timers"):
            number = getattr(statistics, what)
            if number:
                left.append(f"{node.name}: {number} {what}")
    return left
