"""Whose fault it was, and what a server answers: every SIP failure is one of two errors (RFC 3261 21.4, 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.sip.message import Request


class SipError(Exception):
    """Base of everything the SIP layer raises."""


class LocalProtocolError(SipError):
    """We were about to break the protocol; nothing was sent."""


class RemoteProtocolError(SipError):
    """They broke the protocol. Knows the status that answers it, and whether an answer can be routed."""

    def __init__(self, reason: str, detail: str = "", *, status: int = 400, request: Request | None = None) -> None:
        """Describe the fault.

        `reason` is our own text and goes into the status line ("the Reason-Phrase SHOULD identify the syntax
        problem in more detail", RFC 3261 21.4.1). `detail` may quote what came and stays in the logs.
        """
        super().__init__(reason, detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.request = request
        """What could be salvaged: `method`, `via` and `response()` work on it. None: stay silent."""

    def __str__(self) -> str:
        text = f"{self.status} {self.reason}"
        return f"{text}: {self.detail}" if self.detail else text


class FramingError(RemoteProtocolError):
    """A stream whose message boundaries are no longer known: answer `request` if there is one, then close it.

    RFC 3261 18.3; RFC 4475 3.1.2.3 ("the framing error is not recoverable, and the connection should be closed").
    """

    messages: list[bytes]
    """Complete messages that came before the fault in the same read; they are still to be handled."""

    def __init__(self, cause: RemoteProtocolError, messages: list[bytes]) -> None:
        super().__init__(cause.reason, cause.detail, status=cause.status, request=cause.request)
        self.messages = messages
