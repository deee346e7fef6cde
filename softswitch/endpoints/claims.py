"""What tokens say, and what is wrong with them: for everybody who meets tokens. Only `tokens` needs the library."""

from __future__ import annotations

Claim = str | int | float


class TokenError(Exception):
    """This token is no good; the message is one clause for logs and answers, and repeats nothing of the token."""

    def __init__(self, message: str, *, expired: bool = False) -> None:
        super().__init__(message)
        self.expired = expired
        """Whether it was good once."""
