"""The only door to the media plane: commands in, events out, snapshots by id.

Everything here runs on the event loop's thread and none of it waits. Packets are the workers' affair
(`media.engine`), files the recording writer's (`media.record`).
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import socket
import threading
import time
from typing import TYPE_CHECKING

from media import translate
from media.addresses import address_text, bind_address
from media.coding import Coding
from media.engine import EngineCore
from media.events import EngineDegraded, HandshakeReceived, LegGone, PlaybackFinished
from media.legs import LegRecord, OpenedLeg
from media.placing import Groups
from media.play.prompt import VOX_RATE
from media.play.track import wav_file
from media.playbacks import Playbacks
from media.ports import LegPorts, PortPairs, PortsExhausted
from media.posting import Posting
from media.quality_round import SLICE, QualityRound
from media.record.writer import RecordingWriter
from media.rooms import Rooms
from media.sounds import Sounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from media.commands import Command, Tone
    from media.events import Event, RecordingFailed, RecordingFinished
    from media.mix.stream import StreamRings
    from media.quality.verdict import QualitySummary
    from media.record.video.taps import VideoTaps
    from media.rooms import Hearing
    from media.settings import MediaSettings
    from media.snapshots import EngineCounters, LegStatistics

_DICE = 22
_RETRY = 0.001
_JOIN = 0.05


def _probe(text: str, host: bytes) -> None:
    """Raises OSError, naming the address, unless sockets can be bound to it."""
    family = socket.AF_INET6 if len(host) == 16 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((text, 0))
        except OSError as error:
            raise OSError(
                error.errno, f"media address {text}: {os.strerror(error.errno or 0)}; it must be this machine's own"
            ) from error


class MediaEngine:
    """Legs with ports, and the threads that serve them. Start with `start`, end with `await stop()`."""

    @classmethod
    def start(
        cls, settings: MediaSettings, on_event: Callable[[Event], None], loop: asyncio.AbstractEventLoop
    ) -> MediaEngine:
        """Raises ValueError for settings that cannot be, OSError when the address is not this machine's."""
        engine = cls(settings, on_event, loop)
        engine._begin()
        return engine

    def __init__(
        self, settings: MediaSettings, on_event: Callable[[Event], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        if settings.workers < 1:
            raise ValueError(f"media workers: expected at least 1, got {settings.workers}")
        if not 0 <= settings.dscp <= 63:
            raise ValueError(f"media DSCP: expected 0-63 (46 is expedited forwarding), got {settings.dscp}")
        host = bind_address(settings.address)
        _probe(settings.address, host)
        self._settings = settings
        self._on_event = on_event
        self._loop = loop
        self._ports = PortPairs(
            settings.port_first,
            settings.port_last,
            drain=settings.port_drain,
            start=secrets.randbelow(1 << 16),
        )
        self._leg_ports = self._ports_of_legs()
        self._core = EngineCore(
            host,
            settings.workers,
            self._leg_ports.most_legs,
            latch_window=settings.latch_window,
            latch_grace=settings.latch_grace,
            rtcp_interval=settings.rtcp_interval,
            wall_clock=time.time(),
            dscp=settings.dscp,
            jitter_buffer=settings.jitter_buffer,
        )
        self._writer = RecordingWriter(self._from_writer, mask_digits=settings.mask_digits)
        self._pictures: VideoTaps | None = None
        self._sounds = Sounds()
        self._legs: dict[int, LegRecord] = {}
        self._by_port: dict[int, LegRecord] = {}
        self._groups = Groups(self._legs, settings.workers)
        self._coding = Coding(
            self._core,
            lambda why: self._soon(EngineDegraded(why)),
            opus_complexity=settings.opus_complexity,
            opus_complexity_at_loss=settings.opus_complexity_at_loss,
        )
        self._playbacks = Playbacks(
            self._core, self._legs, self._sounds, self._coding, self._tell, self._wake_soon, loop
        )
        self._rooms = Rooms(self._core, self._legs, self._coding, self._groups.enter, self._groups.leave)
        self._posting = Posting(
            self._core,
            self._legs,
            self._by_port,
            self._writer,
            self._playbacks,
            self._coding,
            self._rooms,
            ipv6=len(host) == 16,
            video_kbit=settings.video_kbit,
            pictures=self._need_pictures if settings.record_video else None,
        )
        self._round = QualityRound(
            self._core, settings.quality_interval, factors=settings.codec_factors, limits=settings.thresholds
        )
        self._threads: list[threading.Thread] = []
        self._waking = False
        self._turn: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._load_at = (time.monotonic(), (0,) * settings.workers)

    # -- legs ---------------------------------------------------------------------------------------------------

    def open_leg(self, *, label: str, group: str = "", browser: bool = False) -> OpenedLeg:
        """Bind an RTP/RTCP port pair now. `label` names the leg in messages; legs of one call share a `group`, so that
        one worker has them all.

        `browser`: one port for STUN, DTLS and media. What comes as `HandshakeReceived` is answered by `send_datagram`;
        no media is taken or sent before `SetPath` and `SetKeys`.

        Raises PortsExhausted when no pair is left, or no file descriptor.
        """
        worker = self._groups.place(group)
        while True:
            port = self._leg_ports.take(time.monotonic(), browser=browser)
            try:
                leg = self._core.open_leg(
                    worker, port, secrets.token_bytes(_DICE), self._settings.media_timeout, browser=browser
                )
            except OSError as error:
                self._leg_ports.put_back(port, time.monotonic(), browser=browser)
                if error.errno == errno.EADDRINUSE:
                    continue
                raise PortsExhausted(
                    f"no sockets for leg {label}: {error.strerror}; {len(self._legs)} legs are open, "
                    "raise the limit of open files (LimitNOFILE)"
                ) from error
            break
        record = LegRecord(leg, port, label, group, worker, browser=browser)
        self._legs[leg] = record
        if port:
            self._by_port[port] = record
        self._groups.join(group, worker)
        self._round.join(record, time.monotonic())
        self._schedule_turn()
        self._schedule_wake()
        return OpenedLeg(leg, self._settings.address, port or self._shared_port(worker))

    def post(self, *commands: Command) -> None:
        """Carry out in this order, soon; never blocks. Commands for legs that are gone do nothing.

        Raises ValueError for what could never be carried out: a prompt id or recording number nobody gave out, legs of
        different groups on different workers.
        """
        carry = self._posting.carry
        for command in commands:
            carry(command)
        self._wake_soon()

    def send_datagram(self, leg: int, data: bytes, address: str, port: int) -> None:
        """Send STUN or DTLS from the leg's RTP socket now.

        What cannot be sent is lost, like a datagram on its way: to an address that is none, for a leg that is gone.
        """
        host = self._posting.reachable(address, port)
        if host:
            self._core.send_datagram(leg, data, host, port)

    def load_prompt(self, path: str | Path, *, vox_rate: int = VOX_RATE) -> int:
        """Decode a sound file once and give the id `Play` takes. Raises PromptError(file, reason)."""
        return self._sounds.load(path, vox_rate=vox_rate)

    async def load_prompt_aside(self, path: str | Path, *, vox_rate: int = VOX_RATE) -> int:
        """The same in a thread, while calls go on."""
        return self._sounds.register(await asyncio.to_thread(self._sounds.decode, path, vox_rate))

    def forget_prompt(self, prompt: int) -> None:
        """Let go of a prompt nobody will ask for again; who plays it hears it to its end."""
        self._sounds.forget(prompt)

    def seconds(self, prompt: int) -> float:
        """How long a prompt lasts. Raises ValueError for a number nobody gave out."""
        return self._sounds.source(prompt).duration

    def preview(self, prompt: int) -> bytes:
        """The prompt as callers hear it, as WAV. For any thread. Raises ValueError for a number nobody gave out."""
        return wav_file(self._sounds.source(prompt))

    async def prepare(self, prompt: int | Tone, codecs: Iterable[str]) -> None:
        """Have the tracks made that listeners with these codecs (SDP names) will want, in a thread, before they come.

        Codecs that cannot be encoded here are left out.
        """
        await self._playbacks.prepare(self._sounds.source(prompt), codecs)

    def open_stream(
        self,
        room: int,
        *,
        rate: int = 16_000,
        speaks: bool = True,
        hears: Hearing = "tracks",
        ahead: float = 1.0,
        behind: float = 2.0,
    ) -> StreamRings:
        """A party without a socket in a room that is open: what it `say`s, at `rate` Hz, is heard there, and it can
        `read` what is heard, each voice for itself ("tracks") or the "mix".

        `ahead`, `behind`: seconds each way that are kept; who gives more is told to wait, who reads later loses the
        oldest. It ends with `close_stream`, or with the room. Raises ValueError when the room is not open, or full.
        """
        rings = self._rooms.open_stream(room, rate=rate, speaks=speaks, hears=hears, ahead=ahead, behind=behind)
        self._schedule_wake()
        return rings

    def close_stream(self, stream: StreamRings) -> None:
        """The stream leaves its room."""
        self._rooms.close_stream(stream)
        self._schedule_wake()

    # -- snapshots ----------------------------------------------------------------------------------------------

    def statistics(self, leg: int) -> LegStatistics | None:
        """The leg's counters now; None when it is gone."""
        return translate.statistics(self._core.statistics(leg), self._core.video(leg)) if leg in self._legs else None

    def quality(self, leg: int) -> QualitySummary | None:
        """How the leg sounded up to its last interval; None when it is gone or never had a codec."""
        record = self._legs.get(leg)
        return None if record is None else self._round.summary(record)

    def counters(self) -> EngineCounters:
        """The whole engine's counters now."""
        workers = [self._core.worker_counters(each) for each in range(self._core.worker_count)]
        now = time.monotonic()
        spent = tuple(each[7] for each in workers)
        then, spent_then = self._load_at
        self._load_at = (now, spent)
        elapsed = max(now - then, 1e-6) * 1e9
        return translate.counters(
            workers,
            tuple(max(0, after - before) / elapsed for before, after in zip(spent_then, spent, strict=True)),
            legs=len(self._legs),
            ports_free=self._ports.free(now),
            ports_total=self._ports.total,
            recordings=self._writer.recordings,
            recording_backlog=self._writer.backlog,
        )

    def cpu_spent(self) -> tuple[int, ...]:
        """Nanoseconds of CPU each worker has used since its start."""
        return tuple(self._core.worker_counters(each)[7] for each in range(self._core.worker_count))

    # -- beginning and end --------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._share_port()
        self._accelerate()
        self._writer.start()
        for worker in range(self._core.worker_count):
            self._loop.add_reader(self._core.event_fd(worker), self._read, worker)
            thread = threading.Thread(target=self._work, args=(worker,), name=f"media-{worker}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _ports_of_legs(self) -> LegPorts:
        settings = self._settings
        browsers = None
        if settings.browser_ports is not None:
            start = secrets.randbelow(1 << 16)
            browsers = PortPairs(*settings.browser_ports, drain=settings.port_drain, start=start, single=True)
        return LegPorts(self._ports, browsers, sharing=0 if settings.browser_port is None else settings.workers)

    def _shared_port(self, worker: int) -> int:
        assert self._settings.browser_port is not None
        return self._settings.browser_port + worker

    def _share_port(self) -> None:
        if self._settings.browser_port is None:
            return
        for worker in range(self._core.worker_count):
            port = self._shared_port(worker)
            try:
                self._core.share_port(worker, port)
            except OSError as error:
                raise OSError(
                    error.errno,
                    f"port {port}, which browsers are to share: {error.strerror}; each of "
                    f"{self._core.worker_count} media workers needs one, from the configured port on",
                ) from error

    def _accelerate(self) -> None:
        if self._settings.acceleration == "off":
            return
        refused = self._core.accelerate()
        if refused == errno.EAFNOSUPPORT:
            self._soon(
                EngineDegraded("no media acceleration, it needs an IPv4 address: a system call for every packet")
            )
        elif refused:
            self._soon(
                EngineDegraded(
                    f"media acceleration refused ({os.strerror(refused)}): a system call for every packet, fewer "
                    "calls a core; grant CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW, or set acceleration to off"
                )
            )

    def _work(self, worker: int) -> None:
        """A worker thread."""
        refused = self._core.raise_priority(self._settings.priority)
        if refused:
            self._soon(
                EngineDegraded(
                    f"real-time priority {self._settings.priority} refused ({os.strerror(refused)}): expect tens of "
                    "milliseconds of added latency under load; grant CAP_SYS_NICE or set LimitRTPRIO"
                )
            )
        self._core.run(worker)

    async def stop(self) -> None:
        """Close every leg, finish every recording, end the threads. The last events arrive before this returns."""
        for leg in list(self._legs):
            self._core.close_leg(leg)
        for worker in range(self._core.worker_count):
            self._core.stop_worker(worker)
        self._core.wake()
        for thread in self._threads:
            while thread.is_alive():
                self._core.flush()
                await asyncio.to_thread(thread.join, _JOIN)
                self._read_all()
        self._read_all()
        for worker in range(self._core.worker_count):
            self._loop.remove_reader(self._core.event_fd(worker))
        self._core.close()
        for timer in (self._turn, self._retry):
            if timer is not None:
                timer.cancel()
        await asyncio.to_thread(self._playbacks.close)
        await asyncio.to_thread(self._writer.stop)
        if self._pictures is not None:
            await asyncio.to_thread(self._pictures.writer.stop)
        await asyncio.sleep(0)

    # -- events -------------------------------------------------------------------------------------------------

    def _read_all(self) -> None:
        for worker in range(self._core.worker_count):
            while self._read(worker):
                pass

    def _read(self, worker: int) -> bool:
        """Hand over what a worker has told; True when there was anything."""
        entries = self._core.read(worker)
        for entry in entries:
            kind, leg = entry[0], entry[1]
            if kind == translate.SILENCE:
                self._coding.silent(self._legs[leg])
                self._wake_soon()
                continue
            if kind == translate.RELEASED:
                record = self._legs[leg]
                if not self._coding.released(record, entry[2]):
                    record.released(entry[2])
                continue
            if kind == translate.GONE:
                self._playbacks.leg_gone(leg)
                self._tell(self._gone(leg))
                continue
            if kind == translate.STREAM_LEFT:
                self._rooms.stream_left(leg)
                continue
            if kind == translate.ROOM_CLOSED:
                self._rooms.closed(entry[2])
            event: Event | None = translate.event(entry)
            if isinstance(event, PlaybackFinished):
                event = self._playbacks.finished(event)
            if event is not None:
                self._tell(event)
        handshakes = self._core.read_handshakes(worker)
        for leg, data, host, port in handshakes:
            if leg in self._legs or not leg:
                self._tell(HandshakeReceived(leg, data, address_text(host), port))
        return bool(entries or handshakes)

    def _gone(self, leg: int) -> LegGone:
        """The worker has let go of the leg: sum it up, give its ports back."""
        record = self._legs.pop(leg)
        if record.port:
            del self._by_port[record.port]
        now = time.monotonic()
        quality = self._round.finish(record, now)
        statistics = translate.statistics(self._core.statistics(leg), self._core.video(leg))
        self._round.leave(record)
        self._posting.forget_tap(record)
        self._rooms.gone(record)
        self._groups.leave(record.group)
        self._leg_ports.put_back(self._core.reap(leg), now, browser=record.browser)
        self._coding.gone(record)
        self._wake_soon()
        return LegGone(leg, statistics, quality)

    def _tell(self, event: Event) -> None:
        """One receiver's mistake must not lose the events behind it."""
        try:
            self._on_event(event)
        except Exception as error:  # noqa: BLE001 -- reported to the loop's handler like any callback's error
            self._loop.call_exception_handler(
                {"message": f"media event {type(event).__name__} was not handled", "exception": error}
            )

    def _from_writer(self, event: RecordingFinished | RecordingFailed) -> None:
        """On one of the writer's threads."""
        if self._pictures is None:
            self._soon(event)
        else:
            self._pictures.writer.hear(event)

    def _need_pictures(self) -> VideoTaps:
        """Loaded with the first leg that may have some: FFmpeg's libraries are large."""
        if self._pictures is None:
            from media.record.video.taps import VideoTaps

            self._pictures = VideoTaps(self._core, self._soon, self._ask_soon)
        return self._pictures

    def _ask_soon(self, leg: int) -> None:
        """A recording needs a key frame; from the video writer's thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ask_for_picture, leg)

    def _ask_for_picture(self, leg: int) -> None:
        if leg in self._legs:
            self._core.ask_for_picture(leg)
            self._schedule_wake()

    def _soon(self, event: Event) -> None:
        """From any thread. A loop that is closed has nobody left to tell."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, event)

    # -- timers -------------------------------------------------------------------------------------------------

    def _schedule_turn(self) -> None:
        if self._turn is None:
            self._turn = self._loop.call_later(SLICE, self._take_turn)

    def _take_turn(self) -> None:
        """Score a slice of the legs; without legs the timer rests."""
        self._turn = None
        for report in self._round.turn(time.monotonic()):
            self._tell(report)
        if self._legs:
            self._schedule_turn()

    def _schedule_wake(self) -> None:
        """One wake-up for all that is posted in this turn of the loop: it costs more than the commands themselves."""
        if not self._waking:
            self._waking = True
            self._loop.call_soon(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._core.wake()

    def _wake_soon(self) -> None:
        """After something was posted from a callback of our own."""
        if self._core.backlog:
            self._schedule_retry()
        self._schedule_wake()

    def _schedule_retry(self) -> None:
        if self._retry is None:
            self._retry = self._loop.call_later(_RETRY, self._post_again)

    def _post_again(self) -> None:
        self._retry = None
        if not self._core.flush():
            self._schedule_retry()
