"""The states of an agent and of its candidate pairs, and what moves them; `table.py` holds the moves."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.webrtc.stun import Address


class AgentState(IntEnum):
    """One generation of ICE: from its credentials to its end. A restart is another agent."""

    WAITING = 1
    """The far end's credentials are not known: its checks are answered, and remembered."""
    CHECKING = 2
    """No way yet."""
    CONNECTED = 3
    """A path with consent."""
    LOST = 4
    """There was one, and its consent ended (RFC 7675); the far end's checks can bring it back."""
    FAILED = 5
    CLOSED = 6


class AgentInput(IntEnum):
    REMOTE = 1
    """The far end's credentials."""
    VALID = 2
    """A pair of which both directions are proven."""
    EXPIRED = 3
    """Nothing has confirmed consent for too long."""
    REVOKED = 4
    """403 to a consent check (RFC 7675 5.2)."""
    DEADLINE = 5
    CLOSE = 6


class PairState(IntEnum):
    """RFC 8445 6.1.2.6."""

    FROZEN = 1
    """Another of its foundation goes first."""
    WAITING = 2
    IN_PROGRESS = 3
    SUCCEEDED = 4
    FAILED = 5


class PairInput(IntEnum):
    THAW = 1
    """Its foundation has proven good, or nothing else is left to check."""
    CHECK = 2
    """Its turn."""
    TRIGGERED = 3
    """A check of the far end came this way (7.3.1.4)."""
    ANSWERED = 4
    """Success, from where it was asked for."""
    CONFLICT = 5
    """487: both of us say they have the same role."""
    REFUSED = 6
    """Another error, or an answer from elsewhere (7.2.5.2.1)."""
    TIMED_OUT = 7
    SETTLED = 8
    """Another pair was selected: no more is tried of our own accord (8.1.2)."""
    EXPIRED = 9
    """Consent has ended."""


@value_class(frozen=True, slots=True)
class Pace:
    """How often and how long. Seconds."""

    interval: float = 0.05
    """Ta: between two new checks (RFC 8445 14.2)."""
    first_timeout: float = 0.5
    """RTO (14.3); doubles with each repetition."""
    most_sent: int = 7
    """Rc: how often one check is sent."""
    patience: float = 0.15
    """How long a controlling agent with a valid pair waits for a better one."""
    connect: float = 20.0
    """Until the first valid pair (RFC 8863 asks for patience: the far end may come from where it never said)."""
    consent_interval: float = 1.0
    """Give or take a fifth (RFC 7675 5.1)."""
    consent_timeout: float = 5.0
    keepalive: float = 15.0
    """Tr: of a lite agent, which otherwise says nothing of its own accord (RFC 8445 11)."""

    @property
    def doubt(self) -> float:
        """Silence on a path after which other ones are welcome."""
        return self.consent_timeout / 2


@value_class(frozen=True, slots=True)
class PathChanged:
    """Media goes this way from now on; the first one is the beginning, and so is one after a loss."""

    address: Address


@value_class(frozen=True, slots=True)
class PathLost:
    """Nothing may be sent any more (RFC 7675)."""

    reason: str


@value_class(frozen=True, slots=True)
class IceFailed:
    """There is no way to the far end. The last news of an agent."""

    reason: str


IceNews = PathChanged | PathLost | IceFailed


class IceCounters:
    """Datagrams that came, by what was wrong with them; all but `malformed` are whole STUN messages."""

    __slots__ = ("excess", "flooded", "forged", "malformed", "refused", "replayed", "stranger", "unexpected")

    def __init__(self) -> None:
        self.malformed = 0
        self.stranger = 0
        """Concerns nobody here: names other fragments, comes from an address that cannot be, is DTLS from nowhere."""
        self.forged = 0
        """Whoever wrote it does not know the password."""
        self.replayed = 0
        """A request seen before from another address."""
        self.unexpected = 0
        """Answers nobody asked for, or from elsewhere."""
        self.refused = 0
        """Answered with an error."""
        self.flooded = 0
        """Not looked at, there were too many."""
        self.excess = 0
        """Candidates and sources beyond what one far end may have."""

    def __iadd__(self, other: IceCounters) -> IceCounters:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def by_reason(self) -> dict[str, int]:
        """All of them."""
        return {name: getattr(self, name) for name in self.__slots__}
