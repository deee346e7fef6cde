"""Words heard before they stand in a rule."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from softswitch.speech.numbers import resolve
from softswitch.speech.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.speech.speaker import Speaker

EXAMPLE_POSITION = 3
"""The place in a queue that a preview speaks of."""


class Preview:
    """`wav` is the media engine's: a loaded prompt as a WAV file."""

    def __init__(self, speaker: Speaker, wav: Callable[[int], bytes], language: str) -> None:
        self._speaker = speaker
        self._wav = wav
        self._language = language

    async def preview(
        self, text: str, language: str = "", voice: str = "", rate: float = 1.0, engine: str = ""
    ) -> bytes:
        """What a call would hear, as WAV.

        Raises ValueError for what cannot be asked for, SpeechError, NoSuchVoiceError.
        """
        wanted = Utterance(text, language or self._language, voice, float(rate), engine)
        number = await self._speaker.say(resolve(wanted, EXAMPLE_POSITION))
        return await asyncio.to_thread(self._wav, number)
