"""Which transaction a message belongs to: RFC 3261 17.1.3 and 17.2.3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.message import MAGIC_COOKIE

if TYPE_CHECKING:
    from softswitch.sip.message import Request, Response


def client_key(response: Response) -> str:
    """Branch and method: CANCEL shares its branch with the INVITE."""
    return (response.branch or "") + response.cseq.method


def server_key(request: Request, method: str) -> str:
    """Branch, sent-by and method; `method` is INVITE for an ACK, and for a CANCEL that looks for its INVITE.

    Without the magic cookie (RFC 2543) the key is what 17.2.3 compares then: Request-URI, From tag, Call-ID, CSeq
    number and top Via. To tags are left out: an ACK has the tag of the response, which its INVITE had not.
    """
    via, branch = request.via, request.branch
    if branch is not None and branch.startswith(MAGIC_COOKIE):
        return f"{branch}|{via.host.lower()}:{via.port or 5060}|{method}"
    return f"{request.uri}|{request.from_.tag}|{request.call_id}|{request.cseq.number}|{via}|{method}"


def merge_key(request: Request) -> str:
    """What a request outside dialogs has in common with itself on another path (8.2.2.2)."""
    cseq = request.cseq
    return f"{request.from_tag}|{request.call_id}|{cseq.number}{cseq.method}"
