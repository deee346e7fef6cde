"""They call, we refuse: the final response 300..699 to their INVITE (RFC 3261 13.3.1.2, 13.3.1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.reasons import response_reason_lines
from softswitch.sip.session import finish
from softswitch.sip.session.state import Refusal

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.session.state import Release


def send(session: InviteSession, now: float, release: Release) -> None:
    """Refuse and end."""
    assert session.server is not None
    assert session.reply is not None
    headers = response_reason_lines(release.reasons) if release.by == "local" else ""
    reason = None
    if isinstance(release, Refusal):
        reason = release.reason
        headers += release.lines
    data = session.reply.write(
        release.status, reason, to_tag=session.local_tag, headers=headers + session.core.server_line
    )
    session.server.respond(release.status, data, now)
    finish.end(session, release, now)
