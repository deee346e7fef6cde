"""The far side of the media door for flows on virtual time: takes every command, sends no packet, hears nothing.

It stands behind the same boundary as a worker process or an external relay would (frozen commands in, frozen events
out); the compiled engine has its own tests with real sockets, and the interop tests run both together.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from media.commands import (
    Announce,
    CloseLeg,
    CloseRecording,
    CloseRoom,
    Connect,
    Disconnect,
    JoinRoom,
    LeaveRoom,
    OpenRecording,
    OpenRoom,
    Play,
    SetDirection,
    StartEcho,
    StopEcho,
    StopPlay,
)
from media.events import LegGone, MediaStarted, MediaTimeout, PlaybackFinished, RecordingFinished, RoomClosed
from media.legs import OpenedLeg
from media.mix.stream import StreamRings
from media.ports import PortsExhausted
from media.quality.verdict import StreamCounters
from media.snapshots import DropCounters, LegStatistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.commands import Command
    from media.events import Event
    from media.quality.verdict import QualitySummary

NOTHING_HEARD = LegStatistics(
    received=StreamCounters(0, 0, 0, 0, 0, 0.0, 0),
    reported=None,
    rtt_ms=None,
    remote=None,
    packets_received=0,
    octets_received=0,
    packets_sent=0,
    octets_sent=0,
    ssrc_received=0,
    ssrc_sent=0,
    drops=DropCounters(),
    tap_overruns=0,
)


class QuietMedia:
    """Counts legs and ports; refuses when more than `capacity` legs are open."""

    def __init__(self, *, capacity: int = 1000, prompt_seconds: float = 2.0) -> None:
        self.on_event: Callable[[Event], None] = lambda _event: None
        self.open: set[int] = set()
        self.verdicts: dict[int, QualitySummary] = {}
        self.recordings: set[int] = set()
        self.connected: set[frozenset[int]] = set()
        self.echoing: set[int] = set()
        self.streams = 0
        self.rooms: dict[int, set[int]] = {}
        """Who sits in each."""
        self.commands: list[Command] = []
        self._silent: set[int] = set()
        """Legs whose far ends send nothing any more."""
        self._watched: dict[int, bool] = {}
        self._playing: dict[int, tuple[int, asyncio.TimerHandle | None]] = {}
        self._capacity = capacity
        self.prompt_seconds = prompt_seconds
        self._next = 0

    def open_leg(self, *, label: str, group: str = "", browser: bool = False) -> OpenedLeg:
        """A new leg."""
        if len(self.open) >= self._capacity:
            raise PortsExhausted("no port is free")
        self._next += 1
        self.open.add(self._next)
        return OpenedLeg(self._next, "192.0.2.1", 20000 + 2 * self._next)

    def post(self, *commands: Command) -> None:
        """Carry out what changes the books."""
        self.commands += commands
        for command in commands:
            match command:
                case Connect(a, b):
                    self.connected = {pair for pair in self.connected if not pair & {a, b}} | {frozenset((a, b))}
                case Disconnect(a, b):
                    self.connected.discard(frozenset((a, b)))
                case StartEcho(leg):
                    self.echoing.add(leg)
                case StopEcho(leg):
                    self.echoing.discard(leg)
                case Play(leg, playback, _, repeat):
                    self._stop(leg)
                    handle = None if repeat else self._later(self.prompt_seconds, leg, playback, "end")
                    self._playing[leg] = (playback, handle)
                case Announce(leg, playback):
                    self._later(self.prompt_seconds, leg, playback, "end")
                case StopPlay(leg):
                    self._stop(leg)
                case SetDirection(leg, expected=expected):
                    if expected and not self._watched.get(leg) and leg in self._silent:
                        asyncio.get_running_loop().call_later(60.0, self.fall_silent, leg)
                    self._watched[leg] = expected
                case OpenRecording(recording):
                    self.recordings.add(recording)
                case CloseRecording(recording):
                    self.recordings.discard(recording)
                    self.say(RecordingFinished(recording, ()))
                case CloseLeg(leg):
                    self._close(leg)
                case OpenRoom() | JoinRoom() | LeaveRoom() | CloseRoom():
                    self._move(command)
                case _:
                    pass

    def _move(self, command: OpenRoom | JoinRoom | LeaveRoom | CloseRoom) -> None:
        match command:
            case OpenRoom(room):
                self.rooms[room] = set()
            case JoinRoom(room, leg):
                self.rooms[room].add(leg)
            case LeaveRoom(room, leg):
                self.rooms[room].discard(leg)
            case CloseRoom(room):
                del self.rooms[room]
                self.say(RoomClosed(room))

    def open_stream(self, room: int, *, rate: int, speaks: bool) -> StreamRings:
        """Rings that nobody serves."""
        assert room in self.rooms
        self.streams += 1
        return StreamRings(self.streams, rate, 50, 100)

    def close_stream(self, stream: StreamRings) -> None:
        """Nobody served it."""

    def statistics(self, leg: int) -> LegStatistics | None:
        """Nothing was heard."""
        return NOTHING_HEARD if leg in self.open else None

    def quality(self, leg: int) -> QualitySummary | None:
        """What a test says it was."""
        return self.verdicts.get(leg)

    def fall_silent(self, leg: int) -> None:
        """As if the far end had stopped sending, for good: told again when the watch begins anew."""
        if leg in self.open:
            self._silent.add(leg)
            self.say(MediaTimeout(leg, 60.0))

    def say(self, event: Event) -> None:
        """Deliver an event the way the engine does: later, on the loop."""
        asyncio.get_running_loop().call_soon(self.on_event, event)

    def _stop(self, leg: int) -> None:
        playback, handle = self._playing.pop(leg, (0, None))
        if handle is not None:
            if handle.when() <= asyncio.get_running_loop().time():
                return  # its end is on its way
            handle.cancel()
        if playback:
            self.say(PlaybackFinished(leg, playback, "stopped", 0, 1500))

    def speak(self, leg: int) -> None:
        """As if the far end had sent its first packet."""
        self.say(MediaStarted(leg, "192.0.2.9", 4000))

    def _later(self, seconds: float, leg: int, playback: int, reason: str) -> asyncio.TimerHandle:
        finished = PlaybackFinished(leg, playback, "end" if reason == "end" else "stopped")
        return asyncio.get_running_loop().call_later(seconds, self.on_event, finished)

    def _close(self, leg: int) -> None:
        if leg in self.open:
            self.open.remove(leg)
            self.echoing.discard(leg)
            self.connected = {pair for pair in self.connected if leg not in pair}
            for sitting in self.rooms.values():
                sitting.discard(leg)
            self._stop(leg)
            self.say(LegGone(leg, NOTHING_HEARD, None))
