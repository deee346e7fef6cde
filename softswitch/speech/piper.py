"""Piper: a neural voice from a file the operator supplies (an .onnx with its .json beside it)."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import TYPE_CHECKING

from softswitch.speech.engine import NoSuchVoiceError, SpeechError, run

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
        """Raises SpeechError when it is not installed or its file is gone, NoSuchVoiceError for another language."""
        if shutil.which(self._program) is None:
            raise SpeechError(f"{self._program} is not installed; {INSTALL}")
        file = self._file(utterance)
        try:
            status = file.stat()
        except OSError as error:
            raise SpeechError(f"piper's voice {file}: {error.strerror}; check speech.piper.voices") from error
        return f"piper {file.name} {status.st_size} {status.st_mtime_ns}"

    async def synthesise(self, utterance: Utterance, into: Path) -> None:
        """By child process. Raises SpeechError, NoSuchVoiceError: the file has no such speaker."""
        file = self._file(utterance)
        if utterance.voice:
            speakers = await asyncio.to_thread(_speakers, file)
            if not utterance.voice.isdecimal() or (speakers and int(utterance.voice) >= speakers):
                there = f"0 to {speakers - 1}" if speakers else "those of the file, by number"
                raise NoSuchVoiceError(f"piper's voice {file.name} has no speaker {utterance.voice!r}, only {there}")
        command = [self._program, "--model", str(file), "--output_file", str(into)]
        command += ["--length_scale", f"{1 / utterance.rate:.3f}"]
        if utterance.voice:
            command += ["--speaker", utterance.voice]
        await run(command, utterance.text.replace("\n", " ") + "\n", install=INSTALL)

    def _file(self, utterance: Utterance) -> Path:
        language = utterance.language.lower()
        file = self._voices.get(language) or self._voices.get(language.partition("-")[0])
        if file is None:
            there = ", ".join(sorted(self._voices)) or "none at all"
            raise NoSuchVoiceError(
                f"piper has no voice for {utterance.language!r}, only {there}: give speech.piper.voices"
            )
        return file


def _speakers(file: Path) -> int:
    """How many a voice file has, as the .json beside it says; 0: it does not say."""
    try:
        said = json.loads(file.with_name(file.name + ".json").read_bytes())["num_speakers"]
    except (OSError, ValueError, LookupError, TypeError):
        return 0
    return said if isinstance(said, int) else 0
