"""PASSporT (RFC 8225): a signed statement of who calls whom, with the claims of `shaken` (RFC 8588)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from softswitch.stir.errors import invalid
from softswitch.value import value_class

LONGEST = 8192
"""Characters of a token that are looked at."""
_TELEPHONE_NUMBER = re.compile(r"[0-9*#]{1,15}").fullmatch
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+").fullmatch
ATTESTATIONS = ("A", "B", "C")


def telephone_number(canonical: str) -> str:
    """A canonical number as claims have it (RFC 8224 8.3): digits without `+`; "" for what is none."""
    digits = canonical.removeprefix("+")
    return digits if _TELEPHONE_NUMBER(digits) else ""


@value_class(frozen=True, slots=True, kw_only=True)
class Passport:
    """What a token says."""

    x5u: str
    """Where its certificate is."""
    orig: str
    """The caller's telephone number, without `+`; "" when the caller is told by a URI."""
    dest: tuple[str, ...]
    """The telephone numbers called; () when they are URIs."""
    iat: int
    """When it was signed, Unix seconds."""
    ppt: str = ""
    attest: str = ""
    origid: str = ""
    orig_uri: str = ""
    dest_uri: tuple[str, ...] = ()

    def signing_input(self) -> bytes:
        """Header and payload as they are signed: keys in lexical order, no white space (RFC 8225 9)."""
        header: dict[str, Any] = {"alg": "ES256", "typ": "passport", "x5u": self.x5u}
        if self.ppt:
            header["ppt"] = self.ppt
        payload: dict[str, Any] = {
            "dest": {"tn": list(self.dest)} if self.dest else {"uri": list(self.dest_uri)},
            "iat": self.iat,
            "orig": {"tn": self.orig} if self.orig else {"uri": self.orig_uri},
        }
        if self.attest:
            payload |= {"attest": self.attest, "origid": self.origid}
        return f"{_packed(header)}.{_packed(payload)}".encode()


def decode(token: str) -> tuple[Passport, bytes, bytes]:
    """The token of the full form: what it says, what was signed, the signature (R and S).

    Raises StirError 438. Nothing of it is to be believed before the signature is verified.
    """
    pieces = token.split(".")
    if len(token) > LONGEST or len(pieces) != 3 or not all(map(_BASE64URL, pieces)):
        raise invalid("expected header.payload.signature in base64url")
    header, payload = _object(pieces[0]), _object(pieces[1])
    if header.get("alg") != "ES256" or header.get("typ") != "passport":
        raise invalid(f"expected alg ES256 and typ passport, got {_shown(header.get('alg'), header.get('typ'))}")
    orig, dest, iat, ppt = payload.get("orig"), payload.get("dest"), payload.get("iat"), header.get("ppt", "")
    if not isinstance(orig, dict) or not isinstance(dest, dict) or not isinstance(ppt, str):
        raise invalid("expected orig and dest")
    if not isinstance(iat, int) or isinstance(iat, bool) or not 0 <= iat < 2**40:
        raise invalid(f"expected iat in seconds, got {_shown(iat)}")
    passport = Passport(
        x5u=_text(header.get("x5u")),
        orig=_text(orig.get("tn", "")),
        dest=_texts(dest.get("tn", [])),
        iat=iat,
        ppt=ppt,
        attest=_text(payload.get("attest", "")),
        origid=_text(payload.get("origid", "")),
        orig_uri=_text(orig.get("uri", "")),
        dest_uri=_texts(dest.get("uri", [])),
    )
    if ppt == "shaken" and (passport.attest not in ATTESTATIONS or not passport.origid):
        raise invalid(f"expected attest A, B or C and an origid, got {_shown(passport.attest, passport.origid)}")
    return passport, f"{pieces[0]}.{pieces[1]}".encode(), unpacked(pieces[2])


def encoded(data: bytes) -> str:
    """base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpacked(text: str) -> bytes:
    """The octets of base64url. Raises StirError 438."""
    if not _BASE64URL(text):
        raise invalid("expected base64url")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise invalid(f"expected base64url: {error}") from None


def _packed(claims: dict[str, Any]) -> str:
    return encoded(json.dumps(claims, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(unpacked(text))
    except (ValueError, RecursionError):  # not UTF-8, not JSON, numbers or nesting beyond measure
        raise invalid("expected JSON") from None
    if not isinstance(found, dict):
        raise invalid(f"expected a JSON object, got {_shown(found)}")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 512:
        raise invalid(f"expected text, got {_shown(value)}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > 32:
        raise invalid(f"expected a list of at most 32, got {_shown(value)}")
    return tuple(map(_text, value))


def _shown(*values: object) -> str:
    return ", ".join(ascii(value)[:40] for value in values)
