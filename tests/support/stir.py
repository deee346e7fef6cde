"""A certificate authority for telephone numbers, and what it issues."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from softswitch.stir import tn_auth_list

if TYPE_CHECKING:
    from collections.abc import Sequence

X5U = "https://cert.example.org/passport.pem"
ORIGID = "123e4567-e89b-12d3-a456-426655440000"


def der(tag: int, *content: bytes) -> bytes:
    """One element; contents beyond 127 octets in the long form."""
    joined = b"".join(content)
    length = bytes([len(joined)]) if len(joined) < 128 else b"\x82" + len(joined).to_bytes(2, "big")
    return bytes([tag]) + length + joined


def text(value: str) -> bytes:
    """An IA5String."""
    return der(0x16, value.encode())


def tn_list(
    *, providers: Sequence[str] = (), numbers: Sequence[str] = (), ranges: Sequence[tuple[str, int]] = ()
) -> bytes:
    """A TNAuthList (RFC 8226 9)."""
    entries = [der(0xA0, text(code)) for code in providers]
    entries += [der(0xA2, text(number)) for number in numbers]
    entries += [der(0xA1, der(0x30, text(first), der(2, count.to_bytes(3, "big")))) for first, count in ranges]
    return der(0x30, *entries)


class Issued:
    """A certificate and its key."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, above: bytes = b"") -> None:
        self.certificate = certificate
        self.key = key
        self._above = above

    @property
    def pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def chain(self) -> bytes:
        """With what is above it, without the anchor."""
        return self.pem + self._above

    @property
    def key_pem(self) -> bytes:
        """The private key."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def issue(
    name: str,
    by: Issued | None = None,
    *,
    authority: bytes | None = None,
    ca: bool = False,
    days: tuple[int, int] = (-1, 30),
    curve: ec.EllipticCurve | None = None,
) -> Issued:
    """A certificate for `name`; its own issuer without `by`. `days`: validity, counted from today."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if authority is not None:
        oid = x509.ObjectIdentifier(tn_auth_list.OID)
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, authority), critical=False)
    certificate = builder.sign(by.key if by else key, hashes.SHA256())
    above = b"" if by is None or by.certificate.issuer == by.certificate.subject else by.chain
    return Issued(certificate, key, above)
