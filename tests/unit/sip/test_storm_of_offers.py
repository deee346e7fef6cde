"""Calls with everything that RFC 3262, 3311 and 4028 add, over a bad network, by seed.

Every SDP has a number, and every answer says which offer it answers: whatever is lost or overtaken, an answer that is
heard belongs to the offer that is open, every session ends once, and nothing of it stays.
"""

from __future__ import annotations

import random
import re
from itertools import count
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.events import (
    Answered,
    Ended,
    Established,
    Event,
    InviteReceived,
    OfferAnswered,
    OfferReceived,
    OfferRefused,
    Progressed,
    RefreshDue,
)
from softswitch.sip.session.terms import Refresher, Reliable, SessionTerms, TimerTerms
from tests.support.wire import ANSWER, OFFER, STORM, Wire, nothing_left
from tests.unit.sip.test_storm import check_endings

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.session.session import InviteSession

BLOCKS, SEEDS = 8, 30
LIFE = 250.0
"""Seconds, in which sessions of 90 s are refreshed several times."""
CALLERS: tuple[Reliable, ...] = ("supported", "supported", "required")
CALLEES: tuple[Reliable, ...] = ("off", "supported", "supported", "required")
REFRESHERS: tuple[Refresher, ...] = ("auto", "us", "them")


class Party:
    """One end of one session: what it has said, and what it waits for."""

    def __init__(self, session: InviteSession, storm: Storm) -> None:
        self.session = session
        self.storm = storm
        self.offered: set[int] = set()
        """Our offers that are open, and the one that is held until it is its turn."""
        self.change: int | None = None
        """That of our `reinvite`."""
        self.first: bytes = b""
        """What our first response with SDP said: the same goes for all of them."""

    def offer(self) -> bytes:
        number = next(self.storm.numbers)
        self.offered.add(number)
        return OFFER + b"a=offer:%d\r\n" % number

    def answer(self, offer: bytes) -> bytes:
        found = re.search(rb"a=offer:(\d+)", offer)
        assert found is not None, offer
        return ANSWER + b"a=answers:%s\r\n" % found[1]

    def take_answer(self, body: bytes, *, final: bool) -> None:
        found = re.search(rb"a=answers:(\d+)", body)
        assert found is not None, body
        number = int(found[1])
        assert number in self.offered, (self.storm.seed, self.session, body)
        if final:
            self.offered.remove(number)
        if number == self.change:
            self.change = None


class Storm:
    """Both applications, each of which does anything it may do at any time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.wire = Wire(seed, STORM)
        self.dice = random.Random(seed)
        self.numbers = count(1)
        self.parties: dict[int, Party] = {}
        self.late = self.dice.random() < 0.3
        self.terms = [
            SessionTerms(self.dice.choice(CALLERS), TimerTerms(90, 90, self.dice.choice(REFRESHERS))),
            SessionTerms(self.dice.choice(CALLEES), TimerTerms(90, 90)),
        ]
        if self.dice.random() < 0.2:
            start = self.wire.now + self.dice.uniform(0, LIFE)
            self.wire.drop = lambda node, data: self.wire.now >= start  # the line goes dead
        if self.dice.random() < 0.3:
            self.wire.alter = lambda data: data.replace(b"PRACK, UPDATE", b"PRACK")  # nobody is said to take UPDATE
        self.wire.a.on_event = self.wire.b.on_event = self.on_event

    def party(self, session: InviteSession) -> Party:
        return self.parties.setdefault(id(session), Party(session, self))

    def soon(self, action: Callable[[], None], longest: float) -> None:
        self.wire.at(round(self.dice.uniform(0, longest), 2), action)

    def start(self) -> None:
        number = next(self.numbers)
        body = b"" if self.late else OFFER + b"a=offer:%d\r\n" % number
        session = self.wire.call(body=body, terms=self.terms[0])
        self.party(session).offered.add(number)
        self.live(session)

    def live(self, session: InviteSession) -> None:
        for _ in range(self.dice.randrange(4)):
            self.soon(lambda: self.change(session), self.dice.choice((10, LIFE)))
        if self.dice.random() < 0.4:
            self.soon(lambda: session.hangup(self.wire.now), LIFE)
        self.wire.at(LIFE, lambda: session.hangup(self.wire.now))

    def change(self, session: InviteSession) -> None:
        """Offer something else, in the early dialog too, if this party has no offer open."""
        party = self.party(session)
        modification = session.modification
        if party.change is None and (modification is None or modification._wanted is None):
            body = party.offer()
            party.change = max(party.offered)
            session.reinvite(body, self.wire.now)

    def ring(self, session: InviteSession, offer: bytes) -> None:
        described = session.wants_offer or (session.can_describe and self.dice.random() < 0.6)
        body = self.description(session, offer) if described else b""
        session.ring(self.wire.now, self.dice.choice((180, 183)), body=body)

    def description(self, session: InviteSession, offer: bytes) -> bytes:
        party = self.party(session)
        party.first = party.first or (party.answer(offer) if offer else party.offer())
        return party.first

    def on_event(self, event: Event, now: float) -> None:
        dice = self.dice
        if isinstance(event, InviteReceived):
            session, offer = event.session, event.request.body
            if not session.admit(self.terms[1], now):
                return
            for _ in range(dice.randrange(4)):
                self.soon(lambda: self.ring(session, offer), 8)
            fate = dice.random()
            if fate < 0.8:
                self.soon(lambda: session.accept(self.description(session, offer), self.wire.now), 12)
            elif fate < 0.9:
                self.soon(lambda: session.reject(dice.choice((404, 486, 603)), self.wire.now), 12)
            self.live(session)
        elif isinstance(event, Progressed | Answered | Established | OfferAnswered):
            self.answered(event)
        elif isinstance(event, OfferReceived):
            session, body = event.session, event.body
            if dice.random() < 0.7:
                answer = self.party(session).answer(body)
                self.soon(lambda: session.accept_reinvite(answer, self.wire.now), 0.5)
            else:
                session.reject_reinvite(488, now)
        elif isinstance(event, OfferRefused):
            party = self.party(event.session)
            assert party.change is not None
            party.offered.remove(party.change)
            party.change = None
        elif isinstance(event, RefreshDue):
            self.change(event.session)

    def answered(self, event: Progressed | Answered | Established | OfferAnswered) -> None:
        session, body = event.session, event.body
        party = self.party(session)
        if b"a=offer" in body:
            # Theirs, to an INVITE of ours without one.
            answer = party.answer(body)
            self.soon(lambda: session.ack(answer, self.wire.now), 1)
        elif body:
            party.take_answer(body, final=not isinstance(event, Progressed))

    def run(self) -> None:
        for _ in range(2):
            self.soon(self.start, 5)
        self.wire.run()


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_answer_belongs_to_its_offer_and_nothing_stays(block: int) -> None:
    for seed in range(block * SEEDS, (block + 1) * SEEDS):
        storm = Storm(seed)
        storm.run()
        for node in (storm.wire.a, storm.wire.b):
            check_endings(node)
        assert nothing_left(storm.wire) == [], seed


def test_the_storm_reaches_what_it_is_about() -> None:
    """Else nothing above would be proved."""
    seen: set[str] = set()
    for seed in range(SEEDS):
        storm = Storm(seed)
        storm.run()
        for node in (storm.wire.a, storm.wire.b):
            seen.update(node.lines())
            seen.update(type(event).__name__ for event in node.events)
            seen.update(str(event.status) for event in node.events if isinstance(event, Ended))
    wanted = {"PRACK", "200 PRACK", "UPDATE", "200 UPDATE", "491 UPDATE", "RefreshDue", "504", "408"}
    assert wanted <= seen
