"""What can go wrong with a session description, and whose fault it was."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Warning codes (RFC 3261 20.43).
INCOMPATIBLE_ADDRESS = 301
INCOMPATIBLE_TRANSPORT = 302
NO_SUCH_MEDIA = 304
INCOMPATIBLE_FORMAT = 305


class SdpError(Exception):
    """The remote side's description cannot be used. The only error that bytes from the network may cause.

    `status` is the SIP status a server answers with: 400 unreadable, 488 readable but not acceptable here,
    491 or 500 an offer at the wrong moment (RFC 3261 14.2). `line` counts from 1; None when no single line is to blame.
    `warning`: the code of a Warning header the answer should carry (RFC 3261 20.43), 0 for none.
    """

    def __init__(
        self, what: str, *, expected: str, status: int = 400, line: int | None = None, warning: int = 0
    ) -> None:
        self.status = status
        self.line = line
        self.warning = warning
        self.what = what
        self.expected = expected
        where = "SDP" if line is None else f"SDP line {line}"
        super().__init__(f"{where}: {what}; expected {expected}")

    def warning_value(self, agent: str) -> str | None:
        """The value of a Warning header by `agent` (host[:port]); None when there is nothing to warn of.

        The far end may read it: what came from there is not repeated, what is expected here is.
        """
        return warning_value(self.warning, agent, f"expected {self.expected}") if self.warning else None


@contextmanager
def at_line(line: int) -> Iterator[None]:
    """SdpErrors within say where it stood."""
    try:
        yield
    except SdpError as error:
        raise SdpError(error.what, expected=error.expected, status=error.status, line=line) from None


def warning_value(code: int, agent: str, text: str) -> str:
    """The value of a Warning header by `agent` (host[:port]), RFC 3261 20.43."""
    plain = text.replace("\\", "").replace('"', "'")
    return f'{code} {agent} "{plain}"'


class LocalError(Exception):
    """We broke the offer/answer model ourselves: a defect on our side, never the remote's doing."""
