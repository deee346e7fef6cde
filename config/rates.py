"""Prefixes of telephone numbers, and price lists by prefix: written in YAML, or in a CSV file as carriers send them."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from config.values import Text, shown, surroundings

_PREFIX = re.compile(r"\+?[0-9*#]{1,24}")
MOST_COMPLAINTS = 5
"""Lines of one file that are complained about; the rest has the same mistake."""


def _prefix(value: str) -> str:
    bare = re.sub(r"[-. ()]", "", value)
    if bare != "+" and _PREFIX.fullmatch(bare) is None:
        raise ValueError(f"expected the beginning of a number such as +49 or 0900, got {shown(value)}")
    return bare


PrefixText = Annotated[Text, AfterValidator(_prefix)]
"""How a number begins; `+` alone is every number with a country code."""


def rate_prefix(text: str) -> str:
    """`+49`, `49` and `0049` are one prefix in a price list, where all begin with a country code. Raises ValueError."""
    digits = re.sub(r"[-. ()]", "", text).removeprefix("+").removeprefix("00")
    if re.fullmatch(r"[1-9][0-9]{0,14}", digits) is None:
        raise ValueError(f"expected a prefix with its country code such as +4915, got {shown(text)}")
    return "+" + digits


def price(value: object) -> float:
    """Not negative, and a number. Raises ValueError."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"expected a price such as 0.0125, got {shown(value)}")
    return number


def _rates(value: object, info: ValidationInfo) -> Mapping[str, float]:
    if isinstance(value, str):
        return MappingProxyType(_of_file(surroundings(info).root / Path(value).expanduser()))
    if not isinstance(value, Mapping):
        raise ValueError(f"expected prefixes with their prices, or a CSV file, got {shown(value)}")
    if not value:
        raise ValueError("expected at least one prefix with its price")
    return MappingProxyType({rate_prefix(str(prefix)): price(each) for prefix, each in value.items()})


def _of_file(path: Path) -> dict[str, float]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            return dict(_rows(path, csv.reader(opened)))
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV file: {error}") from None


def _rows(path: Path, rows: Iterable[list[str]]) -> Iterator[tuple[str, float]]:
    """`prefix,price`, further columns ignored; a first line of names, empty lines and those with # are left out."""
    complaints: list[str] = []
    found = False
    for number, row in enumerate(rows, 1):
        if not row or not row[0].strip() or row[0].lstrip().startswith("#"):
            continue
        try:
            if len(row) < 2:
                raise ValueError("expected prefix,price")
            yield rate_prefix(row[0].strip()), price(row[1].strip())
            found = True
        except ValueError as error:
            if number > 1:
                complaints.append(f"line {number}: {error}")
        if len(complaints) == MOST_COMPLAINTS:
            break
    if complaints:
        raise ValueError(f"{path}: {'; '.join(complaints)}")
    if not found:
        raise ValueError(f"{path}: expected lines of prefix,price, found none")


RateTable = Annotated[
    Mapping[str, float],
    PlainValidator(_rates),
    PlainSerializer(dict, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "minProperties": 1, "additionalProperties": {"type": "number", "minimum": 0}},
                {"type": "string", "description": "A CSV file of prefix,price"},
            ]
        }
    ),
]
"""Prices by prefix, + and country code; a CSV file is read as the configuration is."""
