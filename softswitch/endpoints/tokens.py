"""Short-lived signed tokens: JWT (RFC 7519) with HS256, made and read by this node alone.

Each token is for one purpose, its audience, so that what opens a call link opens nothing else (RFC 8725 3.9). The
clock is the wall's: a token outlives a restart.
"""

from __future__ import annotations

import hmac
import time
from hashlib import sha256
from typing import TYPE_CHECKING

import jwt

from softswitch.endpoints.claims import TokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from softswitch.endpoints.claims import Claim

ALGORITHM = "HS256"
LONGEST_TOKEN = 4096
"""Characters of a token that is looked at at all."""
LEAST_KEY = 16
"""Characters a key must have."""
_OURS = frozenset(("aud", "iat", "exp"))


class OtherPurposeError(TokenError):
    """It was signed here, for something else."""


class TokenSigner:
    """Signs claims for a purpose and reads them back. Tokens of another key, purpose or time are refused."""

    def __init__(self, key: str, *, clock: Callable[[], float] = time.time) -> None:
        """`key`: the node's secret, at least LEAST_KEY characters; nodes that share it believe each other."""
        if len(key) < LEAST_KEY:
            raise ValueError(f"expected a token key of at least {LEAST_KEY} characters, got {len(key)}")
        self._key = sha256(b"softswitch tokens\0" + key.encode()).hexdigest()
        self._clock = clock

    def sign(self, purpose: str, claims: Mapping[str, Claim], *, ttl: float) -> str:
        """A token that says `claims` for `ttl` seconds from now."""
        if not _OURS.isdisjoint(claims):
            raise ValueError(f"expected claims of the caller's own, got {sorted(_OURS & claims.keys())}")
        now = self._clock()
        return jwt.encode({**claims, "aud": purpose, "iat": int(now), "exp": now + ttl}, self._key, ALGORITHM)

    def read(self, token: str, purpose: str) -> dict[str, Claim]:
        """Its claims, `exp` in seconds of the epoch. Raises TokenError: malformed, forged, expired, other purpose."""
        if len(token) > LONGEST_TOKEN:
            raise TokenError("the token is longer than ours are")
        if not token.isascii():  # PyJWT takes what cannot be encoded for a fault
            raise TokenError("the token is malformed")
        try:
            # Times are compared here: PyJWT has a clock of its own, and counts whole seconds only.
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=purpose,
                options={
                    "require": ["aud", "iat", "exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "strict_aud": True,
                },
            )
        except jwt.InvalidAudienceError:
            raise OtherPurposeError("the token is for another purpose") from None
        except jwt.InvalidSignatureError:
            raise TokenError("the token was not signed here") from None
        except jwt.PyJWTError:
            raise TokenError("the token is malformed") from None
        expires = claims["exp"]
        if not isinstance(expires, int | float) or self._clock() >= expires:
            raise TokenError("the token has expired", expired=True)
        return {name: value for name, value in claims.items() if isinstance(value, str | int | float)}

    def read_any(self, token: str, purposes: Sequence[str]) -> tuple[str, dict[str, Claim]]:
        """The first of `purposes` it is for, and its claims. Raises TokenError."""
        *others, last = purposes
        for purpose in others:
            try:
                return purpose, self.read(token, purpose)
            except OtherPurposeError:
                continue
        return last, self.read(token, last)

    def seal(self, text: str) -> str:
        """What stands for a secret in a claim: whoever reads it learns nothing, for he cannot try guesses against it.
        32 hexadecimal digits.
        """
        return hmac.new(self._key.encode(), b"seal\0" + text.encode(), sha256).hexdigest()[:32]

    def lasts(self, claims: Mapping[str, Claim]) -> float:
        """Seconds until a token with these claims ends."""
        return max(0.0, float(claims["exp"]) - self._clock())
