"""The scope that owns a call's legs. Nothing else belongs here.

Whom the script serves is gone: it is cancelled. That is the caller, until a transfer leaves the called one with
somebody else. Leaving the scope releases every leg. The shape is that of `asyncio.timeout()`: cancels are counted, and
only our own is swallowed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

from softswitch.b2bua.cause import INTERNAL, NORMAL, SHUTDOWN

if TYPE_CHECKING:
    from types import TracebackType

    from softswitch.b2bua.cause import ReleaseCause
    from softswitch.b2bua.inbound_leg import InboundLeg
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.switchboard import Switchboard
    from softswitch.telemetry.story import Story


class Call:
    """One caller and whoever was called for it. `legs` keeps the released ones too: they are the call's record."""

    __slots__ = (
        "_abandoned",
        "_cancelled",
        "_cancelling",
        "_task",
        "_wakeup",
        "caller",
        "cause",
        "id",
        "legs",
        "rejected",
        "served",
        "story",
        "switch",
    )

    def __init__(self, caller: InboundLeg, switch: Switchboard, story: Story) -> None:
        self.id = story.call_id
        self.caller = caller
        """Who began it."""
        self.served: Leg = caller
        """Whom the script serves: its end is the script's."""
        self.switch = switch
        self.story = story
        self.legs: list[Leg] = []
        self.cause: ReleaseCause = NORMAL
        self.rejected = False
        """The script decided against the call, whatever status it chose to say so."""
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._abandoned = False
        self._cancelled = False
        self._wakeup: asyncio.Future[None] | None = None
        self.own(caller)

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        if self.served.ended:
            self._abandon()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        task, self._task = self._task, None
        assert task is not None
        if exc is not None and not self._abandoned:
            self.cause = SHUTDOWN if isinstance(exc, asyncio.CancelledError) else INTERNAL
        self.release_all(self.cause)
        if not self._abandoned:
            return False
        pending = task.uncancel() if self._cancelled else task.cancelling()
        return pending <= self._cancelling and exc_type is asyncio.CancelledError

    def own(self, leg: Leg) -> None:
        """From now on the scope releases this leg, whatever happens. Called before anything can fail."""
        leg.on_change = self._changed
        self.legs.append(leg)

    def serve(self, leg: Leg) -> None:
        """From now on the script serves this leg, and is cancelled when it is gone (or is gone already)."""
        self.served = leg
        if leg.ended:
            self._abandon()

    async def changed(self) -> None:
        """Wait until any leg of the call has news. Look at the levels first: news says that, never what.

        Cancelled at once when whom it serves is already gone, even if someone swallowed the first cancellation.
        """
        self.check()
        await self.news()

    async def pause(self, seconds: float | None) -> None:
        """Let `seconds` pass (None: for ever), or return early when the media of whom it serves has gone silent."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.served.silent:
                    await self.changed()

    async def news(self) -> None:
        """As `changed`, also after the scope was left."""
        self._wakeup = asyncio.get_running_loop().create_future()
        try:
            await self._wakeup
        finally:
            self._wakeup = None

    def release_all(self, cause: ReleaseCause) -> None:
        """End every leg. Whatever goes wrong with one of them, the others are released."""
        self.cause = cause
        with contextlib.ExitStack() as releases:
            for leg in reversed(self.legs):
                releases.callback(leg.hangup, cause)

    def let_go(self) -> None:
        """The call is on record. Legs and call know each other: undone here, its memory is free at once and not when
        the collector comes by."""
        for leg in self.legs:
            leg.let_go()

    def check(self) -> None:
        """Raise CancelledError when whom the script serves is gone."""
        if self._abandoned:
            raise asyncio.CancelledError("caller hung up")

    def end(self, cause: ReleaseCause) -> None:
        """A command from outside (operator, drain): release whom the script serves, and with it everything."""
        self.cause = cause
        self.served.hangup(cause)

    def _changed(self) -> None:
        if self._task is not None and self.served.ended:
            self._abandon()
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    def _abandon(self) -> None:
        if not self._abandoned and self._task is not None:
            self._abandoned = True
            if self.served.cause is not None:
                self.cause = self.served.cause
            if asyncio.current_task() is self._task:
                # The script itself ended the caller. Cancelling a running task strikes at its next await, which may lie
                # outside this scope: let it reach a wait, or leave, first.
                asyncio.get_running_loop().call_soon(self._cancel)
            else:
                self._cancel()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel("caller hung up")
            self._cancelled = True
