"""espeak-ng: a hundred languages, small, quick, and always there. Its voice is a machine's."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

from softswitch.speech.engine import NoSuchVoiceError, SpeechError, run

if TYPE_CHECKING:
    from pathlib import Path

    from softswitch.speech.utterance import Utterance

INSTALL = "install it: apt install espeak-ng"
USUAL_WORDS_A_MINUTE = 175
LISTED_WITHIN = 5.0
"""Seconds."""
_VARIANTS = {"female": "f3", "male": "m3"}
_UNKNOWN = ("voice does not exist", "mbrola voice")
"""What espeak-ng complains of when it has no such voice, or not the MBROLA files of it."""


class Espeak:
    """`voice`: female, male, a variant such as f5, or a whole voice name (`mb-de5`); empty: the language's own."""

    def __init__(self, program: str = "espeak-ng") -> None:
        self._program = program

    def identity(self, utterance: Utterance) -> str:
        """Raises SpeechError when it is not installed."""
        if shutil.which(self._program) is None:
            raise SpeechError(f"{self._program} is not installed; {INSTALL}")
        return "espeak-ng"

    async def synthesise(self, utterance: Utterance, into: Path) -> None:
        """By child process. The text goes in by standard input and is never read as options or markup.

        Raises SpeechError, NoSuchVoiceError.
        """
        voice = _VARIANTS.get(utterance.voice.lower(), utterance.voice)
        if _is_variant(voice):
            # It takes any, and speaks as if none had been asked for.
            known = await self._files("--voices=variant")
            if known and voice not in known:
                few = sorted(filter(_is_variant, known))
                raise NoSuchVoiceError(f"espeak-ng has no voice {voice!r}; it has female, male, {', '.join(few)}")
        speed = round(USUAL_WORDS_A_MINUTE * utterance.rate)
        command = [self._program, "-v", _voice(utterance.language, voice), "-s", str(speed)]
        command += ["-b", "1", "--stdin", "-w", str(into)]
        try:
            await run(command, utterance.text, install=INSTALL)
        except SpeechError as error:
            if not any(words in str(error) for words in _UNKNOWN):
                raise
            there = ", ".join(sorted(await self._languages())) or "those of espeak-ng --voices"
            wanted = f"voice {voice!r}" if voice and not _is_variant(voice) else f"language {utterance.language!r}"
            raise NoSuchVoiceError(f"espeak-ng has no {wanted}; it speaks {there}") from error

    async def _languages(self) -> set[str]:
        return {row[1] for row in await self._rows("--voices")}

    async def _files(self, listing: str) -> set[str]:
        return {part.rpartition("/")[2] for row in await self._rows(listing) for part in row[3:] if "/" in part}

    async def _rows(self, listing: str) -> list[list[str]]:
        """Lines of: priority, language, age and gender, name, file, other languages. None when it does not tell."""
        try:
            child = await asyncio.create_subprocess_exec(
                self._program, listing, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
        except OSError:
            return []
        try:
            async with asyncio.timeout(LISTED_WITHIN):
                listed, _ = await child.communicate()
        except TimeoutError:
            return []
        finally:
            if child.returncode is None:
                child.kill()
                await asyncio.shield(child.wait())
        rows = [line.split() for line in listed.decode(errors="replace").splitlines()[1:]]
        return [row for row in rows if len(row) > 4]


def _is_variant(voice: str) -> bool:
    return len(voice) in (2, 3) and voice[0] in "fm" and voice[1:].isdigit()


def _voice(language: str, voice: str) -> str:
    if not voice:
        return language.lower()
    return f"{language.lower()}+{voice}" if _is_variant(voice) else voice
