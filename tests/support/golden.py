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
    return "".join(f"{row.rstrip()}\n" for row in rows if " 100 (" not in row)


def _by_path(ladder: str) -> dict[tuple[str, ...], list[str]]:
    """Messages in order, apart for each sender and receiver: what independent peers do at once has no order.

    A message that repeats the one before it is left out: a busy machine makes any peer repeat itself.
    """
    paths: dict[tuple[str, ...], list[str]] = {}
    for row in ladder.splitlines():
        sender, arrow, receiver, message = row.split(None, 3)
        path = paths.setdefault((sender, arrow, receiver), [])
        if path[-1:] != [message]:
            path.append(message)
    return paths


@dataclass(frozen=True, slots=True)
class Golden:
    """Compares ladders with the files of tests/transcripts, or rewrites them."""

    update: bool

    def check(self, name: str, ladder: str) -> None:
        """Assert that on each path the messages of a ladder are those of the golden one, in its order."""
        file = TRANSCRIPTS / f"{name}.ladder"
        happened = timeless(ladder)
        if self.update:
            file.write_text(happened)
        expected = file.read_text()
        same = _by_path(happened) == _by_path(expected)
        assert same or happened == expected, f"not as in {file}; after a wanted change: pytest --update-golden"
