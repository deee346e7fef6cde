"""What can go wrong with a session description, and whose fault it was."""

from __future__ import annotations


class SdpError(Exception):
    """The remote side's description cannot be used. The only error that bytes from the network may cause.

    `status` is the SIP status a server answers with: 400 unreadable, 488 readable but not acceptable here,
    491 or 500 an offer at the wrong moment (RFC 3261 14.2). `line` counts from 1; None when no single line is to blame.
    """

    def __init__(self, what: str, *, expected: str, status: int = 400, line: int | None = None) -> None:
        self.status = status
        self.line = line
        self.what = what
        self.expected = expected
        where = "SDP" if line is None else f"SDP line {line}"
        super().__init__(f"{where}: {what}; expected {expected}")


class LocalError(Exception):
    """We broke the offer/answer model ourselves: a defect on our side, never the remote's doing."""
