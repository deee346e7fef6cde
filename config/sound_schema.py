"""Sounds key by key: announcements from files or in words, hold music, the speech engines."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from config.section import Section
from config.values import Between, Boolean, FilePath, Lasting, Line, OneOrMore, Text, shown

MOST_SOUNDS = 8
"""That are played one after the other."""
MOST_CHARACTERS = 1400
PLACEHOLDERS = ("{{QUEUE_POSITION_DEFAULT}}", "{{QUEUE_POSITION_ORDINAL}}", "{{QUEUE_POSITION_CARDINAL}}")
PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")
_VOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.+/-]{0,35}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}")


def _spoken(value: str) -> str:
    text = value.strip()
    if not text or len(text) > MOST_CHARACTERS:
        raise ValueError(f"expected 1 to {MOST_CHARACTERS} characters to say, got {len(text)}")
    for found in PLACEHOLDER.findall(text):
        if found not in PLACEHOLDERS:
            raise ValueError(f"unknown placeholder {found}, expected one of {', '.join(PLACEHOLDERS)}")
    return text


def _voice(value: str) -> str:
    if _VOICE.fullmatch(value) is None:
        raise ValueError(f"expected a name of at most 36 letters, digits and _ . + / -, got {shown(value)}")
    return value


def _language(value: str) -> str:
    if _LANGUAGE.fullmatch(value) is None or len(value) > 36:
        raise ValueError(f"expected a language such as de or en-gb, got {shown(value)}")
    return value


SpokenText = Annotated[Text, AfterValidator(_spoken)]
VoiceName = Annotated[Text, AfterValidator(_voice)]
Language = Annotated[Text, AfterValidator(_language)]


def _not_too_many(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(value) > MOST_SOUNDS:
        raise ValueError(f"expected at most {MOST_SOUNDS} files, got {len(value)}")
    return value


SoundFiles = Annotated[OneOrMore[Line], AfterValidator(_not_too_many)]
"""Prompt files, relative to prompts.directory."""


class Say(Section):
    """Words, spoken by a speech engine when they are needed, and kept."""

    text: Annotated[
        SpokenText,
        Field(
            description="1 to 1400 characters. {{QUEUE_POSITION_DEFAULT}}, {{QUEUE_POSITION_CARDINAL}} and "
            "{{QUEUE_POSITION_ORDINAL}} become the caller's place in the queue: 3, three, third."
        ),
    ]
    language: Annotated[Language | None, Field(description="Such as de or en-gb. Not given: speech.language.")] = None
    voice: Annotated[
        VoiceName | None, Field(description="female, male, or a voice of the engine. Not given: its usual one.")
    ] = None
    rate: Annotated[float, Between(0.5, 2.0), Field(description="Speed, 0.5 to 2; 1 is the usual one.")] = 1.0
    engine: Annotated[VoiceName | None, Field(description="Not given: speech.engine.")] = None


class Clip(Section):
    """An announcement: files, or words."""

    file: Annotated[
        SoundFiles | None, Field(description="Relative to prompts.directory; several follow on each other.")
    ] = None
    say: Annotated[Say | None, Field(description="Words to be spoken.")] = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.file is None) == (self.say is None):
            raise ValueError("expected either file or say")
        return self


class Hold(Section):
    """What a party hears while the other one holds the call."""

    enabled: Annotated[Boolean, Field(description="false: whatever the holder itself sends, or silence.")] = True
    file: Annotated[SoundFiles, Field(description="Music, relative to prompts.directory; several follow on.")]
    announce: Annotated[Clip | None, Field(description="What is said over the music, which sinks meanwhile.")] = None
    every: Annotated[
        float, Lasting("1s", "1h"), Field(description="Between the end of an announcement and the next one.")
    ] = 10.0


class Piper(Section):
    """Piper, a neural speech engine (pip install 'softswitch[tts]'), with voices of your own."""

    program: Annotated[Line, Field(description="Its command.")] = "piper"
    voices: Annotated[
        Mapping[Language, FilePath],
        Field(description="Voice file (.onnx, its .json beside it) by language."),
    ] = {}


class Speech(Section):
    """Text to speech, for `say`. Every engine is a process of its own."""

    engine: Annotated[VoiceName, Field(description="espeak-ng, piper, or one an installed package offers.")] = (
        "espeak-ng"
    )
    language: Annotated[Language, Field(description="Where `say` names none.")] = "en"
    timeout: Annotated[
        float, Lasting("100ms", "1m"), Field(description="An engine that takes longer is killed; the call goes on.")
    ] = 5.0
    cache: Annotated[FilePath, Field(description="Where spoken texts are kept.")] = Path("var/speech")
    piper: Piper = Field(default_factory=Piper, description="The engine piper.")
