r"""Which regular expressions a rule may use: those whose work on a 64-character number is small and known at load.

A length limit alone does not help: `(\d+)+x` needs 2^64 steps on 64 digits. So the pattern is read here, its worst
number of ways to fail is multiplied out, and more than `MAX_WAYS` is refused. Allowed: characters, `\d` and escaped
punctuation, `.`, classes, groups, `|`, `? * + {n} {n,} {n,m}`, `^ $`. No look-around, no back-references, no flags.
"""

from __future__ import annotations

import re
import warnings

MAX_INPUT = 64
MAX_WAYS = 20_000
"""Backtracking paths; about a millisecond at worst. Two open-ended repeats (64 x 64) fit, a nested one never does."""
MAX_PATTERN = 200

_ESCAPES = frozenset("dDwWsS")
_PUNCTUATION = frozenset("+*?.()[]{}|^$\\/#-_@:;,=!&~ ")


def check(pattern: str) -> None:
    """Raises ValueError saying what is wrong and what to write instead."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"the pattern is longer than {MAX_PATTERN} characters")
    try:
        with warnings.catch_warnings(action="error"):
            re.compile(pattern)
    except (re.error, FutureWarning) as error:
        raise ValueError(f"not a regular expression: {str(error)[:1].lower()}{str(error)[1:]}") from None
    ways = _Reader(pattern).read()
    if ways > MAX_WAYS:
        raise ValueError(
            "this pattern could take too long on some numbers: "
            "no repeat inside a repeat, and at most two open-ended ones"
        )


class _Reader:
    """Recursive descent over a pattern `re` has accepted; counts ways to match, capped."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def read(self) -> int:
        return self._alternatives()

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _alternatives(self) -> int:
        ways = self._sequence()
        while self._peek() == "|":
            self._at += 1
            ways += self._sequence()
        return min(ways, MAX_WAYS + 1)

    def _sequence(self) -> int:
        ways = 1
        while self._peek() not in {"", "|", ")"}:
            ways = min(ways * self._repeated(self._atom()), MAX_WAYS + 1)
        return ways

    def _atom(self) -> int:
        character = self._peek()
        self._at += 1
        match character:
            case "(":
                if self._peek() == "?":
                    if self._pattern[self._at : self._at + 2] != "?:":
                        raise ValueError("look-around, flags and named groups are not supported: (…) and (?:…) only")
                    self._at += 2
                ways = self._alternatives()
                self._at += 1
                return ways
            case "[":
                self._class()
            case "\\":
                if self._peek() not in _ESCAPES | _PUNCTUATION:
                    raise ValueError(f"'\\{self._peek()}' is not supported")
                self._at += 1
            case _:
                pass
        return 1

    def _class(self) -> None:
        self._at += self._peek() == "^"
        self._at += self._peek() == "]"
        while self._peek() != "]":
            self._at += 2 if self._peek() == "\\" else 1
        self._at += 1

    def _repeated(self, ways: int) -> int:
        counts = {"?": (0, 1), "*": (0, MAX_INPUT), "+": (1, MAX_INPUT)}
        character = self._peek()
        if character in counts and character:
            least, most = counts[character]
            self._at += 1
        elif found := re.compile(r"\{(\d*)(,?)(\d*)\}").match(self._pattern, self._at):
            least = int(found[1] or 0)
            most = int(found[3] or MAX_INPUT) if found[2] else least
            self._at = found.end()
        else:
            return ways
        if self._peek() in {"?", "+"}:
            self._at += 1
        least, most = min(least, MAX_INPUT), min(most, MAX_INPUT)
        if ways == 1:
            return most - least + 1
        return sum(min(ways**times, MAX_WAYS + 1) for times in range(least, most + 1))
