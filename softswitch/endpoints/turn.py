"""STUN and TURN servers for pages, with credentials that end by themselves (coturn's `use-auth-secret`).

The form is that of draft-uberti-behave-turn-rest-00: the user name says until when, and the password is an HMAC of it
under a secret that only we and the TURN servers know.
"""

from __future__ import annotations

import hmac
import time
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class IceServer:
    """One entry of a page's `RTCConfiguration.iceServers`."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = field(default="", repr=False)


class IceServers:
    """What a page is told of servers that help it to be reached."""

    def __init__(
        self,
        *,
        stun: tuple[str, ...] = (),
        turn: tuple[str, ...] = (),
        secret: str = "",
        ttl: float = 3600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`stun`, `turn`: URLs of RFC 7064 and RFC 7065. `ttl` of credentials in seconds. `clock`: Unix seconds."""
        self._stun = stun
        self._turn = turn
        self._secret = secret.encode()
        self._ttl = ttl
        self._clock = clock

    def for_user(self, user: str) -> tuple[IceServer, ...]:
        """Servers, with credentials for this user; () where none are configured."""
        found = [IceServer(self._stun)] if self._stun else []
        if self._turn:
            username = f"{int(self._clock() + self._ttl)}:{user}"
            digest = hmac.digest(self._secret, username.encode(), "sha1")
            found.append(IceServer(self._turn, username, b64encode(digest).decode()))
        return tuple(found)
