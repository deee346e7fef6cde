"""Announcements and music of the dialplan as numbers the media engine plays: loaded files, and words that are said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from softswitch.b2bua.music import Music
from softswitch.b2bua.ringback import Ringback
from softswitch.dialplan.route import EVERY, Say
from softswitch.speech.engine import SpeechError
from softswitch.speech.numbers import resolve
from softswitch.speech.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from media.commands import Tone
    from softswitch.b2bua.call import Call
    from softswitch.b2bua.leg import Leg
    from softswitch.dialplan import route
    from softswitch.dialplan.route import Clip, HoldMusic

SHOWN = 40


class Voice(Protocol):
    """What says things: `speech.speaker.Speaker`."""

    async def say(self, utterance: Utterance) -> int:
        """The number of a prompt. Raises SpeechError, within its time-out."""

    def ready(self, utterance: Utterance) -> int | None:
        """The same at once, None when it is not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTones:
    """The tones of the country this node stands in."""

    ringback: Tone
    busy: Tone
    congestion: Tone
    special_information: Tone

    def every(self) -> tuple[Tone, ...]:
        """All of them."""
        return self.ringback, self.busy, self.congestion, self.special_information


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounds:
    """Everything that can be played. `prompts`: number by absolute path; an upload may replace one."""

    prompts: Mapping[str, int]
    voice: Voice
    tones: NetworkTones
    hold: Mapping[str, HoldMusic | None] = field(default_factory=dict)
    """By endpoint that holds: `trunk:carrier`, `phones`; `""`: any other."""
    transfer: HoldMusic | None = None
    """What a party hears that is being transferred; None: ringing."""
    transfer_early_media: bool = True
    """Whether that gives way to the network's own audio before the target answers."""

    async def numbers(self, call: Call, clips: Sequence[Clip], position: int | None = None) -> tuple[int, ...]:
        """What to play for these; words that cannot be said are told in the story, and left out."""
        found = []
        for clip in clips:
            if isinstance(clip, str):
                found.append(self.prompts[clip])
                continue
            try:
                found.append(await self.voice.say(_utterance(clip, position)))
            except (SpeechError, ValueError) as error:
                call.story.warn("speech failed", text=clip.text[:SHOWN], error=str(error))
        return tuple(found)

    def ready(self, clips: Sequence[Clip], position: int | None = None) -> tuple[int, ...]:
        """The same at once; empty as long as some of the words are not there yet."""
        found = []
        for clip in clips:
            try:
                number = self.prompts[clip] if isinstance(clip, str) else self.voice.ready(_utterance(clip, position))
            except ValueError:
                number = None
            if number is None:
                return ()
            found.append(number)
        return tuple(found)

    def music(self, files: Sequence[str], announce: Sequence[Clip] = (), every: float = EVERY) -> Music:
        """Music with what is said over it."""
        songs = tuple(self.prompts[file] for file in files)
        return Music(songs, (lambda: self.ready(announce)) if announce else None, every)

    def hold_music(self, holder: Leg) -> Music | None:
        """What a party that `holder` holds is to hear; None: whatever the holder sends."""
        found = None
        for name in (holder.name, f"{holder.name.partition(':')[0]}s", ""):
            if name in self.hold:
                found = self.hold[name]
                break
        return None if found is None else self.music(found.files, found.announce, found.every)

    def ringback(self, wanted: route.Ringback) -> Ringback:
        """What a caller hears while others ring."""
        music = self.music(wanted.files) if wanted.files else None
        return Ringback(wanted.kind, self.tones.ringback, music, wanted.early_media)

    def transfer_ringback(self, wanted: route.Ringback | None) -> Ringback:
        """What a party hears that is being transferred (R-TXA): the transfer's music, else what the rule says."""
        if self.transfer is None:
            return self.ringback(wanted) if wanted is not None else Ringback("tone", self.tones.ringback)
        found = self.transfer
        return Ringback(
            "music",
            self.tones.ringback,
            self.music(found.files, found.announce, found.every),
            self.transfer_early_media,
        )

    def failure_tone(self, status: int) -> Tone:
        """What tells a caller, who is answered already, that the call has failed."""
        if status in _BUSY:
            return self.tones.busy
        return self.tones.special_information if status in _NO_SUCH_NUMBER else self.tones.congestion


_BUSY = {486, 600, 603}
_NO_SUCH_NUMBER = {404, 410, 484, 604}


def _utterance(say: Say, position: int | None) -> Utterance:
    """Raises ValueError when nothing is left to say."""
    return resolve(Utterance(say.text, say.language, say.voice, say.rate, say.engine), position)
