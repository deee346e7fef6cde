"""What a speech engine is to us, and how one is run: a child process with a deadline.

espeak-ng and Piper are under the GPL and keep global state: neither is ever loaded into this process. An engine of
somebody else's is a class with these two methods, named by an entry point of the group `softswitch.speech`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from softswitch.speech.utterance import Utterance

ENTRY_POINTS = "softswitch.speech"
MOST_COMPLAINT = 200
"""Characters of what a failed engine had to say."""


class SpeechError(Exception):
    """Nothing can be said; the message says why, and what to do about it."""


class NoSuchVoiceError(SpeechError):
    """An engine, language or voice was asked for that is not there; the message says what is."""


class SpeechEngine(Protocol):
    """Turns text into a WAV file."""

    def identity(self, utterance: Utterance) -> str:
        """What besides the utterance decides how it sounds (engine, model): part of the cache's key.

        Raises SpeechError when this engine cannot say it: not installed; NoSuchVoiceError: no voice for the language.
        """

    async def synthesise(self, utterance: Utterance, into: Path) -> None:
        """Write the WAV file. May be cancelled at any time. Raises SpeechError, NoSuchVoiceError."""


async def run(command: Sequence[str], text: str, *, install: str) -> None:
    """Run an engine with `text` on its standard input. Cancelled, it is killed with all it started.

    Raises SpeechError: it is not there (then `install` says how to get it), or it failed.
    """
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise SpeechError(f"{command[0]} cannot be started: {error.strerror}; {install}") from error
    try:
        _, complaint = await child.communicate(text.encode())
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            await asyncio.shield(child.wait())
    if child.returncode:
        words = " ".join(complaint.decode(errors="replace").split())[-MOST_COMPLAINT:]
        raise SpeechError(f"{command[0]} ended with status {child.returncode}: {words or 'it did not say why'}")
