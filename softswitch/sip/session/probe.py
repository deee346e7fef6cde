"""OPTIONS within the dialog: is the far end still there? (RFC 3261 11, 12.2.1.2)"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.client_request import ClientRequest
from softswitch.sip.events import FarEndAsked
from softswitch.sip.session.state import Input, Release

if TYPE_CHECKING:
    from softswitch.sip.message import Response
    from softswitch.sip.session.session import InviteSession


class Probe:
    """One question. Owner of its request."""

    __slots__ = ("_session",)

    def __init__(self, session: InviteSession) -> None:
        self._session = session

    def on_provisional(self, exchange: ClientRequest, response: Response, now: float) -> None:
        """It takes as long as it takes."""

    def on_final(self, exchange: ClientRequest, response: Response | None, status: int, now: float) -> None:
        """Whoever answers anything but 408 and 481 knows the dialog."""
        session = self._session
        if status in (408, 481):
            session.step(Input.DIALOG_GONE, now, Release("timeout" if response is None else "remote", status))
        elif session.is_established:
            session.core.events.append(FarEndAsked(session, status))

    def repeat_cseq(self, exchange: ClientRequest, now: float) -> int | None:
        """A challenge is an answer, too: nothing more has to be known."""
        return None


def ask(session: InviteSession, now: float) -> bool:
    """Ask; False when there is no dialog to ask in."""
    dialog, core = session.dialog, session.core
    if dialog is None or not session.is_established:
        return False
    headers = f"{session.contact_line}{core.agent_line}Accept: application/sdp\r\n"
    outgoing = dialog.request("OPTIONS", session.next_cseq(), core.branch(), headers=headers)
    ClientRequest(core, Probe(session), outgoing, dialog.flow, None, now)
    return True
