"""The prompt files of this node: loaded for the dialplan; uploaded, listed, previewed and deleted by an operator."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from media.play.prompt import ACCEPTED, MAX_BYTES, VOX_RATE, PromptError, check_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_NAME = 128


class SoundShelf(Protocol):
    """What this needs of the media engine."""

    async def load_prompt_aside(self, path: str | Path, *, vox_rate: int = VOX_RATE) -> int:
        """Decode in a thread. Raises PromptError."""

    def forget_prompt(self, prompt: int) -> None:
        """Let go of a prompt."""

    def seconds(self, prompt: int) -> float:
        """How long it lasts."""

    def preview(self, prompt: int) -> bytes:
        """As a WAV file."""


class PromptInUseError(Exception):
    """A prompt the dialplan plays cannot be deleted."""


@dataclass(frozen=True, slots=True)
class PromptFile:
    """One file as it lies there."""

    name: str
    size: int
    modified: float
    """Unix seconds."""
    in_use: bool
    """Whether the dialplan, or somebody on hold, may play it."""
    seconds: float | None
    """None: it is not loaded, because nobody plays it."""


class Prompts(Mapping[str, int]):
    """The engine's numbers by absolute path, of those the dialplan plays. An upload replaces one for later calls."""

    def __init__(self, folder: Path, shelf: SoundShelf, *, vox_rate: int = VOX_RATE) -> None:
        self._folder = folder
        self._shelf = shelf
        self._vox_rate = vox_rate
        self._numbers: dict[str, int] = {}
        self._turn = asyncio.Lock()

    def __getitem__(self, path: str) -> int:
        return self._numbers[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    async def load(self, paths: Iterable[str]) -> None:
        """Load what the dialplan plays. Raises PromptError for the first file that cannot be."""
        for path in paths:
            self._numbers[path] = await self._shelf.load_prompt_aside(path, vox_rate=self._vox_rate)

    # -- for an operator ------------------------------------------------------------------------------------------

    def listing(self) -> list[PromptFile]:
        """Every prompt file, by name. Reads the folder: for a thread."""
        found = []
        with contextlib.suppress(OSError):
            for entry in sorted(os.scandir(self._folder), key=lambda entry: entry.name):
                if entry.is_file() and Path(entry.name).suffix.lower() in ACCEPTED and not entry.name.startswith("."):
                    number = self._numbers.get(str(self._folder / entry.name))
                    status = entry.stat()
                    seconds = None if number is None else self._shelf.seconds(number)
                    found.append(PromptFile(entry.name, status.st_size, status.st_mtime, number is not None, seconds))
        return found

    async def add(self, name: str, content: bytes) -> PromptFile:
        """Check a file and put it there, in place of one of the same name. Raises PromptError, or OSError."""
        self._check_name(name)
        if len(content) > MAX_BYTES:
            raise PromptError(name, f"has {len(content)} bytes, at most {MAX_BYTES} (4 MB) are accepted")
        async with self._turn:
            place = self._folder / name
            trial = await asyncio.to_thread(self._write, content, place.suffix)
            try:
                number = await self._shelf.load_prompt_aside(trial, vox_rate=self._vox_rate)
                seconds = self._shelf.seconds(number)
                self._shelf.forget_prompt(number)
                await asyncio.to_thread(os.replace, trial, place)
            except PromptError as error:
                raise PromptError(name, error.reason) from error
            finally:
                await asyncio.to_thread(trial.unlink, missing_ok=True)
            old = self._numbers.get(str(place))
            if old is not None:
                self._numbers[str(place)] = await self._shelf.load_prompt_aside(place, vox_rate=self._vox_rate)
                self._shelf.forget_prompt(old)
            status = await asyncio.to_thread(place.stat)
        return PromptFile(name, status.st_size, status.st_mtime, old is not None, seconds)

    async def remove(self, name: str) -> bool:
        """Delete a file; False when there is none. Raises PromptInUseError, PromptError for a name that cannot be."""
        self._check_name(name)
        async with self._turn:
            if str(self._folder / name) in self._numbers:
                raise PromptInUseError(f"{name} is played by the dialplan, or to who is held: take it out there first")
            try:
                await asyncio.to_thread((self._folder / name).unlink)
            except FileNotFoundError:
                return False
        return True

    async def preview(self, name: str) -> bytes | None:
        """A file as callers hear it, as WAV; None when there is none. Raises PromptError."""
        self._check_name(name)
        place = self._folder / name
        if not await asyncio.to_thread(place.is_file):
            return None
        known = self._numbers.get(str(place))
        number = known if known is not None else await self._shelf.load_prompt_aside(place, vox_rate=self._vox_rate)
        try:
            return await asyncio.to_thread(self._shelf.preview, number)
        finally:
            if known is None:
                self._shelf.forget_prompt(number)

    @staticmethod
    def _check_name(name: str) -> None:
        """Raises PromptError for what is no plain file name of an accepted type."""
        if not name or name.startswith(".") or len(name) > LONGEST_NAME or any(c in '/\\\0<>:"|?*' for c in name):
            raise PromptError(name, f"expected a plain file name of at most {LONGEST_NAME} characters")
        if not name.isprintable():
            raise PromptError(repr(name), "expected a file name without control characters")
        check_name(name)

    def _write(self, content: bytes, suffix: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".upload-", suffix=suffix, delete=False) as file:
            file.write(content)
        return Path(file.name)
