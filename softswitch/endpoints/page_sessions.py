"""Sessions of pages: a password opens one, tokens carry it, and it ends some time after the password."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from softswitch.endpoints.authentication import SIP_TOKEN, Refused
from softswitch.endpoints.claims import TokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from softswitch.endpoints.authentication import Authenticator
    from softswitch.endpoints.claims import Claim
    from softswitch.endpoints.tokens import TokenSigner
    from softswitch.endpoints.turn import IceServer, IceServers


@dataclass(frozen=True, slots=True)
class PageSession:
    """What a page needs to be a phone."""

    user: str
    uri: str
    """Its address of record."""
    display_name: str
    token: str = field(repr=False)
    expires_in: int
    """Seconds the token is good for."""
    ice_servers: tuple[IceServer, ...]


class PageSessions:
    """Opens, prolongs and ends them. What has to be known is in the tokens, but for those that were ended early."""

    def __init__(
        self,
        authenticator: Authenticator,
        signer: TokenSigner,
        ice_servers: IceServers,
        *,
        domain: str,
        names: Mapping[str, str],
        on_ended: Callable[[str, str], None],
        token_seconds: float = 900.0,
        longest_seconds: float = 43_200.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`names`: what users are called, by user. `on_ended(user, session)` is told who signed out of which session.
        `clock`: Unix seconds.
        """
        self._authenticator = authenticator
        self._signer = signer
        self._ice_servers = ice_servers
        self.domain = domain
        """The host of addresses of record."""
        self._names = names
        self._on_ended = on_ended
        self._token_seconds = token_seconds
        self._longest_seconds = longest_seconds
        self._clock = clock

    def sign_in(self, user: str, password: str, source: str, now: float) -> PageSession | Refused:
        """With a password, from an address. `now` in monotonic seconds."""
        match self._authenticator.check_password(user, password, source, now):
            case Refused() as refusal:
                return refusal
            case known:
                return self.open(known.user)

    def renew(self, token: str, source: str, now: float) -> PageSession | Refused:
        """With a token that is still good, wherever others have guessed passwords. 401 when it is not, or the password
        is due again; 429 to a source that failed too often.
        """
        claims = self._read(token, source, now)
        if isinstance(claims, Refused):
            return claims
        user, since = self._authenticator.stands_for(claims), claims.get("since")
        if not isinstance(since, int | float) or user is None:
            return Refused(401, "the token is for nobody who is signed in here")
        if self._clock() - since >= self._longest_seconds:
            return Refused(401, "the session has ended: sign in again")
        return self.open(user, since, str(claims["session"]))

    def sign_out(self, token: str, source: str, now: float) -> str | Refused:
        """End the session of a token, with all tokens it ever had and what was registered with them; whose it was.

        Refused as by `renew`.
        """
        claims = self._read(token, source, now)
        if isinstance(claims, Refused):
            return claims
        user, at, ended = self._authenticator.stands_for(claims), self._clock(), self._authenticator.ended
        if user is None:
            return Refused(401, "the token is for nobody who is signed in here")
        session = str(claims["session"])
        ended.forget(at)
        ended.end(session, at + self._longest_seconds)
        self._on_ended(user, session)
        return user

    def open(self, user: str, since: float | None = None, session: str = "") -> PageSession:
        """For a phone's user whose identity is known, from `since` on, in Unix seconds (None: now); `session`: that
        which goes on, "" for a new one.
        """
        now = self._clock()
        began = now if since is None else since
        claims: dict[str, Claim] = {
            "sub": user,
            "since": began,
            "session": session or token_urlsafe(9),
            "proof": self._authenticator.proof(user),
        }
        seconds = max(1.0, min(self._token_seconds, began + self._longest_seconds - now))
        return PageSession(
            user=user,
            uri=f"sip:{user}@{self.domain}",
            display_name=self._names.get(user, ""),
            token=self._signer.sign(SIP_TOKEN, claims, ttl=seconds),
            expires_in=int(seconds),
            ice_servers=self._ice_servers.for_user(user),
        )

    def _read(self, token: str, source: str, now: float) -> dict[str, Claim] | Refused:
        """What a token says. Only an expired token of ours is no attempt to guess."""
        try:
            return self._signer.read(token, SIP_TOKEN)
        except TokenError as error:
            refusal = self._authenticator.locked(source, now)
            if refusal is not None:
                return refusal
            if not error.expired:
                self._authenticator.failed(source, now)
            return Refused(401, str(error))

    def is_phone(self, user: str) -> bool:
        """Whether there is such a user; for those who may know."""
        return self._authenticator.is_phone(user)
