"""A request of ours as the pieces that its repeats, its ACK and its CANCEL share, and how they are written.

The pieces are raw header text: what came in is copied out as it stands, never parsed and printed again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.sip.errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from softswitch.sip.flow import Flow

MAX_FORWARDS = 70


def one_line(text: str) -> str:
    """`text`, which goes into a start line or a header.

    Raises LocalProtocolError if it holds a line break: a display name must not be able to add headers.
    """
    if "\r" in text or "\n" in text or "\0" in text:
        raise LocalProtocolError(f"text of one line was expected, {text!r} came; escape or drop the control characters")
    return text


def header_lines(headers: Iterable[tuple[str, str]]) -> str:
    """Header fields given by the application, one line each. Raises LocalProtocolError like `one_line`."""
    return "".join([one_line(f"{name}: {value}") + "\r\n" for name, value in headers])


def host_port(host: str, port: int) -> str:
    """`host:port` as it stands in a Via or a URI; IPv6 literals in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def via_for(flow: Flow, branch: str) -> str:
    """Our Via value on this flow; `rport` asks for symmetric answers (RFC 3581).

    `alias` (RFC 5923 8.1): a far end that has checked our certificate may call us back on the connection we opened.
    """
    host, port = flow.local
    alias = ";alias" if flow.peer and not flow.connection else ""
    return f"SIP/2.0/{flow.transport} {host_port(host, port)};branch={branch};rport{alias}"


@dataclass(slots=True)
class Outgoing:
    """A request ready to be written. Never changed once made (not frozen: that would double its cost)."""

    method: str
    uri: str
    branch: str
    via: str
    from_: str
    to: str
    call_id: str
    cseq: int
    routes: str
    """Route header lines, each with its line end."""
    authorization: str
    """Authorization and Proxy-Authorization lines."""
    headers: str
    """All other header lines (Contact, Allow, ...)."""
    body: bytes = b""
    """With its Content-Type in `headers`."""
    max_forwards: int = MAX_FORWARDS
    charset: str = "utf-8"
    """`latin-1` when the far end's headers, copied here, came in no better encoding."""

    @property
    def size(self) -> int:
        """About how many octets it will be: exact for ASCII but for a few that go without counting."""
        return (
            120 + 2 * len(self.method) + len(self.uri) + len(self.via) + len(self.routes) + len(self.from_)
            + len(self.to) + len(self.call_id) + len(self.authorization) + len(self.headers) + len(self.body)
        )  # fmt: skip

    def encode(self) -> bytes:
        """The request as it goes onto the wire."""
        head = (
            f"{self.method} {self.uri} SIP/2.0\r\nVia: {self.via}\r\nMax-Forwards: {self.max_forwards}\r\n{self.routes}"
            f"From: {self.from_}\r\nTo: {self.to}\r\nCall-ID: {self.call_id}\r\nCSeq: {self.cseq} {self.method}\r\n"
            f"{self.authorization}{self.headers}Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode(self.charset, "replace") + self.body

    def ack_refusal(self, to: str) -> bytes:
        """The ACK for a 300-699: same branch, same Route, the To of the response (RFC 3261 17.1.1.3)."""
        return (
            f"ACK {self.uri} SIP/2.0\r\nVia: {self.via}\r\nMax-Forwards: {self.max_forwards}\r\n{self.routes}"
            f"From: {self.from_}\r\nTo: {to}\r\nCall-ID: {self.call_id}\r\nCSeq: {self.cseq} ACK\r\n"
            f"Content-Length: 0\r\n\r\n"
        ).encode(self.charset, "replace")

    def cancel(self, headers: str) -> Outgoing:
        """The CANCEL for this INVITE: same branch, URI, Route and CSeq number, nothing else of it (RFC 3261 9.1)."""
        return Outgoing(
            "CANCEL", self.uri, self.branch, self.via, self.from_, self.to, self.call_id, self.cseq,
            self.routes, "", headers, b"", self.max_forwards, self.charset,
        )  # fmt: skip

    def again(self, branch: str, via: str, cseq: int, authorization: str, headers: str | None = None) -> Outgoing:
        """The same request as a new transaction (RFC 3261 8.1.3.5: CSeq increases): credentials, other headers."""
        lines = self.headers if headers is None else headers
        return Outgoing(
            self.method, self.uri, branch, via, self.from_, self.to, self.call_id, cseq,
            self.routes, authorization, lines, self.body, self.max_forwards, self.charset,
        )  # fmt: skip
