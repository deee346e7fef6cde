"""Media streams of calls, each in a task of its own: a call never waits for the far end of one."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from audiocodecs.live_resampler import Resampler

from softswitch.streams.connection import StreamConnection, StreamEnd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from softswitch.streams.connection import AudioPipe, StreamTarget
    from softswitch.streams.messages import Start

log = logging.getLogger(__name__)


class StreamSession:
    """One stream from connecting to its end. All but its own task is told by `on_end`."""

    def __init__(self, target: StreamTarget, start: Start, pipe: AudioPipe, on_end: Callable[[], None]) -> None:
        self.target = target
        self.end: StreamEnd | None = None
        """None: it goes on."""
        self._rate = target.format.rate
        self._resamplers: dict[tuple[int, int], Resampler] = {}
        self.connection = StreamConnection(target, start, pipe, self._convert)
        self._on_end = on_end

    async def live(self) -> None:
        """The task: connect, and pass audio until somebody ends it."""
        try:
            if await self.connection.connect():
                self.end = await self.connection.run()
            else:
                self.end = StreamEnd.UNREACHABLE
        except asyncio.CancelledError:
            self.end = StreamEnd.LEFT
            raise
        except Exception as error:
            log.exception("stream %s failed", self.target.name)
            self.end, self.connection.reason = StreamEnd.LOST, f"{type(error).__name__}: {error}"
        finally:
            self._on_end()

    def leave(self) -> None:
        """End it; never waits."""
        self.connection.leave()

    def _convert(self, party: int, rate: int, pcm: bytes) -> bytes:
        """The room mixes at the rate its legs make use of, which may change; each party has filters of its own."""
        resampler = self._resamplers.get((party, rate))
        if resampler is None:
            resampler = self._resamplers[party, rate] = Resampler(rate, self._rate)
        return resampler.run(pcm)


class Streams:
    """The targets streams may have, by name, and all that are open now."""

    def __init__(self, targets: Mapping[str, StreamTarget]) -> None:
        self.targets = targets
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, target: StreamTarget, start: Start, pipe: AudioPipe, on_end: Callable[[], None]) -> StreamSession:
        """Connect, in the background; `on_end` is called once, in a later turn of the loop."""
        session = StreamSession(target, start, pipe, on_end)
        task = asyncio.get_running_loop().create_task(session.live(), name=f"stream:{target.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return session

    async def stop(self) -> None:
        """End what is left."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
