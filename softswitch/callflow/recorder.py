"""Whether this call is recorded, which may change as its route goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.b2bua.call import Call
    from softswitch.b2bua.leg import Leg
    from softswitch.callflow.resources import Resources
    from softswitch.recording.session import Recording


class Recorder:
    """Opens the call's one recording when the first leg is to be recorded, and closes it with the scope."""

    def __init__(self, call: Call, resources: Resources) -> None:
        self._call = call
        self._resources = resources
        self._on = resources.record_by_default
        self._recording: Recording | None = None
        self._segment = 1
        self.joined: Callable[[], None] | None = None
        """Told whenever a leg begins to take part in the conversation, recorded or not."""
        self.stereo: str | None = None
        """Path of the call's (first) stereo file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._recording is not None:
            self._recording.close()

    def switch(self, *, on: bool) -> None:
        """Record, or not, from here on; switching off ends a running recording."""
        self._on = on
        if not on and self._recording is not None:
            self._recording.close()
            self._recording = None

    def next_segment(self) -> None:
        """Somebody else joins in another's place: what follows goes into files of its own (REQUIREMENTS 40, G10)."""
        if self._recording is not None:
            self._recording.close()
            self._recording = None
            self._segment += 1

    def add(self, *legs: Leg) -> None:
        """These legs take part in the conversation."""
        if self.joined is not None:
            self.joined()
        if not self._on:
            return
        if self._recording is None:
            self._recording = self._resources.record(self._call, self._segment)
            self.stereo = self.stereo or self._recording.stereo
        for leg in legs:
            self._recording.add(leg)
