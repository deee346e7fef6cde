"""Our side of DTLS: a key, a certificate for it, and what the handshake may use. Made at start, renewed now and then.

Nobody needs to trust the certificate: its fingerprint goes with each session description (RFC 8122, RFC 8827 6.5).
"""

from __future__ import annotations

import datetime
import hashlib
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from softswitch.sdp.browser import Fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LIFE: Final = 30 * 86_400.0
"""Seconds, as browsers give theirs."""
RENEWED_AFTER: Final = 86_400.0
"""A leg keeps the one it began with; new ones have the newest."""

PROFILES: Final = {
    "AEAD_AES_128_GCM": b"SRTP_AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM": b"SRTP_AEAD_AES_256_GCM",
    "AES_CM_128_HMAC_SHA1_80": b"SRTP_AES128_CM_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32": b"SRTP_AES128_CM_SHA1_32",
}
"""Our crypto suites as OpenSSL calls their protection profiles (RFC 5764 4.1.2, RFC 7714 14.2)."""

HASHES: Final = {"sha-256": hashlib.sha256, "sha-384": hashlib.sha384, "sha-512": hashlib.sha512}
"""Of fingerprints that are believed (RFC 8122 5)."""

_DTLS_1_2: Final = 0xFEFD
_CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20"
"""Forward secrecy and authenticated encryption; what RFC 8827 6.5 demands of all is among them."""


class DtlsIdentity:
    """One certificate of ours, and the context that all handshakes with it share."""

    def __init__(self, suites: Sequence[str], wall_clock: float) -> None:
        """`suites`: SRTP, best first (media.srtp.material). `wall_clock`: seconds of the epoch."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(key, datetime.datetime.fromtimestamp(wall_clock, datetime.UTC))
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_min_proto_version(_DTLS_1_2)
        context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_cipher_list(_CIPHERS)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_tlsext_use_srtp(b":".join(PROFILES[suite] for suite in suites))
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _verify)
        self.context = context
        self.fingerprint = Fingerprint("sha-256", certificate.fingerprint(hashes.SHA256()))


def _certificate(key: ec.EllipticCurvePrivateKey, now: datetime.datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "WebRTC")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(seconds=LIFE))
        .sign(key, hashes.SHA256())
    )


def _verify(connection: SSL.Connection, certificate: object, error: int, depth: int, ok: int) -> bool:
    """Whatever OpenSSL thinks of a certificate nobody signed: what counts is its fingerprint."""
    accepts: Callable[[object], bool] = connection.get_app_data()
    return accepts(certificate) if depth == 0 else True
