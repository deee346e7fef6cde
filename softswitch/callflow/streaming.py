"""A media stream as a call sees it: a bot it talks to, or somebody who listens for the rest of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from softswitch.b2bua.cause import MEDIA_TIMEOUT, STREAM_LOST
from softswitch.b2bua.leg import CallFailed
from softswitch.callflow.announce import reach
from softswitch.streams.connection import StreamEnd
from softswitch.streams.messages import Start

if TYPE_CHECKING:
    from softswitch.b2bua.call import Call
    from softswitch.b2bua.cause import ReleaseCause
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.supervision import AttachedStream, Supervision
    from softswitch.callflow.recorder import Recorder
    from softswitch.dialplan import route
    from softswitch.streams.session import Streams, StreamSession

_ENDED_WELL = {StreamEnd.STOPPED, StreamEnd.CLOSED, StreamEnd.LEFT}


class Streaming:
    """The streams of one call. Leaving the scope ends them; nobody waits for that."""

    def __init__(self, call: Call, supervision: Supervision, streams: Streams, called: str) -> None:
        self._call = call
        self._supervision = supervision
        self._streams = streams
        self._called = called
        self._open: dict[StreamSession, AttachedStream] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for session in list(self._open):
            self._end(session)

    async def talk(self, action: route.Stream, recorder: Recorder) -> ReleaseCause | None:
        """Let the caller talk with it until it is over; why it could not, if so."""
        try:
            await self._talk(action, recorder)
        except CallFailed as failed:
            self._call.story.tell("stream failed", to=action.to, cause=failed.cause.text)
            return failed.cause
        return None

    async def _talk(self, action: route.Stream, recorder: Recorder) -> None:
        """Let the caller talk to a bot until that has said `stop`, or the caller has hung up.

        Raises CallFailed when the bot cannot be reached, or is lost.
        """
        await reach(self._call, recorder, early=False)
        caller = self._call.served
        session = self._begin(action, speaks=True)
        told = caller.press_count
        try:
            while session.end is None:
                if caller.silent:
                    raise CallFailed(MEDIA_TIMEOUT)
                for digit in caller.pressed_since(told):
                    session.connection.press(_track(caller), digit)
                told = caller.press_count
                await self._call.changed()
        finally:
            self._end(session)
        if session.end not in _ENDED_WELL:
            raise CallFailed(STREAM_LOST)

    def listen(self, action: route.Stream) -> None:
        """Let somebody listen to every party from now on, each as a track of its own."""
        try:
            self._begin(action, speaks=False)
        except CallFailed as failed:
            self._call.story.warn("stream not begun", to=action.to, cause=failed.cause.text)

    def joined(self) -> None:
        """Another party can be heard."""
        self._supervision.seat()

    def _begin(self, action: route.Stream, *, speaks: bool) -> StreamSession:
        call = self._call
        target = self._streams.targets[action.to]
        number = call.switch.number()
        session: StreamSession | None = None
        tracks: dict[int, str] = {}

        def on_party(leg: Leg) -> None:
            assert leg.media is not None
            tracks[leg.media.leg] = _track(leg)
            if session is not None:
                session.connection.name_track(leg.media.leg, _track(leg))

        def on_mark(mark: int) -> None:
            if session is not None:
                session.connection.mark_reached(mark)

        pipe = self._supervision.attach(rate=target.format.rate, speaks=speaks, on_party=on_party, on_mark=on_mark)
        start = Start(
            f"{call.id}-{number}",
            call.id,
            ("inbound",) if speaks else ("inbound", "outbound"),
            target.format,
            call.served.party.uri.user or "",
            self._called,
            dict(action.parameters),
        )
        session = self._streams.begin(target, start, pipe, lambda: self._ended(session))
        self._open[session] = pipe
        for party, track in tracks.items():
            session.connection.name_track(party, track)
        call.story.tell("stream begun", to=action.to, url=target.url, mode=action.mode)
        return session

    def _ended(self, session: StreamSession | None) -> None:
        """The session's task is over, by whomever."""
        assert session is not None
        assert session.end is not None
        counters = session.connection.counters
        self._call.story.tell(
            "stream ended",
            to=session.target.name,
            because=session.end.value,
            reason=session.connection.reason,
            heard=counters.heard,
            lost=counters.lost,
            said=counters.said,
        )
        self._detach(session)
        self._call.served.on_change()

    def _end(self, session: StreamSession) -> None:
        session.leave()
        self._detach(session)

    def _detach(self, session: StreamSession) -> None:
        pipe = self._open.pop(session, None)
        if pipe is not None:
            self._supervision.detach(pipe)


def _track(leg: Leg) -> str:
    """As the common services name them: what comes from the caller is inbound."""
    return "inbound" if leg.role == "caller" else "outbound"
