"""What every part of one stack shares: transactions, sessions by dialog, the event queue and the dice."""

from __future__ import annotations

from collections import deque
from hashlib import blake2b
from typing import TYPE_CHECKING

from softswitch.sip.message import MAGIC_COOKIE
from softswitch.sip.transaction.layer import TransactionLayer

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.events import Event
    from softswitch.sip.flow import Flow
    from softswitch.sip.large_request import LargeRequests
    from softswitch.sip.message import Request
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.timers import Timers

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY"
ALLOW_LINE = f"Allow: {ALLOW}\r\n"
SUPPORTED = ("100rel", "timer", "replaces", "norefersub", "trickle-ice")
"""Option tags of what works here; `session/terms.py` takes away what an endpoint shall not use."""

REGISTERING = ("path", "outbound")
"""Option tags that mean something in REGISTER only (RFC 3327, RFC 5626)."""


class Core:
    """Shared by the stack and everything it makes; has no behaviour of its own beyond naming and queueing."""

    __slots__ = (
        "_secret",
        "agent_line",
        "belongs",
        "events",
        "large",
        "layer",
        "overload",
        "screen",
        "server_line",
        "sessions",
        "token",
        "unverified",
    )

    def __init__(
        self,
        token: Callable[[], str],
        user_agent: str,
        durations: Timers,
        belongs: Callable[[Flow, Flow], bool],
        overload: Callable[[Request, float], int | None],
        screen: Callable[[Request, Flow, float], tuple[int, str] | None],
        large: LargeRequests,
        unverified: Callable[[Request, Flow], bool],
    ) -> None:
        self.token = token
        self.overload = overload
        """Seconds after which the caller may try again; None: there is room for this INVITE."""
        self.screen = screen
        """Status and header lines for an INVITE that must say first who it is from; None: it may begin."""
        self.unverified = unverified
        """Whether a request may come from elsewhere than it says, so that no more octets may be answered than came."""
        self.large = large
        """Where requests go that are too large for UDP."""
        self.belongs = belongs
        """Whether a request on the first flow may speak for the dialog begun on the second."""
        self.agent_line = f"User-Agent: {user_agent}\r\n" if user_agent else ""
        self.server_line = f"Server: {user_agent}\r\n" if user_agent else ""
        self.layer = TransactionLayer(durations)
        self.events: deque[Event] = deque()
        self.sessions: dict[str, InviteSession] = {}
        """Call-ID and local tag (`session_key`) -> session, from its first message to the end of its BYE."""
        self._secret = token().encode()[:64]

    def branch(self) -> str:
        """A fresh branch (RFC 3261 8.1.1.7)."""
        return MAGIC_COOKIE + self.token()

    def stateless_tag(self, seed: str) -> str:
        """A To tag that a repeated request gets again although nothing is kept (RFC 3261 8.2.7)."""
        return blake2b(seed.encode("utf-8", "surrogateescape"), digest_size=8, key=self._secret).hexdigest()

    def number_below(self, limit: int) -> int:
        """A random number 0 .. limit-1, from the injected dice."""
        return int(self.token()[-12:], 16) % limit


def session_key(call_id: str, local_tag: str) -> str:
    """How a dialog's requests find their session; the remote tag is checked after."""
    return f"{local_tag};{call_id}"
