"""`softswitch demo`: one real call through a switch of its own, heard on both sides, scored, and told.

Two independent phones (pjsua2, a process each): the carrier's calls a number, the desk's has registered and answers.
Both speak known sentences at once; what the switch recorded of each is compared with what was spoken (PESQ).
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSING = 2


def main(arguments: Sequence[str] = ()) -> int:
    """Run the demonstration; 0 when both directions scored 4.0 or more, 1 when not, 2 when it could not be run."""
    parser = argparse.ArgumentParser(prog="softswitch demo", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--folder", type=Path, default=Path("build/demo"), help="where speech, logs and recordings go (%(default)s)"
    )
    options = parser.parse_args(arguments)
    from rich.console import Console

    console = Console(highlight=False)
    try:
        from softswitch.demo.scene import SceneError, play
    except ModuleNotFoundError as error:
        console.print(
            f"softswitch demo needs the Python package {error.name}: run `make demo`, or install softswitch[demo]"
        )
        return MISSING
    from softswitch.demo.account import Progress, tell

    try:
        with Progress(console) as progress:
            outcome = asyncio.run(play(options.folder, progress.step))
    except SceneError as error:
        console.print(f"softswitch demo: {error}", markup=False)
        return MISSING
    tell(console, outcome)
    return 0 if outcome.good else 1
