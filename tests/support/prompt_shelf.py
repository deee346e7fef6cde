"""Prompts without an engine: decoded and kept for real, but never played."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from media.play.prompt import VOX_RATE
from media.play.track import wav_file
from media.sounds import Sounds
from softswitch.speech.engine import NoSuchVoiceError, SpeechError

if TYPE_CHECKING:
    from pathlib import Path


class Shelf:
    """What `callflow.prompts.Prompts` needs of the media engine."""

    def __init__(self) -> None:
        self.sounds = Sounds()

    async def load_prompt_aside(self, path: str | Path, *, vox_rate: int = VOX_RATE) -> int:
        return self.sounds.register(await asyncio.to_thread(self.sounds.decode, path, vox_rate))

    def forget_prompt(self, prompt: int) -> None:
        self.sounds.forget(prompt)

    def seconds(self, prompt: int) -> float:
        return self.sounds.source(prompt).duration

    def preview(self, prompt: int) -> bytes:
        return wav_file(self.sounds.source(prompt))


class Voice:
    """Says what it is asked, as text."""

    async def preview(
        self, text: str, language: str = "en", voice: str = "", rate: float = 1.0, engine: str = ""
    ) -> bytes:
        if engine == "hung":
            raise SpeechError("hung did not speak within 1 s")
        if engine:
            raise NoSuchVoiceError(f"there is no speech engine {engine!r}")
        if rate > 2:
            raise ValueError("speech is 0.5 to 2.0 times as fast as usual")
        return f"{language} {voice} {rate:g} {text}".encode()
