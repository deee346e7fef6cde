"""Who sends this request: digest (RFC 3261 22, RFC 7616, RFC 8760) or a token (RFC 8898), answers and locks.

Phones prove who they are, and trunks that have no address of their own. Unknown and known users, phones and trunks get
the same answers after the same work, so that names cannot be probed. Failures delay the source they come from, never
the user they name.
"""

from __future__ import annotations

import hmac
import ipaddress
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from softswitch.endpoints.claims import TokenError
from softswitch.endpoints.sessions_ended import EndedSessions
from softswitch.endpoints.throttle import FailureLocks
from softswitch.sip.auth import AuthChallenge, AuthCredentials
from softswitch.sip.digest import QOP, Verdict, hashed, make_challenge
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.flow import WEB_SOCKET
from softswitch.sip.uri import Uri, unescape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from softswitch.endpoints.claims import Claim
    from softswitch.endpoints.network import Network
    from softswitch.endpoints.tokens import TokenSigner
    from softswitch.sip.digest import NonceKeeper
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request

ALGORITHMS = ("SHA-256", "MD5")
"""Offered, the strongest first (RFC 8760 2.3). Leave MD5 out to refuse it."""
ENCRYPTED = ("TLS", "WSS")
"""Transports that nobody on the way can read."""
SIP_TOKEN = "sip"  # noqa: S105 - a purpose
"""Purpose of tokens whose `sub` is a phone's user, `proof` a seal of its secrets, `session` an id of ours."""
GUEST_TOKEN = "sip-guest"  # noqa: S105 - a purpose
"""Purpose of tokens whose `sub` is a guest, who is no phone; what else they say is for whoever lets guests call."""


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
    guest: Mapping[str, Claim] | None = None
    """What the token of a guest says; None: no guest."""
    session: str = ""
    """The session of a page whose token this was; "": none."""
    until: float = math.inf
    """When what proved it ends, in monotonic seconds."""


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
        tokens: TokenSigner | None = None,
    ) -> None:
        """`is_bound`: `Bindings.has_flow`; a phone registered by exactly this flow escapes its neighbours' lock.

        `tokens`: who signs those that pages may show in place of a digest.
        """
        self._accounts = {account.user: account for account in accounts}
        self._nonces = nonces
        self._realm = realm
        self._algorithms = algorithms
        self._locks = FailureLocks() if locks is None else locks
        self._is_bound = is_bound
        self._tokens = tokens
        self.ended = EndedSessions()
        """What somebody has signed out of."""

    def screen(self, request: Request, flow: Flow, now: float) -> Challenge | Refused | None:
        """What to answer at once and keep nothing; None: it is to be judged, and from where it says it is."""
        refusal = self._at_once(request, flow, now)
        if refusal is not None or self.is_there(request, flow, now):
            return refusal
        answer = self._judge(request, flow, now)
        return None if isinstance(answer, Authenticated) else answer

    def is_there(self, request: Request, flow: Flow, now: float) -> bool:
        """Whether somebody who has heard us is at the address this comes from: else it may be forged."""
        if flow.transport != "UDP" or self._is_bound(flow):
            return True
        try:
            credentials = self._credentials(request)
        except RemoteProtocolError:
            return False
        return credentials is not None and self._nonces.is_live(credentials.nonce, now, _heard_at(flow))

    def _at_once(self, request: Request, flow: Flow, now: float) -> Challenge | Refused | None:
        """What to answer whatever the request says; None: it has credentials to be judged."""
        locked = self._locks.locked_for(flow.remote[0], now)
        if locked and not self._is_bound(flow) and not self._shows_good_token(request, flow):
            return Refused(503, None, (("Retry-After", str(math.ceil(locked))),))
        if self._token(request, flow) is not None or self._credentials(request) is not None:
            return None
        return self._challenge(flow, now)

    def authenticate(self, request: Request, flow: Flow, now: float) -> Authenticated | Challenge | Refused:
        """Who sends `request`, or what to answer instead. `now` in monotonic seconds."""
        refusal = self._at_once(request, flow, now)
        return self._judge(request, flow, now) if refusal is None else refusal

    def _judge(self, request: Request, flow: Flow, now: float) -> Authenticated | Challenge | Refused:
        token = self._token(request, flow)
        if token is not None:
            return self._bearer(token, flow, now)
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
                source=_heard_at(flow),
            )
        if verdict is not Verdict.REFUSED and owner is not None and not _comes_from(flow, owner):
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
                return self._challenge(
                    flow, now, stale=not self._nonces.is_live(credentials.nonce, now, _heard_at(flow))
                )
            case Verdict.REFUSED:
                self._locks.failed(flow.remote[0], now)
                return self._challenge(flow, now)

    def check_password(self, user: str, password: str, source: str, now: float) -> Authenticated | Refused:
        """Whether `user`, a phone, has this password. 401, or 429 to a source that failed too often."""
        refusal = self.locked(source, now)
        if refusal is not None:
            return refusal
        owner = self._accounts.get(user)
        known: Mapping[str, str] = {} if owner is None or owner.trunk is not None else owner.secrets
        is_right = False
        for algorithm in ALGORITHMS:  # all of them for everybody: it takes time
            given = hashed(algorithm, user, self._realm, password)
            expected = known.get(algorithm)
            is_right |= hmac.compare_digest(given, expected or "-" * len(given)) and expected is not None
        if is_right:
            return Authenticated(user)
        self._locks.failed(source, now)
        return Refused(401)

    def locked(self, source: str, now: float) -> Refused | None:
        """429 while a source that failed too often has to wait."""
        seconds = self._locks.locked_for(source, now)
        return Refused(429, None, (("Retry-After", str(math.ceil(seconds))),)) if seconds else None

    def failed(self, source: str, now: float) -> None:
        """Somebody there has shown what he cannot have got from us."""
        self._locks.failed(source, now)

    def is_phone(self, user: str) -> bool:
        """Whether there is a phone of this name; for those who may know."""
        owner = self._accounts.get(user)
        return owner is not None and owner.trunk is None

    def proof(self, user: str) -> str:
        """What tokens of a phone say of its secrets: those made before it got other ones are good for nothing."""
        assert self._tokens is not None
        secrets = self._accounts[user].secrets
        return self._tokens.seal("\0".join((user, *(f"{name}={secrets[name]}" for name in sorted(secrets)))))

    def stands_for(self, claims: Mapping[str, Claim]) -> str | None:
        """The phone's user whose session a token with these claims is of; None: he is gone, has other secrets by
        now, or has signed out.
        """
        user, session = str(claims.get("sub")), claims.get("session")
        if not self.is_phone(user) or session is None or str(session) in self.ended:
            return None
        return user if hmac.compare_digest(str(claims.get("proof")), self.proof(user)) else None

    def _bearer(self, token: str, flow: Flow, now: float) -> Authenticated | Challenge:
        """RFC 8898 3. Only an expired token of ours is no attempt to guess."""
        assert self._tokens is not None
        try:
            purpose, claims = self._tokens.read_any(token, (SIP_TOKEN, GUEST_TOKEN))
        except TokenError as error:
            if not error.expired:
                self._locks.failed(flow.remote[0], now)
            return self._challenge(flow, now, error="invalid_token")
        user, until = str(claims.get("sub")), now + self._tokens.lasts(claims)
        if purpose == GUEST_TOKEN:
            return Authenticated(user, guest=claims, until=until)
        if self.stands_for(claims) is not None:
            return Authenticated(user, session=str(claims["session"]), until=until)
        return self._challenge(flow, now, error="invalid_token")

    def _shows_good_token(self, request: Request, flow: Flow) -> bool:
        """Whoever has one does not guess, whatever others at the same address do: offices and mobile networks share
        one.
        """
        token = self._token(request, flow)
        if token is None:
            return False
        assert self._tokens is not None
        try:
            self._tokens.read_any(token, (SIP_TOKEN, GUEST_TOKEN))
        except TokenError:
            return False
        return True

    def _token(self, request: Request, flow: Flow) -> str | None:
        """On WebSockets alone: elsewhere nobody has tokens, and listeners would get them."""
        if self._tokens is None or flow.transport not in WEB_SOCKET:
            return None
        for value in request.headers.lines("Authorization"):
            scheme, _, token = value.strip().partition(" ")
            if scheme.lower() == "bearer":
                return token.strip()
        return None

    def _credentials(self, request: Request) -> AuthCredentials | None:
        for value in request.headers.get_all("Authorization"):
            try:
                credentials = AuthCredentials.parse(value)
            except RemoteProtocolError:
                continue
            if credentials.is_digest and credentials.realm == self._realm:
                return credentials
        return None

    def _challenge(self, flow: Flow, now: float, *, stale: bool = False, error: str | None = None) -> Challenge:
        if error is not None:
            return Challenge((("WWW-Authenticate", str(AuthChallenge.of("Bearer", realm=self._realm, error=error))),))
        nonce, algorithms = self._nonces.issue(now, _heard_at(flow)), self._algorithms
        if flow.transport in WEB_SOCKET and "MD5" in algorithms:
            # What runs in browsers knows MD5 alone, and one challenge: JsSIP looks at the last, SIP.js at the first.
            algorithms = ("MD5",)
        return Challenge(
            tuple(
                ("WWW-Authenticate", str(make_challenge(self._realm, nonce, algorithm, stale=stale)))
                for algorithm in algorithms
            )
        )


def _heard_at(flow: Flow) -> str:
    """Where a nonce arrives that goes out on this flow, as far as that is not known already."""
    return flow.remote[0] if flow.transport == "UDP" else ""


def _comes_from(flow: Flow, owner: Account) -> bool:
    """A page of a phone's user may be anywhere; a trunk is no page."""
    if flow.transport in WEB_SOCKET:
        return owner.trunk is None
    if not owner.networks:
        return True
    address = ipaddress.ip_address(flow.remote[0].partition("%")[0])
    return any(address in network for network in owner.networks)


def _same_target(digest_uri: str, request_uri: Uri) -> bool:
    """RFC 7616 3.4.6, for what matters here: credentials for one number must not be used to dial another.

    Hosts and parameters are left out: proxies and phones write them differently.
    """
    try:
        uri = Uri.parse(digest_uri)
        return unescape(uri.user or "") == unescape(request_uri.user or "")
    except RemoteProtocolError:
        return False
