"""One media stream: what a call's parties say goes out over a WebSocket, what comes back is said in the call.

Nobody waits for the far end. What it does not take in time is dropped at the engine's ring, oldest first, and counted:
it hears at most the ring's length late, and the gap shows in the timestamps. What it says ahead of time waits here, so
that `clear` takes it back at once; a far end that is further ahead than MOST_AHEAD is not read: TCP makes it wait.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

import aiohttp

from softswitch.streams.messages import (
    LONGEST_MESSAGE,
    AudioFormat,
    Clear,
    Mark,
    Media,
    Start,
    Stop,
    StreamProtocolError,
    Writer,
    read_message,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TICK = 0.02
"""Seconds of audio in a frame."""
SLACK = 5
"""Frames by which a track that is silent lags behind, so that nothing comes for a time silence was sent for."""
LONGEST_GAP = 50
"""Frames of silence that fill a gap; of a longer one only the timestamps tell."""
MOST_FRAMES = 64
"""Taken from the ring at once."""
HEARTBEAT = 10.0
"""Seconds between pings; a far end that answers none is gone."""
MOST_AHEAD = 60.0
"""Seconds of audio that may wait to be said."""
MOST_MARKS = 1000
GOODBYE = 1.0
"""Seconds the far end has to take our `stop`."""


class AudioPipe(Protocol):
    """The engine's end of a stream: frames of 20 ms, 16-bit samples in native byte order."""

    @property
    def lost(self) -> int:
        """Frames that were written over before they were read."""

    def say(self, pcm: bytes, mark: int = 0) -> bool:
        """Give a frame; False: no room now. `mark`, unless 0, is told when it has been said."""

    def clear(self) -> None:
        """Take back what has not been said."""

    def read(self, most: int = MOST_FRAMES) -> list[tuple[int, int, int, bytes]]:
        """What was heard since: (party, tick, rate, samples) each, oldest first."""


class StreamEnd(Enum):
    """Why a stream is over."""

    STOPPED = "stopped by the far end"
    CLOSED = "closed by the far end"
    LEFT = "the call went on without it"
    UNREACHABLE = "could not be connected"
    BROKEN = "sent what is no message"
    LOST = "connection lost"


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """Where a stream goes. `token` is sent as `Authorization: Bearer`, and never shown."""

    name: str
    url: str
    format: AudioFormat = field(default_factory=AudioFormat)
    token: str = field(default="", repr=False)
    connect_timeout: float = 5.0


@dataclass(slots=True)
class Track:
    """One party as the far end knows it; `next` is the first frame it has not been sent."""

    name: str
    next: int


@dataclass(slots=True)
class StreamCounters:
    """Frames of 20 ms each way."""

    heard: int = 0
    """Sent to the far end."""
    lost: int = 0
    """Not sent, because the far end was too slow to take them."""
    said: int = 0
    """Given by the far end, and passed on."""
    cleared: int = 0
    """Times the far end took back what it had said ahead."""


class StreamConnection:
    """A connection of its own. Make it, `connect`, `run`; `leave` from anywhere ends it."""

    def __init__(
        self, target: StreamTarget, start: Start, pipe: AudioPipe, convert: Callable[[int, int, bytes], bytes]
    ) -> None:
        """`convert(party, rate, samples)`: the same audio at the target's rate."""
        self.counters = StreamCounters()
        self.reason = ""
        """Of an end that was not asked for, in words."""
        self._target = target
        self._writer = Writer(start)
        self._pipe = pipe
        self._convert = convert
        self._tracks: dict[int, Track] = {}
        self._marks: deque[tuple[int, str]] = deque()
        self._mark = 0
        self._rest = bytearray()
        self._ahead: deque[tuple[bytes, int]] = deque()
        self._room = asyncio.Event()
        self._outgoing: deque[str] = deque()
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._left = asyncio.Event()
        self._began = 0.0
        self._base: int | None = None
        self._lost_before = pipe.lost

    async def connect(self) -> bool:
        """Open the WebSocket and introduce the call. False, and `reason`: it could not be done in time."""
        target = self._target
        headers = {"Authorization": f"Bearer {target.token}"} if target.token else {}
        self._session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(target.connect_timeout):
                self._socket = await self._session.ws_connect(
                    target.url, headers=headers, heartbeat=HEARTBEAT, max_msg_size=LONGEST_MESSAGE
                )
                await self._socket.send_str(self._writer.connected())
                await self._socket.send_str(self._writer.start())
        except TimeoutError:
            self.reason = f"{target.url}: no answer in {target.connect_timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self.reason = f"{target.url}: {error}"
        except asyncio.CancelledError:
            await self.close()
            raise
        else:
            return True
        await self.close()
        return False

    def name_track(self, party: int, track: str) -> None:
        """What the far end knows this party of the call as. Parties without a name are not sent."""
        if party not in self._tracks:
            self._tracks[party] = Track(track, self._frame_now() if self._began else 0)

    def press(self, track: str, digit: str) -> None:
        """Tell of a key the party of `track` pressed."""
        self._outgoing.append(self._writer.digit(track, digit))

    def mark_reached(self, mark: int) -> None:
        """The frame with this mark has been said."""
        while self._marks and self._marks[0][0] <= mark:
            self._outgoing.append(self._writer.mark(self._marks.popleft()[1]))

    def leave(self) -> None:
        """End the stream; never waits."""
        self._left.set()

    async def run(self) -> StreamEnd:
        """Pass audio both ways until one side ends it. Closes the connection."""
        assert self._socket is not None, "connect first"
        hearing = asyncio.create_task(self._hear(self._socket))
        listening = asyncio.create_task(self._listen(self._socket))
        saying = asyncio.create_task(self._say())
        leaving = asyncio.create_task(self._leave(self._socket))
        tasks = (hearing, listening, saying, leaving)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(each for each in tasks if each in done).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.close()

    async def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            await self._socket.close()
        if self._session is not None:
            await self._session.close()

    async def _leave(self, socket: aiohttp.ClientWebSocketResponse) -> StreamEnd:
        await self._left.wait()
        try:
            async with asyncio.timeout(GOODBYE):
                await socket.send_str(self._writer.stop())
        except (TimeoutError, aiohttp.ClientError, ConnectionError):
            pass
        return StreamEnd.LEFT

    # -- from the call to the far end -----------------------------------------------------------------------------

    async def _hear(self, socket: aiohttp.ClientWebSocketResponse) -> StreamEnd:
        """Every 20 ms what has been heard. While the far end does not take it, the ring forgets the oldest."""
        self._began = time.monotonic()
        due = self._began
        try:
            while True:
                while self._outgoing:
                    await socket.send_str(self._outgoing.popleft())
                for party, tick, rate, pcm in self._pipe.read(MOST_FRAMES):
                    track = self._tracks.get(party)
                    if track is not None:
                        await self._send_frame(socket, track, self._frame_of(tick), self._at_rate(party, rate, pcm))
                now = self._frame_now() - SLACK
                for track in self._tracks.values():
                    await self._fill(socket, track, now)
                self.counters.lost = self._pipe.lost - self._lost_before
                due = max(due + TICK, time.monotonic())
                await asyncio.sleep(due - time.monotonic())
        except (aiohttp.ClientError, ConnectionError) as error:
            self.reason = str(error) or "connection lost"
            return StreamEnd.LOST

    def _frame_now(self) -> int:
        return int((time.monotonic() - self._began) / TICK)

    def _frame_of(self, tick: int) -> int:
        """The engine's ticks, counted from when the stream began."""
        if self._base is None:
            self._base = tick - self._frame_now()
        return tick - self._base

    def _at_rate(self, party: int, rate: int, pcm: bytes) -> bytes:
        return pcm if rate == self._target.format.rate else self._convert(party, rate, pcm)

    async def _send_frame(self, socket: aiohttp.ClientWebSocketResponse, track: Track, frame: int, pcm: bytes) -> None:
        await self._fill(socket, track, frame)
        if frame >= track.next:
            await socket.send_str(self._writer.media(track.name, frame * 20, pcm))
            track.next = frame + 1
            self.counters.heard += 1

    async def _fill(self, socket: aiohttp.ClientWebSocketResponse, track: Track, until: int) -> None:
        """Who says nothing is heard saying nothing: whoever listens need not wonder whether something was lost."""
        if until - track.next > LONGEST_GAP:
            track.next = until
        for frame in range(track.next, until):
            await socket.send_str(self._writer.media(track.name, frame * 20, bytes(self._frame_size)))
            track.next = frame + 1

    # -- from the far end to the call -----------------------------------------------------------------------------

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> StreamEnd:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.reason = "expected text messages (JSON), got a binary one"
                return StreamEnd.BROKEN
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            try:
                over = self._take(read_message(message.data, self._target.format))
            except StreamProtocolError as error:
                self.reason = str(error)
                return StreamEnd.BROKEN
            if over:
                return StreamEnd.STOPPED
            while len(self._ahead) * TICK > MOST_AHEAD:
                self._room.clear()
                await self._room.wait()
        lost = socket.exception()
        self.reason = f"close code {socket.close_code}" if lost is None else str(lost)
        return StreamEnd.CLOSED if lost is None else StreamEnd.LOST

    def _take(self, message: Media | Mark | Clear | Stop) -> bool:
        """Act on a message; True: it was the last."""
        match message:
            case Media(pcm):
                self._rest += pcm
                size = self._frame_size
                whole = len(self._rest) // size * size
                self._ahead.extend((bytes(self._rest[at : at + size]), 0) for at in range(0, whole, size))
                del self._rest[:whole]
            case Mark(name):
                self._set_mark(name)
            case Clear():
                self._clear()
            case Stop():
                return True
        return False

    def _set_mark(self, name: str) -> None:
        """A mark closes the frame before it: what is short of 20 ms is said with silence behind it."""
        if len(self._marks) >= MOST_MARKS:
            raise StreamProtocolError(f"mark: more than {MOST_MARKS} wait to be reached")
        self._mark += 1
        self._marks.append((self._mark, name))
        if self._rest or not self._ahead:
            self._ahead.append((bytes(self._rest).ljust(self._frame_size, b"\0"), self._mark))
            self._rest.clear()
        else:
            frame, _ = self._ahead.pop()
            self._ahead.append((frame, self._mark))

    def _clear(self) -> None:
        self._pipe.clear()
        self._ahead.clear()
        self._rest.clear()
        self._room.set()
        self.counters.cleared += 1
        while self._marks:
            self._outgoing.append(self._writer.mark(self._marks.popleft()[1]))

    async def _say(self) -> StreamEnd:
        """Keep the engine's ring filled."""
        while True:
            while self._ahead and self._pipe.say(*self._ahead[0]):
                self._ahead.popleft()
                self.counters.said += 1
            self._room.set()
            await asyncio.sleep(TICK)

    @property
    def _frame_size(self) -> int:
        return self._target.format.rate // 50 * 2
