"""Reason headers read and written (RFC 3326, RFC 6432)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.headers import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from softswitch.sip.message import Request, Response

MOST_REASONS = 4
"""More in one message say nothing to anybody."""


def reasons_of(message: Request | Response) -> tuple[Reason, ...]:
    """The Reason headers (RFC 3326), in their order; malformed ones say nothing."""
    if not message.headers.lines("Reason"):
        return ()
    try:
        return tuple([Reason.parse(text) for text in message.headers.get_all("Reason")[:MOST_REASONS]])
    except RemoteProtocolError:
        return ()


def reason_lines(reasons: Iterable[Reason]) -> str:
    """The Reason headers to send with a BYE or CANCEL (RFC 3326).

    One that could not stand in a message is left out: hanging up never fails.
    """
    return "".join([f"Reason: {text}\r\n" for text in map(str, reasons) if text.isprintable()])


def response_reason_lines(reasons: Iterable[Reason]) -> str:
    """Those a final response may carry: RFC 6432 permits Q.850 there, and nothing permits another."""
    return reason_lines([reason for reason in reasons if reason.protocol.upper() == "Q.850"])
