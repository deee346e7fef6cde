"""Sounds by number: prompts that were loaded, and tones as they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.commands import Tone
from media.play.prompt import load_prompt
from media.play.tone import render_tone

if TYPE_CHECKING:
    from pathlib import Path

    from media.play.source import PlaySource


class Sounds:
    """Numbers stay valid for the life of the engine: a file that changes on disk gets a new one when loaded again."""

    def __init__(self) -> None:
        self._sources: dict[int, PlaySource] = {}
        self._numbers: dict[int, int] = {}

    def load(self, path: str | Path) -> int:
        """Decode the file, unless that was done before. Raises PromptError(file, reason)."""
        source = load_prompt(path)
        known = self._numbers.get(id(source))
        if known is not None:
            return known
        number = len(self._sources) + 1
        self._sources[number] = source
        self._numbers[id(source)] = number
        return number

    def source(self, sound: int | Tone) -> PlaySource:
        """What to play. Raises ValueError for a number nobody gave out, or a tone that cannot be made."""
        if isinstance(sound, Tone):
            return render_tone(sound)
        source = self._sources.get(sound)
        if source is None:
            raise ValueError(f"prompt {sound} is not loaded: load_prompt gives the numbers to play")
        return source
