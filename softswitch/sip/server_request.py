"""A request outside any dialog on its way to the application and back: RFC 3261 8.2.6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip import sparing
from softswitch.sip.outgoing import header_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.sip.core import Core
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request
    from softswitch.sip.reply import Reply
    from softswitch.sip.transaction.non_invite_server import NonInviteServer


class ServerRequest:
    """One request the application shall answer; answering twice does nothing."""

    __slots__ = ("_core", "_reply", "_to_tag", "_transaction", "flow", "request")

    def __init__(
        self, core: Core, transaction: NonInviteServer, reply: Reply, request: Request, flow: Flow, *, has_tag: bool
    ) -> None:
        self._core = core
        self._transaction = transaction
        self._reply = reply
        self._to_tag = "" if has_tag else core.token()
        self.request = request
        self.flow = flow

    def respond(
        self,
        status: int,
        reason: str | None,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        content_type: str | None,
        now: float,
    ) -> None:
        """Send a response. Raises LocalProtocolError if a header could not stand in a message."""
        lines = header_lines(headers) + self._core.server_line
        if body and content_type:
            lines += header_lines([("Content-Type", content_type)])
        tag = self._to_tag if status > 100 else ""
        data = sparing.respond(self._core, self.request, self.flow, self._reply, status, reason, tag, lines, body)
        if data is None:
            self._transaction.transport_failed(now)  # there is no way to answer
        else:
            self._transaction.respond(status, data, now)
