"""How a trunk writes telephone numbers: read on the way in to the canonical form, written on the way out from it.

A format is about numbers with a country code. Short codes (112), star codes and names are the same in every format.
"""

from __future__ import annotations

import re
from enum import StrEnum

_LONG = re.compile(r"[1-9][0-9]{6,14}").fullmatch
"""Country code and number, without anything before it: ITU-T E.164 has at most 15 digits, the shortest in use 7."""
_NANP = re.compile(r"1?([2-9][0-9]{9})").fullmatch
"""A number of the North American plan: area code and number, with or without the 1 before it."""
_GLOBAL = re.compile(r"\+[0-9]+").fullmatch
_US_INTERNATIONAL_PREFIX = "011"


class NumberFormat(StrEnum):
    """The three forms carriers ask for."""

    E164 = "e164"
    """`+12125551234`"""
    INTERNATIONAL = "international"
    """`12125551234`: country code without `+`"""
    US_NATIONAL = "us_national"
    """`2125551234`, read with a 1 before it as well; other countries `01149301234`"""

    def read(self, number: str) -> str:
        """`number`, which has no separators, with `+` where this format says that it has a country code."""
        if self is NumberFormat.INTERNATIONAL:
            return f"+{number}" if _LONG(number) else number
        if self is NumberFormat.US_NATIONAL:
            national = _NANP(number)
            if national is not None:
                return f"+1{national[1]}"
            rest = number.removeprefix(_US_INTERNATIONAL_PREFIX)
            return f"+{rest}" if rest != number and _LONG(rest) else number
        return number

    def write(self, canonical: str) -> str:
        """The canonical number as this format has it; whatever has no country code stays as it is."""
        if self is NumberFormat.E164 or not _GLOBAL(canonical):
            return canonical
        digits = canonical[1:]
        if self is NumberFormat.INTERNATIONAL:
            return digits
        national = _NANP(digits)
        return national[1] if national is not None and len(digits) == 11 else _US_INTERNATIONAL_PREFIX + digits
