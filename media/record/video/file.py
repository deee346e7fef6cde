"""One file of pictures and sound: WebM, or Matroska for H.264. Packets are muxed as they came, never decoded.

Clusters of a second are written whole and at once, so that a file that is cut off plays up to the last of them.
"""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Final

import av
import av.error

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

_NS: Final = Fraction(1, 1_000_000_000)
_FOURCC: Final = {"vp8": b"VP80", "vp9": b"VP90", "av1": b"AV01"}
_OPTIONS: Final = {"cluster_time_limit": "1000", "flush_packets": "1"}
_OPUS: Final = {"application": "voip", "compression_level": "5"}
_OPUS_BITRATE: Final = 32_000


class VideoFileError(Exception):
    """The file cannot be made, or goes no further; says why."""


def suffix_of(codec: str) -> str:
    """WebM knows VP8, VP9 and AV1 alone."""
    return ".webm" if codec in _FOURCC else ".mkv"


class VideoFile:
    """Open from the first key frame to `close()`. Every method raises VideoFileError; after that only close it."""

    def __init__(self, path: str, codec: str, key: bytes, rate: int | None) -> None:
        """`key` is the first picture; `rate` of the sound in Hz (8000 or 16000), None: without sound."""
        self.path = path
        self.duration = 0.0
        """Seconds up to the last picture or sound."""
        self._last = -1
        self._samples = 0
        self._container: OutputContainer | None = None
        try:
            # O_EXCL: a recording is evidence, none is ever overwritten. O_NOFOLLOW: nor written through a link.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise VideoFileError(f"cannot be created: {error.strerror}") from error
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        try:
            self._container = av.open(
                self._file, "w", format="webm" if codec in _FOURCC else "matroska", options=_OPTIONS
            )
            with av.open(_alone(codec, key), format="h264" if codec == "h264" else "ivf") as template:
                # Size and parameter sets as FFmpeg reads them from the key frame.
                like: VideoStream = template.streams.video[0]
                self._video: Stream = self._container.add_stream_from_template(like, opaque=True)
            self._audio: AudioStream | None = None
            if rate is not None:
                self._audio = self._container.add_stream("libopus", rate=rate, layout="mono", options=_OPUS)
                self._audio.bit_rate = _OPUS_BITRATE
        except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
            self._file.close()
            raise VideoFileError(f"cannot hold {codec} pictures: {error}") from error

    def picture(self, data: bytes, at: int, *, key: bool) -> None:
        """`at`: nanoseconds after the file's beginning; pictures closer than a millisecond are moved apart."""
        at = max(at, self._last + 1_000_000, 0)
        self._last = at
        self.duration = max(self.duration, at / 1e9)
        packet = av.Packet(data)
        packet.stream = self._video
        packet.pts = packet.dts = at
        packet.time_base = _NS
        packet.is_keyframe = key
        self._mux([packet])

    def sound(self, samples: np.ndarray) -> None:
        """Samples of 16 bit that follow those before."""
        audio = self._audio
        if audio is None or not len(samples):
            return
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = audio.rate
        frame.pts = self._samples
        frame.time_base = Fraction(1, audio.rate)
        self._samples += len(samples)
        self.duration = max(self.duration, self._samples / audio.rate)
        self._mux(audio.encode(frame))

    def close(self) -> None:
        """Write what is left, and where things are; whole from then on."""
        try:
            if self._container is not None:
                if self._audio is not None:
                    self._mux(self._audio.encode(None))
                self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise VideoFileError(f"cannot be finished: {error}") from error
        finally:
            self._container = None
            self._file.close()

    def _mux(self, packets: Sequence[av.Packet[Stream]]) -> None:
        assert self._container is not None
        try:
            for packet in packets:
                self._container.mux_one(packet)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise VideoFileError(f"cannot be written: {error}") from error


def _alone(codec: str, key: bytes) -> BytesIO:
    """The key frame as a file of its own: a byte stream of H.264, else IVF."""
    if codec == "h264":
        return BytesIO(key)
    if codec == "av1":
        key = b"\x12\x00" + key  # a temporal delimiter
    head = b"DKIF" + struct.pack("<HH4sHHIIII", 0, 32, _FOURCC[codec], 0, 0, 90_000, 1, 1, 0)
    return BytesIO(head + struct.pack("<IQ", len(key), 0) + key)
