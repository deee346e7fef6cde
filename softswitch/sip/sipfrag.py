"""message/sipfrag (RFC 3420) as NOTIFY carries it (RFC 3515 2.4.5): a status line, and whatever follows it."""

from __future__ import annotations

import re
from typing import Final

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.status import reason_phrase

CONTENT_TYPE: Final = "message/sipfrag;version=2.0"
_STATUS_LINE: Final = re.compile(rb"SIP/2\.0 ([1-6][0-9][0-9])(?: [^\r\n]*)?(?:\r?\n|\Z)")


def write(status: int) -> bytes:
    """How the request that was asked for is doing."""
    return f"SIP/2.0 {status} {reason_phrase(status)}\r\n".encode()


def read(body: bytes) -> int:
    """The status a fragment begins with. Raises RemoteProtocolError (400) where it begins with something else."""
    found = _STATUS_LINE.match(body)
    if found is None:
        raise RemoteProtocolError("Malformed sipfrag", f"expected SIP/2.0 and a status, got {body[:80]!r}")
    return int(found[1])
