"""What the demonstration shows: progress while it runs, on a terminal only, and the story of the call afterwards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from rich.progress import Progress as Bars
from rich.progress import ProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar

from softswitch.demo.scene import GOOD

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.progress import Task, TaskID

    from softswitch.demo.scene import Direction, Outcome


class _ExpectedTime(ProgressColumn):
    """A bar that fills in the time a step should take, and is full when the step is over."""

    def render(self, task: Task) -> ProgressBar:
        """Called ten times a second."""
        expected = task.fields["expected"] or 1.0
        done = 1.0 if task.finished else min((task.elapsed or 0.0) / expected, 0.97)
        return ProgressBar(total=1.0, completed=done, width=24)


class Progress:
    """One bar for each step; elsewhere than on a terminal one line for each."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Bars(
            TextColumn("{task.description}"), _ExpectedTime(), TimeElapsedColumn(),
            console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self._now: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        self._bars.stop()

    def step(self, what: str, seconds: float) -> None:
        """The next step begins."""
        self._finish()
        if self._console.is_terminal:
            self._now = self._bars.add_task(what, total=1, expected=seconds)
        else:
            self._console.print(f"- {what} (about {seconds:.0f} s)", markup=False)

    def _finish(self) -> None:
        if self._now is not None:
            self._bars.update(self._now, completed=1)
            self._now = None


def tell(console: Console, outcome: Outcome) -> None:
    """Print the story of the call."""
    console.print(f"\n[bold]The call[/bold], {outcome.seconds:.1f} s, as the switch saw it\n")
    console.print(outcome.ladder, markup=False, soft_wrap=True)
    rows = [("direction", "codec", "MOS", "PESQ", "verdict"), *map(_row, outcome.directions)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        console.print(line.rstrip(), markup=False, soft_wrap=True)
    console.print()
    for direction in outcome.directions:
        console.print(f"What the {direction.speaker} said: {_short(direction.recording)}", markup=False, soft_wrap=True)
    console.print(f"Both, in stereo: {_short(outcome.stereo)}", markup=False, soft_wrap=True)
    console.print(f"Everything it wrote: {_short(outcome.folder)}", markup=False, soft_wrap=True)
    verdict = (
        "[green]Both directions sound good.[/green]" if outcome.good else f"[red]A direction is below {GOOD}.[/red]"
    )
    console.print(f"\n{verdict}")


def _row(direction: Direction) -> tuple[str, str, str, str, str]:
    return (
        f"{direction.speaker} to {direction.listener}",
        direction.codec,
        "none" if direction.mos is None else f"{direction.mos:.2f}",
        f"{direction.score.pesq:.2f}",
        "good" if direction.good else f"below {GOOD}",
    )


def _short(path: str) -> str:
    """Return the path as seen from here, when that is shorter."""
    return min(path, os.path.relpath(path), key=len)
