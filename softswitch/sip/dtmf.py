"""Digits in the body of INFO requests: `application/dtmf-relay` and `application/dtmf`.

Neither type was ever registered, or written down by a standards body; every vendor's description agrees on this much:

    Signal=5            one of 0-9 * # A-D, or the number of its RFC 4733 event (10 star, 11 pound, 12-15 A-D)
    Duration=160        milliseconds; may be missing

and, for the shorter one, nothing but the digit. Anything else is refused rather than guessed at.
"""

from __future__ import annotations

import re
from typing import Final

from softswitch.sip.errors import RemoteProtocolError
from softswitch.value import value_class

RELAY: Final = "application/dtmf-relay"
PLAIN: Final = "application/dtmf"
ACCEPTED: Final = f"{RELAY}, {PLAIN}"

UNSTATED_MS: Final = 250
"""What the inventors of dtmf-relay assume when no duration is stated."""
SHORTEST_MS: Final = 40
LONGEST_MS: Final = 10_000
_KEYS: Final = "0123456789*#ABCD"
_LONGEST_BODY: Final = 128
_LINE: Final = re.compile(r"([A-Za-z]{1,16})[ \t]{0,8}=[ \t]{0,8}([0-9A-Da-d*#]{1,5})[ \t]{0,8}\Z")


@value_class(frozen=True, slots=True)
class KeyPress:
    """One key as signalling tells it."""

    digit: str
    duration_ms: int

    def __repr__(self) -> str:
        """Not the digit: it may be card data."""
        return f"KeyPress({self.duration_ms} ms)"

    def body(self, content_type: str) -> bytes:
        """As the body of an INFO."""
        if content_type == PLAIN:
            return self.digit.encode()
        return f"Signal={self.digit}\r\nDuration={self.duration_ms}\r\n".encode()


def is_digits(content_type: str) -> bool:
    """Whether a body of this type, written any way, tells a digit."""
    return _essence(content_type) in (RELAY, PLAIN)


def read_key(content_type: str, body: bytes) -> KeyPress:
    """The key a body tells. Raises RemoteProtocolError (400) for anything but exactly one."""
    if len(body) > _LONGEST_BODY:
        raise _malformed(f"expected one digit, got {len(body)} octets")
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise _malformed("expected ASCII") from None
    if _essence(content_type) == PLAIN:
        return KeyPress(_digit(text.strip(" \t\r\n")), UNSTATED_MS)
    stated: dict[str, str] = {}
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            continue
        match = _LINE.match(line)
        name = match[1].lower() if match else ""
        if match is None or name not in ("signal", "duration") or name in stated:
            raise _malformed("expected Signal= and Duration=, once each")
        stated[name] = match[2]
    if "signal" not in stated:
        raise _malformed("expected Signal=")
    duration = stated.get("duration", str(UNSTATED_MS))
    if not duration.isdigit():
        raise _malformed("expected milliseconds in Duration=")
    return KeyPress(_digit(stated["signal"]), min(max(int(duration), SHORTEST_MS), LONGEST_MS))


def _digit(text: str) -> str:
    if len(text) == 1 and text.upper() in _KEYS:
        return text.upper()
    if text in ("10", "11", "12", "13", "14", "15"):
        return _KEYS[int(text)]
    raise _malformed("expected one of 0-9 * # A-D")


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip(" \t").lower()


def _malformed(expected: str) -> RemoteProtocolError:
    """The body is not repeated: it may be card data."""
    return RemoteProtocolError("Malformed Digit", expected)
