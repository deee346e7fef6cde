"""What calls cost over a trunk, by the longest prefix of the number."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from softswitch.dialplan.prefixes import Prefixes

if TYPE_CHECKING:
    from collections.abc import Mapping


class Rate(NamedTuple):
    """The price of a number, in whatever unit the operator uses for all trunks alike."""

    price: float
    prefix: str

    def __str__(self) -> str:
        return f"{self.price:g} by prefix {self.prefix}"


class Rates:
    """A trunk's price list. A number without a prefix in it is one the trunk does not go to."""

    __slots__ = ("_prefixes",)

    def __init__(self, prices: Mapping[str, float]) -> None:
        """`prices` by prefix of the canonical number: + and country code."""
        self._prefixes = Prefixes(prices)

    def rate(self, number: str) -> Rate | None:
        """For a canonical number."""
        found = self._prefixes.longest(number)
        return None if found is None else Rate(found[1], found[0])

    def __len__(self) -> int:
        return len(self._prefixes)
