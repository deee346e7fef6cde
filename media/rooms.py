"""Rooms as control sees them: who is in, at what rate they mix, which worker they live on.

A room lives where the legs of its group live, so that a conference of legs of several calls needs a group of its own
(`conference:<name>`), with which each of its legs is opened. A leg cannot move: one that lives on another worker is
refused. With one worker (the default) every leg can join every room.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Literal

from audiocodecs.registry import codec_by_name

from media.coding import Need
from media.mix.stream import StreamRings

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.coding import Coding
    from media.commands import CloseRoom, JoinRoom, LeaveRoom, OpenRoom, SetGain
    from media.engine import EngineCore
    from media.legs import LegRecord

UNITY = 8192
"""0 dB, as in media.mix.gain."""
LOUDEST_DB = 12.0
_RATES = (48_000, 16_000, 8_000)
_NOT_AUDIO = {"telephone-event", "cn"}
_WHY = "room"
_FIRST_STREAM = 1 << 62
"""Beyond the ids of legs: both are parties of a room."""
_FRAMES = 50
"""A second of a stream."""
Hearing = Literal["nothing", "mix", "tracks"]
_HEARINGS: tuple[Hearing, ...] = ("nothing", "mix", "tracks")
"""In the order of media.mix.seat.Hearing."""


class Room:
    """One open room."""

    __slots__ = ("closing", "group", "highest_rate", "legs", "most", "number", "rate", "streams")

    def __init__(self, number: int, group: str, most: int, highest_rate: int) -> None:
        self.number = number
        self.group = group
        self.most = most
        self.highest_rate = highest_rate
        self.rate = _RATES[-1]
        self.legs: dict[int, JoinRoom] = {}
        self.streams: dict[int, StreamRings] = {}
        self.closing = False


class Rooms:
    """Carries the commands about rooms. Rooms that are closed, and legs that are gone, are ignored."""

    def __init__(
        self,
        core: EngineCore,
        legs: dict[int, LegRecord],
        coding: Coding,
        enter_group: Callable[[str], int],
        leave_group: Callable[[str], None],
    ) -> None:
        self._core = core
        self._legs = legs
        self._coding = coding
        self._enter_group = enter_group
        self._leave_group = leave_group
        self._rooms: dict[int, Room] = {}
        self._stream_numbers = count(_FIRST_STREAM)

    def open(self, command: OpenRoom) -> None:
        """Raises ValueError for a number in use or a size that cannot be."""
        if command.room in self._rooms:
            raise ValueError(f"room {command.room} is already open")
        if not 1 <= command.most <= 1000:
            raise ValueError(f"room {command.room}: expected room for 1 to 1000 parties, got {command.most}")
        room = Room(command.room, command.group, command.most, command.highest_rate)
        self._core.open_room(command.room, self._enter_group(command.group), room.rate, command.most)
        self._rooms[command.room] = room

    def join(self, command: JoinRoom) -> None:
        """Raises ValueError when the room is full, or lives on another worker than the leg."""
        room, record = self._rooms.get(command.room), self._legs.get(command.leg)
        if room is None or room.closing or record is None:
            return
        if command.leg not in room.legs and len(room.legs) + len(room.streams) >= room.most:
            raise ValueError(f"room {command.room} is full: {room.most} parties")
        # Nobody may hear a sample of it before it is said who does not.
        self._core.join_room(command.room, command.leg, False, command.hears, record.partner is None)
        if record.room is not None and record.room != command.room:
            self._rooms[record.room].legs.pop(command.leg, None)
            self._rate(self._rooms[record.room])
        record.room = command.room
        before = room.legs.get(command.leg)
        room.legs[command.leg] = command
        for listener in set(() if before is None else before.silent_to).symmetric_difference(command.silent_to):
            self._core.set_gain(command.room, command.leg, listener, 0 if listener in command.silent_to else UNITY)
        if command.speaks:
            self._core.let_speak(command.room, command.leg, True)
        self._coding.need(record, _WHY, self._need(room, command))
        self._rate(room)

    def set_gain(self, command: SetGain) -> None:
        """Raises ValueError for more than LOUDEST_DB."""
        if command.room not in self._rooms or self._rooms[command.room].closing:
            return
        if command.gain_db is not None and command.gain_db > LOUDEST_DB:
            raise ValueError(f"gain: expected at most {LOUDEST_DB:g} dB, got {command.gain_db:g}")
        gain = 0 if command.gain_db is None else min(round(UNITY * 10 ** (command.gain_db / 20)), 32_767)
        self._core.set_gain(command.room, command.speaker, command.listener, gain)

    def leave(self, command: LeaveRoom) -> None:
        """The leg is as it was before it joined."""
        room, record = self._rooms.get(command.room), self._legs.get(command.leg)
        if room is None or record is None or record.room != command.room:
            return
        self._core.leave_room(command.room, command.leg)
        self._left(room, record)
        self._coding.need(record, _WHY, None)

    def close(self, command: CloseRoom) -> None:
        """All legs are as they were before they joined."""
        room = self._rooms.get(command.room)
        if room is None or room.closing:
            return
        room.closing = True
        self._core.close_room(command.room)
        for leg in list(room.legs):
            record = self._legs.get(leg)
            if record is not None:
                record.room = None
                self._coding.need(record, _WHY, None)
        room.legs.clear()

    def closed(self, number: int) -> None:
        """The worker has let go of the room."""
        room = self._rooms.pop(number)
        self._core.free_room(number)
        self._leave_group(room.group)

    def open_stream(
        self, number: int, *, rate: int, speaks: bool, hears: Hearing, ahead: float, behind: float
    ) -> StreamRings:
        """Raises ValueError when the room is not open or full, or for a rate that cannot be."""
        room = self._rooms.get(number)
        if room is None or room.closing:
            raise ValueError(f"room {number} is not open")
        if len(room.legs) + len(room.streams) >= room.most:
            raise ValueError(f"room {number} is full: {room.most} parties")
        rings = StreamRings(next(self._stream_numbers), rate, round(ahead * _FRAMES), round(behind * _FRAMES))
        room.streams[rings.number] = rings
        self._core.join_stream(number, rings.number, rings.address, speaks, _HEARINGS.index(hears))
        self._rate(room)
        return rings

    def close_stream(self, stream: StreamRings) -> None:
        """The stream leaves its room; nothing, when the room is closed."""
        for room in self._rooms.values():
            if stream.number in room.streams and not room.closing:
                self._core.leave_room(room.number, stream.number)

    def stream_left(self, stream: int) -> None:
        """The worker has let go of the stream."""
        for room in self._rooms.values():
            if room.streams.pop(stream, None) is not None and not room.closing:
                self._rate(room)

    def gone(self, record: LegRecord) -> None:
        """The leg is closed; the worker has taken it out of its room already."""
        room = None if record.room is None else self._rooms.get(record.room)
        if room is not None:
            self._left(room, record)

    def formats_changed(self, record: LegRecord) -> None:
        """SDP has settled on other codecs."""
        room = None if record.room is None else self._rooms.get(record.room)
        if room is not None:
            self._rate(room)

    def _left(self, room: Room, record: LegRecord) -> None:
        record.room = None
        room.legs.pop(record.leg, None)
        self._rate(room)

    def _rate(self, room: Room) -> None:
        """Mix at the highest rate at which somebody speaks and somebody else can hear it."""
        rates = sorted(
            [
                *(_own_rate(self._legs[leg]) for leg in room.legs if leg in self._legs),
                *(stream.rate for stream in room.streams.values()),
            ],
            reverse=True,
        )
        useful = min(rates[1] if len(rates) > 1 else _RATES[-1], room.highest_rate)
        rate = next((each for each in _RATES if each <= useful), _RATES[-1])
        if rate == room.rate or room.closing:
            return
        room.rate = rate
        self._core.room_rate(room.number, rate)
        for leg, command in room.legs.items():
            if leg in self._legs:
                self._coding.need(self._legs[leg], _WHY, self._need(room, command))

    @staticmethod
    def _need(room: Room, command: JoinRoom) -> Need:
        return Need(room.rate, hear=command.speaks, speak=command.hears, paced=command.speaks)


def _own_rate(record: LegRecord) -> int:
    """Hz of the audio this leg carries best."""
    for each in record.send:
        if each.name.lower() in _NOT_AUDIO:
            continue
        known = codec_by_name(each.name)
        if known is not None:
            return each.clock_rate if known.name in ("opus", "L16") else known.sample_rate
    return _RATES[-1]
