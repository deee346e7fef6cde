"""How a caller is told to one trunk, or to the phones: From, the identity headers, Privacy, Diversion, History-Info.

Everything is written anew with our own host: what the other side said of itself stays on the other side. What can be
known beforehand is: a call costs a few microseconds here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from softswitch.sip.headers import NameAddr
from softswitch.sip.identity import ANONYMOUS, DivertedBy, write_diversions, write_history, write_remote_party
from softswitch.sip.parameters import NO_PARAMETERS, Parameters
from softswitch.sip.uri import Uri, user_part
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.b2bua.origin import Diversion, Number, Origin
    from softswitch.dialplan.number_format import NumberFormat

IdentityHeader = Literal["pai", "ppi", "rpid"]
DiversionHeaders = Literal["off", "diversion", "history_info", "both"]
_NAMES: dict[IdentityHeader, str] = {
    "pai": "P-Asserted-Identity",
    "ppi": "P-Preferred-Identity",
    "rpid": "Remote-Party-ID",
}
_PHONE = Parameters((("user", "phone"),))


@dataclass(frozen=True, slots=True)
class OwnNumbers:
    """The numbers that may be shown to a trunk, canonical."""

    exact: frozenset[str]
    prefixes: tuple[str, ...]

    def holds(self, canonical: str) -> bool:
        """Whether this number is one of ours."""
        return canonical in self.exact or canonical.startswith(self.prefixes)


@value_class(frozen=True, slots=True)
class Shown:
    """A caller as one destination is told."""

    from_: NameAddr
    headers: tuple[tuple[str, str], ...] = ()
    number: str = ""
    """The canonical number behind it, shown or told in confidence; "" when nothing is."""
    replaced: str = ""
    """The caller whose number was not ours and was not shown."""
    ours: bool = False
    """The number is one of ours."""


@value_class(frozen=True, slots=True, kw_only=True)
class Presentation:
    """The rules of one trunk, or of the phones. Immutable."""

    domain: str | None = None
    """Host of every address; None: ours on the way there."""
    format: NumberFormat | None = None
    """How numbers are written there; None: as they came."""
    present: tuple[IdentityHeader, ...] = ()
    """Where the caller is told beside From."""
    trusted: bool = False
    """Part of our trust domain (RFC 3325 3): it is told who calls even when the caller is withheld."""
    withheld_in: IdentityHeader | None = None
    """Where a withheld caller's identity is told; None: nowhere."""
    own: OwnNumbers | None = None
    """What may be shown; None: anything."""
    default: str = ""
    """Shown in place of what may not, and for callers without a telephone number; canonical. "": nothing is."""
    diversion: DiversionHeaders = "off"
    verstat: bool = False
    """Whether it is told what is known of the right to use the number."""

    def show(self, origin: Origin, host: str, target: Uri) -> Shown:
        """The caller as told there, over a flow on which we are `host`, in a call to `target`."""
        host = self.domain or host
        number, name, replaced = origin.number.canonical, origin.party.display_name, ""
        foreign = not self.own.holds(number) if self.own is not None else bool(self.default) and number[:1] != "+"
        if foreign:
            # A name somebody else gave must not stand beside a number of ours.
            number, replaced, name = self.default, number or "nobody", name if origin.ours else ""
            user = self._written(number)
        else:
            user = self._user(origin.number, origin.shown)
        if origin.verstat and self.verstat and not replaced and user:
            party = NameAddr(name, Uri("sip", f"{user};verstat={origin.verstat}", host, None, _PHONE), NO_PARAMETERS)
        else:
            party = NameAddr(name, Uri("sip", user or None, host), NO_PARAMETERS)
        if origin.withheld:
            return self._hidden(origin, party, number, replaced, host, target)
        headers = [self._identity(kind, party, withheld=False) for kind in self.present] if user else []
        if "none" in origin.privacy:
            headers.append(("Privacy", "none"))
        if origin.diversions and self.diversion != "off":
            headers += self._diverted(origin.diversions, host, target)
        return Shown(party, tuple(headers), number, replaced, self._is_ours(number, origin))

    def _hidden(self, origin: Origin, party: NameAddr, number: str, replaced: str, host: str, target: Uri) -> Shown:
        """From says nothing. Who it is goes to those we trust; to others only a number of ours, if they want that."""
        headers = [("Privacy", "id;critical" if "critical" in origin.privacy else "id")]
        ours = origin.ours or self.own is not None
        known = origin.known or number != origin.number.canonical
        told = known and bool(party.uri.user) and (self.trusted or ours)
        if told and self.withheld_in is not None:
            headers.append(self._identity(self.withheld_in, party, withheld=True))
        if origin.diversions and self.diversion != "off":
            headers += self._diverted(origin.diversions, host, target)
        if not told or self.withheld_in is None:
            return Shown(ANONYMOUS, tuple(headers), "", replaced)
        return Shown(ANONYMOUS, tuple(headers), number, replaced, self._is_ours(number, origin))

    def _is_ours(self, number: str, origin: Origin) -> bool:
        if self.own is not None:
            return self.own.holds(number)
        return number[:1] == "+" and (number == self.default or origin.ours)

    def _identity(self, kind: IdentityHeader, party: NameAddr, *, withheld: bool) -> tuple[str, str]:
        value = write_remote_party(party, withheld=withheld) if kind == "rpid" else str(party)
        return _NAMES[kind], value

    def _diverted(self, diversions: tuple[Diversion, ...], host: str, target: Uri) -> list[tuple[str, str]]:
        told = [self._by(each, host) for each in diversions]
        headers: list[tuple[str, str]] = []
        if self.diversion in ("diversion", "both"):
            headers += write_diversions(told)
        if self.diversion in ("history_info", "both"):
            headers += write_history(told, Uri("sip", target.user, host))
        return headers

    def _by(self, diversion: Diversion, host: str) -> DivertedBy:
        if diversion.withheld and not self.trusted:
            return DivertedBy(NameAddr("", ANONYMOUS.uri), diversion.reason, withheld=True)
        user = self._user(diversion.number, diversion.number.canonical or diversion.number.raw)
        return DivertedBy(
            NameAddr(diversion.name, Uri("sip", user or None, host)), diversion.reason, diversion.withheld
        )

    def _user(self, number: Number, shown: str) -> str:
        if self.format is not None:
            return self._written(number.canonical)
        return shown if shown == number.raw else user_part(shown)

    def _written(self, canonical: str) -> str:
        return user_part(canonical if self.format is None else self.format.write(canonical))


AS_IT_CAME = Presentation()
