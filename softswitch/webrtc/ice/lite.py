"""A lite agent: it answers the browser's checks and goes where the browser nominates (RFC 8445 2.5).

Its only requests are asked in doubt, when a path has been silent for a while: the browser's checks come every two to
six seconds, too seldom to notice within that time that it is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.webrtc import stun
from softswitch.webrtc.ice.agent import Agent
from softswitch.webrtc.ice.state import AgentInput, AgentState, PathChanged

if TYPE_CHECKING:
    from softswitch.sdp.browser import IceCandidate
    from softswitch.webrtc.ice.agent import Asked
    from softswitch.webrtc.ice.pair import Pair
    from softswitch.webrtc.stun import StunMessage


class LiteAgent(Agent):
    """Always controlled; pairs are valid as far as the browser's checks say."""

    lite = True
    _said_at = float("-inf")
    """When we last sent something of our own accord."""

    def add_candidate(self, candidate: IceCandidate, now: float) -> None:
        """The browser comes to us, wherever from."""

    def _heard(self, pair: Pair, message: StunMessage, now: float) -> None:
        super()._heard(pair, message, now)
        if self.obeys_nomination(pair, now):
            self.select(pair, now)
            self.step(AgentInput.VALID, now)

    def begin(self, now: float) -> None:
        """The browser may have nominated already."""
        super().begin(now)
        if self.selected is not None:
            self.step(AgentInput.VALID, now)

    def connected(self, now: float) -> None:
        """Where the browser nominated."""
        assert self.selected is not None
        self.path = None
        self._said_at = now
        self.use(self.selected, now)
        self.schedule_consent(now)

    def use(self, pair: Pair, now: float) -> None:
        """Make it the path."""
        if pair is not self.path:
            self.path = pair
            if self.state is AgentState.CONNECTED:
                self.tell(PathChanged(pair.remote))

    def alive(self, now: float) -> None:
        """Media counts as a sign of life: there is nobody else who could have sent it."""
        if self.path is not None:
            self.path.heard_at = now

    def lost(self) -> None:
        """Nominations begin anew."""
        super().lost()
        for pair in self.pairs.values():
            pair.nominations = 0

    def _answered(self, asked: Asked, now: float) -> None:
        """As good as a check of theirs."""

    def _expires_at(self) -> float:
        assert self.path is not None
        return self.path.alive_at + self.pace.consent_timeout

    def _confirm(self, now: float) -> None:
        path = self.path
        assert path is not None
        if now - path.alive_at > self.pace.doubt:
            self.ask(path, nominate=False)
            self._said_at = now
        elif now - self._said_at > self.pace.keepalive:
            self.send(stun.indication(self.fresh_transaction()), path)
            self._said_at = now
        self.schedule_consent(now)
