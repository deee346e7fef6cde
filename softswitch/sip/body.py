"""What a body is for: a session description, alone or among the parts of a multipart body (RFC 3261 20.11, RFC 5621).

Whoever reads SDP from a message sees only that part. A body, or a part of one, that says it must be understood and is
not refuses a request with 415; what may be ignored is ignored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.headers import MediaType

if TYPE_CHECKING:
    from softswitch.sip.message import Request, Response

SDP = "application/sdp"
ACCEPT = f"{SDP}, multipart/mixed, multipart/alternative"
ACCEPT_LINE = f"Accept: {ACCEPT}\r\n"
MULTIPART = frozenset({"multipart/mixed", "multipart/alternative", "multipart/related"})
MOST_PARTS = 16
DEEPEST = 2
"""Multipart bodies within multipart bodies: mixed around alternative is what there is."""

_PLAIN_ENCODINGS = frozenset({"", "binary", "8bit", "7bit"})
_DISPOSITION = re.compile(r"[ \t]*+([^;\s]*+)(.*)", re.DOTALL).fullmatch
_OPTIONAL = re.compile(r';[ \t]*+handling[ \t]*+=[ \t]*+"?optional\b', re.IGNORECASE).search


class NotUnderstoodError(Exception):
    """A body that has to be understood, and is not: 415."""


def keep_description(message: Request | Response) -> bool:
    """Leave only the session description, if there is one, in `message.body`. False: it has what must be understood.

    Raises RemoteProtocolError for a multipart body that cannot be taken apart.
    """
    headers = message.headers
    kind = message.content_type
    disposition = headers.get("Content-Disposition")
    if disposition is None and kind is not None and kind.essence == SDP:
        return True
    try:
        message.body = _description(kind, disposition or "", message.body, DEEPEST)
    except NotUnderstoodError:
        message.body = b""
        return False
    return True


def _description(kind: MediaType | None, disposition: str, body: bytes, depth: int) -> bytes:
    match = _DISPOSITION(disposition)
    purpose = match[1].lower() if match is not None else ""
    essence = kind.essence if kind is not None else ""
    if essence == SDP and purpose in ("", "session"):
        return body
    if kind is not None and essence in MULTIPART and depth:
        return _of_parts(kind, body, depth - 1)
    if _OPTIONAL(disposition):
        return b""
    raise NotUnderstoodError


def _of_parts(kind: MediaType, body: bytes, depth: int) -> bytes:
    """The first description among the parts; of alternatives one has to be understood, of all others each."""
    parts = _parts(kind, body)
    found, understood = b"", False
    for headers, content in parts:
        try:
            text = headers.get("content-type")
            if headers.get("content-transfer-encoding", "").lower() not in _PLAIN_ENCODINGS:
                raise NotUnderstoodError
            part = _description(
                MediaType.parse(text) if text else None, headers.get("content-disposition", ""), content, depth
            )
        except NotUnderstoodError:
            if kind.subtype != "alternative":
                raise
            continue
        understood = True
        found = found or part
    if not understood:
        raise NotUnderstoodError
    return found


def _parts(kind: MediaType, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Headers, by lower-case name, and content of each part (RFC 2046 5.1.1)."""
    boundary = kind.parameters.text("boundary")
    if not boundary:
        raise RemoteProtocolError("Multipart body without boundary", f"expected a boundary parameter, got {kind!s:.80}")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("utf-8", "surrogateescape"))
    if len(pieces) > MOST_PARTS + 2:
        raise RemoteProtocolError("Too many body parts", f"expected at most {MOST_PARTS}", status=413)
    parts = []
    closed = False
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            closed = True
            break
        parts.append(_part(piece))
    if not closed:
        raise RemoteProtocolError("Multipart body without end", "expected --boundary-- behind the last part")
    return parts


def _part(piece: bytes) -> tuple[dict[str, str], bytes]:
    # Behind the boundary: spaces and a line end, headers if there are any, an empty line, the content.
    _, ended, rest = piece.partition(b"\r\n")
    head, separated, content = (b"\r\n" + rest).partition(b"\r\n\r\n")
    if not ended or not separated:
        raise RemoteProtocolError("Malformed body part", "expected headers, an empty line and the content")
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "surrogateescape").split("\r\n"):
        name, _, value = line.partition(":")
        headers.setdefault(name.strip(" \t").lower(), value.strip(" \t"))
    return headers, content
