"""Who calls, read from the INVITE of a trunk or of a phone.

Identity headers are believed from trusted trunks only (RFC 3325 3, 5); a phone is who its account says, whatever it
sends. What asks for privacy is honoured from everybody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from softswitch.b2bua.header_policy import CLOSED
from softswitch.b2bua.origin import Diversion, Number, Origin
from softswitch.sip import identity
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import Uri
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.b2bua.header_policy import HeaderTable
    from softswitch.sip.message import Request

IdentitySource = Literal["from", "pai", "ppi", "rpid"]
_NOBODY = identity.ANONYMOUS.uri.user or ""
"""The number of a caller who is withheld from us as well."""
_HIDES = frozenset({"id", "user"})
"""Privacy values that keep the caller's identity from others: RFC 3325 9.3, RFC 3323 4.2."""


class PrivacyNotPossible(Exception):
    """The caller wants the call to fail rather than go on without a privacy that nobody here knows (RFC 3323 5)."""


@value_class(frozen=True, slots=True, kw_only=True)
class IdentityRules:
    """How a trunk tells who calls."""

    trusted: bool = False
    """Part of our trust domain: its identity headers are believed."""
    caller_from: tuple[IdentitySource, ...] = ("from",)
    """Where the caller is looked for, in this order; the last resort is From."""
    rewritten: bool = False
    """The trunk has a number format."""
    headers: HeaderTable = CLOSED
    standing: Literal["A", "B", "C"] = "C"
    """What we attest of callers whose number is not ours (ATIS-1000074 5.2.3)."""
    verify: Literal["ignore", "tag", "reject"] = "ignore"
    """What becomes of the signatures of its calls: nothing, it is told, or calls without a good one are refused."""

    def read(self, request: Request) -> Origin:
        """Who calls. Raises PrivacyNotPossible."""
        headers, sender = request.headers, request.from_
        wanted = identity.privacy(headers)
        _check(wanted)
        party, hidden = self._caller(request) if self.trusted else (sender, False)
        anonymous = identity.is_anonymous(sender) and "none" not in wanted
        number = _NOBODY if party is sender and anonymous else _number(party.uri)
        diverted = tuple(map(_diversion, identity.diversions(headers))) if self.trusted else ()
        return Origin(
            party=_plain(party),
            number=Number(number, ""),
            withheld=anonymous or hidden or bool(wanted & _HIDES and "none" not in wanted),
            privacy=wanted,
            rewritten=self.rewritten,
            diversions=diverted,
            verstat=identity.verstat(party) if self.trusted else "",
            headers=self.headers.taken(headers),
            standing=self.standing,
        )

    def _caller(self, request: Request) -> tuple[NameAddr, bool]:
        """The party, and whether the header that names it says to hide it."""
        headers = request.headers
        hidden = False
        found: NameAddr | None = None
        for source in self.caller_from:
            match source:
                case "from":
                    found = None if identity.is_anonymous(request.from_) else request.from_
                case "pai":
                    found = identity.identity(headers, "P-Asserted-Identity")
                case "ppi":
                    found = identity.identity(headers, "P-Preferred-Identity")
                case "rpid":
                    remote = identity.remote_party(headers)
                    found, hidden = remote if remote is not None else (None, False)
            if found is not None:
                return found, hidden
        return request.from_, hidden


FROM_ALONE = IdentityRules()
"""A trunk nobody said anything about."""


def phone_origin(account: Origin, request: Request, table: HeaderTable) -> Origin:
    """The phone's account calls; the phone may withhold that, call by call. Raises PrivacyNotPossible."""
    wanted = identity.privacy(request.headers)
    anonymous = identity.is_anonymous(request.from_)
    headers = table.taken(request.headers)
    if not wanted and not anonymous and not headers:
        return account
    _check(wanted)
    withheld = "none" not in wanted and (anonymous or bool(wanted & _HIDES))
    return replace(account, withheld=withheld, privacy=wanted, headers=headers)


def account_origin(party: NameAddr, canonical: str) -> Origin:
    """The account `party`, whose number is `canonical` in that form."""
    return Origin(party=party, number=Number(party.uri.user or "", canonical), ours=True, standing="B")


def _check(wanted: frozenset[str]) -> None:
    if "critical" in wanted and not wanted <= identity.PRIVACY_KNOWN:
        raise PrivacyNotPossible(", ".join(sorted(wanted - identity.PRIVACY_KNOWN)))


def _number(uri: Uri) -> str:
    """The user part without what may follow the number in it (`;verstat=`, `;phone-context=`)."""
    return (uri.user or "").partition(";")[0]


def _plain(party: NameAddr) -> NameAddr:
    """Name and number alone, without the tag and whatever else belonged to its dialog or was there to be misread."""
    uri, name = party.uri, party.display_name
    if not name.isprintable():
        name = "".join(char for char in name if char.isprintable())
    if uri.scheme == "tel":
        return NameAddr(name, Uri("tel", uri.user))
    if uri.is_sip:
        return NameAddr(name, Uri("sip", _number(uri) or None, uri.host))
    return NameAddr(name, identity.ANONYMOUS.uri)


def _diversion(by: identity.DivertedBy) -> Diversion:
    return Diversion(Number(_number(by.party.uri), ""), by.reason, by.withheld, _plain(by.party).display_name)
