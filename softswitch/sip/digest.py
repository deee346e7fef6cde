"""Digest authentication, both sides (RFC 3261 22, RFC 7616, RFC 8760). Time, nonces and cnonces come from outside."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from softswitch.sip.auth import AuthChallenge, AuthCredentials
from softswitch.sip.errors import LocalProtocolError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

QOP = "auth"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


# Strongest last. RFC 8760 2.3: UAs must support MD5 and SHA-256.
_HASHES: dict[str, Callable[[str], str]] = {"md5": _md5, "sha-256": _sha256}
_STRENGTH = {name: rank for rank, name in enumerate(_HASHES)}


# In place of the secret of a user who does not exist: as long, so that the same is computed.
_NOBODY = {"md5": "0" * 32, "sha-256": "0" * 64}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What we answer a challenge with."""

    username: str
    password: str = field(repr=False)
    realm: str | None = None
    """Answer only challenges for this realm; None answers any."""


class Verdict(Enum):
    """What a server makes of credentials."""

    ACCEPTED = auto()
    STALE = auto()
    """The password is right, the nonce is not: challenge again with stale=true (RFC 7616 3.3)."""
    REFUSED = auto()


def is_supported(challenge: AuthChallenge) -> bool:
    """Whether we can answer: Digest, an algorithm we have, qop `auth` or none at all."""
    return (
        challenge.is_digest
        and _base(challenge.algorithm) in _HASHES
        and bool(challenge.nonce)
        and (not challenge.qop or QOP in challenge.qop)
    )


def read_challenges(values: Iterable[str]) -> list[AuthChallenge]:
    """The challenges in WWW-Authenticate or Proxy-Authenticate values; malformed ones count as not there."""
    challenges = []
    for value in values:
        try:
            challenges.append(AuthChallenge.parse(value))
        except RemoteProtocolError:
            continue
    return challenges


def strongest(challenges: Iterable[AuthChallenge], realm: str | None = None) -> AuthChallenge | None:
    """The challenge to answer: of those we support (and of `realm`, if given) the one with the strongest hash.

    RFC 8760 2.4 lets the server's order decide "unless a local policy dictates otherwise"; ours is strength.
    """
    usable = [
        challenge for challenge in challenges if is_supported(challenge) and (realm is None or realm == challenge.realm)
    ]
    return max(usable, key=lambda challenge: _STRENGTH[_base(challenge.algorithm)], default=None)


def make_challenge(
    realm: str, nonce: str, algorithm: str = "MD5", *, stale: bool = False, opaque: str | None = None
) -> AuthChallenge:
    """A challenge with qop=auth. RFC 8760 2.3: send one per algorithm, strongest first."""
    return AuthChallenge.of(
        "Digest",
        realm=realm,
        nonce=nonce,
        algorithm=algorithm,
        qop=QOP,
        opaque=opaque,
        stale="true" if stale else None,
    )


def answer_challenge(
    challenge: AuthChallenge, method: str, uri: str, username: str, password: str, cnonce: str, nc: int = 1
) -> AuthCredentials:
    """Credentials for one request. `nc` counts the requests sent with this nonce, from 1.

    Raises LocalProtocolError if `is_supported` is false.
    """
    if not is_supported(challenge):
        raise LocalProtocolError(f"expected a challenge that `strongest` chose, got {challenge.scheme!r}")
    qop = QOP if challenge.qop else None
    count = f"{nc:08x}" if qop else None
    response = _response(
        challenge.algorithm,
        hashed(challenge.algorithm, username, challenge.realm, password),
        f"{method}:{uri}",
        challenge.nonce,
        cnonce,
        count,
    )
    return AuthCredentials.of(
        challenge.scheme,
        username=username,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response=response,
        algorithm=challenge.get("algorithm"),
        cnonce=cnonce if qop or _is_session(challenge.algorithm) else None,
        opaque=challenge.get("opaque"),
        qop=qop,
        nc=count,
    )


def hashed(algorithm: str, username: str, realm: str, password: str) -> str:
    """H(A1) of RFC 7616 3.4.2 without `-sess`: all a server needs to know of a password, and worth as much as it."""
    return _HASHES[_base(algorithm)](f"{username}:{realm}:{password}")


def matches(credentials: AuthCredentials, method: str, password: str) -> bool:
    """Whether the digest is right for this password. Says nothing about the nonce; compares in constant time."""
    if _base(credentials.algorithm) not in _HASHES:
        return False
    return proves(credentials, method, hashed(credentials.algorithm, credentials.username, credentials.realm, password))


def proves(credentials: AuthCredentials, method: str, secret: str) -> bool:
    """Whether the digest is right for what `hashed` gave for its algorithm."""
    qop = (credentials.get("qop") or "").lower()
    if not credentials.is_digest or _base(credentials.algorithm) not in _HASHES or qop not in ("", QOP):
        return False
    expected = _response(
        credentials.algorithm,
        secret,
        f"{method}:{credentials.uri}",
        credentials.nonce,
        credentials.get("cnonce") or "",
        (credentials.get("nc") or "") if qop else None,
    )
    return hmac.compare_digest(expected.encode(), credentials.response.lower().encode("utf-8", "replace"))


_STAMP = 12
_SEAL = 12
"""Octets of a nonce: when and as which it was issued, and that we did; no more, because strangers are sent them."""


class NonceKeeper:
    """Makes nonces that only we can have made, and takes each nonce count once.

    A nonce carries its time and a keyed hash, so that issuing stores nothing. Counts of used nonces are kept for the
    newest `capacity`; whatever is older than a forgotten one is stale, so forgetting never opens a replay.
    """

    def __init__(self, secret: bytes, lifetime: float = 300.0, capacity: int = 10_000) -> None:
        """`secret`: at least 16 random octets. `lifetime` in seconds."""
        if len(secret) < 16:
            raise LocalProtocolError(f"expected a nonce secret of at least 16 octets, got {len(secret)}")
        self._secret = secret
        self._lifetime = lifetime
        self._capacity = capacity
        self._issued = 0
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._forgotten = -1

    def issue(self, now: float, source: str = "") -> str:
        """A new nonce; whoever shows it with the same `source` later has received it there."""
        self._issued += 1
        stamp = int(now * 1000).to_bytes(8, "big") + (self._issued & 0xFFFFFFFF).to_bytes(4, "big")
        return urlsafe_b64encode(stamp + self._seal(stamp, source)).decode()

    def take(self, nonce: str, count: int, now: float, source: str = "") -> bool:
        """Use a nonce for its `count`-th request; False if it is foreign, too old, or that count was used."""
        if not self.is_live(nonce, now, source):
            return False
        if count <= self._counts.get(nonce, 0):
            return False
        self._counts[nonce] = count
        if len(self._counts) > self._capacity:
            oldest, _ = self._counts.popitem(last=False)
            self._forgotten = max(self._forgotten, int.from_bytes(urlsafe_b64decode(oldest)[:8], "big"))
        return True

    def is_live(self, nonce: str, now: float, source: str = "") -> bool:
        """True for a nonce of ours that has not aged: refusing it then means that its count was used before."""
        issued = self._issue_time(nonce, source)
        return issued is not None and 0 <= now * 1000 - issued <= self._lifetime * 1000 and issued > self._forgotten

    def judge(
        self, credentials: AuthCredentials, *, method: str, realm: str, secret: str | None, now: float, source: str = ""
    ) -> Verdict:
        """Accept or refuse a request's credentials. `source`: as in `issue`.

        `secret`: what `hashed` gives for this user and the algorithm of the credentials; None: no such user, which
        takes as long as a wrong password.
        """
        nobody = _NOBODY.get(_base(credentials.algorithm), "")  # looked up for everybody: it takes time, too
        right = proves(credentials, method, secret or nobody)
        if not secret or not right or credentials.realm != realm:
            return Verdict.REFUSED
        # Without qop there is no count: such a nonce serves one request (RFC 7616 3.4.5, replay).
        count = _count(credentials.get("nc")) if credentials.get("qop") else 1
        if count is None:
            return Verdict.REFUSED
        return Verdict.ACCEPTED if self.take(credentials.nonce, count, now, source) else Verdict.STALE

    def _seal(self, stamp: bytes, source: str) -> bytes:
        return hmac.digest(self._secret, stamp + source.encode(), "sha256")[:_SEAL]

    def _issue_time(self, nonce: str, source: str) -> int | None:
        try:
            octets = urlsafe_b64decode(nonce)
        except ValueError:
            return None
        # Only the spelling we issued: another one of the same octets would have a count of its own.
        if len(octets) != _STAMP + _SEAL or urlsafe_b64encode(octets).decode() != nonce:
            return None
        if not hmac.compare_digest(octets[_STAMP:], self._seal(octets[:_STAMP], source)):
            return None
        return int.from_bytes(octets[:8], "big")


def _count(text: str | None) -> int | None:
    """nc-value = 8LHEX."""
    if text is None or len(text) != 8 or not all(character in "0123456789abcdefABCDEF" for character in text):
        return None
    return int(text, 16)


def _base(algorithm: str) -> str:
    return algorithm.lower().removesuffix("-sess")


def _is_session(algorithm: str) -> bool:
    return algorithm.lower().endswith("-sess")


def _response(algorithm: str, secret: str, a2: str, nonce: str, cnonce: str, count: str | None) -> str:
    """RFC 7616 3.4.1; `count` None: the form of RFC 2069, without qop."""
    digest = _HASHES[_base(algorithm)]
    if _is_session(algorithm):
        secret = digest(f"{secret}:{nonce}:{cnonce}")
    middle = nonce if count is None else f"{nonce}:{count}:{cnonce}:{QOP}"
    return digest(f"{secret}:{middle}:{digest(a2)}")
