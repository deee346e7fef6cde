"""Every compiled pattern of the packages that read foreign text keeps to what all supported interpreters match right.

CPython before 3.11.5 mismatches possessive quantifiers and atomic groups around groups (cpython issue 106052), and
Debian 12 ships 3.11.2: there `(?:([a-z]++)@)?+[0-9.]+` does not match "10.0.0.1". A possessive repetition of one
character class takes another path in the engine and is right everywhere.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from re import _constants as codes
from re import _parser as parser
from typing import TYPE_CHECKING, Any

import pytest

import config
import softswitch.dialplan
import softswitch.sdp
import softswitch.sip

if TYPE_CHECKING:
    from collections.abc import Iterator

_ONE_CHARACTER = {codes.IN, codes.LITERAL, codes.NOT_LITERAL, codes.ANY}


def _patterns() -> Iterator[Any]:
    for package in (softswitch.sip, softswitch.sdp, softswitch.dialplan, config):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, value in vars(importlib.import_module(found.name)).items():
                # `_NAME = re.compile(...).fullmatch` is a method bound to its pattern.
                pattern = value if isinstance(value, re.Pattern) else getattr(value, "__self__", None)
                if isinstance(pattern, re.Pattern):
                    yield pytest.param(pattern, id=f"{found.name}:{name}")


def _faults(node: Any) -> list[str]:
    """What a parse tree holds that must not be there; a node is a code with its argument, a sequence or a leaf."""
    faults = []
    if isinstance(node, tuple) and node and node[0] is codes.ATOMIC_GROUP:
        faults.append("atomic group")
    if isinstance(node, tuple) and node and node[0] is codes.POSSESSIVE_REPEAT:
        repeated = node[1][2]
        if len(repeated) != 1 or repeated[0][0] not in _ONE_CHARACTER:
            faults.append(f"possessive quantifier of {repeated}")
    if isinstance(node, tuple | list | parser.SubPattern):
        for inner in node:
            faults += _faults(inner)
    return faults


@pytest.mark.parametrize("pattern", list(_patterns()))
def test_possessive_quantifiers_hold_one_character_class_each(pattern: re.Pattern[str]) -> None:
    assert _faults(parser.parse(pattern.pattern, pattern.flags)) == []


@pytest.mark.parametrize(
    "text", ["(?:ab)?+b", "(ab)*+", "x(?:(y++)|z(?:ab)++)", "(?>a+)b", "(?=(?:ab)?+)", "(?:q(?:w(ab)*+)?)*"]
)
def test_the_check_finds_what_it_forbids(text: str) -> None:
    assert _faults(parser.parse(text))
