"""Requests and responses (RFC 3261 7): bytes in, a message whose every field can be read out, bytes again.

`parse_message` either raises RemoteProtocolError or returns a message on which no property raises: Request-URI, top
Via, From, To, Call-ID, CSeq, Contact, Route, Record-Route and Content-Type have been checked by then. Their typed form
is made when somebody asks for it; everything else stays raw text. Date, expiries and Max-Forwards out of range do not
make a message malformed; whoever needs them decides (RFC 4475 3.1.2.4, 3.1.2.12).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError
from softswitch.sip.grammar import is_token, parse_digits, split_list
from softswitch.sip.header_map import Headers
from softswitch.sip.headers import CSeq, MediaType, NameAddr, Via, branch_of, tag_of
from softswitch.sip.status import reason_phrase
from softswitch.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["KNOWN_METHODS", "Headers", "Request", "Response", "parse_message", "salvage"]

_CORE_METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER")
_EXTENSION_METHODS = ("INFO", "UPDATE", "PRACK", "SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "PUBLISH")
KNOWN_METHODS = frozenset((*_CORE_METHODS, *_EXTENSION_METHODS))
"""Methods of the IANA registry; a request with another one is well-formed all the same."""
_DIALOG_FORMING = frozenset(("INVITE", "SUBSCRIBE", "REFER"))
MAGIC_COOKIE = "z9hG4bK"
_LONGEST_BODY = 2**31
_SPACE = ("", " ")
_STATUSES = {str(status): status for status in range(100, 700)}

# RFC 3261 8.2.6.1, 8.2.6.2, 12.1.1: what a response takes over.
_IN_RESPONSES = ("Via", "From", "To", "Call-ID", "CSeq")
_IN_TRYING = (*_IN_RESPONSES, "Timestamp")
_IN_DIALOG_FORMING_RESPONSES = (*_IN_RESPONSES, "Record-Route")

# What a dialog is built from; a message whose cannot be read is malformed.
_ADDRESS_LISTS = ("Contact", "Route", "Record-Route")

# RFC 3261 20: at most one of these; RFC 4475 3.3.8 asks for 400 otherwise.
_SINGLE = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Type", "Content-Length")

_FOLD = re.compile(r"\r\n[ \t]+")
_ANY_LINE_END = re.compile(r"\r\n|\r|\n")
_is_call_id = re.compile(r"[!-~]+").fullmatch
# Enough of a broken Via to send an answer back: sent-protocol and sent-by.
_SENT_BY_ONLY = re.compile(r"[ \t]*([^;,]*)(.*)", re.DOTALL).fullmatch


class Message:
    """What requests and responses share. Typed fields follow the headers: change a header, and they read anew."""

    __slots__ = ("body", "branch", "charset", "from_tag", "headers", "to_tag")

    headers: Headers
    body: bytes
    branch: str | None
    """The branch of the top Via as parse_message found it: what finds the transaction needs no more of the Via. None
    in a message made here."""
    from_tag: str | None
    """The tag of From as parse_message found it. None if there was none, and in a message made here."""
    to_tag: str | None
    """The tag of To, likewise."""
    charset: str
    """`utf-8`, or `latin-1` for a message that is not UTF-8: its headers are then copied byte for byte."""

    @property
    def via(self) -> Via:
        """The top Via."""
        return self.headers.typed("Via", _top_via)

    @property
    def from_(self) -> NameAddr:
        """From."""
        return self.headers.typed("From", NameAddr.parse)

    @property
    def to(self) -> NameAddr:
        """To."""
        return self.headers.typed("To", NameAddr.parse)

    @property
    def call_id(self) -> str:
        """Call-ID."""
        return self.headers.lines("Call-ID")[0]

    @property
    def cseq(self) -> CSeq:
        """CSeq."""
        return self.headers.typed("CSeq", CSeq.parse)

    @property
    def contacts(self) -> tuple[NameAddr, ...]:
        """Every Contact; `*` is none."""
        return self.headers.addresses("Contact")

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact: the remote target of a dialog (12.1)."""
        contacts = self.headers.addresses("Contact")
        return contacts[0] if contacts else None

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        """Route, top first."""
        return self.headers.addresses("Route")

    @property
    def record_routes(self) -> tuple[NameAddr, ...]:
        """Record-Route, top first."""
        return self.headers.addresses("Record-Route")

    @property
    def content_type(self) -> MediaType | None:
        """What the body is; None if there is no body or no Content-Type."""
        if not self.body or not self.headers.lines("Content-Type"):
            return None
        return self.headers.typed("Content-Type", MediaType.parse)

    def _write(self, start_line: str) -> bytes:
        lines = [start_line]
        self.headers.write(lines)
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        text = "\r\n".join(lines)
        try:
            return text.encode(self.charset) + self.body
        except UnicodeEncodeError:
            return text.encode("utf-8", "replace") + self.body


class Request(Message):
    """A request (7.1)."""

    __slots__ = ("method", "size", "uri")

    size: int
    """Octets it came in; 0 for a request made here."""

    def __init__(self, method: str, uri: Uri, headers: Headers | None = None, body: bytes = b"") -> None:
        self.method = method
        self.uri = uri
        self.headers = Headers() if headers is None else headers
        self.body = body
        self.charset = "utf-8"
        self.branch = self.from_tag = self.to_tag = None
        self.size = 0

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards; None if absent or out of range ("process as if the field were absent", RFC 4475 3.1.2.4)."""
        text = self.headers.get("Max-Forwards")
        return None if text is None else parse_digits(text, 255)

    def response(
        self,
        status: int,
        reason: str | None = None,
        *,
        to_tag: str | None = None,
        body: bytes = b"",
        content_type: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Response:
        """The response to this request (8.2.6): every Via, From, To, Call-ID and CSeq as they came.

        `to_tag` is added where To has none. Record-Route is copied into what can form a dialog (12.1.1), Timestamp
        into 100. Works on what parse_message salvaged, too.
        """
        if 100 < status < 300 and self.method in _DIALOG_FORMING:
            copied = self.headers.copy_of(_IN_DIALOG_FORMING_RESPONSES)
        else:
            copied = self.headers.copy_of(_IN_TRYING if status == 100 else _IN_RESPONSES)
        if to_tag is not None and copied.lines("To") and self.to.tag is None:
            copied.set("To", f"{copied.lines('To')[0]};tag={to_tag}")
        for name, value in headers:
            copied.add(name, value)
        if content_type is not None:
            copied.set("Content-Type", content_type)
        response = Response(status, reason, copied, body)
        response.charset = self.charset
        return response

    def __bytes__(self) -> bytes:
        if not is_token(self.method):
            raise LocalProtocolError(f"expected a method of token characters, got {self.method!r}")
        return self._write(f"{self.method} {self.uri} SIP/2.0")

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri}>"


class Response(Message):
    """A response (7.2)."""

    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str | None = None, headers: Headers | None = None, body: bytes = b""
    ) -> None:
        """`reason` None: the phrase RFC 3261 21 gives the status."""
        self.status = status
        self.reason = reason_phrase(status) if reason is None else reason
        self.headers = Headers() if headers is None else headers
        self.body = body
        self.charset = "utf-8"
        self.branch = self.from_tag = self.to_tag = None

    def __bytes__(self) -> bytes:
        if "\r" in self.reason or "\n" in self.reason:
            raise LocalProtocolError(f"a reason phrase must not hold CR or LF, got {self.reason!r}")
        if not 100 <= self.status <= 699:
            raise LocalProtocolError(f"expected a status of 100 to 699, got {self.status}")
        return self._write(f"SIP/2.0 {self.status} {self.reason}")

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"


def parse_message(data: bytes) -> Request | Response:
    """Read one datagram, or one message as a StreamFramer cuts it.

    Raises RemoteProtocolError only, with `request` set if an answer can be routed. The body is cut to
    Content-Length; octets after it are noise (18.3). A message without Content-Length takes the whole datagram.
    """
    try:
        return _parse(data)
    except RemoteProtocolError as error:
        error.request = salvage(data)
        raise


def _parse(data: bytes) -> Request | Response:
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise RemoteProtocolError("No empty line after the headers", f"in {len(data)} octets")
    octets = data[:end]
    try:
        head, charset = octets.decode(), "utf-8"
    except UnicodeDecodeError:
        head, charset = _decode(octets)
    lines = head.split("\r\n")
    start_line = lines.pop(0)
    # As many CR and LF as there are ends of lines, so none inside a line: the cheapest of five ways to count.
    if len(octets.translate(None, b"\r\n")) != end - 2 * len(lines):
        raise RemoteProtocolError("CR or LF inside a header line", "expected lines ending in CR LF")
    headers = Headers.from_lines(lines)
    if headers is None:
        start_line, *lines = _FOLD.sub(" ", head).split("\r\n")
        headers = Headers.from_lines(lines) or Headers()
    is_response = start_line.startswith("SIP/2.0 ") or start_line[:4].upper() == "SIP/"
    message = _read_status_line(start_line, headers) if is_response else _read_request_line(start_line, headers)
    message.charset = charset
    if len(headers) != len(lines):
        for name in _SINGLE:
            if len(headers.lines(name)) > 1:
                raise RemoteProtocolError(f"More than one {name}")
    _check(message)
    message.body = body = _cut_body(headers, data, end + 4)
    if body:
        _ = message.content_type
    return message


def _decode(head: bytes) -> tuple[str, str]:
    try:
        return head.decode(), "utf-8"
    except UnicodeDecodeError:
        # Not RFC 3261, but old equipment sends names in Latin-1 and means no harm; every octet is kept.
        return head.decode("latin-1"), "latin-1"


def _read_request_line(line: str, headers: Headers) -> Request:
    pieces = line.split(" ")
    if len(pieces) != 3:
        raise RemoteProtocolError("Malformed request line", f"expected method SP uri SP SIP/2.0, got {line[:200]!r}")
    method, uri_text, version = pieces
    if version != "SIP/2.0" and version.upper() != "SIP/2.0":
        if not re.fullmatch(r"SIP/[0-9]+\.[0-9]+", version, re.IGNORECASE):
            raise RemoteProtocolError("Malformed request line", f"expected SIP/2.0, got {version[:40]!r}")
        raise RemoteProtocolError(reason_phrase(505), version[:40], status=505)
    if not is_token(method):
        raise RemoteProtocolError("Malformed method", f"got {method[:80]!r}")
    uri = Uri.parse(uri_text)
    if uri.headers:
        raise RemoteProtocolError("Headers in the Request-URI", f"RFC 3261 19.1.1 allows none, got {uri_text[:200]!r}")
    return Request(method, uri, headers)


def _read_status_line(line: str, headers: Headers) -> Response:
    version, code, reason = line[:7], line[8:11], line[12:]
    status = _STATUSES.get(code)
    if status is None or version.upper() != "SIP/2.0" or line[7:8] != " " or line[11:12] not in _SPACE:
        raise RemoteProtocolError(
            "Malformed status line", f"expected SIP/2.0 SP 100..699 SP reason, got {line[:200]!r}"
        )
    return Response(status, reason, headers)


def _check(message: Request | Response) -> None:
    """See once that everything can be read which every element must be able to read."""
    headers = message.headers
    try:
        via, sender, recipient, call_id, sequence = headers.essential()
    except KeyError:
        missing = ", ".join(name for name in _IN_RESPONSES if name not in headers)
        raise RemoteProtocolError(f"Missing {missing}") from None
    branch = message.branch = branch_of(split_list(via)[0] if "," in via else via)
    cseq = CSeq.parse(sequence)
    message.from_tag = tag_of(sender)
    message.to_tag = tag_of(recipient)
    if not _is_call_id(call_id):
        raise RemoteProtocolError("Malformed Call-ID", repr(call_id[:200]))
    if isinstance(message, Request):
        if cseq.method != message.method:
            # RFC 4475 3.1.2.18: 501 for a method nobody knows "has better future-proof characteristics".
            status = 400 if message.method in KNOWN_METHODS else 501
            reason = "CSeq names another method" if status == 400 else reason_phrase(501)
            raise RemoteProtocolError(reason, f"{message.method[:40]!r} and {cseq.method[:40]!r}", status=status)
        if branch == MAGIC_COOKIE:
            raise RemoteProtocolError("No transaction identifier in the Via branch", "the magic cookie alone")
    try:
        headers.check_addresses(_ADDRESS_LISTS)
    except RemoteProtocolError:
        if isinstance(message, Request) or message.status < 400:
            raise
        # Nobody follows the Contact of a failure: do not lose the failure over it.
        for name in _ADDRESS_LISTS:
            headers.assume(name, ())


def _cut_body(headers: Headers, data: bytes, start: int) -> bytes:
    lengths = headers.lines("Content-Length")
    if not lengths:
        return data[start:]
    length = parse_digits(lengths[0], _LONGEST_BODY)
    if length is None:
        raise RemoteProtocolError("Malformed Content-Length", f"expected digits, got {lengths[0][:40]!r}")
    if start + length > len(data):
        raise RemoteProtocolError(
            "Content-Length exceeds the message", f"{length} announced, {len(data) - start} octets came"
        )
    return data[start : start + length]


def _top_via(text: str) -> Via:
    return Via.parse(split_list(text)[0] if "," in text else text)


def salvage(data: bytes) -> Request | None:
    """What an answer to a broken request needs: method, the Vias and whatever of From, To, Call-ID, CSeq there is.

    None for responses, for ACK (never answered) and where not even the top Via's sent-by can be read.
    """
    head = data.lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
    text, charset = _decode(head)
    lines = _ANY_LINE_END.split(_FOLD.sub(" ", text))
    method, space, _ = lines[0].partition(" ")
    if not space or method == "ACK" or method[:4].upper() == "SIP/":
        return None
    request = Request(method if is_token(method) else "UNREADABLE", Uri("sip", host="unreadable.invalid"))
    request.charset = charset
    headers = request.headers
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if colon and is_token(name):
            headers.add(name, value.strip(" \t"))
    for name in ("From", "To", "Call-ID", "CSeq"):
        if len(headers.lines(name)) > 1:
            headers.set(name, headers.lines(name)[0])
    return request if _make_readable(request) else None


def _make_readable(request: Request) -> bool:
    """Give the typed fields of a salvaged request a value each; False if the top Via leads nowhere."""
    headers = request.headers
    if not headers.lines("Via"):
        return False
    try:
        _ = request.via
    except RemoteProtocolError:
        via = _salvage_via(headers.lines("Via")[0])
        if via is None:
            return False
        headers.assume("Via", via)
    for name, read, text in (("From", NameAddr.parse, "From"), ("To", NameAddr.parse, "To")):
        try:
            headers.typed(name, read)
        except (RemoteProtocolError, KeyError):
            tagged = ";tag=" in (headers.get(text) or "").lower()
            nobody = NameAddr("", Uri("sip", host="unreadable.invalid"))
            headers.assume(name, nobody.with_tag("unreadable") if tagged else nobody)
    try:
        _ = request.cseq
    except (RemoteProtocolError, KeyError):
        headers.assume("CSeq", CSeq(0, request.method))
    return True


def _salvage_via(text: str) -> Via | None:
    match = _SENT_BY_ONLY(text)
    try:
        via = Via.parse(match[1].rstrip(" \t")) if match else None
    except RemoteProtocolError:
        return None
    if via is not None and ";rport" in text.lower():
        via = Via(via.transport, via.host, via.port, via.parameters.with_("rport", None), via.protocol)
    return via
