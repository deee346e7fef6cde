"""TLS without IO: octets of the connection in, octets of SIP out, and the reverse (RFC 8446, RFC 5246)."""

from __future__ import annotations

import ssl

from softswitch.transport.certificate_names import sip_identities

MOST_HANDSHAKE = 131_072
"""Octets a handshake may take: OpenSSL takes chains of 100 kB."""
MOST_IDLE = 65_536
"""Octets that may come without a single octet of SIP: key updates and renegotiations are work for us, not for them."""


class TlsError(Exception):
    """The connection cannot go on; the message says why."""


class TlsLayer:
    """One connection's TLS. After each call send what `outgoing` gives."""

    __slots__ = ("_from_peer", "_object", "_spent", "_to_peer", "is_closed", "is_established")

    def __init__(self, context: ssl.SSLContext, *, server: bool, name: str | None = None) -> None:
        """`name`: of the server, for SNI; an address or None sends none."""
        self._from_peer, self._to_peer = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._from_peer, self._to_peer, server_side=server, server_hostname=name)
        self._spent = 0
        self.is_established = False
        self.is_closed = False
        """The far end has said that nothing more will come."""

    def begin(self) -> None:
        """Say hello, as the one who connects. Raises TlsError."""
        self._shake_hands()

    def receive(self, data: bytes) -> bytes:
        """Take octets of the connection; what they carry. Raises TlsError: send `outgoing`, the alert, then close."""
        self._from_peer.write(data)
        self._spent += len(data)
        if not self.is_established:
            self._shake_hands()
        plain = self._read() if self.is_established else b""
        if plain:
            self._spent = 0
        elif self._spent > (MOST_IDLE if self.is_established else MOST_HANDSHAKE):
            raise TlsError("so much TLS and no SIP: renegotiation or key updates without end")
        return plain

    def send(self, data: bytes) -> None:
        """Encrypt for the far end; only once established. Raises TlsError."""
        try:
            self._object.write(data)
        except ssl.SSLError as error:
            raise TlsError(_reason(error)) from None

    def close(self) -> None:
        """Say that nothing more will come."""
        if self.is_established:
            try:
                self._object.unwrap()
            except ssl.SSLError:
                return  # it has not said so yet; nobody waits for that

    def outgoing(self) -> bytes:
        """What is to be sent now."""
        return self._to_peer.read()

    @property
    def identities(self) -> tuple[str, ...]:
        """The SIP domains the far end has proven to be; () without a certificate that was checked."""
        certificate = self._object.getpeercert()
        return sip_identities(certificate) if certificate else ()

    @property
    def description(self) -> str:
        """`TLSv1.3, TLS_AES_256_GCM_SHA384`."""
        cipher = self._object.cipher()
        return f"{self._object.version()}, {cipher[0] if cipher else 'no cipher'}"

    def _shake_hands(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            raise TlsError(_reason(error)) from None
        self.is_established = True
        self._spent = 0

    def _read(self) -> bytes:
        found = []
        while True:
            try:
                data = self._object.read(65_536)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                self.is_closed = True
                break
            except ssl.SSLError as error:
                raise TlsError(_reason(error)) from None
            if not data:
                self.is_closed = True
                break
            found.append(data)
        return b"".join(found)


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    return (error.reason or str(error)).lower().replace("_", " ")
