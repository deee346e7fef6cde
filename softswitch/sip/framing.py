"""Cutting a byte stream into messages by Content-Length (RFC 3261 7.5, 18.3) and keep-alives (RFC 5626 3.5.1)."""

from __future__ import annotations

import re

from softswitch.sip.errors import FramingError, RemoteProtocolError
from softswitch.sip.grammar import parse_digits
from softswitch.sip.message import salvage

MAX_MESSAGE = 65_536
"""Precedent: what one UDP datagram can hold, so that no message is legal on one transport alone."""

KEEP_ALIVE = b""
"""Stands among the messages for a double CRLF, which is answered with a single one (RFC 5626 4.4.1)."""

PONG = b"\r\n"
"""Stands for the single CRLF that answers a ping of ours."""

# Unfolded by hand, because a header's value may stand on the next line (RFC 4475 3.1.1.1 does it to CSeq).
_CONTENT_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE)


class StreamFramer:
    """One connection's receive side. However the stream was split or joined on its way, the messages are the same."""

    __slots__ = ("_buffer", "_is_lost", "_pongs", "_scanned", "_total")

    def __init__(self, *, pongs: bool = False) -> None:
        """`pongs`: we send pings here, so that a single CRLF answers one of them."""
        self._pongs = pongs
        self._buffer = bytearray()
        self._is_lost = False
        self._scanned = 0
        self._total = 0  # octets of the message whose headers are complete; 0 while they are not

    @property
    def pending(self) -> int:
        """Octets received of a message that is not complete yet; half a keep-alive is none."""
        buffer = self._buffer
        return 0 if len(buffer) < 4 and b"\r\n\r\n".startswith(buffer) else len(buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was received; return the messages that are now complete, KEEP_ALIVE for each double CRLF.

        Where pongs are expected, PONG stands for each single CRLF.

        Raises FramingError when the end of a message cannot be known any more (Content-Length missing, repeated or
        no number) or a message exceeds MAX_MESSAGE: handle `error.messages`, answer `error.request`, then close.
        Whatever comes after that raises again, so that a body is never taken for a message.
        """
        if self._is_lost:
            raise FramingError(RemoteProtocolError("Framing was lost before"), [])
        self._buffer += data
        messages: list[bytes] = []
        try:
            while (message := self._next()) is not None:
                messages.append(message)
        except RemoteProtocolError as error:
            self._is_lost = True
            self._buffer.clear()
            raise FramingError(error, messages) from None
        return messages

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if not self._total:
            # RFC 3261 7.5: CRLFs before a start line are ignored; two of them are a keep-alive.
            while buffer[:1] == b"\r":
                if buffer[:4] == b"\r\n\r\n":
                    del buffer[:4]
                    return KEEP_ALIVE
                if self._pongs and buffer[:2] == b"\r\n" and buffer[2:4] != b"\r":
                    del buffer[:2]
                    return PONG
                if b"\r\n\r\n".startswith(buffer):
                    return None
                if buffer[:2] != b"\r\n":
                    raise RemoteProtocolError("CR without LF before the start line")
                del buffer[:2]
            end = buffer.find(b"\r\n\r\n", self._scanned)
            if end < 0:
                self._scanned = max(0, len(buffer) - 3)
                self._refuse_overlong(len(buffer))
                return None
            self._total = end + 4 + self._body_length(bytes(buffer[: end + 2]))
            self._refuse_overlong(self._total)
        if len(buffer) < self._total:
            return None
        message = bytes(buffer[: self._total])
        del buffer[: self._total]
        self._total = self._scanned = 0
        return message

    def _body_length(self, head: bytes) -> int:
        values = _CONTENT_LENGTH.findall(head)
        if len(values) != 1:
            reason = "More than one Content-Length" if values else "Missing Content-Length"
            raise RemoteProtocolError(reason, "a stream needs exactly one (RFC 3261 20.14)", request=salvage(head))
        length = parse_digits(values[0].decode("latin-1").strip(" \t\r\n"), 2**31)
        if length is None:
            detail = f"expected digits, got {values[0][:40]!r}"
            raise RemoteProtocolError("Malformed Content-Length", detail, request=salvage(head))
        return length

    def _refuse_overlong(self, length: int) -> None:
        if length > MAX_MESSAGE:
            raise RemoteProtocolError(
                "Message Too Large",
                f"{length} octets, at most {MAX_MESSAGE} are taken",
                status=513,
                request=salvage(bytes(self._buffer)),
            )
