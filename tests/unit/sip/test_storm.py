"""Whole calls over a bad network, by seed: whatever is lost or overtaken, every session ends once and cleanly."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.events import Answered, Ended, InviteReceived, OfferReceived
from tests.support.wire import ANSWER, OFFER, STORM, Node, Wire, nothing_left

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.session.session import InviteSession

SEEDS = 600


class Caprice:
    """An application that does anything an application may do, at any time."""

    def __init__(self, wire: Wire, seed: int) -> None:
        self.wire = wire
        self.dice = random.Random(seed)
        self.late_offers = self.dice.random() < 0.2
        self.haste = self.dice.choice((0.05, 1.0, 1.0))
        if self.dice.random() < 0.3:
            # The line goes dead, for a while or for good.
            start = wire.now + self.dice.uniform(0, 60)
            end = start + self.dice.choice((5.0, 40.0, 1e9))
            wire.drop = lambda node, data: start <= wire.now < end
        for node in (wire.a, wire.b):
            node.on_event = self.on_event

    def some_time(self, longest: float) -> float:
        return round(self.dice.uniform(0, longest), 2)

    def soon(self, action: Callable[[], None], longest: float = 8.0) -> None:
        self.wire.at(self.some_time(longest * self.haste), action)

    def start(self) -> None:
        transport = "TCP" if self.dice.random() < 0.2 else "UDP"
        session = self.wire.call(transport=transport, body=b"" if self.late_offers else OFFER)
        self.live(session)

    def live(self, session: InviteSession) -> None:
        wire, dice = self.wire, self.dice
        for _ in range(dice.randrange(3)):
            self.soon(lambda: self.modify(session), 30)
        if dice.random() < 0.7:
            self.soon(lambda: session.hangup(wire.now), 40)
        wire.at(60, lambda: session.hangup(wire.now))

    def modify(self, session: InviteSession) -> None:
        modification = session.modification
        if modification is None or modification._wanted is None:
            session.reinvite(OFFER, self.wire.now)

    def on_event(self, event: object, now: float) -> None:
        wire, dice = self.wire, self.dice
        if isinstance(event, InviteReceived):
            session = event.session
            for _ in range(dice.randrange(3)):
                self.soon(lambda: session.ring(wire.now, dice.choice((180, 183))))
            fate = dice.random()
            if fate < 0.7:
                self.soon(lambda: session.accept(ANSWER, wire.now))
            elif fate < 0.9:
                self.soon(lambda: session.reject(dice.choice((302, 404, 486, 603)), wire.now))
            self.live(session)
        elif isinstance(event, Answered) and self.late_offers and event.session.role == "uac":
            if dice.random() < 0.8:
                self.soon(lambda: event.session.ack(ANSWER, wire.now), 1)
        elif isinstance(event, OfferReceived):
            fate = dice.random()
            if fate < 0.6:
                self.soon(lambda: event.session.accept_reinvite(ANSWER, wire.now), 2)
            elif fate < 0.9:
                self.soon(lambda: event.session.reject_reinvite(488, wire.now), 2)


def check_endings(node: Node) -> None:
    sessions = {id(event.session): event.session for event in node.events if hasattr(event, "session")}
    for session in sessions.values():
        mine = [event for event in node.events if getattr(event, "session", None) is session]
        assert [type(event) is Ended for event in mine].count(True) == 1, (node.name, mine)
        assert type(mine[-1]) is Ended, (node.name, mine)


@pytest.mark.parametrize("block", range(10))
def test_every_session_ends_once_and_nothing_stays(block: int) -> None:
    for seed in range(block * SEEDS // 10, (block + 1) * SEEDS // 10):
        wire = Wire(seed, STORM)
        caprice = Caprice(wire, seed)
        for _ in range(2):
            caprice.soon(caprice.start)
        wire.run()
        for node in (wire.a, wire.b):
            check_endings(node)
        assert nothing_left(wire) == [], seed
