"""What full and lite agents have in common: checks of the far end are proven and answered, consent is watched.

Sans-IO: `receive`, `set_remote`, `add_candidate`, `handle_timers` in; `to_send`, `next_news` and `next_timer` out. One
agent is one generation of credentials; a restart (RFC 8445 9) is another agent beside it.

Nobody who does not know our password gets an answer, nor makes us send or keep anything: what cannot prove itself is
counted and dropped, in place of RFC 8489's 401, which would tell strangers that somebody is here.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from softswitch.webrtc import stun
from softswitch.webrtc.ice.candidate import may_be_sent_to, pair_priority, priority
from softswitch.webrtc.ice.pair import Pair
from softswitch.webrtc.ice.state import AgentInput, AgentState, IceCounters, PairState
from softswitch.webrtc.ice.table import AGENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from softswitch.sdp.browser import IceCandidate, IceCredentials
    from softswitch.webrtc.ice.state import IceNews, Pace
    from softswitch.webrtc.stun import Address, Role, StunMessage

MOST_PAIRS: Final = 24
"""A browser on a machine with many interfaces and tunnels has a dozen candidates."""
MOST_ASKED: Final = 64
"""Transactions whose answers are awaited."""
MOST_SEEN: Final = 64
"""Requests remembered, against those that are sent again from elsewhere."""


class Dice(Protocol):
    """Randomness, from outside."""

    def transaction(self) -> bytes:
        """12 octets nobody can guess."""

    def tie_breaker(self) -> int:
        """64 bits."""

    def spread(self) -> float:
        """From 0 to 1."""


class Asked(NamedTuple):
    """A request of ours that awaits its answer."""

    pair: Pair
    role: Role
    nominates: bool


class Agent:
    """One generation. Use `FullAgent` or `LiteAgent`."""

    lite = False

    def __init__(
        self,
        credentials: IceCredentials,
        announced: Sequence[IceCandidate],
        *,
        pace: Pace,
        dice: Dice,
    ) -> None:
        """`announced`: our candidates."""
        self.credentials = credentials
        self.announced = announced
        self.pace = pace
        self.counters = IceCounters()
        self.state = AgentState.WAITING
        self.role: Role = "controlled"
        """Known with the far end; until then no check of theirs is in conflict with it."""
        self.remote: IceCredentials | None = None
        self.path: Pair | None = None
        """Where media goes: the selected pair, and before that the best one that is valid."""
        self.selected: Pair | None = None
        self.pairs: dict[Address, Pair] = {}
        self.complete = False
        """The far end has no more candidates to say."""
        self.mapped: set[Address] = set()
        """Where the far end sees us (peer-reflexive candidates of ours), as far as it is not where we say we are."""
        self._dice = dice
        self._fragment = credentials.fragment.encode("ascii")
        self._key = credentials.password.encode("ascii")
        self._remote_key = b""
        self._username = b""
        self._tie_breaker = dice.tie_breaker()
        self._out: deque[tuple[bytes, Address]] = deque()
        self._news: deque[IceNews] = deque()
        self._asked: dict[bytes, Asked] = {}
        self._seen: dict[bytes, Address] = {}
        self._nominated: Pair | None = None
        """By the far end, last."""
        self.consent_due = float("inf")
        self.deadline = float("inf")

    # Out.

    def to_send(self) -> Iterator[tuple[bytes, Address]]:
        """Datagrams, and where to."""
        out = self._out
        while out:
            yield out.popleft()

    def next_news(self) -> IceNews | None:
        """The next thing that happened; None: nothing more."""
        return self._news.popleft() if self._news else None

    def next_timer(self) -> float | None:
        """When `handle_timers` wants to be called."""
        match self.state:
            case AgentState.CHECKING:
                return min(self.deadline, self._next_check())
            case AgentState.CONNECTED:
                return min(self.consent_due, self._expires_at(), self._next_check())
            case AgentState.LOST:
                due = self._next_check()
                return None if due == float("inf") else due
            case _:
                return None

    def validated(self, source: Address) -> bool:
        """Whether this is an address whose owner has proven to be the far end, and to be there."""
        pair = self.pairs.get(source)
        return pair is not None and (pair.state is PairState.SUCCEEDED or pair is self.path)

    def has_heard(self, source: Address) -> bool:
        """Whether a check of the far end came from there."""
        pair = self.pairs.get(source)
        return pair is not None and pair.alive_at > float("-inf")

    # In.

    def set_remote(self, credentials: IceCredentials, *, lite: bool, controlling: bool, now: float) -> None:
        """What the far end's description says; its candidates come by `add_candidate`.

        `controlling`: we are, unless both sides say so, or one of us is lite (RFC 8445 6.1.1).
        """
        if self.remote is not None:
            return
        self.remote = credentials
        self._remote_key = credentials.password.encode("ascii")
        self._username = f"{credentials.fragment}:{self.credentials.fragment}".encode("ascii")
        self.role = "controlling" if (controlling or lite) and not self.lite else "controlled"
        self.step(AgentInput.REMOTE, now)

    def add_candidate(self, candidate: IceCandidate, now: float) -> None:
        """One of theirs, at once or later (RFC 8838)."""
        raise NotImplementedError

    def end_of_candidates(self) -> None:
        """There will be no more (RFC 8838 13)."""
        self.complete = True

    def concerns(self, message: StunMessage) -> bool:
        """Whether a message is for this generation: a request by its fragments, an answer by its transaction."""
        if message.kind == stun.REQUEST:
            return self._is_between_us(message.username)
        return message.transaction in self._asked

    def receive(self, message: StunMessage, source: Address, now: float) -> None:
        """A whole STUN message, from anybody. What does not concern us is counted."""
        if message.kind == stun.REQUEST:
            self._request(message, source, now)
        elif message.kind != stun.INDICATION:
            self._response(message, source, now)

    def handle_timers(self, now: float) -> None:
        """Do what is due."""
        if self.state is AgentState.CHECKING and now >= self.deadline:
            self.step(AgentInput.DEADLINE, now)
        elif self.state is AgentState.CONNECTED:
            if now >= self._expires_at():
                self.step(AgentInput.EXPIRED, now)
            elif now >= self.consent_due:
                self._confirm(now)
        if self.state in (AgentState.CHECKING, AgentState.CONNECTED, AgentState.LOST):
            self._check(now)

    def alive(self, now: float) -> None:
        """Something that only the far end can send (authentic media) has come along the path."""

    def close(self) -> None:
        """Stop, without a word: media ends with it."""
        self.step(AgentInput.CLOSE, 0.0)
        self.pairs.clear()
        self._news.clear()

    def step(self, what: AgentInput, now: float) -> None:
        """Take one row of the table; a pair without a row is one of IGNORED_BY_AGENT."""
        row = AGENT.get((self.state, what))
        if row is not None:
            self.state, action = row
            action(self, now)

    # Requests of theirs.

    def _request(self, message: StunMessage, source: Address, now: float) -> None:
        if not self._is_between_us(message.username):
            self.counters.stranger += 1
        elif not message.proves(self._key):
            self.counters.forged += 1
        elif self._seen.get(message.transaction, source) != source:
            self.counters.replayed += 1
        elif source not in self.pairs and not may_be_sent_to(source, self.announced):
            self.counters.stranger += 1
        elif message.unknown:
            self._refuse(message, source, stun.UNKNOWN_ATTRIBUTE)
        elif message.priority is None or message.priority >> 31 != 0 or message.role is None:
            self._refuse(message, source, stun.BAD_REQUEST)
        elif not self._settle_roles(message, now):
            self._refuse(message, source, stun.ROLE_CONFLICT)
        elif self.state not in (AgentState.FAILED, AgentState.CLOSED):
            self._remember(message.transaction, source)
            self._out.append((stun.success(message, source, self._key), source))
            pair = self.pairs.get(source) or self._found(source, message.priority)
            if pair is not None:
                self._heard(pair, message, now)

    def _is_between_us(self, username: bytes | None) -> bool:
        if username is None:
            return False
        ours, colon, theirs = username.partition(b":")
        known = self.remote is None or theirs.decode("ascii", "replace") == self.remote.fragment
        return bool(colon) and ours == self._fragment and known

    def _remember(self, transaction: bytes, source: Address) -> None:
        seen = self._seen
        if len(seen) >= MOST_SEEN:
            del seen[next(iter(seen))]
        seen[transaction] = source

    def _refuse(self, message: StunMessage, source: Address, error: int) -> None:
        self.counters.refused += 1
        self._out.append((stun.failure(message, error, self._key), source))

    def _settle_roles(self, message: StunMessage, now: float) -> bool:
        """RFC 8445 7.3.1.1. False: they have to change theirs."""
        if message.role != self.role or self.state is AgentState.WAITING:
            return True
        ours_wins = self._tie_breaker >= message.tie_breaker
        keep = ours_wins if self.role == "controlling" else not ours_wins
        if keep or self.lite:
            return False
        self._take_role("controlled" if self.role == "controlling" else "controlling", now)
        return True

    def _take_role(self, role: Role, now: float) -> None:
        self.role = role

    def _found(self, source: Address, their_priority: int) -> Pair | None:
        """A candidate nobody told us of (7.3.1.3)."""
        return self._add(Pair(source, foundation=f"{source[0]} prflx", local_priority=self.priority_towards(source),
                              remote_priority=their_priority, signalled=False))  # fmt: skip

    def _add(self, pair: Pair) -> Pair | None:
        """Keep it, if need be in place of one that has not been of use for longest. None: there is no room."""
        if len(self.pairs) >= MOST_PAIRS:
            spare = [each for each in self.pairs.values() if each not in (self.path, self.selected)]
            given_up = [each for each in spare if each.state is PairState.FAILED or not each.signalled]
            if not given_up or (pair.signalled and all(each.signalled for each in given_up)):
                self.counters.excess += 1
                return None
            self._drop(min(given_up, key=lambda each: (each.state is not PairState.FAILED, each.alive_at)))
        self.pairs[pair.remote] = pair
        return pair

    def _drop(self, pair: Pair) -> None:
        del self.pairs[pair.remote]
        for transaction in [key for key, asked in self._asked.items() if asked.pair is pair]:
            del self._asked[transaction]

    def _heard(self, pair: Pair, message: StunMessage, now: float) -> None:
        """A proven check of theirs came this way, and has been answered."""
        pair.heard_at = now
        if message.use_candidate and pair.asked_by != message.transaction:
            pair.asked_by = message.transaction
            pair.nominations = pair.nominations + 1 if self._nominated is pair else 1
            self._nominated = pair

    # Pairs and paths.

    def priority_towards(self, source: Address, kind: str = "host") -> int:
        """That of our candidate of the same family; as it were if it was peer-reflexive, for PRIORITY (7.1.1)."""
        family = ":" in source[0]
        for each in self.announced:
            if (":" in each.address) == family:
                return priority(kind, each.priority >> 8 & 0xFFFF)
        return priority(kind)

    def rank(self, pair: Pair) -> int:
        """RFC 8445 6.1.2.3."""
        if self.role == "controlling":
            return pair_priority(pair.local_priority, pair.remote_priority)
        return pair_priority(pair.remote_priority, pair.local_priority)

    def valid_pairs(self) -> Iterable[Pair]:
        """Those that are proven."""
        return (pair for pair in self.pairs.values() if pair.state is PairState.SUCCEEDED)

    def obeys_nomination(self, pair: Pair, now: float) -> bool:
        """Whether a valid pair that the controlling side nominated is to replace the selected one.

        With aggressive nomination several are nominated and the best counts (RFC 5245 8.1.1.2). Browsers nominate anew
        when their network changes, whatever the priorities: then it is the one they nominate again and again, while
        nothing more comes or is answered on the old one.
        """
        current = self.selected
        if self.role == "controlling" or not pair.nominations or current is pair:
            return False
        if current is None or self.rank(pair) > self.rank(current):
            return True
        return pair.nominations > 1 or now - current.alive_at > self.pace.doubt

    def select(self, pair: Pair, now: float) -> None:
        """Nominated and valid: media goes here."""
        self.selected = pair
        self.use(pair, now)

    def use(self, pair: Pair, now: float) -> None:
        """Make it the path."""
        raise NotImplementedError

    def tell(self, news: IceNews) -> None:
        """To whoever asks for news."""
        self._news.append(news)

    # Requests of ours.

    def ask(self, pair: Pair, *, nominate: bool) -> bytes:
        """Send a check, with a transaction of its own."""
        transaction = self._dice.transaction()
        if len(self._asked) >= MOST_ASKED:
            del self._asked[next(iter(self._asked))]
        self._asked[transaction] = Asked(pair, self.role, nominate)
        self.send_check(pair, transaction, nominate=nominate)
        return transaction

    def send_check(self, pair: Pair, transaction: bytes, *, nominate: bool) -> None:
        """Send, or repeat, a check."""
        data = stun.request(
            transaction,
            self._remote_key,
            username=self._username,
            priority=self.priority_towards(pair.remote, "prflx"),
            role=self.role,
            tie_breaker=self._tie_breaker,
            nominate=nominate,
        )
        self._out.append((data, pair.remote))

    def _response(self, message: StunMessage, source: Address, now: float) -> None:
        asked = self._asked.get(message.transaction)
        if asked is None:
            self.counters.unexpected += 1
        elif not message.proves(self._remote_key):
            self.counters.forged += 1
        elif source != asked.pair.remote:
            self.counters.unexpected += 1  # 7.2.5.2.1: it is repeated until it times out, the right answer may yet come
        else:
            del self._asked[message.transaction]
            if message.kind == stun.SUCCESS:
                if message.mapped is not None and len(self.mapped) < MOST_PAIRS:
                    self._learn(message.mapped)
                asked.pair.answered_at = now
                self._answered(asked, now)
            else:
                self._refused(asked, message.error, now)

    def _learn(self, mapped: Address) -> None:
        if not any(mapped == (each.address, each.port) for each in self.announced):
            self.mapped.add(mapped)

    def _answered(self, asked: Asked, now: float) -> None:
        """They answered from where they were asked."""
        raise NotImplementedError

    def _refused(self, asked: Asked, error: int | None, now: float) -> None:
        """They answered with an error."""
        if error == stun.FORBIDDEN and asked.pair is self.path:
            self.step(AgentInput.REVOKED, now)

    # Time.

    def schedule_consent(self, now: float) -> None:
        """When to ask again whether we may send (RFC 7675 5.1)."""
        self.consent_due = now + self.pace.consent_interval * (0.8 + 0.4 * self._dice.spread())

    def begin(self, now: float) -> None:
        """The far end is known."""
        self.deadline = now + self.pace.connect

    def connected(self, now: float) -> None:
        """There is a path."""
        raise NotImplementedError

    def lost(self) -> None:
        """There is none any more."""
        self.path = self.selected = self._nominated = None
        self.consent_due = float("inf")

    def transaction_ended(self, transaction: bytes) -> None:
        """Nobody waits for its answer any more."""
        self._asked.pop(transaction, None)

    def fresh_transaction(self) -> bytes:
        """For what is not answered."""
        return self._dice.transaction()

    def send(self, data: bytes, pair: Pair) -> None:
        """Anything else."""
        self._out.append((data, pair.remote))

    def _expires_at(self) -> float:
        raise NotImplementedError

    def _confirm(self, now: float) -> None:
        """Consent is due."""
        raise NotImplementedError

    def _check(self, now: float) -> None:
        """Checks that are due."""

    def _next_check(self) -> float:
        return float("inf")

    def take_new_tie_breaker(self) -> None:
        """After 487 (7.2.5.1)."""
        self._tie_breaker = self._dice.tie_breaker()
