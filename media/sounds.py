"""Sounds by number: prompts that were loaded, and tones as they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.commands import Tone
from media.play.prompt import VOX_RATE, PromptLibrary
from media.play.tone import render_tone

if TYPE_CHECKING:
    from pathlib import Path

    from media.play.source import PlaySource


class Sounds:
    """A number stays valid until it is forgotten: a file that changes on disk gets a new one when loaded again."""

    def __init__(self) -> None:
        self._library = PromptLibrary()
        self._sources: dict[int, PlaySource] = {}
        self._numbers: dict[int, int] = {}
        self._last = 0

    def load(self, path: str | Path, *, vox_rate: int = VOX_RATE) -> int:
        """Decode the file, unless that was done before. Raises PromptError(file, reason)."""
        return self.register(self.decode(path, vox_rate))

    def decode(self, path: str | Path, vox_rate: int) -> PlaySource:
        """The part of `load` that takes its time: for any thread."""
        return self._library.load(path, vox_rate=vox_rate)

    def register(self, source: PlaySource) -> int:
        """The part of `load` that gives the number."""
        known = self._numbers.get(id(source))
        if known is not None:
            return known
        self._last += 1
        self._sources[self._last] = source
        self._numbers[id(source)] = self._last
        return self._last

    def forget(self, number: int) -> None:
        """Let go of a prompt; whoever plays it keeps it until the end."""
        source = self._sources.pop(number, None)
        if source is not None:
            del self._numbers[id(source)]
            self._library.forget(source)

    def source(self, sound: int | Tone) -> PlaySource:
        """What to play. Raises ValueError for a number nobody gave out, or a tone that cannot be made."""
        if isinstance(sound, Tone):
            return render_tone(sound)
        source = self._sources.get(sound)
        if source is None:
            raise ValueError(f"prompt {sound} is not loaded: load_prompt gives the numbers to play")
        return source
