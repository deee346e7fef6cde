"""Randomness for one transport: credentials, transactions, and how regular our own checks are."""

from __future__ import annotations

import random
import secrets
from typing import Final

from softswitch.sdp.browser import IceCredentials

_FRAGMENT_OCTETS: Final = 6
"""48 bits: with a shared port the fragment alone tells whose a first datagram is."""
_PASSWORD_OCTETS: Final = 18
"""144 bits; 128 are asked for (RFC 8445 5.3)."""
MARK_OCTETS: Final = 4


class LegDice:
    """Transactions begin with the transport's `mark`, so that answers find it when several share a port; 64 bits that
    nobody can guess are left, under MESSAGE-INTEGRITY."""

    __slots__ = ("mark",)

    def __init__(self, mark: bytes) -> None:
        self.mark = mark

    def transaction(self) -> bytes:
        """12 octets."""
        return self.mark + secrets.token_bytes(8)

    def tie_breaker(self) -> int:
        """64 bits."""
        return secrets.randbits(64)

    def spread(self) -> float:
        """From 0 to 1; nothing depends on its being hard to guess."""
        return random.random()  # noqa: S311


def credentials() -> IceCredentials:
    """Fresh ones, in base64's alphabet without its - and _ (RFC 8839 5.4)."""
    fragment, password = (secrets.token_urlsafe(octets) for octets in (_FRAGMENT_OCTETS, _PASSWORD_OCTETS))
    plain = str.maketrans("-_", "+/")
    return IceCredentials(fragment.translate(plain), password.translate(plain))
