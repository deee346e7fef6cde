"""Responses: the way back, and the header lines every response to one request repeats (RFC 3261 8.2.6, 18.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.flow import Flow
from softswitch.sip.grammar import split_list
from softswitch.sip.outgoing import one_line
from softswitch.sip.status import reason_phrase

if TYPE_CHECKING:
    from softswitch.sip.headers import Via
    from softswitch.sip.message import Request


def reply_flow(via: Via, flow: Flow) -> Flow:
    """Where responses go: the connection, else the source address with `rport` or the sent-by port (18.2.2, RFC 3581).

    `maddr` is not followed: it would let anybody aim our responses at somebody else.
    """
    if flow.reliable or "rport" in via.parameters:
        return flow
    port = via.port or 5060
    address, source_port = flow.remote
    return flow if port == source_port else Flow(flow.transport, flow.local, (address, port))


class Reply:
    """What the responses to one request have in common."""

    __slots__ = ("_charset", "_cseq", "_from", "_to", "_via", "record_routes")

    def __init__(self, request: Request, via: str) -> None:
        """`request` as parse_message gave it; `via`: its top Via as noted by this server (`received`, `rport`).

        All other Vias are copied as they are, readable or not: they are other people's.
        """
        headers = request.headers
        _, sender, self._to, call_id, cseq = headers.essential()
        lines = f"Via: {via}\r\n"
        vias = headers.lines("Via")
        if "," in vias[0]:
            for other in split_list(vias[0])[1:]:
                lines += f"Via: {other}\r\n"
        for line in vias[1:]:
            lines += f"Via: {line}\r\n"
        self._via = lines
        self._charset = request.charset
        self._from = f"From: {sender}\r\nTo: "
        self._cseq = f"\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n"
        routes = headers.lines("Record-Route")
        self.record_routes = "".join([f"Record-Route: {line}\r\n" for line in routes]) if routes else ""

    def write(
        self,
        status: int,
        reason: str | None = None,
        *,
        to_tag: str = "",
        headers: str = "",
        body: bytes = b"",
        stated_length: bool = True,
    ) -> bytes:
        """A response; `to_tag` only if the request had none, Content-Type of the body among `headers`.

        Without `stated_length` it ends where its datagram does (18.3).

        Raises LocalProtocolError if the reason phrase has more than one line.
        """
        tag = f";tag={to_tag}" if to_tag else ""
        phrase = one_line(reason) if reason else reason_phrase(status)
        length = f"Content-Length: {len(body)}\r\n" if stated_length else ""
        head = f"SIP/2.0 {status} {phrase}\r\n{self._via}{self._from}{self._to}{tag}{self._cseq}{headers}{length}\r\n"
        return head.encode(self._charset, "replace") + body
