"""Toll fraud: which numbers a trunk may be asked to call. Pure; judged for every way a call can begin.

What is judged is what will be dialled, after normalisation, and what the caller dialled before a rule rewrote it: a
carrier reads either. A number that can be read in several ways is refused when any of them is.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal

from softswitch.dialplan.prefixes import Prefixes
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Iterable

    from softswitch.dialplan.numbers import Numbering

Rule = Literal["international", "denied", "not_allowed"]
RULES: tuple[Rule, ...] = ("international", "denied", "not_allowed")

NORTH_AMERICA = "1"
ABROAD_IN_NORTH_AMERICA = frozenset(
    "242 246 264 268 284 345 441 473 649 658 664 721 758 767 784 809 829 849 868 869 876".split()  # noqa: SIM905
)
"""Area codes of other countries behind the code +1, at their prices: what fraud there lives on. Territories of the
United States (340, 670, 671, 684, 787, 939) are none.
"""

_SERVICE_CODE = re.compile(r"[*#]+[0-9]{2}")


@value_class(frozen=True, slots=True)
class TollPolicy:
    """What one trunk may be asked to call. The default allows everything."""

    international: bool = True
    """Whether numbers of other countries may be called that no prefix allows by name."""
    prefixes: Prefixes[bool] | None = None
    """Canonical prefixes: True allowed, False denied; the longest decides."""
    only_listed: bool = False
    """Nothing may be called that no prefix allows."""

    @classmethod
    def of(cls, *, international: bool, allowed: Iterable[str], denied: Iterable[str]) -> TollPolicy:
        """From lists of canonical prefixes; one that is in both is denied."""
        listed = dict.fromkeys(allowed, True)
        only_listed = bool(listed)
        listed.update(dict.fromkeys(denied, False))
        return cls(international, Prefixes(listed) if listed else None, only_listed)


NO_POLICY = TollPolicy()


@value_class(frozen=True, slots=True)
class TollRefusal:
    """Why a number may not be called."""

    rule: Rule
    number: str
    """As it was read."""
    prefix: str = ""

    def __str__(self) -> str:
        match self.rule:
            case "international":
                return f"{self.number} is abroad (international_allowed)"
            case "denied":
                return f"{self.number} begins with {self.prefix} (destinations_denied)"
            case "not_allowed":
                return f"{self.number} is not among destinations_allowed"


class TollGuard:
    """Reads numbers as this place dials them, and judges them by a trunk's policy."""

    def __init__(self, numbering: Numbering) -> None:
        self._canonical = numbering.canonical
        self._country = numbering.country_code
        self._trunk_prefixed = f"+{numbering.country_code}{numbering.national_prefix or 'none'}"

    def judge(self, policy: TollPolicy, *numbers: str) -> TollRefusal | None:
        """None when all of these numbers, in every way they can be read, may be called."""
        if policy is NO_POLICY:
            return None
        readings: dict[str, None] = {}
        for number in dict.fromkeys(numbers):
            if self._is_plain(number):
                readings[number] = None
            else:
                readings.update(dict.fromkeys(self.readings(number)))
        written_out = [each for each in readings if each[:1] == "+"]
        for number in written_out or readings:
            refusal = self._judge(policy, number)
            if refusal is not None:
                return refusal
        return None

    def _is_plain(self, number: str) -> bool:
        """Whether there is one way to read this number, and it stands there: most calls are like that."""
        return (
            number[:1] == "+"
            and number[1:].isdigit()
            and number.isascii()
            and not number.startswith(self._trunk_prefixed)
        )

    def readings(self, number: str) -> list[str]:
        """Every canonical form a switch behind us might take this number for; the first as we read it."""
        found = [self._canonical(number)]
        if not number.isascii() or not number.lstrip("+").isdigit():
            folded = _folded(number)
            found.append(self._canonical(folded))
            # A code that hides the caller's number, and the number behind it: *31#0033…, *670114….
            behind = max(folded.rfind("*"), folded.rfind("#")) + 1
            if behind:
                found.append(self._canonical(folded[behind:]))
                found.append(self._canonical(_SERVICE_CODE.sub("", folded, count=1)))
            found.append(self._canonical(folded.replace("*", "").replace("#", "")))
            # A + in the middle, 0049+33…: who reads on from there reads a whole number.
            plus = max(number.rfind("+"), number.rfind("\uff0b"))
            if plus > 0:
                found.append(self._canonical(_folded(number[plus:])))
        if self._country == NORTH_AMERICA:
            found += ["+1" + each for each in found if len(each) == 10 and each.isdigit()]
        return list(dict.fromkeys(each for each in found if each))

    def is_abroad(self, canonical: str) -> bool:
        """Whether a number with its country code is one of another country. Without a code of our own nothing is."""
        country = self._country
        if not country or canonical[:1] != "+":
            return False
        if not canonical.startswith("+" + country):
            return True
        return country == NORTH_AMERICA and canonical[2:5] in ABROAD_IN_NORTH_AMERICA

    def _judge(self, policy: TollPolicy, number: str) -> TollRefusal | None:
        found = None if policy.prefixes is None else policy.prefixes.longest(number)
        if found is not None:
            return None if found[1] else TollRefusal("denied", number, found[0])
        if policy.only_listed:
            return TollRefusal("not_allowed", number)
        if not policy.international and self.is_abroad(number):
            return TollRefusal("international", number)
        return None


def _folded(number: str) -> str:
    """Digits of any script as digits, with + at the front, * and #; everything else left out."""
    found = []
    for char in number:
        digit = unicodedata.digit(char, None)
        if digit is not None:
            found.append(str(digit))
        elif char in "*#" or (char in "+\uff0b" and not found):
            found.append("+" if char == "\uff0b" else char)
    return "".join(found)
