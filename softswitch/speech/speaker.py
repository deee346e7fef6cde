"""Says things: looks for the sound in memory, then on disk, and only then asks an engine, with a deadline.

The same words in the same voice are made once, however many calls ask for them at the same time. An engine that hangs
is killed; who waited is told so, and the call goes on without the words.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import OrderedDict
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from softswitch.speech.engine import ENTRY_POINTS, NoSuchVoiceError, SpeechEngine, SpeechError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from softswitch.speech.utterance import Utterance

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Engines that run at the same time: calls keep the processor."""
KEPT = 256
"""Sounds kept in memory."""
MOST_FILES = 2000
"""Sounds kept on disk; the oldest go when a node starts."""


class Speaker:
    """`load` and `forget` are the media engine's: a number for a sound file, and that it is not needed any more."""

    def __init__(
        self,
        engines: Mapping[str, SpeechEngine],
        *,
        default: str,
        timeout: float,
        folder: Path,
        load: Callable[[Path], Awaitable[int]],
        forget: Callable[[int], None],
    ) -> None:
        self._engines = engines
        self._default = default
        self._timeout = timeout
        self._folder = folder
        self._load = load
        self._forget = forget
        self._known: OrderedDict[str, int] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[int]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def say(self, utterance: Utterance) -> int:
        """The number of a loaded prompt that says it. Raises SpeechError: why not, after `timeout` seconds at most."""
        number, task = self._find(utterance)
        if number is not None:
            return number
        assert task is not None
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.shield(task)
        except TimeoutError:
            raise SpeechError(f"{self._engine_name(utterance)} did not speak within {self._timeout:g} s") from None

    def ready(self, utterance: Utterance) -> int | None:
        """The same without waiting: None when it is not there yet, or cannot be; it is being made, then."""
        try:
            return self._find(utterance)[0]
        except SpeechError as error:
            log.warning("speech: %s", error)
            return None

    async def stop(self) -> None:
        """End what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _engine_name(self, utterance: Utterance) -> str:
        return utterance.engine or self._default

    def _find(self, utterance: Utterance) -> tuple[int | None, asyncio.Task[int] | None]:
        name = self._engine_name(utterance)
        engine = self._engines.get(name)
        if engine is None:
            raise NoSuchVoiceError(f"there is no speech engine {name!r}; there is {', '.join(sorted(self._engines))}")
        key = utterance.digest(engine.identity(utterance))
        number = self._known.get(key)
        if number is not None:
            self._known.move_to_end(key)
            return number, None
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._make(engine, utterance, key), name=f"speech:{key[:8]}")
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._made(key, done))
        return None, task

    async def _make(self, engine: SpeechEngine, utterance: Utterance, key: str) -> int:
        file = self._folder / f"{key}.wav"
        if not await asyncio.to_thread(file.exists):
            async with self._turn:
                await self._synthesise(engine, utterance, file)
        try:
            return await self._load(file)
        except Exception as error:
            # Whatever is wrong with the sound: it must not be found there again.
            with contextlib.suppress(OSError):
                await asyncio.to_thread(file.unlink)
            raise SpeechError(f"what {self._engine_name(utterance)} made cannot be played: {error}") from error

    async def _synthesise(self, engine: SpeechEngine, utterance: Utterance, file: Path) -> None:
        unfinished = file.with_suffix(f".{os.getpid()}.part.wav")
        try:
            async with asyncio.timeout(self._timeout):
                await engine.synthesise(utterance, unfinished)
            await asyncio.to_thread(os.replace, unfinished, file)
        except TimeoutError:
            raise SpeechError(
                f"{self._engine_name(utterance)} did not speak within {self._timeout:g} s and was killed"
            ) from None
        except OSError as error:
            name = self._engine_name(utterance)
            raise SpeechError(f"{name} left no sound in {file.parent}: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(unfinished.unlink)

    def _made(self, key: str, task: asyncio.Task[int]) -> None:
        del self._under_way[key]
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.warning("speech: %s", error)
            return
        self._known[key] = task.result()
        if len(self._known) > KEPT:
            self._forget(self._known.popitem(last=False)[1])


def prepare_folder(folder: Path) -> None:
    """Make the cache's folder, and clear what has lain there longest. Raises OSError when it cannot be written to."""
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted(folder.glob("*.wav"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        if file.name.endswith(".part.wav") or file in files[MOST_FILES:]:
            file.unlink(missing_ok=True)


def engines_of_others() -> dict[str, SpeechEngine]:
    """Those that other packages offer, made without arguments. Raises SpeechError naming one that fails to load."""
    found: dict[str, SpeechEngine] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            found[entry.name] = entry.load()()
        except Exception as error:
            raise SpeechError(f"speech engine {entry.name!r} ({entry.value}) does not load: {error}") from error
    return found
