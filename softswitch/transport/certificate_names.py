"""Which SIP domains a certificate speaks for (RFC 5922 7.1), and whether one of them was asked for (7.2)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def sip_identities(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """The domains, in lower case, of a validated certificate as `ssl` describes it.

    URIs of scheme `sip` without a user; DNS names only where there is no such URI; the common name only in a
    certificate without any subject alternative name. IP addresses are added to them: a next hop may be written as one.
    """
    alternatives = certificate.get("subjectAltName")
    if alternatives is None:
        subject = (pair for relative in certificate.get("subject", ()) for pair in relative)
        return tuple(value.lower() for key, value in subject if key == "commonName")
    uris = [domain for kind, value in alternatives if kind == "URI" and (domain := _domain(value))]
    names = uris or [value.lower() for kind, value in alternatives if kind == "DNS"]
    addresses = [_canonical(value.strip()) for kind, value in alternatives if kind == "IP Address"]
    return tuple(dict.fromkeys([*names, *addresses]))


def speaks_for(identities: Iterable[str], name: str) -> bool:
    """Whether one of these is the name, letter by letter: RFC 5922 7.2 knows no wildcards.

    A certificate for `*.carrier.example` therefore counts only where an operator wrote exactly that.
    """
    return _canonical(name) in identities


def _canonical(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower().rstrip(".")


def _domain(uri: str) -> str:
    """The domain of a `sip:` URI that stands for one; "" for any other URI."""
    scheme, _, rest = uri.partition(":")
    host = rest.partition(";")[0].partition("?")[0]
    if scheme.lower() != "sip" or "@" in host:
        return ""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()
