"""A full agent: it checks the far end's candidates as the far end checks ours, and nominates when it is controlling."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from softswitch.webrtc.ice.agent import Agent
from softswitch.webrtc.ice.candidate import canonical, is_usable
from softswitch.webrtc.ice.pair import Pair
from softswitch.webrtc.ice.state import AgentInput, AgentState, PairInput, PairState, PathChanged
from softswitch.webrtc.ice.table import PAIR
from softswitch.webrtc.stun import ROLE_CONFLICT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.sdp.browser import IceCandidate, IceCredentials
    from softswitch.webrtc.ice.agent import Asked, Dice
    from softswitch.webrtc.ice.state import Pace
    from softswitch.webrtc.stun import Role, StunMessage

_UNDER_WAY = (PairState.FROZEN, PairState.WAITING, PairState.IN_PROGRESS)


class FullAgent(Agent):
    """RFC 8445 6.1.2 to 8.1, for one component and one socket."""

    def __init__(
        self,
        credentials: IceCredentials,
        announced: Sequence[IceCandidate],
        *,
        pace: Pace,
        dice: Dice,
    ) -> None:
        super().__init__(credentials, announced, pace=pace, dice=dice)
        self._queue: deque[Pair] = deque()
        """Triggered checks."""
        self._next_at = 0.0
        """When the next new check may go out (14.2)."""
        self._settles_at = float("inf")
        """When the controlling side stops waiting for a better pair."""

    def add_candidate(self, candidate: IceCandidate, now: float) -> None:
        """One of theirs, at once or later (RFC 8838)."""
        if not is_usable(candidate, self.announced):
            return
        remote = (canonical(candidate.address), candidate.port)
        known = self.pairs.get(remote)
        if known is not None:
            if not known.signalled:  # found before it was said (RFC 8445 7.3.1.3)
                known.signalled, known.remote_priority = True, candidate.priority
                known.foundation = candidate.foundation
            return
        pair = self._add(
            Pair(
                remote,
                foundation=candidate.foundation,
                local_priority=self.priority_towards(remote),
                remote_priority=candidate.priority,
                signalled=True,
            )
        )
        if pair is not None and self.state is AgentState.CONNECTED and self.selected is not None:
            self.step_pair(pair, PairInput.SETTLED, now)
        elif pair is not None and self._leads(pair):
            self.step_pair(pair, PairInput.THAW, now)
            if self.state is not AgentState.WAITING:
                self._check(now)

    def _leads(self, pair: Pair) -> bool:
        """Whether it is the one of its foundation that is checked first, or that is proven good (RFC 8838 12)."""
        others = [each for each in self.pairs.values() if each.foundation == pair.foundation and each is not pair]
        return all(each.state not in _UNDER_WAY for each in others)

    # What the tables ask for.

    def step_pair(self, pair: Pair, what: PairInput, now: float) -> None:
        """Take one row of the table; a pair without a row is one of IGNORED_BY_PAIR."""
        row = PAIR.get((pair.state, what))
        if row is not None:
            pair.state, action = row
            action(self, pair, now)

    def start_check(self, pair: Pair, now: float) -> None:
        """The first of up to `most_sent`."""
        pair.transaction = self.ask(pair, nominate=False)
        pair.sent = 1
        pair.due = now + self.pace.first_timeout
        self._next_at = now + self.pace.interval

    def enqueue(self, pair: Pair) -> None:
        """A triggered check."""
        if pair not in self._queue:
            self._queue.append(pair)

    def thaw(self, foundation: str, now: float) -> None:
        """RFC 8445 7.2.5.3.3."""
        for each in self.pairs.values():
            if each.foundation == foundation:
                self.step_pair(each, PairInput.THAW, now)

    # Requests of theirs.

    def _heard(self, pair: Pair, message: StunMessage, now: float) -> None:
        super()._heard(pair, message, now)
        if self.state is AgentState.WAITING:
            self.enqueue(pair)
            return
        self.step_pair(pair, PairInput.TRIGGERED, now)
        if pair.state is PairState.SUCCEEDED and self.obeys_nomination(pair, now):
            self.select(pair, now)
        self._check(now)

    def _take_role(self, role: Role, now: float) -> None:
        super()._take_role(role, now)
        self._settles_at = now if role == "controlling" and self.selected is None and self.path else float("inf")

    # Answers of theirs.

    def _answered(self, asked: Asked, now: float) -> None:
        pair = asked.pair
        self.step_pair(pair, PairInput.ANSWERED, now)
        if pair.state is not PairState.SUCCEEDED:
            return
        if asked.nominates and asked.role == self.role == "controlling" and pair is not self.selected:
            if self._may_replace(now):
                self.select(pair, now)
        elif self.obeys_nomination(pair, now):
            self.select(pair, now)
        if self.state is not AgentState.CONNECTED:
            self.step(AgentInput.VALID, now)
            return
        if pair is self.path:
            self.schedule_consent(now)
        if self.selected is None:
            self.use(max(self.valid_pairs(), key=self.rank), now)
            self._look_whether_settled(now)

    def _may_replace(self, now: float) -> bool:
        return self.selected is None or now - self.selected.answered_at > self.pace.doubt

    def _refused(self, asked: Asked, error: int | None, now: float) -> None:
        if error == ROLE_CONFLICT:
            if asked.role == self.role:
                self._take_role("controlled" if self.role == "controlling" else "controlling", now)
                self.take_new_tie_breaker()
            self.step_pair(asked.pair, PairInput.CONFLICT, now)
        else:
            super()._refused(asked, error, now)
            self.step_pair(asked.pair, PairInput.REFUSED, now)

    # The path.

    def begin(self, now: float) -> None:
        """RFC 8445 6.1.2, with the checks that came before the description did."""
        super().begin(now)
        early, self._queue = self._queue, deque()
        for pair in early:
            self.step_pair(pair, PairInput.TRIGGERED, now)
        self._check(now)

    def connected(self, now: float) -> None:
        """The best valid pair, until one is selected."""
        best = self.selected or max(self.valid_pairs(), key=self.rank)
        self.path = None
        self.use(best, now)
        self.schedule_consent(now)
        self._look_whether_settled(now)

    def use(self, pair: Pair, now: float) -> None:
        """Make it the path; once it is selected too, nothing else is tried of our own accord."""
        if pair is not self.path:
            self.path = pair
            if self.state is AgentState.CONNECTED:
                self.tell(PathChanged(pair.remote))
        if self.selected is pair:
            self._settles_at = float("inf")
            for each in self.pairs.values():
                if each not in self._queue:
                    self.step_pair(each, PairInput.SETTLED, now)

    def lost(self) -> None:
        """What was proven no longer is."""
        super().lost()
        self._settles_at = float("inf")
        for pair in self.pairs.values():
            self.step_pair(pair, PairInput.EXPIRED, 0.0)
            pair.nominations = 0

    def _look_whether_settled(self, now: float) -> None:
        """A controlling agent nominates the best pair when nothing better can come, or not soon."""
        path = self.path
        if self.role != "controlling" or self.selected is not None or path is None:
            return
        better = any(each.state in _UNDER_WAY and self.rank(each) > self.rank(path) for each in self.pairs.values())
        if not better:
            self._nominate(path, now)
        elif self._settles_at == float("inf"):
            self._settles_at = now + self.pace.patience

    def _nominate(self, pair: Pair, now: float) -> None:
        self._settles_at = float("inf")
        self.ask(pair, nominate=True)
        self.consent_due = now + self.pace.first_timeout

    # Time.

    def _expires_at(self) -> float:
        assert self.path is not None
        return self.path.answered_at + self.pace.consent_timeout

    def _confirm(self, now: float) -> None:
        """Ask whether we may go on sending. An answer puts the next one off; without, it is asked again soon, and then
        sooner, so that a few that are lost end no call. When nothing answers, other ways are looked for as well."""
        path = self.path
        assert path is not None
        controlling = self.role == "controlling"
        self.ask(path, nominate=controlling)
        silence = now - path.answered_at
        if silence > self.pace.doubt:
            others = sorted((each for each in self.valid_pairs() if each is not path), key=lambda each: -each.alive_at)
            for each in others[:2]:
                self.ask(each, nominate=controlling)
        overdue = silence > 1.5 * self.pace.consent_interval
        self.consent_due = now + self.pace.first_timeout * (0.5 if overdue else 1.0)

    def _check(self, now: float) -> None:
        if now >= self._settles_at and self.path is not None:
            self._nominate(self.path, now)
        for pair in [each for each in self.pairs.values() if each.state is PairState.IN_PROGRESS and now >= each.due]:
            self._repeat(pair, now)
        if now >= self._next_at:
            following = self._next_pair()
            if following is not None:
                self.step_pair(following, PairInput.CHECK, now)

    def _repeat(self, pair: Pair, now: float) -> None:
        """RFC 8489 6.2.1."""
        if pair.sent < self.pace.most_sent:
            self.send_check(pair, pair.transaction, nominate=False)
            pair.due = now + self.pace.first_timeout * 2**pair.sent
            pair.sent += 1
        else:
            self.transaction_ended(pair.transaction)
            self.step_pair(pair, PairInput.TIMED_OUT, now)
            self._look_whether_settled(now)

    def _next_pair(self) -> Pair | None:
        """RFC 8445 6.1.4.2: triggered, then the best that waits, then the best that is frozen."""
        while self._queue:
            pair = self._queue.popleft()
            if pair.state is PairState.WAITING and self.pairs.get(pair.remote) is pair:
                return pair
        for state in (PairState.WAITING, PairState.FROZEN):
            found = [each for each in self.pairs.values() if each.state is state]
            if found:
                return max(found, key=self.rank)
        return None

    def _next_check(self) -> float:
        due = self._settles_at
        for pair in self.pairs.values():
            if pair.state is PairState.IN_PROGRESS:
                due = min(due, pair.due)
            elif pair.state in (PairState.WAITING, PairState.FROZEN):
                due = min(due, self._next_at)
        return due
