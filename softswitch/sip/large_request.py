"""Requests too large for UDP go over TCP, and over UDP after all where nobody takes them there (RFC 3261 18.1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from softswitch.sip.flow import Flow
    from softswitch.sip.message import Response


class LargeRequests(Protocol):
    """Knows which far ends may be asked to take a request over TCP."""

    @property
    def limit(self) -> int:
        """Octets of the largest request that goes over UDP without a thought."""

    def instead(self, flow: Flow, now: float) -> Flow | None:
        """The TCP flow that leads where this UDP flow does; None: stay with UDP."""

    def refused(self, flow: Flow, now: float) -> None:
        """That TCP flow could not be had: do not try again soon."""


class AnySize:
    """Everything goes where it was sent."""

    limit = 1 << 30

    def instead(self, flow: Flow, now: float) -> Flow | None:
        """There is no need."""
        return None

    def refused(self, flow: Flow, now: float) -> None:
        """Never."""


def flow_of_dialog(own: Flow, used: Flow, response: Response) -> Flow:
    """The flow a dialog goes on by, whose INVITE was meant for `own` and sent by `used`.

    That TCP carried a large INVITE does not mean that TCP is spoken at the far end's Contact: only when that says so.
    """
    if used is own:
        return own
    headers = response.headers
    hops = headers.lines("Record-Route") or headers.lines("Contact")
    return used if any("transport=tcp" in hop.lower() for hop in hops) else own
