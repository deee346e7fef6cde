"""Challenges and credentials as header values (RFC 3261 20.7, 20.27, 20.28, 20.44; RFC 7616 3.3, 3.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError
from softswitch.sip.grammar import QUOTED_STRING, TOKEN_CHARS, is_token, quote, unquote

_PARAMETER = re.compile(rf"[ \t,]*+([{TOKEN_CHARS}]++)[ \t]*+=[ \t]*+({QUOTED_STRING}|[^ \t,\"]++)[ \t]*+(?=,|$)").match


@dataclass(frozen=True, slots=True)
class AuthValue:
    """`Scheme name=value, name="value"`. Values are held without quotes; which are quoted, the RFC fixes by name."""

    BARE: ClassVar[frozenset[str]] = frozenset()

    scheme: str
    parameters: tuple[tuple[str, str], ...]
    """Names in lower case."""

    @classmethod
    def of(cls, scheme: str, **parameters: str | None) -> Self:
        """Make one from its parameters, leaving out those that are None."""
        return cls(scheme, tuple((name, value) for name, value in parameters.items() if value is not None))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one value; any scheme is well-formed (RFC 4475 3.3.7), a repeated parameter is not."""
        scheme, _, rest = text.strip(" \t").partition(" ")
        items: list[tuple[str, str]] = []
        position, end = 0, len(rest.rstrip(" \t,"))
        while position < end:
            match = _PARAMETER(rest, position)
            if match is None:
                raise RemoteProtocolError("Malformed authentication header", "expected `Scheme name=value, ...`")
            items.append((match[1].lower(), unquote(match[2])))
            position = match.end()
        if not is_token(scheme) or len(dict(items)) != len(items):
            raise RemoteProtocolError("Malformed authentication header", "no scheme, or a parameter twice")
        return cls(scheme, tuple(items))

    @property
    def is_digest(self) -> bool:
        """Whether the scheme is Digest."""
        return self.scheme.lower() == "digest"

    def get(self, name: str) -> str | None:
        """The value of a parameter (name in lower case)."""
        for key, value in self.parameters:
            if key == name:
                return value
        return None

    def __str__(self) -> str:
        pieces = []
        for name, value in self.parameters:
            bare = name in self.BARE
            if not is_token(name) or (bare and not is_token(value)):
                raise LocalProtocolError(f"expected an authentication parameter, got {name!r}={value!r}")
            pieces.append(f"{name}={value}" if bare else f"{name}={quote(value)}")
        return f"{self.scheme} {', '.join(pieces)}"


@dataclass(frozen=True, slots=True)
class AuthChallenge(AuthValue):
    """WWW-Authenticate and Proxy-Authenticate."""

    BARE: ClassVar[frozenset[str]] = frozenset(("algorithm", "stale", "userhash"))

    @property
    def realm(self) -> str:
        """Whose password is asked for; empty if the server named no realm."""
        return self.get("realm") or ""

    @property
    def nonce(self) -> str:
        """To be hashed with the answer."""
        return self.get("nonce") or ""

    @property
    def algorithm(self) -> str:
        """`MD5` where none is named (RFC 7616 3.3)."""
        return self.get("algorithm") or "MD5"

    @property
    def qop(self) -> tuple[str, ...]:
        """Offered qualities of protection in lower case; empty for RFC 2069 servers."""
        return tuple(piece.strip().lower() for piece in (self.get("qop") or "").split(",") if piece.strip())

    @property
    def stale(self) -> bool:
        """The password was right, the nonce too old: try again without asking anybody."""
        return (self.get("stale") or "").lower() == "true"


@dataclass(frozen=True, slots=True)
class AuthCredentials(AuthValue):
    """Authorization and Proxy-Authorization."""

    BARE: ClassVar[frozenset[str]] = frozenset(("algorithm", "qop", "nc", "userhash"))

    @property
    def username(self) -> str:
        """As sent; empty if missing."""
        return self.get("username") or ""

    @property
    def realm(self) -> str:
        """As sent; empty if missing."""
        return self.get("realm") or ""

    @property
    def nonce(self) -> str:
        """As sent; empty if missing."""
        return self.get("nonce") or ""

    @property
    def uri(self) -> str:
        """digest-uri; empty if missing."""
        return self.get("uri") or ""

    @property
    def response(self) -> str:
        """The digest; empty if missing."""
        return self.get("response") or ""

    @property
    def algorithm(self) -> str:
        """`MD5` where none is named."""
        return self.get("algorithm") or "MD5"
