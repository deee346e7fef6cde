"""Telephone numbers: the form they were typed in, and the one canonical form that rules see and trunks get.

Rules apply to what will be dialled. So a number is normalised once, the rules match the result, and the same result
is what `Dial` sends: there is no second spelling that slips past a rule (`+49900…`, `0049900…`, `tel:0900…`,
`%2B49900…`, `0900-…` are one number).
"""

from __future__ import annotations

from urllib.parse import unquote

from softswitch.value import value_class

MAX_LENGTH = 64
"""Longest called or caller number that rules look at, in characters. Bounds the work of a regular expression."""

_SEPARATORS = str.maketrans("", "", "-.() ")  # RFC 3966 visual separators, and the blank people type
_DIALLABLE = frozenset("0123456789*#")
_DIGITS = frozenset("0123456789")


@value_class(frozen=True, slots=True)
class Numbering:
    """How numbers are dialled here. An empty field switches its rule off.

    Germany: country_code "49", international_prefix "00", national_prefix "0". North America: "1", "011", "1".
    """

    country_code: str = ""
    international_prefix: str = "00"
    national_prefix: str = ""

    def canonical(self, raw: str) -> str:
        """`+` and country code where the number says or implies it; short codes, `*43` and names as they are."""
        number = clean(raw)
        if number[:1] == "+":
            return self._without_trunk_prefix(number)
        if self.international_prefix and number.startswith(self.international_prefix):
            rest = number[len(self.international_prefix) :]
            if rest and _DIGITS.issuperset(rest):
                return self._without_trunk_prefix("+" + rest)
        elif self.country_code and self.national_prefix and number.startswith(self.national_prefix):
            rest = number[len(self.national_prefix) :]
            if rest and _DIGITS.issuperset(rest):
                return self._without_trunk_prefix("+" + self.country_code + rest)
        return number

    def _without_trunk_prefix(self, number: str) -> str:
        """`+49 (0)900…` is `+49900…`: after the own country code the national prefix has no place."""
        wrong = "+" + self.country_code + self.national_prefix
        if self.country_code and self.national_prefix:
            while number.startswith(wrong) and len(number) > len(wrong):
                number = "+" + self.country_code + number[len(wrong) :]
        return number

    def canonical_prefix(self, raw: str) -> str:
        """The same for the beginning of a number: `00` alone is `+`, `0` alone the own country."""
        number = clean(raw)
        if self.international_prefix and number == self.international_prefix:
            return "+"
        if self.country_code and self.national_prefix and number == self.national_prefix:
            return "+" + self.country_code
        return self.canonical(number)


def clean(raw: str) -> str:
    """The user part alone: no scheme, host, parameters or %-escapes, and no separators if the rest is a number."""
    number = raw.strip()
    scheme, colon, rest = number.partition(":")
    if colon and scheme.lower() in {"tel", "sip", "sips"}:
        number = rest
    number = number.partition("@")[0].partition(";")[0]
    if "%" in number:
        number = unquote(number, errors="replace").partition(";")[0]
    bare = number.translate(_SEPARATORS)
    digits = bare[1:] if bare[:1] == "+" else bare
    return bare if digits and _DIALLABLE.issuperset(digits) else number
