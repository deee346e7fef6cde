"""Golden ladders: the SIP messages of a story as a text file that can be read, compared and updated.

`pytest --update-golden` writes what happened instead of comparing. Times are left out, and 100 Trying, which comes
whenever it likes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts"


def timeless(ladder: str) -> str:
    """Return a ladder without times and without 100 Trying."""
    rows = [line.split(None, 1)[1] for line in ladder.splitlines() if line.strip()]
    return "".join(f"{row.rstrip()}\n" for row in rows if not row.split("  ")[-1].startswith("100 "))


@dataclass(frozen=True, slots=True)
class Golden:
    """Compares ladders with the files of tests/transcripts, or rewrites them."""

    update: bool

    def check(self, name: str, ladder: str) -> None:
        """Assert that a ladder is the golden one of that name."""
        file = TRANSCRIPTS / f"{name}.ladder"
        happened = timeless(ladder)
        if self.update:
            file.write_text(happened)
        assert happened == file.read_text(), f"not as in {file}; after a wanted change: pytest --update-golden"
