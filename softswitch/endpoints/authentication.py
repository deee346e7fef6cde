"""Who sends this request: digest authentication (RFC 3261 22, RFC 7616, RFC 8760), answers and locks.

Phones prove who they are, and trunks that have no address of their own. Unknown and known users, phones and trunks get
the same answers after the same work, so that names cannot be probed. Failures delay the source they come from, never
the user they name.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from softswitch.endpoints.throttle import FailureLocks
from softswitch.sip.auth import AuthCredentials
from softswitch.sip.digest import QOP, Verdict, hashed, make_challenge
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.uri import Uri, unescape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from softswitch.endpoints.network import Network
    from softswitch.sip.digest import NonceKeeper
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request

ALGORITHMS = ("SHA-256", "MD5")
"""Offered, the strongest first (RFC 8760 2.3). Leave MD5 out to refuse it."""
ENCRYPTED = ("TLS", "WSS")
"""Transports that nobody on the way can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One user name, and how its owner proves to be that."""

    user: str
    secrets: Mapping[str, str] = field(repr=False)
    """Algorithm as in ALGORITHMS -> H(A1); an algorithm that is not here cannot be used."""
    trunk: str | None = None
    """The trunk that it is; None: a phone."""
    networks: tuple[Network, ...] = ()
    """Where requests may come from; empty: from wherever the gate lets them in."""
    encrypted: bool = False
    """Whether TLS is asked of it."""


def account(user: str, password: str, realm: str) -> Account:
    """A phone whose password is known."""
    return Account(user=user, secrets={name: hashed(name, user, realm, password) for name in ALGORITHMS})


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The request comes from this user."""

    user: str
    trunk: str | None = None
    """The trunk this is; None: a phone."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Ask for credentials: answer `status` with these headers, the strongest algorithm first."""

    headers: tuple[tuple[str, str], ...]
    status: int = 401


@dataclass(frozen=True, slots=True)
class Refused:
    """Do not go on: answer `status` with these headers. `reason` None: the phrase of the status."""

    status: int
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Authenticator:
    """Knows what phones and trunks prove themselves with; judges all that they send outside a dialog alike.

    Invariant: what is answered does not depend on whether the user exists, until the password was right.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        nonces: NonceKeeper,
        *,
        realm: str,
        algorithms: tuple[str, ...] = ALGORITHMS,
        locks: FailureLocks | None = None,
        is_bound: Callable[[Flow], bool] = lambda _: False,
    ) -> None:
        """`is_bound`: `Bindings.has_flow`; a phone registered by exactly this flow escapes its neighbours' lock."""
        self._accounts = {account.user: account for account in accounts}
        self._nonces = nonces
        self._realm = realm
        self._algorithms = algorithms
        self._locks = FailureLocks() if locks is None else locks
        self._is_bound = is_bound

    def screen(self, request: Request, flow: Flow, now: float) -> Challenge | Refused | None:
        """What to answer at once, whatever the request says; None: it has credentials to be judged."""
        locked = self._locks.locked_for(flow.remote[0], now)
        if locked and not self._is_bound(flow):
            return Refused(503, None, (("Retry-After", str(math.ceil(locked))),))
        return self._challenge(now) if self._credentials(request) is None else None

    def authenticate(self, request: Request, flow: Flow, now: float) -> Authenticated | Challenge | Refused:
        """Who sends `request`, or what to answer instead. `now` in monotonic seconds."""
        refusal = self.screen(request, flow, now)
        if refusal is not None:
            return refusal
        credentials = self._credentials(request)
        assert credentials is not None
        verdict, owner = Verdict.REFUSED, None
        algorithm = credentials.algorithm.upper()
        if algorithm in self._algorithms and (credentials.get("qop") or "").lower() == QOP:
            owner = self._accounts.get(credentials.username)
            verdict = self._nonces.judge(
                credentials,
                method=request.method,
                realm=self._realm,
                secret=None if owner is None else owner.secrets.get(algorithm),
                now=now,
            )
        if verdict is not Verdict.REFUSED and owner is not None and not _comes_from(flow, owner.networks):
            verdict = Verdict.REFUSED
        match verdict:
            case Verdict.ACCEPTED:
                assert owner is not None
                if not _same_target(credentials.uri, request.uri):
                    return Refused(400, "Digest URI Mismatch")
                if owner.encrypted and flow.transport not in ENCRYPTED:
                    return Refused(403, "TLS Required")
                return Authenticated(owner.user, owner.trunk)
            case Verdict.STALE:
                # A live nonce refused for its count is a replay: only a genuinely old one is called stale.
                return self._challenge(now, stale=not self._nonces.is_live(credentials.nonce, now))
            case Verdict.REFUSED:
                self._locks.failed(flow.remote[0], now)
                return self._challenge(now)

    def _credentials(self, request: Request) -> AuthCredentials | None:
        for value in request.headers.get_all("Authorization"):
            try:
                credentials = AuthCredentials.parse(value)
            except RemoteProtocolError:
                continue
            if credentials.is_digest and credentials.realm == self._realm:
                return credentials
        return None

    def _challenge(self, now: float, *, stale: bool = False) -> Challenge:
        nonce = self._nonces.issue(now)
        return Challenge(
            tuple(
                ("WWW-Authenticate", str(make_challenge(self._realm, nonce, algorithm, stale=stale)))
                for algorithm in self._algorithms
            )
        )


def _comes_from(flow: Flow, networks: tuple[Network, ...]) -> bool:
    if not networks:
        return True
    address = ipaddress.ip_address(flow.remote[0].partition("%")[0])
    return any(address in network for network in networks)


def _same_target(digest_uri: str, request_uri: Uri) -> bool:
    """RFC 7616 3.4.6, for what matters here: credentials for one number must not be used to dial another.

    Hosts and parameters are left out: proxies and phones write them differently.
    """
    try:
        uri = Uri.parse(digest_uri)
        return unescape(uri.user or "") == unescape(request_uri.user or "")
    except RemoteProtocolError:
        return False
