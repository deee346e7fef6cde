"""espeak-ng: a hundred languages, small, quick, and always there. Its voice is a machine's."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from softswitch.speech.engine import SpeechError, run

if TYPE_CHECKING:
    from pathlib import Path

    from softswitch.speech.utterance import Utterance

INSTALL = "install it: apt install espeak-ng"
USUAL_WORDS_A_MINUTE = 175
_VARIANTS = {"female": "f3", "male": "m3"}


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
        """By child process. The text goes in by standard input and is never read as options or markup."""
        speed = round(USUAL_WORDS_A_MINUTE * utterance.rate)
        command = [self._program, "-v", self._voice(utterance), "-s", str(speed), "-b", "1", "--stdin", "-w", str(into)]
        await run(command, utterance.text, install=INSTALL)

    @staticmethod
    def _voice(utterance: Utterance) -> str:
        voice = _VARIANTS.get(utterance.voice.lower(), utterance.voice)
        if not voice:
            return utterance.language.lower()
        is_variant = len(voice) <= 3 and voice[0] in "fm" and voice[1:].isdigit()
        return f"{utterance.language.lower()}+{voice}" if is_variant else voice
