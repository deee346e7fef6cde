"""The branches of one INVITE of ours that a proxy has forked, and whose early media is heard.

Each branch that answers with a To tag of its own is an early dialog (RFC 3261 13.2.2.4) and may describe media of its
own. Only one can be heard at our one port: the branch that described itself last (RFC 3960 3.2 leaves the choice to
us). Forking in sequence, a forwarded call, is so followed from one branch to the next; repetitions of what a branch has
said already (13.3.1.1) do not make anybody change back.
"""

from __future__ import annotations

MOST_BRANCHES = 16
"""More come only from an attacker."""


class Forks:
    """What each early dialog said of its media, by To tag; the last one is heard."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: dict[str, bytes] = {}

    def describes(self, tag: str, sdp: bytes) -> bool:
        """A provisional response with SDP: whether that branch is to be heard from now on."""
        if self._said.get(tag) == sdp or (tag not in self._said and len(self._said) >= MOST_BRANCHES):
            return False
        self._said.pop(tag, None)
        self._said[tag] = sdp
        return True

    def forget(self, tag: str) -> bytes | None:
        """A branch is over (RFC 6228), or cannot be heard: the SDP of whom to hear in its place, if that changes."""
        was_heard = bool(self._said) and next(reversed(self._said)) == tag
        self._said.pop(tag, None)
        return next(reversed(self._said.values())) if was_heard and self._said else None

    def answer(self, tag: str) -> bytes:
        """What a 2xx without SDP stands for: what its own branch has said before, or somebody without a tag."""
        return self._said.get(tag) or self._said.get("", b"")
