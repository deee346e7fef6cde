"""What is to be said, and how: plain values, checked where they are made."""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from softswitch.value import value_class

MOST_CHARACTERS = 1400
SLOWEST, FASTEST = 0.5, 2.0
MOST_NAME = 36
"""Characters of a language or a voice."""

Position = Literal["DEFAULT", "ORDINAL", "CARDINAL"]
PLACEHOLDER = re.compile(r"\{\{QUEUE_POSITION_(DEFAULT|ORDINAL|CARDINAL)\}\}")
"""What a text may leave open until it is said."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.+/-]*")


@value_class(frozen=True, slots=True)
class Utterance:
    """One text in one voice. `language` as in BCP 47 (`de`, `en-gb`); `voice`, `engine` empty = the default one."""

    text: str
    language: str = "en"
    voice: str = ""
    rate: float = 1.0
    engine: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for what no engine should be asked to say."""
        if not self.text.strip() or len(self.text) > MOST_CHARACTERS:
            raise ValueError(f"a text to say has 1 to {MOST_CHARACTERS} characters, got {len(self.text)}")
        for name in (self.language, self.voice, self.engine):
            if len(name) > MOST_NAME or (name and _NAME.fullmatch(name) is None):
                raise ValueError(
                    f"languages, voices and engines have names of at most {MOST_NAME} characters, got {name!r}"
                )
        if not SLOWEST <= self.rate <= FASTEST:
            raise ValueError(f"speech is {SLOWEST} to {FASTEST} times as fast as usual, got {self.rate}")

    def is_open(self) -> bool:
        """Whether something is still to be filled in."""
        return PLACEHOLDER.search(self.text) is not None

    def digest(self, voice_of: str) -> str:
        """The name of the sound this makes with the engine and model `voice_of` describes."""
        parts = (voice_of, self.language, self.voice, f"{self.rate:g}", self.text)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()
