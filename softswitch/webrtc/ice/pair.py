"""One candidate pair: an address of the far end, as seen from our one socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.webrtc.ice.state import PairState

if TYPE_CHECKING:
    from softswitch.webrtc.stun import Address


class Pair:
    """What is known of one way. `step` of the agent moves its state."""

    __slots__ = ("answered_at", "asked_by", "due", "foundation", "heard_at", "local_priority", "nominations", "remote",
                 "remote_priority", "sent", "signalled", "state", "transaction")  # fmt: skip

    def __init__(
        self, remote: Address, *, foundation: str, local_priority: int, remote_priority: int, signalled: bool
    ) -> None:
        self.remote = remote
        self.foundation = foundation
        self.local_priority = local_priority
        self.remote_priority = remote_priority
        self.signalled = signalled
        """Whether the far end said it has this candidate; else it was found where a check came from (prflx)."""
        self.state = PairState.FROZEN
        self.transaction = b""
        """Of the check that is repeated while IN_PROGRESS."""
        self.sent = 0
        """How often it was."""
        self.due = 0.0
        """When it is sent again, or given up."""
        self.answered_at = float("-inf")
        """When the far end last answered us from there."""
        self.heard_at = float("-inf")
        """When a check of the far end last came from there."""
        self.asked_by = b""
        """The transaction that last nominated it (USE-CANDIDATE)."""
        self.nominations = 0
        """How often it was, since another one was."""

    @property
    def alive_at(self) -> float:
        """When something proven came from there."""
        return max(self.answered_at, self.heard_at)

    def __repr__(self) -> str:
        return f"Pair({self.remote[0]}:{self.remote[1]} {self.state.name})"
