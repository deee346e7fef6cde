"""Commands, one method each, turned into entries of the engine's ring or calls of the recording writer."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from audiocodecs.registry import UNKNOWN_NUMBER, codec_by_name, codec_number

from media.addresses import is_ours, remote_address
from media.coding import Need
from media.commands import (
    Announce,
    BindAddress,
    CloseLeg,
    CloseRecording,
    CloseRoom,
    Command,
    Connect,
    Disconnect,
    JoinRoom,
    LeaveRoom,
    OpenRecording,
    OpenRoom,
    PayloadFormat,
    Play,
    ReduceNoise,
    SendDigits,
    SetDigits,
    SetDirection,
    SetExtendedReports,
    SetFormats,
    SetGain,
    SetKeys,
    SetMediaTimeout,
    SetNack,
    SetPath,
    SetRemote,
    SetVideo,
    StartEcho,
    StartTap,
    StopEcho,
    StopPlay,
    StopTap,
)
from media.srtp.keys import LegKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.coding import Coding
    from media.engine import EngineCore
    from media.legs import LegRecord
    from media.playbacks import Playbacks
    from media.record.video.taps import VideoTaps
    from media.record.writer import RecordingWriter
    from media.rooms import Rooms

_KEYS = "0123456789*#ABCD"
_MOST_DIGITS = 32
_SHORTEST_DIGIT = 40
_LONGEST_DIGIT = 60_000
_FIRST_OTHER = 160
_LAST_OTHER = 254
_SHORTEST_PTIME = 10
_LONGEST_PTIME = 60
_REPAIRS = frozenset({"rtx", "red", "ulpfec", "flexfec", "flexfec-03"})
"""Formats of video that carry no pictures of their own (RFC 4588, 5109, 8627)."""


def _new_ssrc() -> int:
    """RFC 3550 8.1: at random; 0 would mean none."""
    return secrets.randbelow(0xFFFFFFFF) + 1


def _is_wideband(sent: PayloadFormat) -> bool:
    """Whether this format carries more than telephone speech."""
    known = codec_by_name(sent.name)
    return known is not None and (sent.clock_rate > 8000 if known.name == "L16" else known.sample_rate > 8000)


class CodecNumbers:
    """Numbers for codec names, the registry's own and, for names it does not know, some of ours.

    A codec nobody here can decode is still relayed between legs that both name it. The room is bounded, because names
    come from the network: the ninety-sixth unknown name is not relayed.
    """

    def __init__(self) -> None:
        self._others: dict[str, int] = {}

    def number(self, name: str) -> int:
        """The codec's number, UNKNOWN_NUMBER when there is none left."""
        known = codec_number(name)
        if known != UNKNOWN_NUMBER:
            return known
        key = name.lower()
        number = self._others.get(key)
        if number is None:
            if _FIRST_OTHER + len(self._others) > _LAST_OTHER:
                return UNKNOWN_NUMBER
            number = self._others[key] = _FIRST_OTHER + len(self._others)
        return number


class Posting:
    """Carries one command at a time. Ids of legs that are gone are ignored."""

    def __init__(
        self,
        core: EngineCore,
        legs: dict[int, LegRecord],
        by_port: dict[int, LegRecord],
        writer: RecordingWriter,
        playbacks: Playbacks,
        coding: Coding,
        rooms: Rooms,
        *,
        ipv6: bool,
        video_kbit: int,
        pictures: Callable[[], VideoTaps] | None = None,
    ) -> None:
        """`pictures`: what records them, made when it is needed; None: nobody wants that."""
        self._core = core
        self._video_octets = video_kbit * 125
        self._legs = legs
        self._by_port = by_port
        self._writer = writer
        self._playbacks = playbacks
        self._coding = coding
        self._rooms = rooms
        self._ipv6 = ipv6
        self._numbers = CodecNumbers()
        self._tapped: dict[int, set[int]] = {}
        self._pictures = pictures
        self._began: dict[int, int] = {}
        """Of recordings that may have pictures: CLOCK_MONOTONIC ns."""
        self._verbs: dict[type[Command], Callable[..., None]] = {
            SetRemote: self._set_remote,
            SetFormats: self._set_formats,
            SetDirection: self._set_direction,
            SetExtendedReports: self._set_extended_reports,
            SetKeys: self._set_keys,
            SetPath: self._set_path,
            SetNack: self._set_nack,
            BindAddress: self._bind_address,
            SetVideo: self._set_video,
            Connect: self._connect,
            Disconnect: self._disconnect,
            Play: self._play,
            Announce: self._announce,
            StopPlay: self._stop_play,
            StartEcho: self._start_echo,
            StopEcho: self._stop_echo,
            SetDigits: self._set_digits,
            SendDigits: self._send_digits,
            OpenRoom: rooms.open,
            JoinRoom: rooms.join,
            SetGain: rooms.set_gain,
            LeaveRoom: rooms.leave,
            CloseRoom: rooms.close,
            OpenRecording: self._open_recording,
            StartTap: self._start_tap,
            StopTap: self._stop_tap,
            CloseRecording: self._close_recording,
            SetMediaTimeout: self._set_media_timeout,
            ReduceNoise: self._reduce_noise,
            CloseLeg: self._close_leg,
        }

    def carry(self, command: Command) -> None:
        """Raises ValueError for a command that could never be carried out (an unknown prompt, a foreign worker)."""
        self._verbs[type(command)](command)

    def _set_remote(self, command: SetRemote) -> None:
        host = remote_address(command.address, ipv6=self._ipv6) if 0 < command.port < 65536 else b""
        if host and self._loops(command.leg, host, command.port):
            host = b""
        rtcp_host = remote_address(command.rtcp_address, ipv6=self._ipv6) if 0 < command.rtcp_port < 65536 else b""
        self._core.set_remote(
            command.leg,
            host,
            command.port if host else 0,
            rtcp_host,
            command.rtcp_port if rtcp_host else 0,
            command.rtcp_mux,
        )

    def _loops(self, leg: int, host: bytes, port: int) -> bool:
        """Whether SDP names a port of the very call it belongs to: packets would go round for ever.

        A port of another call of ours is a call that comes back to us through a proxy, and in order.
        """
        record, target = self._legs.get(leg), self._by_port.get(port & ~1)
        if record is None or target is None or not (target is record or target.group == record.group != ""):
            return False
        return is_ours(host)

    def _set_formats(self, command: SetFormats) -> None:
        record = self._legs.get(command.leg)
        if record is None:
            return
        # RFC 3264 lets each side choose its own numbers; some send by the other side's. A number that is not taken
        # otherwise can only mean the format it means the other way.
        receive, send = command.receive, command.send
        taken = {each.payload_type for each in receive}
        receive += tuple(each for each in send if each.payload_type not in taken)
        if record.repair is not None:
            receive, send = record.repair.take(receive, send)
            record.repair.tell(self._core, record)
        record.receive, record.send = receive, send
        record.ptime = min(max(command.ptime // 10 * 10, _SHORTEST_PTIME), _LONGEST_PTIME)
        self._core.set_formats(command.leg, self._packed(record.receive), self._packed(record.send), record.ptime)
        self._coding.formats_changed(record)
        if not record.hears_tones:
            self._coding.need(record, "digits", None)
        self._rooms.formats_changed(record)
        if record.settled_at is None:
            record.settled_at = time.monotonic()

    def _packed(self, formats: tuple[PayloadFormat, ...]) -> list[tuple[int, int, int]]:
        number = self._numbers.number
        return [(each.payload_type, number(each.name), each.clock_rate) for each in formats]

    def _set_direction(self, command: SetDirection) -> None:
        record = self._legs.get(command.leg)
        if record is not None:
            record.expects_media = command.receive and command.expected
        self._core.set_direction(command.leg, command.send, command.receive, command.expected)

    def _set_keys(self, command: SetKeys) -> None:
        record = self._legs.get(command.leg)
        if record is None:
            return
        if record.keys is None:
            if command.receive is None and command.send is None:
                return
            record.keys = LegKeys()
        record.keys.set(self._core, command.leg, command.receive, command.send, _new_ssrc, any_source=record.browser)

    def _set_video(self, command: SetVideo) -> None:
        record = self._legs.get(command.leg)
        if record is None or not record.browser:
            return
        self._core.set_video(
            command.leg,
            [each.payload_type for each in command.formats],
            [each.payload_type for each in command.formats if each.name.lower() in _REPAIRS],
            command.send,
            command.receive,
            self._video_octets,
        )
        record.video = command.formats
        if self._pictures is not None and record.tapped_by is not None:
            self._pictures().agreed(command.leg, command.formats)

    def _set_path(self, command: SetPath) -> None:
        host = self.reachable(command.address, command.port)
        self._core.set_path(command.leg, host, command.port if host else 0)

    def _set_nack(self, command: SetNack) -> None:
        record = self._legs.get(command.leg)
        if record is not None and record.repair is not None:
            record.repair.set_nack(on=command.on)
            record.repair.tell(self._core, record)

    def _bind_address(self, command: BindAddress) -> None:
        self._core.bind_address(command.leg, self.reachable(command.address, command.port), command.port)

    def reachable(self, address: str, port: int) -> bytes:
        """The bytes of an address something may be sent to; b"" for any other."""
        return remote_address(address, ipv6=self._ipv6) if 0 < port < 65536 else b""

    def _connect(self, command: Connect) -> None:
        self._core.connect(command.a, command.b, True)
        a, b = self._legs.get(command.a), self._legs.get(command.b)
        if a is not None and b is not None:
            self._coding.connect(a, b)

    def _disconnect(self, command: Disconnect) -> None:
        self._core.connect(command.a, command.b, False)
        a, b = self._legs.get(command.a), self._legs.get(command.b)
        if a is not None and b is not None:
            self._coding.disconnect(a, b)

    def _play(self, command: Play) -> None:
        self._playbacks.play(command)

    def _announce(self, command: Announce) -> None:
        self._playbacks.announce(command)

    def _stop_play(self, command: StopPlay) -> None:
        self._playbacks.stop(command.leg)

    def _start_echo(self, command: StartEcho) -> None:
        self._core.echo(command.leg, True)

    def _stop_echo(self, command: StopEcho) -> None:
        self._core.echo(command.leg, False)

    def _set_digits(self, command: SetDigits) -> None:
        self._core.set_digits(command.leg, command.sends, command.listens)
        record = self._legs.get(command.leg)
        if record is not None:
            record.tells_keys = command.sends
            self._coding.formats_changed(record)

    def _send_digits(self, command: SendDigits) -> None:
        events = [_KEYS.find(digit) for digit in command.digits.upper()]
        if not 1 <= len(events) <= _MOST_DIGITS or min(events) < 0:
            raise ValueError(f"expected 1 to {_MOST_DIGITS} of {_KEYS}, got {command.digits!r}")
        if not (
            _SHORTEST_DIGIT <= command.duration_ms <= _LONGEST_DIGIT and _SHORTEST_DIGIT <= command.gap_ms <= 60_000
        ):
            raise ValueError(
                f"digits last {_SHORTEST_DIGIT} to {_LONGEST_DIGIT} ms, and so do gaps; "
                f"got {command.duration_ms} and {command.gap_ms}"
            )
        record = self._legs.get(command.leg)
        if record is not None and record.hears_tones:
            self._coding.need(record, "digits", Need(8000, hear=False))
        self._core.send_digits(command.leg, bytes(events), command.duration_ms, command.gap_ms)

    def _open_recording(self, command: OpenRecording) -> None:
        if self._pictures is None:
            self._writer.open(command.recording, command.stereo_path)
        else:
            now = self._began[command.recording] = time.monotonic_ns()
            self._writer.open(command.recording, command.stereo_path, now)

    def _start_tap(self, command: StartTap) -> None:
        record = self._legs.get(command.leg)
        if record is None:
            return
        tap = self._writer.attach(
            command.recording,
            command.leg,
            command.path,
            command.channel,
            rate=16000 if any(_is_wideband(each) for each in record.receive) else 8000,
        )
        if self._core.start_tap(command.leg, tap.address):
            self.forget_tap(record)
            record.tapped_by = command.recording
            if self._pictures is not None and record.browser:
                began = self._began[command.recording]
                self._pictures().tapped(command.leg, command.recording, command.path, began, record.video)
            self._tapped.setdefault(command.recording, set()).add(command.leg)
        else:
            tap.close()

    def _stop_tap(self, command: StopTap) -> None:
        self._core.stop_tap(command.leg)
        record = self._legs.get(command.leg)
        if record is not None:
            self.forget_tap(record)

    def _close_recording(self, command: CloseRecording) -> None:
        for leg in self._tapped.pop(command.recording, ()):
            self._core.stop_tap(leg)
            self._untap_pictures(self._legs[leg])
            self._legs[leg].tapped_by = None
        self._began.pop(command.recording, None)
        self._writer.close(command.recording)

    def forget_tap(self, record: LegRecord) -> None:
        """The leg is no longer recorded, or no longer there."""
        if record.tapped_by is not None:
            self._tapped[record.tapped_by].discard(record.leg)
            self._untap_pictures(record)
            record.tapped_by = None

    def _untap_pictures(self, record: LegRecord) -> None:
        if self._pictures is not None and record.browser:
            self._pictures().untapped(record.leg)

    def _reduce_noise(self, command: ReduceNoise) -> None:
        record = self._legs.get(command.leg)
        if record is not None:
            self._coding.reduce_noise(record, command.depth)

    def _set_extended_reports(self, command: SetExtendedReports) -> None:
        record = self._legs.get(command.leg)
        if record is not None:
            record.reports_metrics = command.metrics
            self._core.set_extended(command.leg, command.reference_time, command.metrics)

    def _set_media_timeout(self, command: SetMediaTimeout) -> None:
        self._core.set_media_timeout(command.leg, command.seconds)

    def _close_leg(self, command: CloseLeg) -> None:
        self._core.close_leg(command.leg)
