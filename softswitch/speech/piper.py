"""Piper: a neural voice from a file the operator supplies (an .onnx with its .json beside it)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from softswitch.speech.engine import SpeechError, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from softswitch.speech.utterance import Utterance

INSTALL = "install it: pip install 'softswitch[tts]', or set speech.piper.program"


class Piper:
    """`voices`: file by language (`de`, `en-gb`). `voice` of an utterance: the number of a speaker in that file."""

    def __init__(self, voices: Mapping[str, Path], program: str = "piper") -> None:
        self._voices = {language.lower(): file for language, file in voices.items()}
        self._program = program

    def identity(self, utterance: Utterance) -> str:
        """Raises SpeechError when it is not installed, or has no voice file for this language."""
        if shutil.which(self._program) is None:
            raise SpeechError(f"{self._program} is not installed; {INSTALL}")
        file = self._file(utterance)
        try:
            status = file.stat()
        except OSError as error:
            raise SpeechError(f"piper's voice {file}: {error.strerror}; check speech.piper.voices") from error
        return f"piper {file.name} {status.st_size} {status.st_mtime_ns}"

    async def synthesise(self, utterance: Utterance, into: Path) -> None:
        """By child process."""
        command = [self._program, "--model", str(self._file(utterance)), "--output_file", str(into)]
        command += ["--length_scale", f"{1 / utterance.rate:.3f}"]
        if utterance.voice:
            command += ["--speaker", utterance.voice]
        await run(command, utterance.text.replace("\n", " ") + "\n", install=INSTALL)

    def _file(self, utterance: Utterance) -> Path:
        language = utterance.language.lower()
        file = self._voices.get(language) or self._voices.get(language.partition("-")[0])
        if file is None:
            there = ", ".join(sorted(self._voices)) or "none at all"
            raise SpeechError(f"piper has no voice for {utterance.language!r}, only {there}: give speech.piper.voices")
        return file
