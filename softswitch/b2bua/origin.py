"""Who calls, as far as it is known and believed, and what of their INVITE may go on: what a call's other legs are made
from. Read once when the call comes in; a forwarded or transferred call goes on with a changed copy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from softswitch.sip.identity import ANONYMOUS, MOST_DIVERSIONS, REASONS
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.sip.headers import NameAddr


class Number(NamedTuple):
    """A telephone number, or the name of a phone, twice: nothing is lost by normalising."""

    raw: str
    """As it came, escapes included; "" when there was none, `anonymous` when it was kept from us."""
    canonical: str
    """As rules see it; "" when there was none, and until somebody has normalised it."""


class Diversion(NamedTuple):
    """One party the call was meant for and that sent it on."""

    number: Number
    reason: str
    """One of `sip.identity.REASONS`."""
    withheld: bool = False
    """Not to be told to those we do not trust."""
    name: str = ""


@value_class(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who calls. Immutable."""

    party: NameAddr
    """Name and number as they came, or as the account has them."""
    number: Number
    withheld: bool = False
    """The caller does not want to be known: nobody outside the trust domain is told (RFC 3323, RFC 3325)."""
    privacy: frozenset[str] = frozenset()
    """What Privacy said, lower case."""
    ours: bool = False
    """The number is that of an account of this node."""
    rewritten: bool = False
    """Its source has a number format: where no format is asked for, the canonical number is shown and not the raw."""
    diversions: tuple[Diversion, ...] = ()
    """Who the call was for before, the latest first."""
    verstat: str = ""
    """What is known of the right to use the number: `TN-Validation-Passed` and the like; "": nothing is to be said."""
    doubt: str = ""
    """Why it did not pass."""
    standing: str = "C"
    """How well the caller is known to us: B, a customer; C, whoever a gateway lets in (ATIS-1000074 5.2.3)."""
    signed: tuple[str, str] | None = None
    """The Identity header it passed with, and the number it was signed for: good as long as both numbers stay."""
    attestation: str = ""
    """What the signature of the call claims of the caller: A, B or C (ATIS-1000074 5.2.3); "" without one."""
    headers: tuple[tuple[str, str], ...] = ()
    """What its source's table lets in of the INVITE's other headers."""

    @property
    def known(self) -> bool:
        """Whether there is a number, be it withheld from others."""
        return self.number.raw not in ("", ANONYMOUS.uri.user)

    @property
    def shown(self) -> str:
        """The number as it is shown where no format is asked for."""
        return self.number.canonical if self.rewritten else self.number.raw

    def normalised(self, canonical: str, read: Callable[[str], str]) -> Origin:
        """With its number's canonical form, and with those of who it was diverted by, as `read` gives them."""
        diversions = self.diversions
        if diversions:
            diversions = tuple(
                [each._replace(number=Number(each.number.raw, read(each.number.raw))) for each in diversions]
            )
        # Every call comes by here, and `replace` takes six times as long.
        return Origin(
            party=self.party,
            number=Number(self.number.raw, canonical),
            withheld=self.withheld,
            privacy=self.privacy,
            ours=self.ours,
            rewritten=self.rewritten,
            diversions=diversions,
            verstat=self.verstat,
            doubt=self.doubt,
            standing=self.standing,
            signed=self.signed,
            attestation=self.attestation,
            headers=self.headers,
        )

    def diverted(self, by: Number, reason: str = "unconditional", *, withheld: bool = False, name: str = "") -> Origin:
        """The same caller, sent on by the party `by`: a forwarded, redirected or transferred call.

        `reason`: one of `sip.identity.REASONS`. Whom it goes to is told as far as its policy says.
        """
        assert reason in REASONS
        latest = Diversion(by, reason, withheld, name)
        return replace(self, diversions=(latest, *self.diversions)[:MOST_DIVERSIONS])

    def hidden(self) -> Origin:
        """The same caller, who does not want to be known."""
        return replace(self, withheld=True)

    def calling_as(self, number: Number) -> Origin:
        """The same caller with a number of this node: it is shown, and it is as good as an account's own.

        A name that somebody else gave does not stand beside it.
        """
        uri = replace(self.party.uri, user=number.raw)
        party = replace(self.party, display_name=self.party.display_name if self.ours else "", uri=uri)
        return replace(self, party=party, number=number, ours=True, verstat="", signed=None)
