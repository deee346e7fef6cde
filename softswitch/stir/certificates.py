"""Certificates that sign calls: a chain from a local anchor, a P-256 key, a TNAuthList (RFC 8226, ATIS-1000080).

Chains are built when they are loaded, not when somebody calls; a call only asks whether they are still valid.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from softswitch.stir import tn_auth_list
from softswitch.stir.errors import StirError, invalid, unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from softswitch.stir.tn_auth_list import TnAuthList

LONGEST_CHAIN = 5
_ES256 = ec.ECDSA(hashes.SHA256())
_OID = x509.ObjectIdentifier(tn_auth_list.OID)
_OCTETS = 32
"""Of R and of S in a signature (RFC 7518 3.4)."""


class SigningCertificate:
    """A certificate that may sign for some numbers, found good but for the time."""

    def __init__(self, chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]) -> None:
        """`chain`: the certificate itself first. Raises StirError 437."""
        leaf = chain[0]
        key = leaf.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise unsupported("expected a P-256 key (RFC 8226 7)")
        try:
            extension = leaf.extensions.get_extension_for_oid(_OID).value
        except x509.ExtensionNotFound:
            raise unsupported("no TNAuthList: it may sign for no number") from None
        except ValueError as error:
            raise unsupported(str(error)) from None
        assert isinstance(extension, x509.UnrecognizedExtension)
        self.authority: TnAuthList = tn_auth_list.parse(extension.value)
        path = _path(chain, anchors)
        self.not_before = max(certificate.not_valid_before_utc for certificate in path).timestamp()
        self.not_after = min(certificate.not_valid_after_utc for certificate in path).timestamp()
        self._key = key

    def check(self, now: float) -> None:
        """Raises StirError 437 when some certificate of the chain is not valid now (Unix seconds)."""
        if not self.not_before <= now <= self.not_after:
            valid = " to ".join(
                datetime.fromtimestamp(moment, UTC).isoformat() for moment in (self.not_before, self.not_after)
            )
            raise unsupported(f"valid from {valid}")

    def verify(self, signed: bytes, signature: bytes) -> None:
        """Raises StirError 438 when this key did not sign that."""
        check(self._key, signed, signature)


def check(key: ec.EllipticCurvePublicKey, signed: bytes, signature: bytes) -> None:
    """Raises StirError 438 when `signature` (R and S, RFC 7518 3.4) is not that of `key` over `signed`."""
    if len(signature) != 2 * _OCTETS:
        raise invalid(f"expected a signature of {2 * _OCTETS} octets, got {len(signature)}")
    r, s = (int.from_bytes(half, "big") for half in (signature[:_OCTETS], signature[_OCTETS:]))
    try:
        key.verify(encode_dss_signature(r, s), signed, _ES256)
    except InvalidSignature:
        raise invalid("the signature is not of this certificate's key") from None


def _path(chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """From the first of `chain` to an anchor, each issued by the next. Raises StirError 437."""
    path = [chain[0]]
    while len(path) <= LONGEST_CHAIN:
        current = path[-1]
        if current in anchors:
            return path
        issuer = next((each for each in (*anchors, *chain[1:]) if each not in path and _issued(current, each)), None)
        if issuer is None:
            raise unsupported(f"nothing leads from {current.subject.rfc4514_string()} to a trust anchor")
        path.append(issuer)
    raise unsupported(f"more than {LONGEST_CHAIN} certificates to a trust anchor")


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as missing:
        return missing.oid == x509.KeyUsage.oid
    except (ValueError, TypeError, InvalidSignature):
        return False
    return usage.key_cert_sign


class CertificateStore:
    """Certificates by their URL. Nothing is fetched: what is not here is unknown."""

    def __init__(self, chains: Mapping[str, bytes], anchors: bytes) -> None:
        """`chains`: PEM by URL; `anchors`: PEM. One that is no good is remembered as such, and says why when asked.

        Raises ValueError when there is no certificate in the anchors.
        """
        trusted = x509.load_pem_x509_certificates(anchors)
        self._found: dict[str, SigningCertificate | StirError] = {}
        for url, pem in chains.items():
            try:
                self._found[url] = SigningCertificate(x509.load_pem_x509_certificates(pem), trusted)
            except ValueError as error:
                self._found[url] = unsupported(str(error))
            except StirError as error:
                self._found[url] = error

    def faults(self) -> dict[str, str]:
        """Why certificates are no good, by URL."""
        return {url: str(found) for url, found in self._found.items() if isinstance(found, StirError)}

    def get(self, url: str) -> SigningCertificate | None:
        """Raises StirError 437 for one that is no good."""
        found = self._found.get(url)
        if isinstance(found, StirError):
            raise StirError(found.status, found.reason, "the certificate is no good")
        return found


class SigningKey:
    """A private key; nothing shows it."""

    __slots__ = ("_key",)

    def __init__(self, pem: bytes) -> None:
        """Raises ValueError, whose text has nothing of the key."""
        try:
            key = serialization.load_pem_private_key(pem, None)
        except (ValueError, TypeError):
            raise ValueError("expected a private key in PEM, without a passphrase") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("expected a key of the curve P-256 (prime256v1)")
        self._key = key

    def sign(self, data: bytes) -> bytes:
        """R and S, 32 octets each (RFC 7518 3.4)."""
        r, s = decode_dss_signature(self._key.sign(data, _ES256))
        return r.to_bytes(_OCTETS, "big") + s.to_bytes(_OCTETS, "big")

    def belongs_to(self, certificate: bytes) -> bool:
        """Whether the first certificate of this PEM has its public key. Raises ValueError when there is none."""
        public = x509.load_pem_x509_certificates(certificate)[0].public_key()
        return bool(public == self._key.public_key())
