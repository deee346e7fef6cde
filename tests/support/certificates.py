"""Certificates made for a test: an authority of its own, and whom it vouches for."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from softswitch.transport.certificates import OwnCertificate

if TYPE_CHECKING:
    from pathlib import Path

DAY = datetime.timedelta(days=1)


@dataclass
class Authority:
    """Signs what it is told. Files go into `folder`."""

    folder: Path
    name: str
    _key: ec.EllipticCurvePrivateKey
    _certificate: x509.Certificate

    @classmethod
    def make(cls, folder: Path, name: str = "authority") -> Self:
        """A fresh one, with its certificate in `<name>.pem`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, subject, key, 3650 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self = cls(folder, name, key, builder.sign(key, hashes.SHA256()))
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return self

    @property
    def file(self) -> Path:
        """Its certificate."""
        return self.folder / f"{self.name}.pem"

    def vouch(
        self,
        name: str,
        *,
        dns: tuple[str, ...] = (),
        uris: tuple[str, ...] = (),
        addresses: tuple[str, ...] = (),
        lasts: datetime.timedelta = 365 * DAY,
    ) -> OwnCertificate:
        """A certificate `<name>.crt` and its key `<name>.key`, over those of that name before."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, self._certificate.subject, key, lasts)
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(each) for each in uris]
        names += [x509.DNSName(each) for each in dns]
        names += [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        own = OwnCertificate(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        certificate = builder.sign(self._key, hashes.SHA256())
        own.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        own.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return own


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    begins = min(now, now + lasts) - DAY
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return builder.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(now + lasts)
