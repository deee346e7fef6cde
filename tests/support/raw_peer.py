"""A far end that says exactly what the test writes, message by message: a forking proxy, a switch with bad manners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.flow import Flow
from softswitch.sip.message import Request, Response, parse_message

if TYPE_CHECKING:
    from softswitch.transport.listener import Listener
    from tests.support.wire_loop import Wire, WireEnd

Address = tuple[str, int]


class RawPeer:
    """At one address of a wire. Keeps what it hears, answers nothing by itself."""

    def __init__(self, wire: Wire, address: Address, switch: Address) -> None:
        self.address = address
        self.heard: list[Request | Response] = []
        self._flow = Flow("UDP", address, switch)
        self._end: WireEnd | None = None
        self._serial = 0
        wire.join(self, address)  # type: ignore[arg-type]  # the two methods below are all a wire asks for

    def attach(self, listener: Listener, end: WireEnd) -> None:
        """What a wire asks a driver for."""
        assert (listener.address, listener.port) == self.address
        self._end = end

    def received(self, data: bytes, flow: Flow) -> None:
        """What a wire asks a driver for."""
        assert flow.local == self.address
        self.heard.append(parse_message(data))

    def say(self, message: bytes | Request | Response) -> None:
        """Send it to the switch."""
        assert self._end is not None
        self._end.send(self._flow, message if isinstance(message, bytes) else bytes(message))

    def answer(
        self,
        request: Request,
        status: int,
        *,
        tag: str = "",
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """A response; with a tag it comes from a user agent of that name."""
        lines = [*headers]
        if tag and status < 300:
            lines.append(("Contact", f"<sip:{tag}@{self.address[0]}:{self.address[1]}>"))
        content = "application/sdp" if body else None
        self.say(request.response(status, to_tag=tag or None, body=body, content_type=content, headers=lines))

    def within(self, request: Request, method: str, tag: str, cseq: int = 1, body: bytes = b"") -> None:
        """A request within the dialog that `request` and an answer with this tag have made, from the callee's side.

        `body`: SDP.
        """
        self._serial += 1
        host, port = self.address
        target = request.contact
        assert target is not None
        self.say(
            (
                f"{method} {target.uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bKraw{self._serial}\r\n"
                f"Max-Forwards: 70\r\nFrom: {request.headers.get('To')};tag={tag}\r\n"
                f"To: {request.headers.get('From')}\r\nCall-ID: {request.call_id}\r\nCSeq: {cseq} {method}\r\n"
                f"Contact: <sip:{tag}@{host}:{port}>\r\nContent-Type: application/sdp\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            ).encode()
            + body
        )

    def requests(self, method: str) -> list[Request]:
        """What was asked of it with this method, repetitions left out."""
        found: dict[str | None, Request] = {}
        for message in self.heard:
            if isinstance(message, Request) and message.method == method:
                found.setdefault(message.branch, message)
        return list(found.values())
