"""What a browser's session description says of its transport: ICE (RFC 8839) and DTLS (RFC 8842, RFC 8122), as values.

Nothing here knows offers from answers; `web_profile` does. Everything that reads raises SdpError 400 for what cannot be
read, without a line: who knows the line adds it.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from softswitch.sdp.errors import SdpError
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Mapping

BROWSER_PROFILE: Final = "UDP/TLS/RTP/SAVPF"
"""RTP over DTLS-SRTP with feedback (RFC 5764 8, RFC 5124): what every browser speaks, and nothing else does."""

_BROWSER_M_LINE = re.compile(rb"(?:^|\n)m=audio \S+ UDP/TLS/RTP/SAVPF[ \r\n]", re.IGNORECASE)


def offers_browser_media(body: bytes) -> bool:
    """Whether a description has an audio stream in a browser's profile: tells which kind of leg it is for."""
    return _BROWSER_M_LINE.search(body) is not None


class IceCredentials(NamedTuple):
    """`a=ice-ufrag` and `a=ice-pwd` (RFC 8839 5.4): 4 to 256 and 22 to 256 characters of base64's alphabet."""

    fragment: str
    password: str

    def __repr__(self) -> str:
        return f"IceCredentials({self.fragment!r}, ...)"  # a log is no place for the password


_FRAGMENT = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")


def read_credentials(fragment: str, password: str) -> IceCredentials:
    """Check and pair the values of the two attributes. Raises SdpError."""
    if _FRAGMENT.fullmatch(fragment) is None:
        raise SdpError(f"ice-ufrag {fragment[:40]!r}", expected="4 to 256 letters, digits, + and / (RFC 8839 5.4)")
    if _PASSWORD.fullmatch(password) is None:
        raise SdpError(
            f"an ice-pwd of {len(password)} characters",
            expected="22 to 256 letters, digits, + and / (RFC 8839 5.4)",
        )
    return IceCredentials(fragment, password)


_CANDIDATE = re.compile(
    r"(?:a=)?candidate:(?P<foundation>[A-Za-z0-9+/]{1,32}) (?P<component>\d{1,3}) (?P<transport>[!-~]{1,16})"
    r" (?P<priority>\d{1,10}) (?P<address>[0-9A-Za-z.:\-_%\[\]]{1,253}) (?P<port>\d{1,5}) typ (?P<kind>[!-~]{1,16})"
    r"(?P<rest>(?: [!-~]+)*) *",
    re.ASCII,
)
_LONGEST_CANDIDATE = 1024


@value_class(frozen=True, slots=True)
class IceCandidate:
    """One `a=candidate` (RFC 8839 5.1)."""

    foundation: str
    component: int
    transport: str
    """In lower case; we speak `udp` alone, `tcp` is read so that it can be passed over."""
    priority: int
    address: str
    """A literal address, or a name: browsers hide host addresses behind names under `.local` (mDNS)."""
    port: int
    kind: str
    """`host`, `srflx`, `prflx` or `relay`; anything else is of no use but readable."""
    related: tuple[str, int] | None = None
    """The address it was made from; browsers say 0.0.0.0:0 or nothing."""
    fragment: str = ""
    """The ufrag it belongs to; "": not said."""

    @classmethod
    def parse(cls, text: str) -> IceCandidate:
        """Read `candidate:...`, with or without `a=`. Raises SdpError; unknown extensions are passed over."""
        found = _CANDIDATE.fullmatch(text) if len(text) <= _LONGEST_CANDIDATE else None
        if found is None:
            raise SdpError(
                f"candidate {text[:80]!r}",
                expected="candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type>",
            )
        component, priority, port = int(found["component"]), int(found["priority"]), int(found["port"])
        if not 1 <= component <= 256 or not 1 <= priority < 1 << 31 or port > 65535:
            raise SdpError(
                f"candidate with component {component}, priority {priority}, port {port}",
                expected="component 1 to 256, priority 1 to 2^31-1, port 0 to 65535 (RFC 8839 5.1)",
            )
        further = _pairs(found["rest"])
        return cls(
            found["foundation"],
            component,
            found["transport"].lower(),
            priority,
            found["address"],
            port,
            found["kind"].lower(),
            _related(further),
            further.get("ufrag", ""),
        )

    @property
    def line(self) -> str:
        """As SDP carries it, without `a=`."""
        related = "" if self.related is None else f" raddr {self.related[0]} rport {self.related[1]}"
        fragment = f" ufrag {self.fragment}" if self.fragment else ""
        return (
            f"candidate:{self.foundation} {self.component} {self.transport} {self.priority} {self.address} {self.port}"
            f" typ {self.kind}{related}{fragment}"
        )


def _pairs(rest: str) -> dict[str, str]:
    """Extensions come as name and value (RFC 8839 5.1); one without a value ends the list."""
    words = rest.split()
    return dict(zip(words[::2], words[1::2], strict=False))


def _related(further: Mapping[str, str]) -> tuple[str, int] | None:
    address, port = further.get("raddr"), further.get("rport", "")
    if address is None or not (port.isascii() and port.isdigit() and len(port) <= 5):
        return None
    return address, int(port)


_DIGEST_OCTETS: Final = {"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}
STRONG_HASHES: Final = frozenset({"sha-256", "sha-384", "sha-512"})
"""A certificate is believed by these alone (RFC 8122 5.1 forbids MD2 and MD5, and SHA-1 has been broken since)."""
_HEX_OCTETS = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*")


class Fingerprint(NamedTuple):
    """`a=fingerprint` (RFC 8122 5): the hash of the certificate its author will show."""

    algorithm: str
    """In lower case, `sha-256`."""
    digest: bytes

    @classmethod
    def parse(cls, value: str) -> Fingerprint:
        """Read `sha-256 4A:AD:...`. Raises SdpError; an algorithm unknown here is readable, though of no use."""
        algorithm, _, text = value.strip().partition(" ")
        algorithm = algorithm.lower()
        text = text.strip()
        if not algorithm or _HEX_OCTETS.fullmatch(text) is None:
            raise SdpError(f"fingerprint {value[:80]!r}", expected="<hash> <hex>:<hex>:... (RFC 8122 5)")
        digest = bytes.fromhex(text.replace(":", ""))
        octets = _DIGEST_OCTETS.get(algorithm, len(digest))
        if len(digest) != octets:
            raise SdpError(f"a fingerprint of {len(digest)} octets", expected=f"{octets} for {algorithm}")
        return cls(algorithm, digest)

    @property
    def line(self) -> str:
        """As SDP carries it, without `a=`: RFC 8122 wants capital letters."""
        return f"fingerprint:{self.algorithm} {self.digest.hex(':').upper()}"


class Setup(Enum):
    """`a=setup` (RFC 4145 4, RFC 8842 5.1): who opens the DTLS association."""

    ACTPASS = "actpass"
    ACTIVE = "active"
    """Its author is the DTLS client."""
    PASSIVE = "passive"


@value_class(frozen=True, slots=True)
class LocalTransport:
    """What we say of ourselves."""

    credentials: IceCredentials
    candidates: tuple[IceCandidate, ...]
    """All of them, the default one first: it stands in m= and c= as well."""
    lite: bool
    """ICE lite (RFC 8445 2.5): we answer checks and make none."""
    trickle: bool
    """We take candidates later, by INFO (RFC 8840). Ours are complete all the same."""
    fingerprint: Fingerprint


@value_class(frozen=True, slots=True)
class RemoteTransport:
    """What they said of themselves."""

    credentials: IceCredentials
    candidates: tuple[IceCandidate, ...]
    """Those of UDP for RTP, with a literal address somebody could be at, and not at our own; in their order."""
    lite: bool
    trickle: bool
    complete: bool
    """No more candidates will come: end-of-candidates was said, or they do not trickle."""
    fingerprints: tuple[Fingerprint, ...]
    """Of hashes strong enough; one that fits their certificate is enough (RFC 8122 5)."""
    setup: Setup


@value_class(frozen=True, slots=True)
class WebAgreement:
    """The transport both sides settled, from our point of view. One for all m= lines: BUNDLE (RFC 9143)."""

    local: LocalTransport
    remote: RemoteTransport
    dtls_client: bool
    """We send the ClientHello."""
    controlling: bool
    """We nominate (RFC 8445 6.1.1). Settled once; role conflicts are the agent's to resolve."""
    mid: str
    """Of the section that stands for the transport; "": they have no mids."""
    restarted: bool
    """ICE starts anew with this agreement (RFC 8445 9); False in the first one."""


class LocalSide(Protocol):
    """A transport of ours, as far as descriptions need it."""

    def describe(self, *, restart: bool) -> LocalTransport:
        """What to say now. `restart`: with fresh credentials (RFC 8445 9, RFC 8839 4.4.1.1.1)."""
