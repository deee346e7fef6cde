"""Replaces (RFC 3891): one dialog takes another's place. The value, and what may be replaced."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from softswitch.sip.core import session_key
from softswitch.sip.errors import RemoteProtocolError
from softswitch.sip.parameters import Parameters
from softswitch.sip.session.state import State
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.sip.core import Core
    from softswitch.sip.message import Request
    from softswitch.sip.session.session import InviteSession

_ENDING: Final = (State.CLOSING, State.ENDED, State.LEAVING, State.CANCELLING, State.CANCEL_HELD)


@value_class(frozen=True, slots=True)
class Replaces:
    """A dialog, named as whoever receives the INVITE knows it (RFC 3891 6.1)."""

    call_id: str
    to_tag: str
    """Its receiver's own tag."""
    from_tag: str
    """The tag of the party that goes."""
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """Read the header's value. Raises RemoteProtocolError; a tag that is stated twice, or not, is an error."""
        call_id, _, rest = text.partition(";")
        parameters = Parameters.parse(f";{rest}" if rest else "")
        to_tag, from_tag = parameters.get("to-tag"), parameters.get("from-tag")
        call_id = call_id.strip(" \t")
        if not call_id or " " in call_id or not to_tag or not from_tag:
            raise RemoteProtocolError(
                "Malformed Replaces", f"expected call-id;to-tag=...;from-tag=..., got {text[:200]!r}"
            )
        return cls(call_id, to_tag, from_tag, "early-only" in parameters)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


def replaces_of(request: Request) -> Replaces | None:
    """What an INVITE wants to replace. Raises RemoteProtocolError (400) for more than one, or a malformed one."""
    lines = request.headers.lines("Replaces")
    if not lines:
        return None
    if len(lines) > 1:
        raise RemoteProtocolError("More than one Replaces", "expected one Replaces header")
    return Replaces.parse(lines[0])


class Match(Enum):
    """What a Replaces header names."""

    NOTHING = "no such dialog"
    CONFIRMED = "a call that stands"
    EARLY_OURS = "a call of ours that is not answered yet"
    EARLY_THEIRS = "a call of theirs that is not answered yet"
    OVER = "a call that is over"


REFUSALS: Final[dict[tuple[Match, bool], int]] = {
    (Match.NOTHING, False): 481,
    (Match.NOTHING, True): 481,
    (Match.CONFIRMED, True): 486,
    (Match.EARLY_THEIRS, False): 481,
    (Match.EARLY_THEIRS, True): 481,
    (Match.OVER, False): 603,
    (Match.OVER, True): 603,
}
"""(what is named, early-only) -> status (RFC 3891 3). Pairs without one may be replaced."""


def find(core: Core, replaces: Replaces) -> tuple[Match, InviteSession | None]:
    """The session a Replaces header names, and what it is."""
    session = core.sessions.get(session_key(replaces.call_id, replaces.to_tag))
    if session is None or session.dialog_with(replaces.from_tag) is None:
        return Match.NOTHING, None
    if session.told or session.state in _ENDING:
        return Match.OVER, session
    if session.state is State.INCOMING:
        return Match.EARLY_THEIRS, session
    if session.state in (State.CALLING, State.PROCEEDING):
        return Match.EARLY_OURS, session
    return Match.CONFIRMED, session
