"""Whatever comes, in whatever order: the stack raises nothing, and in the end nothing of it is left."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import Ended, InviteReceived, OfferReceived
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request, parse_message
from softswitch.sip.session import probe
from softswitch.sip.session.terms import PLAIN, SessionTerms, TimerTerms
from softswitch.sip.uri import Uri
from tests.support.stage import TCP, UDP, Stage
from tests.support.wire import ANSWER, OFFER

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession

METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK", "REGISTER", "REFER", "FOO")
STATUSES = (100, 180, 183, 199, 200, 202, 302, 401, 407, 408, 422, 481, 486, 487, 491, 503, 603)
TERMS = (PLAIN, SessionTerms("supported", TimerTerms(90)), SessionTerms("required"), SessionTerms("off", TimerTerms()))
HEADERS = (
    "Require: 100rel\r\n",
    "RSeq: {small}\r\n",
    "RAck: {small} {small} INVITE\r\n",
    "RAck: {large} x\r\n",
    "Supported: timer, 100rel\r\n",
    "Allow: INVITE, ACK, UPDATE\r\n",
    "Session-Expires: {large};refresher=uac\r\n",
    "Session-Expires: {small};refresher=uas;;=\r\n",
    "Min-SE: {large}\r\n",
    "Retry-After: {large} (;\r\n",
)
VERBS = (
    "ring",
    "describe",
    "ask",
    "accept",
    "reject",
    "hangup",
    "reinvite",
    "accept_reinvite",
    "reject_reinvite",
    "ack",
)


class Chaos:
    """A far end without manners and an application without a plan, both from one dice."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.stage = Stage(self.dice.choice((UDP, UDP, TCP)))
        self.sessions: list[InviteSession] = []
        self.events: list[object] = []
        self.ours: list[bytes] = []
        self.theirs: list[bytes] = []
        self.number = 0

    def play(self, steps: int) -> None:
        for _ in range(steps):
            self.dice.choice(
                (self.call, self.verb, self.verb, self.hear, self.hear, self.answer, self.answer, self.again, self.time)
            )()
            self.look()
        for session in self.sessions:
            session.hangup(self.stage.now)
            self.look()

    def look(self) -> None:
        for _, data in self.stage.stack.to_send():
            if not data.startswith((b"SIP/2.0 4", b"SIP/2.0 5")):  # a refusal repeats the headers it refuses
                parse_message(data)
                self.ours.append(data)
        for event in self.stage.events():
            self.events.append(event)
            if isinstance(event, InviteReceived):
                self.sessions.append(event.session)
                event.session.admit(self.dice.choice(TERMS), self.stage.now)
            elif isinstance(event, OfferReceived) and self.dice.random() < 0.5:
                event.session.accept_reinvite(ANSWER, self.stage.now)

    def call(self) -> None:
        if len(self.sessions) < 3:
            session = self.stage.stack.invite(
                uri=Uri.parse("sip:callee@198.51.100.7"),
                from_=NameAddr.parse("<sip:us@192.0.2.1>"),
                to=NameAddr.parse("<sip:callee@198.51.100.7>"),
                contact=NameAddr.parse("<sip:192.0.2.1>"),
                flow=self.stage.flow,
                body=self.dice.choice((OFFER, b"")),
                now=self.stage.now,
                terms=self.dice.choice(TERMS),
            )
            self.sessions.append(session)

    def verb(self) -> None:
        if not self.sessions:
            return
        session, now = self.dice.choice(self.sessions), self.stage.now
        try:
            match self.dice.choice(VERBS):
                case "ring":
                    session.ring(now)
                case "describe":
                    session.ring(now, 183, body=ANSWER)
                case "ask":
                    probe.ask(session, now)
                case "accept":
                    session.accept(ANSWER, now)
                case "reject":
                    session.reject(486, now)
                case "hangup":
                    session.hangup(now)
                case "reinvite":
                    session.reinvite(OFFER, now)
                case "accept_reinvite":
                    session.accept_reinvite(ANSWER, now)
                case "reject_reinvite":
                    session.reject_reinvite(488, now)
                case _:
                    session.ack(ANSWER, now)
        except LocalProtocolError:
            pass

    def hear(self) -> None:
        dice = self.dice
        how: dict[str, object] = {
            "cseq": dice.randrange(1, 9),
            "body": dice.choice((OFFER, b"")),
            "branch": f"z9hG4bK{dice.randrange(9)}",
            "headers": "".join(self.some_headers()),
        }
        if self.sessions and dice.random() < 0.8:
            session = dice.choice(self.sessions)
            how |= {"to_tag": session.local_tag, "from_tag": session.remote_tag or "callee", "call_id": session.call_id}
        else:
            how["call_id"] = f"new{dice.randrange(3)}"
        data = self.stage.request(dice.choice(METHODS), **how)  # type: ignore[arg-type]
        self.theirs.append(data)
        self.stage.hear(data)

    def some_headers(self) -> list[str]:
        small, large = self.dice.randrange(1, 9), self.dice.choice((0, 89, 90, 120, 2**31, 2**40))
        return [line.format(small=small, large=large) for line in self.dice.sample(HEADERS, self.dice.randrange(4))]

    def answer(self) -> None:
        requests = [message for message in map(parse_message, self.ours[-12:]) if isinstance(message, Request)]
        if requests:
            tag = self.dice.choice(("callee", "callee", "them", "fork"))
            pairs = [line.rstrip().split(": ", 1) for line in self.some_headers()]
            self.stage.answer(
                self.dice.choice(requests),
                self.dice.choice(STATUSES),
                tag=tag,
                body=self.dice.choice((ANSWER, b"")),
                headers=tuple((name, value) for name, value in pairs),
            )

    def again(self) -> None:
        if self.theirs:
            data = bytearray(self.dice.choice(self.theirs))
            if self.dice.random() < 0.5:
                for _ in range(self.dice.randrange(1, 4)):
                    data[self.dice.randrange(len(data))] = self.dice.randrange(256)
            self.stage.hear(bytes(data))

    def time(self) -> None:
        self.stage.now += self.dice.choice((0.0, 0.1, 0.5, 3.0, 33.0))
        if self.dice.random() < 0.1:
            self.stage.stack.transport_failed(self.stage.flow, self.stage.now)
        self.stage.stack.handle_timers(self.stage.now)


@given(st.integers(0, 2**32), st.integers(1, 60))
@settings(max_examples=400, deadline=None)
def test_chaos_leaves_nothing_behind(seed: int, steps: int) -> None:
    chaos = Chaos(seed)
    chaos.play(steps)
    while (due := chaos.stage.stack.next_timer()) is not None:
        chaos.stage.now = max(due, chaos.stage.now)
        chaos.stage.stack.handle_timers(chaos.stage.now)
        chaos.look()
        for session in chaos.sessions:
            session.hangup(chaos.stage.now)
    chaos.look()
    left = chaos.stage.stack.statistics
    assert (left.sessions, left.transactions, left.lingering, left.timers) == (0, 0, 0, 0)
    assert not chaos.stage.stack._core.layer.merge_keys
    for session in chaos.sessions:
        mine = [event for event in chaos.events if getattr(event, "session", None) is session]
        assert [type(event) for event in mine].count(Ended) == 1
        assert type(mine[-1]) is Ended


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_datagram_is_survived(data: bytes) -> None:
    stage = Stage()
    stage.hear(data)


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6), st.sampled_from(METHODS))
@settings(max_examples=500, deadline=None)
def test_any_damage_to_a_request_is_survived(damage: list[tuple[int, int]], method: str) -> None:
    stage = Stage()
    session = stage.called_up()
    data = bytearray(
        stage.request(
            method,
            cseq=5,
            to_tag=session.local_tag,
            body=OFFER,
            headers="Record-Route: <sip:p;lr>\r\nReason: Q.850;cause=16\r\n",
        )
    )
    for position, octet in damage:
        data[position % len(data)] = octet
    stage.hear(bytes(data))
    for _, sent in stage.stack.to_send():
        assert sent.startswith(b"SIP/2.0 ")
