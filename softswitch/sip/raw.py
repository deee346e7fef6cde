"""Header text read or rewritten as text, where the typed form would be parsed only to be printed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.headers import NameAddr

if TYPE_CHECKING:
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Request


def uri_of(value: str) -> str:
    """The URI of a Contact or Route value that the message parser has accepted."""
    if value.startswith("<"):
        uri, closed, _ = value[1:].partition(">")
        if closed and uri and " " not in uri:
            return uri
    return str(NameAddr.parse(value).uri)


def noted_via(request: Request, flow: Flow) -> str:
    """The top Via with what this server notes on it: `received` and `rport` (RFC 3261 18.2.1, RFC 3581 4)."""
    via = request.via
    address, port = flow.remote
    address = address.partition("%")[0]  # the zone of a link-local address is ours to know
    text = request.headers.get("Via") or ""
    if "," not in text and "received" not in text:
        head, asked, rest = text.partition(";rport")
        if not asked:
            if via.host.strip("[]") == address:
                return text
        elif (not rest or rest[0] == ";") and '"' not in text:
            return f"{head};received={address};rport={port}{rest}"
    return str(via.with_source(address, port))
