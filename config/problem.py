"""A mistake in the configuration, told so that it can be found and put right without a search."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A spot in a file; line and column count from 1. Line 0: the file as a whole."""

    file: Path
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{_short(self.file)}:{self.line}:{self.column}" if self.line else _short(self.file)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: `dialplan.yaml:14:5 routes[2].do[0].dial.trunk: unknown trunk 'carier', did you mean 'carrier'?`"""

    place: Place
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.place} {self.path}: {self.message}" if self.path else f"{self.place} {self.message}"


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds every mistake that could be found, in file order."""

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.place))
        self.warnings = tuple(sorted(warnings, key=lambda problem: problem.place))
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'carrier'?`, or what there is to choose from when nothing is close."""
    by_folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    if close:
        return f", did you mean {by_folded[close[0]]!r}?"
    if not by_folded:
        return ""
    names = sorted(by_folded.values())
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return f"; known: {shown}"


def _short(file: Path) -> str:
    """As the operator would type it: relative to where they stand, when the file is below it."""
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)
