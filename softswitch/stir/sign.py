"""The Identity header of a call of ours (RFC 8224 6.1, ATIS-1000074 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.stir.identity_header import IdentityHeader
from softswitch.stir.passport import Passport, encoded, telephone_number

if TYPE_CHECKING:
    from softswitch.stir.certificates import SigningKey


class Signer:
    """Signs with one key, whose certificate is at `x5u`."""

    def __init__(self, key: SigningKey, *, x5u: str, origid: str) -> None:
        self._key = key
        self._x5u = x5u
        self._origid = origid

    def sign(self, caller: str, called: str, attest: str, now: float) -> str | None:
        """The value of Identity for a call between two canonical numbers; None when either is no telephone number."""
        orig, dest = telephone_number(caller), telephone_number(called)
        if not orig or not dest:
            return None
        signed = Passport(
            x5u=self._x5u, orig=orig, dest=(dest,), iat=int(now), ppt="shaken", attest=attest, origid=self._origid
        ).signing_input()
        token = f"{signed.decode()}.{encoded(self._key.sign(signed))}"
        return str(IdentityHeader(token, self._x5u, "ES256", "shaken"))
