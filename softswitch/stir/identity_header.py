"""The Identity header (RFC 8224 4.1): `token;info=<x5u>;alg=ES256;ppt=shaken`."""

from __future__ import annotations

import re
from typing import NamedTuple

from softswitch.stir.errors import invalid
from softswitch.stir.passport import LONGEST

_VALUE = re.compile(r"([A-Za-z0-9_.-]+)[ \t]*((?:;.*)?)", re.DOTALL).fullmatch
_PARAMETER = re.compile(
    r'[ \t]*;[ \t]*([A-Za-z0-9.!%*_+`\'~-]+)(?:[ \t]*=[ \t]*(<[^<>"]*>|"[^"\\]*"|[A-Za-z0-9.!%*_+`\'~:/-]+))?[ \t]*'
).match


class IdentityHeader(NamedTuple):
    """One value. `alg` and `ppt` are "" when they are not given."""

    token: str
    """header.payload.signature, or ..signature in the compact form."""
    info: str
    """Where the certificate is."""
    alg: str = "ES256"
    ppt: str = ""

    @property
    def compact(self) -> bool:
        """Header and payload are left out: they follow from the request (RFC 8224 7)."""
        return self.token.startswith("..")

    def __str__(self) -> str:
        return f"{self.token};info=<{self.info}>;alg={self.alg}" + (f";ppt={self.ppt}" if self.ppt else "")


def parse(text: str) -> IdentityHeader:
    """Read one value. Raises StirError 438."""
    if len(text) > LONGEST:
        raise invalid(f"longer than {LONGEST} characters")
    match = _VALUE(text.strip(" \t"))
    if match is None:
        raise invalid("expected token;info=<uri>")
    parameters: dict[str, str] = {}
    rest, position = match[2], 0
    while position < len(rest):
        found = _PARAMETER(rest, position)
        if found is None:
            raise invalid(f"expected ;name=value, got {rest[position : position + 40]!a}")
        name = found[1].lower()
        if name in parameters:
            raise invalid(f"{name} comes twice")
        parameters[name] = (found[2] or "").strip('<>"')
        position = found.end()
    if not parameters.get("info"):
        raise invalid("expected info=<uri>")
    return IdentityHeader(match[1], parameters["info"], parameters.get("alg", ""), parameters.get("ppt", ""))
