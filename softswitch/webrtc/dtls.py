"""DTLS-SRTP (RFC 5764) without IO: datagrams and time in; datagrams, the media's keys and the next timer out.

OpenSSL does the handshake through memory; its retransmission timer runs on its own clock, which is why `next_timer`
gives a delay and `handle_timer` may find that nothing is due yet.

Datagrams come only from where ICE has proven the far end to be, so that there is no need of cookies: nobody can make us
send a flight to somebody else (RFC 9147 5.1 allows it where the path is proven).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1, dump_certificate

from media.srtp.material import SUITES, KeyMaterial
from softswitch.value import value_class
from softswitch.webrtc.identity import HASHES, PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from OpenSSL.crypto import X509

    from softswitch.sdp.browser import Fingerprint
    from softswitch.webrtc.identity import DtlsIdentity

DATAGRAM: Final = 1200
"""Octets: any path carries them (RFC 8831 5 assumes the same)."""
_LABEL: Final = b"EXTRACTOR-dtls_srtp"
_RECORD_HEADER: Final = 13
_MOST: Final = 65_536
_SUITE_OF: Final = {profile: suite for suite, profile in PROFILES.items()}


@value_class(frozen=True, slots=True)
class KeysAgreed:
    """The handshake is done: set these before anything more is sent."""

    receive: KeyMaterial
    send: KeyMaterial


@value_class(frozen=True, slots=True)
class DtlsClosed:
    """The far end has said goodbye (close_notify)."""


@value_class(frozen=True, slots=True)
class DtlsFailed:
    """There will be no keys."""

    reason: str


DtlsNews = KeysAgreed | DtlsClosed | DtlsFailed


class DtlsAssociation:
    """One handshake and what follows it. After DtlsClosed or DtlsFailed nothing happens any more."""

    def __init__(self, identity: DtlsIdentity, *, client: bool, fingerprints: Sequence[Fingerprint]) -> None:
        """`fingerprints`: of which the far end's certificate must have one (RFC 8122 5)."""
        self._fingerprints = fingerprints
        self._client = client
        self._out: deque[bytes] = deque()
        self._news: deque[DtlsNews] = deque()
        self._verified: bool | None = None
        self.is_over = False
        self.is_done = False
        """Keys are agreed."""
        self._ssl = SSL.Connection(identity.context, None)
        self._ssl.set_app_data(self._accepts)
        self._ssl.set_ciphertext_mtu(DATAGRAM)
        if client:
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()

    def suits(self, *, client: bool, fingerprints: Sequence[Fingerprint]) -> bool:
        """Whether it is what an agreement on this asks for (RFC 8842 4)."""
        return client is self._client and tuple(fingerprints) == tuple(self._fingerprints)

    # Out.

    def to_send(self) -> Iterator[bytes]:
        """Datagrams. Ask for news first."""
        while self._out:
            yield self._out.popleft()

    def next_news(self) -> DtlsNews | None:
        """The next thing that happened; None: nothing more."""
        return self._news.popleft() if self._news else None

    def next_timer(self) -> float | None:
        """Seconds from now after which `handle_timer` wants to be called."""
        return None if self.is_over or self.is_done else self._ssl.DTLSv1_get_timeout()

    # In.

    def start(self) -> None:
        """The path is there: a client says hello."""
        if self._client:
            self._go_on()

    def receive(self, data: bytes) -> None:
        """One datagram. What is no DTLS is passed over by OpenSSL (RFC 6347 4.1.2.7)."""
        if not self.is_over and data:
            self._ssl.bio_write(data)
            self._go_on()

    def handle_timer(self) -> None:
        """Send the last flight again, if it is time."""
        if not self.is_over and not self.is_done:
            try:
                self._ssl.DTLSv1_handle_timeout()
            except SSL.Error as error:
                self._fail(f"nothing came of the DTLS handshake: {_told(error)}")
            self._collect()

    def close(self) -> None:
        """Say goodbye; it goes out with `to_send`."""
        if not self.is_over:
            self.is_over = True
            if self.is_done:
                try:
                    self._ssl.shutdown()
                except SSL.Error:
                    return
                self._collect()

    # Within.

    def _go_on(self) -> None:
        try:
            if not self.is_done:
                self._ssl.do_handshake()
                self._finish()
            while True:
                self._ssl.recv(_MOST)  # data channels: nobody asked for any
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._say(DtlsClosed())
        except SSL.Error as error:
            if self._verified is False:
                self._fail("the browser's certificate is not the one its session description names")
            else:
                self._fail(f"DTLS: {_told(error)}")
        self._collect()

    def _finish(self) -> None:
        suite = _SUITE_OF.get(self._ssl.get_selected_srtp_profile())
        if suite is None:
            self._fail("DTLS: no SRTP protection profile in common")
        elif not self._verified:
            self._fail("DTLS: the browser showed no certificate")
        else:
            self.is_done = True
            client, server = self._export(suite)
            self._say(KeysAgreed(server, client) if self._client else KeysAgreed(client, server))

    def _export(self, suite: str) -> tuple[KeyMaterial, KeyMaterial]:
        """The keys that client and server send with (RFC 5764 4.2)."""
        key, salt = SUITES[suite]
        material = self._ssl.export_keying_material(_LABEL, 2 * (key + salt))
        keys, salts = material[: 2 * key], material[2 * key :]
        return (
            KeyMaterial(suite, keys[:key] + salts[:salt]),
            KeyMaterial(suite, keys[key:] + salts[salt:]),
        )

    def _accepts(self, certificate: X509) -> bool:
        """Called by OpenSSL in the middle of the handshake. Its octets are hashed, never understood."""
        shown = dump_certificate(FILETYPE_ASN1, certificate)
        self._verified = any(
            each.algorithm in HASHES and HASHES[each.algorithm](shown).digest() == each.digest
            for each in self._fingerprints
        )
        return self._verified

    def _fail(self, reason: str) -> None:
        self._say(DtlsFailed(reason))

    def _say(self, news: DtlsNews) -> None:
        self._news.append(news)
        if not isinstance(news, KeysAgreed):
            self.is_over = True

    def _collect(self) -> None:
        """OpenSSL's memory keeps no bounds between datagrams: records are put together again, as many as fit."""
        try:
            flight = self._ssl.bio_read(_MOST)
        except SSL.Error:
            return
        begin = at = 0
        while at < len(flight):
            after = at + _RECORD_HEADER + int.from_bytes(flight[at + 11 : at + 13], "big")
            if after - begin > DATAGRAM and at > begin:
                self._out.append(flight[begin:at])
                begin = at
            at = after
        if begin < len(flight):
            self._out.append(flight[begin:])


def _told(error: SSL.Error) -> str:
    """OpenSSL's own words."""
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(str(each[2]) for each in reasons) or type(error).__name__
