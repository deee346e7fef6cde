"""The branches of one INVITE of ours that a proxy has forked, and whose early media is heard.

Each branch that answers with a To tag of its own is an early dialog (RFC 3261 13.2.2.4) and may describe media of its
own. Only one can be heard at our one port: the branch that described itself last (RFC 3960 3.2 leaves the choice to
us). Forking in sequence, a forwarded call, is so followed from one branch to the next; repetitions of what a branch has
said already (13.3.1.1) do not make anybody change back.

Offer and answer have a state of their own in each early dialog (RFC 6337 3.1): that of a branch which has changed
something by UPDATE is kept apart, and the offer of the INVITE stays open for all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.sdp.negotiate import Negotiation

MOST_BRANCHES = 16
"""More come only from an attacker."""


class Forks:
    """What each early dialog said of its media, by To tag; the last one is heard."""

    __slots__ = ("_changed", "_said", "unchanged")

    def __init__(self) -> None:
        self._said: dict[str, bytes] = {}
        self._changed: dict[str, Negotiation] = {}
        self.unchanged: Negotiation | None = None
        """The INVITE's offer, for the branches that answer nothing else; None: no branch has changed anything, so that
        it is the leg's own."""

    def describes(self, tag: str, sdp: bytes) -> bool:
        """A provisional response with SDP: whether that branch is to be heard from now on."""
        if self._said.get(tag) == sdp or (tag not in self._said and len(self._said) >= MOST_BRANCHES):
            return False
        self._said.pop(tag, None)
        self._said[tag] = sdp
        return True

    def forget(self, tag: str) -> str | None:
        """A branch is over (RFC 6228), or cannot be heard: whom to hear in its place, if that changes."""
        was_heard = bool(self._said) and next(reversed(self._said)) == tag
        self._said.pop(tag, None)
        self._changed.pop(tag, None)
        return next(reversed(self._said)) if was_heard and self._said else None

    def changes(self, tag: str, now: Negotiation) -> Negotiation:
        """An UPDATE of a branch that is heard from here on: what was settled with it. `now`: the leg's own so far."""
        self._said[tag] = said = self._said.pop(tag, b"")
        settled = self._changed.get(tag)
        if settled is None:
            if self.unchanged is None:
                self.unchanged = now.sibling()
            settled = self._changed[tag] = self.unchanged.sibling()
            if said:
                settled.receive_answer(said)
            else:
                settled.withdraw_offer()  # it could not be heard
        return settled

    def changed(self, tag: str) -> Negotiation | None:
        """What was settled with a branch by UPDATE; None: nothing was."""
        return self._changed.get(tag)

    def answer(self, tag: str) -> bytes:
        """What a 2xx without SDP stands for: what its own branch has said before, or somebody without a tag."""
        return self._said.get(tag) or self._said.get("", b"")
