"""What plays where: keeps sounds alive while the worker reads them, and has tracks made that a leg turns out to need.

The worker plays what it finds: a track of the leg's codec, or an encoder. When it finds neither it says so at once, and
where it was. Then the track is made, in a thread, and the playback goes on from there; the script never hears of it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from audiocodecs.coding import CodecUnavailable, why_unavailable
from audiocodecs.registry import codec_by_name

from media.coding import Need
from media.commands import MOST_SOUNDS, Announce, Play
from media.events import PlaybackFinished
from media.play.track import TICKS_A_MS, ensure_track

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence

    from media.coding import Coding
    from media.commands import PayloadFormat, Tone
    from media.engine import EngineCore
    from media.events import Event
    from media.legs import LegRecord
    from media.play.source import PlaySource
    from media.sounds import Sounds

_USUAL_PTIME = 20
_NOT_AUDIO = {"TELEPHONE-EVENT", "CN"}
_ANNOUNCEMENT = "announcement"
_WIDE = 16000
_UNITY = 8192
"""0 dB, as in media.mix.gain."""


class _Playback:
    """One Play or Announce that has not ended yet."""

    __slots__ = ("command", "prepared", "sources", "waits")

    def __init__(self, command: Play | Announce, sources: tuple[PlaySource, ...]) -> None:
        self.command = command
        self.sources = sources
        self.prepared: set[tuple[str, int, int]] = set()
        """Name, clock rate and packet time of formats the tracks were made for: a second refusal counts."""
        self.waits: PlaybackFinished | None = None
        """What the worker said of it, while its tracks are made."""


class Playbacks:
    """All that plays, by leg and playback number. For the event loop's thread."""

    def __init__(
        self,
        core: EngineCore,
        legs: dict[int, LegRecord],
        sounds: Sounds,
        coding: Coding,
        tell: Callable[[Event], None],
        posted: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._core = core
        self._legs = legs
        self._sounds = sounds
        self._coding = coding
        self._tell = tell
        self._posted = posted
        self._loop = loop
        self._running: dict[tuple[int, int], _Playback] = {}
        self._waiting: dict[int, set[int]] = {}
        self._spoken_to: set[int] = set()
        """Legs that were lent an encoder for an announcement: until nothing plays there any more."""
        self._encoder: ThreadPoolExecutor | None = None

    def play(self, command: Play) -> None:
        """Raises ValueError for a prompt that is not loaded, a number in use, or a place to begin at that cannot be."""
        self._check_number(command)
        sources = self._sources(command.prompt)
        if not (0 <= command.first < len(sources) and command.start_ms >= 0):
            raise ValueError(
                f"play from sound {command.first} of {len(sources)}, {command.start_ms} ms: there is no such place"
            )
        self._give_up(command.leg)
        self._begin(_Playback(command, sources), command.first, command.start_ms * TICKS_A_MS)

    def announce(self, command: Announce) -> None:
        """Raises ValueError for a prompt that is not loaded, or a number in use."""
        self._check_number(command)
        record = self._legs.get(command.leg)
        best = self._best(record)
        if record is not None and best is not None and best.name.upper() not in ("PCMA", "PCMU"):
            # Mixed sound has to be encoded; the worker itself can do that for G.711 alone.
            self._coding.need(record, _ANNOUNCEMENT, Need(_WIDE, hear=False, speak=True))
            self._spoken_to.add(command.leg)
        self._begin(_Playback(command, self._sources(command.prompt)), 0, 0)

    def stop(self, leg: int) -> None:
        """All that plays there."""
        self._give_up(leg)
        self._core.stop_play(leg)

    def finished(self, event: PlaybackFinished) -> PlaybackFinished | None:
        """What the worker said of a playback's end; None when it is not to end yet."""
        key = event.leg, event.playback
        playback = self._running.get(key)
        if playback is None:
            return event
        if event.reason == "no encoder" and self._can_prepare(event.leg, playback):
            playback.waits = event
            self._waiting.setdefault(event.leg, set()).add(event.playback)
            self._prepare(key, playback)
            return None
        del self._running[key]
        self._rest(event.leg)
        return event

    def leg_gone(self, leg: int) -> None:
        """End what still waits to be played there."""
        self._give_up(leg)
        self._spoken_to.discard(leg)

    async def prepare(self, source: PlaySource, codecs: Iterable[str]) -> None:
        """Make tracks for the usual packet time."""
        known = [codec for name in codecs if (codec := codec_by_name(name)) and why_unavailable(name) is None]
        formats = [(codec.number, codec.clock_rate) for codec in known]
        await self._loop.run_in_executor(self._threads(), _make_tracks, (source,), formats, _USUAL_PTIME)

    def close(self) -> None:
        """Nothing is prepared any more. Waits for what is being encoded: in a thread, please."""
        if self._encoder is not None:
            self._encoder.shutdown(cancel_futures=True)

    def _sources(self, prompt: int | Tone | tuple[int | Tone, ...]) -> tuple[PlaySource, ...]:
        wanted = prompt if isinstance(prompt, tuple) else (prompt,)
        if not 1 <= len(wanted) <= MOST_SOUNDS:
            raise ValueError(f"1 to {MOST_SOUNDS} sounds are played one after the other, got {len(wanted)}")
        return tuple(self._sounds.source(each) for each in wanted)

    def _check_number(self, command: Play | Announce) -> None:
        """The worker reads the sources of a playback until its end is told: of two with one number, which?"""
        if (command.leg, command.playback) in self._running:
            raise ValueError(f"expected a new playback number, got {command.playback}, which leg {command.leg} plays")

    def _begin(self, playback: _Playback, first: int, ticks: int) -> None:
        command = playback.command
        addresses = [source.address for source in playback.sources]
        if isinstance(command, Play):
            ticks %= playback.sources[first].length
            taken = self._core.play(command.leg, command.playback, addresses, command.repeat, first, ticks)
        else:
            ducked = round(_UNITY * 10 ** (-abs(command.duck_db) / 20))
            taken = self._core.announce(command.leg, command.playback, addresses, ducked)
        if taken:
            # The worker reads the sources until it says that the playback has finished.
            self._running[command.leg, command.playback] = playback

    def _give_up(self, leg: int) -> None:
        """What waits for its tracks on this leg is not wanted any more."""
        for playback in sorted(self._waiting.pop(leg, ())):
            waited = self._running.pop((leg, playback)).waits
            assert waited is not None
            self._tell(PlaybackFinished(leg, playback, "stopped", waited.sound, waited.position_ms))

    # -- making tracks --------------------------------------------------------------------------------------------

    def _can_prepare(self, leg: int, playback: _Playback) -> bool:
        record = self._legs.get(leg)
        best = self._best(record)
        if record is None or best is None:
            return False
        wanted = (best.name, best.clock_rate, record.ptime)
        is_new = wanted not in playback.prepared
        playback.prepared.add(wanted)
        return is_new

    @staticmethod
    def _best(record: LegRecord | None) -> PayloadFormat | None:
        """The leg's best format that can be encoded here: the one worth a track."""
        for each in record.send if record is not None else ():
            if each.name.upper() not in _NOT_AUDIO and why_unavailable(each.name) is None:
                return each
        return None

    def _rest(self, leg: int) -> None:
        if leg in self._spoken_to and not any(each == leg for each, _ in self._running):
            self._spoken_to.discard(leg)
            record = self._legs.get(leg)
            if record is not None:
                self._coding.need(record, _ANNOUNCEMENT, None)

    def _prepare(self, key: tuple[int, int], playback: _Playback) -> None:
        record = self._legs[key[0]]
        best = self._best(record)
        formats = [] if best is None else [_numbered(best.name, best.clock_rate)]
        future = self._loop.run_in_executor(self._threads(), _make_tracks, playback.sources, formats, record.ptime)
        future.add_done_callback(lambda done: self._prepared(key, playback, done))

    def _prepared(self, key: tuple[int, int], playback: _Playback, done: asyncio.Future[bool]) -> None:
        if self._running.get(key) is not playback or playback.waits is None:
            return
        waited, playback.waits = playback.waits, None
        self._waiting[key[0]].discard(key[1])
        del self._running[key]
        if done.cancelled() or done.exception() is not None or not done.result():
            self._tell(waited)
            return
        self._begin(playback, waited.sound, waited.position_ms * TICKS_A_MS)
        self._posted()

    def _threads(self) -> ThreadPoolExecutor:
        """One: a track that two listeners wait for is made once, and calls keep the processor."""
        if self._encoder is None:
            self._encoder = ThreadPoolExecutor(1, "tracks")
        return self._encoder


def _numbered(name: str, clock_rate: int) -> tuple[int, int]:
    codec = codec_by_name(name)
    assert codec is not None
    return codec.number, clock_rate


def _make_tracks(sources: Sequence[PlaySource], formats: Sequence[tuple[int, int]], ptime: int) -> bool:
    """Whether all these sounds have a track of one of the formats now."""
    made = False
    for codec, clock_rate in formats:
        try:
            made = all(ensure_track(source, codec, clock_rate, ptime) for source in sources) or made
        except (CodecUnavailable, ValueError):
            continue
    return made
