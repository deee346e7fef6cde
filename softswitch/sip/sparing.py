"""Answers to somebody who may not be there: never more octets than came (THREATS S3).

The source of a datagram can be forged, and what is answered then goes to whoever really has that address. So that
nobody gains by it, an answer larger than its request gives up what the RFCs do not insist on, then all challenges but
the one that every phone knows; what is too large even so is not sent. A challenge is: else a phone that says next to
nothing of itself could never register, and one is smaller than what any phone sends that says who made it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.sip.core import Core
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request
    from softswitch.sip.reply import Reply

_OPTIONAL = ("server:", "allow:", "accept:", "supported:")
"""What a response can do without. Allow is owed in 405 (RFC 3261 21.4.6), but not to somebody who is not there."""
CHALLENGE = 401
_CHALLENGE = "WWW-Authenticate:"
_TAG = 8
"""Hexadecimal digits: the 32 random bits that 19.3 asks for."""
_BLANK = re.compile(r", (?=(?:nonce|algorithm|qop|stale|error)=)")
_DEFAULT = re.compile(r",algorithm=MD5(?=,|$)")
"""What is meant where nothing is said (RFC 7616 3.3)."""


def respond(
    core: Core, request: Request, flow: Flow, reply: Reply, status: int, reason: str | None, tag: str, headers: str,
    body: bytes = b"",
) -> bytes | None:  # fmt: skip
    """The response to be sent; None: none that may be."""
    data = reply.write(status, reason, to_tag=tag, headers=headers, body=body)
    if len(data) <= request.size or not core.unverified(request, flow):
        return data
    lines = [line for line in headers.split("\r\n") if line and not line.lower().startswith(_OPTIONAL)]
    lines = [_BLANK.sub(",", line) if line.startswith(_CHALLENGE) else line for line in lines]
    for kept in (lines, _one_challenge(lines)):
        text = "".join([f"{line}\r\n" for line in kept])
        data = reply.write(status, reason, to_tag=tag[-_TAG:], headers=text, body=body, stated_length=False)
        if len(data) <= request.size:
            return data
    return data if status == CHALLENGE else None


def _one_challenge(lines: list[str]) -> list[str]:
    """The weakest, which stands last, is the one that everybody knows."""
    challenges = [line for line in lines if line.startswith(_CHALLENGE)]
    return [_DEFAULT.sub("", line) for line in lines if line not in challenges[:-1]]
