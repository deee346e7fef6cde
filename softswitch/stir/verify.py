"""Whether the caller of a call has the right to the number shown (RFC 8224 6.2, ATIS-1000074 5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.stir.errors import StirError, bad_info, invalid, missing, stale
from softswitch.stir.identity_header import parse
from softswitch.stir.passport import Passport, decode, telephone_number, unpacked
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.stir.certificates import CertificateStore
    from softswitch.stir.identity_header import IdentityHeader

PASSED, FAILED, UNVERIFIED = "TN-Validation-Passed", "TN-Validation-Failed", "No-TN-Validation"
"""3GPP TS 24.229 7.2A.20."""
FRESH_FOR = 60.0
"""Seconds (RFC 8224 6.2 step 4, ATIS-1000074 5.3.1)."""
MOST_HEADERS = 4
"""Identity headers of one request that are looked at."""
_EXTENSIONS = ("", "shaken")


@value_class(frozen=True, slots=True)
class Verdict:
    """What came of it."""

    verstat: str
    refusal: StirError | None = None
    """Why it did not pass."""
    attest: str = ""
    """What the signature claims, when it passed."""
    identity: str = ""
    """The header that passed."""


class Verifier:
    """Knows the certificates; asks nobody."""

    def __init__(self, certificates: CertificateStore, *, fresh_for: float = FRESH_FOR) -> None:
        self._certificates = certificates
        self._fresh_for = fresh_for

    def verify(
        self, identities: Sequence[str], caller: str, called: Sequence[str], now: float, date: float | None = None
    ) -> Verdict:
        """The verdict over a call from `caller` to `called` (canonical numbers; any of those may be meant).

        `caller` "": it is kept from us, so that whoever signed may have signed for anybody. `now`: Unix seconds.
        `date`: that of the Date header, which the compact form is signed with.
        """
        refusal = missing()
        for text in identities[:MOST_HEADERS]:
            try:
                header = parse(text)
                if header.ppt not in _EXTENSIONS:
                    continue  # not understood is as if it were not there (RFC 8224 6.2 step 1)
                attest = self._verify(header, caller, called, now, date)
            except StirError as error:
                refusal = error
                continue
            return Verdict(PASSED, None, attest, text)
        # A certificate that is not to be had is no proof of anything.
        return Verdict(UNVERIFIED if refusal.status in (428, 436) else FAILED, refusal)

    def _verify(
        self, header: IdentityHeader, caller: str, called: Sequence[str], now: float, date: float | None
    ) -> str:
        numbers = [number for number in map(telephone_number, called) if number]
        if header.compact:
            passport, signed, signature = _expanded(header, telephone_number(caller), numbers, date)
        else:
            passport, signed, signature = decode(header.token)
        if header.alg not in ("", "ES256") or passport.ppt != header.ppt or passport.x5u != header.info:
            raise invalid("its parameters are not those of its token")
        if abs(now - passport.iat) > self._fresh_for:
            raise stale(f"signed {now - passport.iat:.0f} s ago")
        certificate = self._certificates.get(passport.x5u)
        if certificate is None:
            raise bad_info(f"unknown certificate {ascii(passport.x5u)[:200]}")
        certificate.check(now)
        certificate.verify(signed, signature)
        if not passport.orig or (caller and passport.orig != telephone_number(caller)):
            raise invalid("signed for another caller")
        if not set(passport.dest) & set(numbers):
            raise invalid("signed for another called number")
        if not certificate.authority.covers(passport.orig):
            raise invalid("the certificate may not sign for this number")
        return passport.attest


def _expanded(header: IdentityHeader, orig: str, dest: list[str], date: float | None) -> tuple[Passport, bytes, bytes]:
    """The compact form (RFC 8224 7): what was signed follows from the request, if nothing on the way changed it."""
    if header.ppt:
        raise invalid(f"the compact form is not for {header.ppt}")  # RFC 8588 4
    if date is None or not dest:
        raise invalid("the compact form needs Date")
    passport = Passport(x5u=header.info, orig=orig, dest=(dest[0],), iat=int(date))
    return passport, passport.signing_input(), unpacked(header.token[2:])
