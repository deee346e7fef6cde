"""The parts of the RFC 3261 section 25 grammar that more than one header shares."""

from __future__ import annotations

import re

from softswitch.sip.errors import RemoteProtocolError

TOKEN_CHARS = r"A-Za-z0-9\-.!%*_+`'~"  # noqa: S105 - a grammar rule, no secret
"""RFC 3261 25.1 `token`, as the inside of a character class."""

QUOTED_STRING = r'"[^"\\\x00-\x08\x0a-\x1f\x7f]*+(?:\\[\x00-\x09\x0b\x0c\x0e-\x7f][^"\\\x00-\x08\x0a-\x1f\x7f]*+)*"'
"""RFC 3261 25.1 `quoted-string` after unfolding: control characters only as quoted-pair, never CR or LF."""

HOST = r"(?:[A-Za-z0-9_][A-Za-z0-9_.\-]*+|\[[0-9A-Fa-f:.]++\])"
"""hostname / IPv4address / IPv6reference. The underscore is not RFC 1123, but container networks use it."""

CACHED_TEXT_LIMIT = 512
"""Longer texts are parsed anew each time, so that a cache of N entries holds at most N * 512 characters."""

is_token = re.compile(f"[{TOKEN_CHARS}]+").fullmatch
is_quoted_string = re.compile(QUOTED_STRING).fullmatch

_ESCAPED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_ESCAPE = re.compile(r'[\x00-\x08\x0a-\x1f\x7f"\\]')
_LIST_PIECE = re.compile(rf'(?:[^",<]++|{QUOTED_STRING}|<[^>]*+>)*')


def quote(text: str) -> str:
    """`text` as a quoted-string."""
    if '"' in text or "\\" in text or not text.isprintable():
        text = _NEEDS_ESCAPE.sub(lambda match: "\\" + match[0], text)
    return f'"{text}"'


def unquote(text: str) -> str:
    """The content of a quoted-string; any other text comes back as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    return _ESCAPED_PAIR.sub(r"\1", text) if "\\" in text else text


def parse_digits(text: str, maximum: int) -> int | None:
    """`1*DIGIT` up to `maximum`; None for anything else (signs, other scripts' digits, overlarge numbers)."""
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > 20:
        # Never hand the interpreter a number whose conversion costs quadratic time or is refused by its digit limit.
        text = text.lstrip("0") or "0"
        if len(text) > 20:
            return None
    number = int(text)
    return number if number <= maximum else None


def split_list(text: str) -> list[str]:
    """The elements of a comma-separated header value; commas in quotes or angle brackets do not separate.

    RFC 3261 7.3.1. Empty elements are kept: the element's own grammar refuses them.
    """
    if "," not in text:
        return [text]
    if '"' not in text and "<" not in text:
        return [piece.strip(" \t") for piece in text.split(",")]
    pieces = []
    start = 0
    while True:
        match = _LIST_PIECE.match(text, start)
        end = match.end() if match else start
        if end < len(text) and text[end] != ",":
            raise RemoteProtocolError("Unbalanced quotes or brackets", f"at character {end} of {text[:200]!r}")
        pieces.append(text[start:end].strip(" \t"))
        if end >= len(text):
            return pieces
        start = end + 1
