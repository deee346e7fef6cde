"""What a transfer is to a leg: levels that say what was asked for, and the wish itself, whoever had it.

The story (whom to ring, who gets the call back) is a script's: `callflow/transfer.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, assert_never

from softswitch.sip.events import ReferralEnded, ReferReceived, TransferCompleted, TransferProgressed
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.b2bua.cause import ReleaseCause
    from softswitch.b2bua.leg import Leg
    from softswitch.sip.refer import Refer
    from softswitch.sip.session.referral import Referral

REQUEST_TERMINATED = 487
"""Of a transfer that nobody can finish any more: who was to be transferred is gone."""


@value_class(frozen=True, slots=True)
class TransferPolicy:
    """What a trunk, or the phones, may do, and can do."""

    refer: bool = False
    """Whether its REFER is carried out."""
    refer_out: bool = False
    """Whether it can be sent one."""


NO_TRANSFERS = TransferPolicy()
PHONES = TransferPolicy(refer=True)


@value_class(frozen=True, slots=True)
class TransferRules:
    """What holds for every transfer of this node."""

    phones: TransferPolicy = PHONES
    on_failure: Literal["return", "end"] = "return"
    """Whether the transferor gets the call back when the target is busy, does not answer or declines; it always does
    when the way there failed."""
    ring_for: float = 30.0
    """Seconds a transferor is rung that has hung up before."""


NO_RULES = TransferRules()


class NotTransferableError(Exception):
    """There is nobody to hand over, or to hand over to; the text says so to an operator."""


class TransferRequest:
    """Somebody's wish that another party talk to somebody else: a REFER, or an operator's command.

    `with` it once it is accepted: leaving the block tells an outcome, whatever happens.
    """

    __slots__ = ("_leg", "_referral", "_told", "consulted", "on_failure", "refer")

    def __init__(
        self, leg: Leg, refer: Refer, referral: Referral | None = None, *, consulted: Leg | None = None
    ) -> None:
        """`leg`: the transferor's. `referral`: None for an operator's, who reads the story. `consulted`: whom of
        another call to join with, where that is said so."""
        self.refer = refer
        self.consulted = consulted
        self.on_failure: Literal["return", "end"] | None = None
        """What the dialplan says of this target; None: nothing."""
        self._leg = leg
        self._referral = referral
        self._told = False

    @property
    def is_refer(self) -> bool:
        """Whether the far end itself asked."""
        return self._referral is not None

    def __enter__(self) -> Self:
        if self._referral is not None:
            with self._leg.switch.driver.turn():
                self._referral.accept(self._leg.switch.clock())
        return self

    def __exit__(self, *_: object) -> None:
        self.finish(REQUEST_TERMINATED)

    def refuse(self, status: int, reason: str | None = None) -> None:
        """Nothing is transferred."""
        self._leg.story.tell("transfer refused", by=self._leg.name, status=status)
        if self._referral is not None:
            with self._leg.switch.driver.turn():
                self._referral.refuse(status, self._leg.switch.clock(), reason)

    def progress(self, status: int) -> None:
        """The target rings."""
        if self._referral is not None:
            with self._leg.switch.driver.turn():
                self._referral.progress(status, self._leg.switch.clock())

    def finish(self, status: int) -> None:
        """The outcome; the first one counts."""
        if self._told:
            return
        self._told = True
        self._leg.story.tell("transfer finished", by=self._leg.name, status=status)
        if self._referral is not None:
            with self._leg.switch.driver.turn():
                self._referral.finish(status, self._leg.switch.clock())

    def dismiss(self, cause: ReleaseCause) -> None:
        """Hang up on the transferor, as soon as it knows the outcome: a BYE must not overtake that."""
        if self._referral is None or self._referral.is_over:
            self._leg.hangup(cause)
        else:
            self._leg.transfers.leaving = cause


class Transfers:
    """Levels of one leg."""

    __slots__ = ("asked", "leaving", "outcome", "replaced_by")

    def __init__(self) -> None:
        self.asked: TransferRequest | None = None
        """What its far end, or an operator in its name, wants; a script takes it."""
        self.outcome: TransferCompleted | None = None
        """Of a REFER of ours to its far end; None: not yet."""
        self.replaced_by: Leg | None = None
        """Who came with an INVITE to take its place; a script takes it."""
        self.leaving: ReleaseCause | None = None
        """It is to be hung up, once it knows how its transfer went."""

    def forget(self) -> None:
        """A REFER of ours is about to be sent: what became of an earlier one says nothing of it."""
        self.outcome = None

    def take(self, leg: Leg, event: ReferReceived | ReferralEnded | TransferProgressed | TransferCompleted) -> None:
        """What the stack reports."""
        match event:
            case ReferralEnded():
                if self.leaving is not None:
                    leg.hangup(self.leaving)
            case ReferReceived(referral=referral):
                self._asked(leg, referral)
            case TransferProgressed(status=status):
                leg.story.tell("transfer progress", leg=leg.name, status=status)
            case TransferCompleted(status=status):
                leg.story.tell("transfer answered", leg=leg.name, status=status or None)
                self.outcome = event
            case _:
                assert_never(event)
        leg.on_change()

    def _asked(self, leg: Leg, referral: Referral) -> None:
        refer = referral.refer
        leg.story.tell(
            "transfer requested",
            leg=leg.name,
            to=str(refer.target),
            attended=refer.replaces is not None,
            referred_by=None if refer.referred_by is None else str(refer.referred_by.uri),
        )
        request = TransferRequest(leg, refer, referral)
        if leg.partner is None or leg.partner.answered_at is None:
            request.refuse(480, "Nobody to transfer")
        elif self.asked is not None:
            request.refuse(491)
        else:
            self.asked = request


def part(one: Leg, other: Leg) -> None:
    """The two no longer talk to each other."""
    if one.media is not None and other.media is not None:
        one.media.disconnect(other.media)
    for leg, whom in ((one, other), (other, one)):
        if leg.partner is whom:
            leg.partner = None
