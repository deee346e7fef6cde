"""The end of a session: told once, then nothing of it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sip.core import session_key
from softswitch.sip.events import Ended
from softswitch.sip.session.fork import DISCARD
from softswitch.sip.session.refresh import Input as TimerInput
from softswitch.sip.session.reliable import Input as ReliableInput

if TYPE_CHECKING:
    from softswitch.sip.session.session import InviteSession
    from softswitch.sip.session.state import Release


def tell(session: InviteSession, release: Release) -> None:
    """Emit `Ended`, the first time."""
    if not session.told:
        session.told = True
        session.core.events.append(Ended(session, release.reasons, release.by, release.status))


def end(session: InviteSession, release: Release, now: float) -> None:
    """Tell, and let go of everything: dialog, timers, transactions."""
    tell(session, release)
    core = session.core
    if core.sessions.pop(session_key(session.call_id, session.local_tag), None) is None:
        return
    quiet(session, now)
    if session.exchange is not None:
        session.exchange.owner = DISCARD
        session.exchange = None
    session.server = None
    session.reply = None
    session.early = None
    session.acknowledger = None
    session.authorizer = None


def quiet(session: InviteSession, now: float) -> None:
    """Stop what no longer matters once BYE is on its way: timers, a pending ACK, a re-INVITE or digits."""
    timers = session.core.layer.timers
    timers.cancel(session.timer)
    session.timer = 0
    timers.cancel(session.expiry)
    if session.pending_ack is not None:
        session.pending_ack.stop()
        session.pending_ack = None
    if session.reliable is not None:
        session.reliable.step(ReliableInput.CLOSE, now)
    if session.timing is not None:
        session.timing.step(TimerInput.CLOSE, now)
        session.timing = None
    if session.modification is not None:
        session.modification.close(now)
        session.modification = None
    if session.infos is not None:
        session.infos.close()
        session.infos = None
    if session.transfer is not None:
        session.transfer.close()
        session.transfer = None
    if session.referral is not None:
        session.referral.close(now)
        session.referral = None
