"""They call, we refuse: the final response 300..699 to their INVITE (RFC 3261 13.3.1.2, 13.3.1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.session import finish

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.session.state import Release


def send(session: InviteSession, now: float, release: Release, reason: str | None = None, lines: str = "") -> None:
    """Refuse and end. `lines`: further header lines."""
    assert session.server is not None
    assert session.reply is not None
    headers = finish.reason_line(release.cause) if release.by == "local" else ""
    data = session.reply.write(
        release.status, reason, to_tag=session.local_tag, headers=headers + session.core.server_line + lines
    )
    session.server.respond(release.status, data, now)
    finish.end(session, release, now)
