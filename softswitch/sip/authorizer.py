"""What a session knows about proving who we are: the challenges of its servers and how often each was used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.digest import answer_challenge, read_challenges, strongest

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.auth import AuthChallenge
    from softswitch.sip.digest import Credentials
    from softswitch.sip.message import Response

_HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


class Authorizer:
    """Answers challenges for one user; challenges once learned are answered beforehand in later requests."""

    __slots__ = ("_credentials", "_known")

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._known: dict[str, tuple[AuthChallenge, int]] = {}
        """Header to answer in -> (challenge, how often its nonce was used)."""

    def learn(self, response: Response, answered: tuple[str, ...]) -> str | None:
        """Take the challenge of a 401 or 407. The header it will be answered in; None: it cannot or must not be.

        `answered`: the headers in which this request already answered a challenge. A second challenge means a wrong
        password, except when the server says that only its nonce was too old (RFC 7616 3.3, stale).
        """
        asked, header = _HEADERS[response.status]
        challenge = strongest(read_challenges(response.headers.get_all(asked)), self._credentials.realm)
        if challenge is None or (header in answered and not challenge.stale):
            return None
        known = self._known.get(header)
        if known is not None and known[0].nonce == challenge.nonce:
            return None
        self._known[header] = (challenge, 0)
        return header

    def lines(self, method: str, uri: str, token: Callable[[], str]) -> str:
        """The Authorization and Proxy-Authorization lines for a request; none before a challenge."""
        lines = ""
        for header, (challenge, used) in self._known.items():
            self._known[header] = (challenge, used + 1)
            answer = answer_challenge(
                challenge, method, uri, self._credentials.username, self._credentials.password, token(), used + 1
            )
            lines += f"{header}: {answer}\r\n"
        return lines
