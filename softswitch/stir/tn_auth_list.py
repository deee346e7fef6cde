"""The TNAuthList of a certificate (RFC 8226 9): whose numbers it may sign for. DER in, a value out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.stir.errors import unsupported
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Iterator

OID = "1.3.6.1.5.5.7.1.26"
_SEQUENCE, _IA5_STRING, _INTEGER = 0x30, 0x16, 0x02
_PROVIDER, _RANGE, _ONE = 0xA0, 0xA1, 0xA2
MOST_ENTRIES = 10_000


@value_class(frozen=True, slots=True)
class TnAuthList:
    """The service providers, numbers and ranges a certificate speaks for."""

    providers: tuple[str, ...] = ()
    """Service provider codes."""
    numbers: frozenset[str] = frozenset()
    ranges: tuple[tuple[str, int], ...] = ()
    """First number and how many."""

    def covers(self, number: str) -> bool:
        """Whether it may sign for this number (digits). A provider may for any: which are his is not in here."""
        return bool(self.providers) or number in self.numbers or any(_within(span, number) for span in self.ranges)


def _within(span: tuple[str, int], number: str) -> bool:
    first, count = span
    if len(first) != len(number) or not (first.isdigit() and number.isdigit()):
        return False
    return 0 <= int(number) - int(first) < count


def parse(der: bytes) -> TnAuthList:
    """Read the extension's value. Raises StirError 437."""
    try:
        return _read(der)
    except (IndexError, ValueError) as error:
        raise unsupported(f"TNAuthList: {error}") from None


def _read(der: bytes) -> TnAuthList:
    outer = list(_elements(der))
    if len(outer) != 1 or outer[0][0] != _SEQUENCE:
        raise ValueError("expected one sequence")
    providers, numbers, ranges = [], [], []
    for count, (tag, content) in enumerate(_elements(outer[0][1])):
        if count >= MOST_ENTRIES:
            raise ValueError(f"more than {MOST_ENTRIES} entries")
        ((kind, value),) = _elements(content)
        if tag == _PROVIDER and kind == _IA5_STRING:
            providers.append(value.decode("ascii"))
        elif tag == _ONE and kind == _IA5_STRING:
            numbers.append(value.decode("ascii"))
        elif tag == _RANGE and kind == _SEQUENCE:
            (start_kind, start), (count_kind, length), *_ = _elements(value)
            if (start_kind, count_kind) != (_IA5_STRING, _INTEGER):
                raise ValueError("expected a range of a number and a count")
            ranges.append((start.decode("ascii"), int.from_bytes(length, "big", signed=True)))
        else:
            raise ValueError(f"unknown entry {tag:#x}/{kind:#x}")
    if not (providers or numbers or ranges):
        raise ValueError("expected at least one entry")
    return TnAuthList(tuple(providers), frozenset(numbers), tuple(ranges))


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(der):
        tag, length = der[position], der[position + 1]
        position += 2
        if length & 0x80:
            octets = length & 0x7F
            if not 1 <= octets <= 4:
                raise ValueError("expected a definite length")
            length = int.from_bytes(der[position : position + octets], "big")
            position += octets
        if position + length > len(der):
            raise ValueError("an element is longer than what holds it")
        yield tag, der[position : position + length]
        position += length
