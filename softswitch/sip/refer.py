"""REFER (RFC 3515, RFC 4488, RFC 3892): what one says, and the states of the subscription it makes (RFC 6665)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.headers import NameAddr
from softswitch.sip.parameters import Parameters
from softswitch.sip.replaces import Replaces
from softswitch.sip.uri import Uri, unescape
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.sip.message import Request

MOST_HEADERS: Final = 32
"""In a Refer-To URI."""
_NOT_HVALUE: Final = re.compile(r"[^A-Za-z0-9\-_.!~*'()\[\]/?:+$]")


@value_class(frozen=True, slots=True)
class Refer:
    """A REFER, read."""

    target: Uri
    """Whom to call; nothing but what may stand in a Request-URI."""
    replaces: Replaces | None = None
    """The dialog the call is to take the place of: an attended transfer (RFC 5589 7)."""
    referred_by: NameAddr | None = None
    """Who asks, in their own words (RFC 3892)."""
    reports: bool = True
    """Whether they want to be told how it goes (RFC 4488)."""

    @property
    def refer_to(self) -> str:
        """The Refer-To header."""
        if self.replaces is None:
            return f"<{self.target}>"
        escaped = _NOT_HVALUE.sub(lambda match: f"%{ord(match[0]):02X}", str(self.replaces))
        return f"<{replace(self.target, headers=f'Replaces={escaped}')}>"


def read(request: Request) -> Refer:
    """Raises RemoteProtocolError with the status: 400 malformed, 416 no SIP or tel URI, 501 not about a call."""
    headers = request.headers
    lines = headers.lines("Refer-To")
    if len(lines) != 1:
        raise RemoteProtocolError("Expected one Refer-To", f"got {len(lines)}")
    uri = NameAddr.parse(lines[0]).uri
    if not uri.is_sip and uri.scheme != "tel":
        raise RemoteProtocolError("Unsupported URI scheme in Refer-To", uri.scheme, status=416)
    if (uri.parameters.get("method") or "INVITE").upper() != "INVITE":
        raise RemoteProtocolError("Only INVITE can be referred to", lines[0][:200], status=501)
    stated = headers.lines("Referred-By")
    if len(stated) > 1:
        raise RemoteProtocolError("More than one Referred-By", "expected one at most")
    target = replace(uri, parameters=uri.parameters.without("method"), headers="", password=None)
    replaces = _replaces(uri.headers)
    if not uri.user and replaces is None:
        raise RemoteProtocolError("Nobody in Refer-To", f"expected a user or number, got {lines[0][:200]!r}")
    return Refer(
        target,
        replaces,
        NameAddr.parse(stated[0]) if stated else None,
        (headers.get("Refer-Sub") or "true").partition(";")[0].strip(" \t").lower() != "false",
    )


def _replaces(headers: str) -> Replaces | None:
    """The Replaces among the URI's headers. All others are ignored (RFC 3261 19.1.5: they would speak for us)."""
    if not headers:
        return None
    pieces = headers.split("&")
    if len(pieces) > MOST_HEADERS:
        raise RemoteProtocolError("Too many headers in Refer-To", f"expected at most {MOST_HEADERS}")
    found = [unescape(value) for name, _, value in (piece.partition("=") for piece in pieces) if _is_replaces(name)]
    if len(found) > 1:
        raise RemoteProtocolError("More than one Replaces in Refer-To", "expected one at most")
    if not found:
        return None
    if not found[0].isprintable():
        raise RemoteProtocolError("Malformed Replaces", "control characters")
    return Replaces.parse(found[0])


def _is_replaces(name: str) -> bool:
    return unescape(name).lower() == "replaces"


@value_class(frozen=True, slots=True)
class SubscriptionState:
    """Subscription-State of a NOTIFY (RFC 6665 8.2.3)."""

    active: bool
    """Also for `pending`, and for a state nobody has defined yet."""
    expires: int | None = None
    """Seconds."""
    reason: str = ""

    @classmethod
    def parse(cls, text: str) -> SubscriptionState:
        """Raises RemoteProtocolError."""
        state, _, rest = text.partition(";")
        parameters = Parameters.parse(f";{rest}" if rest else "")
        name = state.strip(" \t").lower()
        if not name:
            raise RemoteProtocolError(
                "Malformed Subscription-State", f"expected active or terminated, got {text[:80]!r}"
            )
        expires = parameters.get("expires") or ""
        seconds = int(expires) if expires.isascii() and expires.isdigit() and len(expires) <= 10 else None
        return cls(name != "terminated", seconds, (parameters.get("reason") or "").lower())
