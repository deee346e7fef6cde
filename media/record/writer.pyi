"""Turns tapped packets into WAV files on one clock: one mono file per leg, one stereo file per recording."""

from collections.abc import Callable

from media.record.events import RecordingFailed, RecordingFinished
from media.record.tap import Tap

class RecordingWriter:
    """Two threads of its own, neither of which the media worker or the event loop ever waits for.

    The drain thread empties the rings at least every 0.5 s, decodes every codec that can be decoded here, conceals what
    was lost, and lays the audio on the recording's clock. The disk thread opens, writes and closes files. Between them
    lie at most `backlog_bytes` of audio; a disk that is slower than that costs audio (counted in RecordedFile.dropped),
    never the call.

    What control does:

    * OpenRecording -> `open(recording, stereo_path)`. The recording's clock starts now.
    * StartTap -> `tap = attach(recording, leg, path, channel)`, then hand `tap.address` to the worker. Control need not
      keep `tap`. Should the command never reach the worker, call `tap.close()`.
    * StopTap -> only the worker: it clears its pointer and calls `tap_close`.
    * CloseRecording -> StopTap for every leg still tapped (the worker's part), and `close(recording)`. The clock stops
      now; the files are finished as soon as the worker has let go of the rings, at the latest after 1 s.
    * The end: join the workers first, then `stop()`.

    All methods return at once (a lock-free queue under the interpreter lock). Events come on the disk or drain thread:
    `on_event` must be quick, thread-safe and not raise (`loop.call_soon_threadsafe` fits).
    """

    def __init__(
        self,
        on_event: Callable[[RecordingFinished | RecordingFailed], None],
        *,
        ring_bytes: int = 16384,
        backlog_bytes: int = 67108864,
        mask_digits: bool = False,
    ) -> None:
        """`mask_digits`: every DTMF tone becomes silence in all files, from its first moment on (ITU-T Q.24)."""
    def start(self) -> None:
        """Start both threads. Without it, `drain` and `flush` do the same work at the caller's pace."""

    def open(self, recording: int, stereo_path: str | None, now_ns: int | None = None) -> None:
        """Begin a recording whose clock starts at `now_ns` (CLOCK_MONOTONIC; None = now).

        Raises ValueError when the number is in use.
        """

    def attach(self, recording: int, leg: int, path: str, channel: int | None, *, rate: int = 8000) -> Tap:
        """A ring for one leg and its own mono file; `channel` 0 = left, 1 = right in the stereo file, None = not in it.

        Several legs may share a channel (a transfer target takes over): their audio is added. Directories are made
        as needed, the file has mode 0600, and a file that exists already is never overwritten (RecordingFailed).
        `rate` is 8000 or 16000 Hz: all files of a recording have the highest one asked for before its first audio is
        given out, and keep it whatever the codecs become. Raises ValueError for an unknown recording, channel or rate.
        """

    def silence(self, recording: int, leg: int, begin_ns: int, end_ns: int) -> None:
        """Keep what `leg` said between these times (CLOCK_MONOTONIC, of arrival) out of the files: digits, say.

        Within 200 ms of `begin_ns`, later what is on its way to the disk already stays. Unknown: nothing happens.
        """

    def close(self, recording: int, now_ns: int | None = None) -> None:
        """Stop the clock; RecordingFinished follows. Unknown or already closed: nothing happens."""

    def stop(self) -> None:
        """Finish every recording with what has arrived, write all of it, end the threads. Call it after the workers."""

    def drain(self, now_ns: int) -> None:
        """One pass over every ring as if the clock showed `now_ns`. Only on a writer that was not started."""

    def flush(self) -> None:
        """Write everything drained so far to the files. Only on a writer that was not started."""

    @property
    def backlog(self) -> int:
        """Bytes waiting for the disk."""

    @property
    def recordings(self) -> int:
        """Recordings whose files are not finished yet."""
