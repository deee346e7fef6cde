"""Certificates and keys: read from files, read again when these change, and never given up for bad ones.

What is in use is an immutable context for each purpose; a renewal makes a new one for handshakes to come, and open
connections keep theirs. Files that cannot be used are told of and leave things as they are.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from cryptography import x509

log = logging.getLogger(__name__)

SOON = 14 * 86_400.0
"""Seconds before its end that a certificate is warned about, once a day."""
DAY = 86_400.0

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


WEB = ":web"
"""The purpose of browsers: no trunk has this name."""
_SERVERS = {"": "sip.tls", WEB: "web"}


class CertificateError(Exception):
    """A certificate, key or list of authorities that cannot be used; the message says which file and why."""

    def __init__(self, message: str, what: Literal["certificate", "key", "ca"] = "key") -> None:
        super().__init__(message)
        self.what = what
        """Which of the files it is."""


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """What we show: a certificate with its chain, and its key (PEM; both may be one file)."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Terms:
    """How one side of TLS is done."""

    own: OwnCertificate | None = None
    """What we show; a server must have it."""
    ca: Path | None = None
    """Authorities the far end's certificate may come from; None: those of the system."""
    minimum: Literal["1.2", "1.3"] = "1.2"
    ask: Literal["none", "optional", "required"] = "required"
    """Whether the far end has to show a certificate. For a client `none` is: do not look at it."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is read."""
        own = () if self.own is None else (self.own.certificate, self.own.key)
        return own if self.ca is None else (*own, self.ca)


def context_for(terms: Terms, *, server: bool) -> ssl.SSLContext:
    """A context for new connections. Raises CertificateError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = VERSIONS[terms.minimum]
    context.check_hostname = False  # names are judged by RFC 5922, not by RFC 6125: `certificate_names`
    # A peer may ask for another handshake again and again, each of them dear (THREATS S8).
    context.options |= ssl.OP_NO_RENEGOTIATION
    required = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
    context.verify_mode = required[terms.ask]
    if terms.own is not None:
        _load_own(context, terms.own)
    if terms.ask != "none":
        if terms.ca is None:
            purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
            context.load_default_certs(purpose)
        else:
            _load_authorities(context, terms.ca)
    return context


def _load_own(context: ssl.SSLContext, own: OwnCertificate) -> None:
    _readable(own.certificate, "certificate")
    _readable(own.key, "key")
    try:
        context.load_cert_chain(own.certificate, own.key, password=_no_password)
    except ssl.SSLError as error:
        if "KEY_VALUES_MISMATCH" in str(error):
            raise CertificateError(f"the key in {own.key} is not that of the certificate {own.certificate}") from None
        if not _certificates(own.certificate):
            raise CertificateError(f"{own.certificate} holds no certificate in PEM form", "certificate") from None
        raise CertificateError(f"{own.key} holds no key in PEM form") from None


def _no_password() -> str:
    raise CertificateError("the key is encrypted: store it decrypted, readable by this user only (chmod 600)")


def _load_authorities(context: ssl.SSLContext, file: Path) -> None:
    _readable(file, "ca")
    try:
        context.load_verify_locations(file)
    except ssl.SSLError:
        raise CertificateError(f"{file} holds no certificate of an authority in PEM form", "ca") from None


def _readable(file: Path, what: Literal["certificate", "key", "ca"]) -> None:
    try:
        with file.open("rb") as opened:
            opened.read(1)
    except OSError as error:
        raise CertificateError(f"{file} cannot be read: {error.strerror}", what) from None


def _certificates(file: Path) -> list[x509.Certificate]:
    # The library is 9 MB, and `ssl` needs it for nothing: only where there are certificates.
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError):
        return []


def ends(file: Path) -> float | None:
    """When the first certificate of a chain that does so expires, in Unix seconds; None where there is none."""
    return min((found.not_valid_after_utc.timestamp() for found in _certificates(file)), default=None)


class Keyring:
    """The contexts in use, by purpose: "" for our listeners, WEB for browsers, a trunk's name for connections to it."""

    def __init__(
        self,
        server: Terms | None,
        trunks: Mapping[str, Terms],
        clock: Callable[[], float],
        *,
        web: Terms | None = None,
    ) -> None:
        """`clock`: Unix seconds. Raises CertificateError."""
        self._clock = clock
        self._terms: dict[str, Terms] = dict(trunks)
        if server is not None:
            self._terms[""] = server
        if web is not None:
            self._terms[WEB] = web
        self._contexts = {name: context_for(terms, server=name in _SERVERS) for name, terms in self._terms.items()}
        self._stamps = {name: _stamps(terms) for name, terms in self._terms.items()}
        self._warned: dict[Path, float] = {}
        self.failures = 0
        """Renewals refused since start."""

    @property
    def server(self) -> ssl.SSLContext:
        """For connections that others open; there is one where there is a TLS listener."""
        return self._contexts[""]

    @property
    def web(self) -> ssl.SSLContext | None:
        """For browsers; None: plain HTTP. It stays the same, and hands each handshake to what is in use then."""
        if WEB not in self._contexts:
            return None
        entrance = context_for(self._terms[WEB], server=True)

        def hand_over(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
            connection.context = self._contexts[WEB]

        entrance.sni_callback = hand_over
        return entrance

    def client(self, trunk: str) -> ssl.SSLContext | None:
        """For connections to a trunk; None: none that is reached over TLS has this name."""
        return self._contexts.get(trunk) if trunk else None

    def renew(self, *, force: bool = False) -> None:
        """Read again what has changed (`force`: everything). What cannot be used is told, and the old stays."""
        refused: dict[str, list[str]] = {}
        renewed: list[str] = []
        for name, terms in self._terms.items():
            stamps = _stamps(terms)
            if not force and stamps == self._stamps[name]:
                continue
            self._stamps[name] = stamps  # told once: the next attempt is at the next change
            where = _SERVERS.get(name, f"trunk {name}")
            try:
                self._contexts[name] = context_for(terms, server=name in _SERVERS)
            except CertificateError as error:
                refused.setdefault(str(error), []).append(where)
            else:
                renewed.append(where)
        for error_text, users in refused.items():
            log.error("the certificates in use stay for %s: %s", ", ".join(users), error_text)
        self.failures += len(refused)
        if renewed:
            log.info("certificates read anew for %s: new connections use them", ", ".join(renewed))
        self.warn_of_ends()

    def warn_of_ends(self) -> None:
        """Say which certificates have expired or soon will, each once a day."""
        now = self._clock()
        for file, end in self.ends().items():
            if end - now < SOON and now - self._warned.get(file, 0.0) >= DAY:
                self._warned[file] = now
                day = datetime.fromtimestamp(end, UTC).date()
                log.warning("the certificate %s %s on %s: renew it", file, "expired" if end <= now else "expires", day)

    def ends(self) -> dict[Path, float]:
        """When our own certificates expire, in Unix seconds, by file."""
        return {file: end for file in self._own_files() if (end := ends(file)) is not None}

    def _own_files(self) -> Iterator[Path]:
        for terms in self._terms.values():
            if terms.own is not None:
                yield terms.own.certificate


def _stamps(terms: Terms) -> tuple[tuple[int, int], ...]:
    """What tells a file from its replacement: time and size; (0, 0) while it is not there."""
    found = []
    for file in terms.files:
        try:
            status = file.stat()
        except OSError:
            found.append((0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)
