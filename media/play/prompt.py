"""Prompt files: checked by what they hold, decoded once, mixed to mono and kept as PCM.

soundfile and PyAV are imported when the first prompt needs them: a switch without prompts pays for neither.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from media.play.kind import HEAD_BYTES, mismatch
from media.play.resample import Resampler
from media.play.source import PlaySource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCEPTED = (".ircam", ".m4a", ".m4r", ".mp2", ".mp3", ".voc", ".vox", ".wav")
MAX_BYTES = 4 * 1024 * 1024
MAX_SECONDS = 1800  # 4 MB of a very low bit rate is hours; nobody waits that long, and all of it is kept in memory
VOX_RATE = 8000  # Dialogic ADPCM has no header to say so; 6000 is the other rate in use
VOX_RATES = (6000, 8000)
CHUNK_FRAMES = 16384

# libsndfile reads only the first block of a .voc and no MPEG-4; PyAV reads all but .vox, which has no header to probe.
_BY_PYAV = frozenset({".m4a", ".m4r", ".voc"})


class PromptError(Exception):
    """A prompt cannot be played; says which and why, and what to do."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"prompt {path}: {reason}")
        self.path = str(path)
        self.reason = reason


Decoded = tuple[int, int, bytes]
"""Sampling rate, channels, interleaved 32-bit floats."""


def _too_long(path: Path) -> PromptError:
    return PromptError(path, f"is longer than {MAX_SECONDS // 60} minutes; shorten it")


def _by_soundfile(path: Path, vox_rate: int) -> Iterator[Decoded]:
    import soundfile

    class Sequential(soundfile.SoundFile):  # type: ignore[misc]
        """Each read of a seekable file ends in a seek, which an mp3 answers a few frames off."""

        def seekable(self) -> bool:
            return False

    raw = {"samplerate": vox_rate, "channels": 1, "format": "RAW", "subtype": "VOX_ADPCM"} if vox_rate else {}
    with Sequential(str(path), **raw) as file:
        if file.frames > MAX_SECONDS * file.samplerate:
            raise _too_long(path)
        room = bytearray(CHUNK_FRAMES * file.channels * 4)
        while frames := file.buffer_read_into(room, dtype="float32"):
            yield file.samplerate, file.channels, bytes(room[: frames * file.channels * 4])


def _by_pyav(path: Path) -> Iterator[Decoded]:
    import av

    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise PromptError(path, "holds no audio")
        resampler = av.AudioResampler(format="flt")  # packed floats; rate and layout stay those of the file
        for frame in container.decode(container.streams.audio[0]):
            for part in resampler.resample(frame):
                size = part.samples * part.layout.nb_channels * 4  # the plane is padded for alignment
                yield part.sample_rate, part.layout.nb_channels, bytes(part.planes[0])[:size]


class _Bands:
    """One stretch of a file at one rate: to 8 kHz, and to 16 kHz where that is more."""

    def __init__(self, rate: int, channels: int) -> None:
        self.form = rate, channels
        self._narrow = Resampler(rate, channels, 8000)
        self._wide = Resampler(rate, channels, 16000) if rate > 8000 else None

    def feed(self, chunk: bytes) -> tuple[bytes, bytes]:
        return self._narrow.feed(chunk), b"" if self._wide is None else self._wide.feed(chunk)

    def finish(self) -> tuple[bytes, bytes]:
        return self._narrow.finish(), b"" if self._wide is None else self._wide.finish()


def make_sound(path: Path, decoded: Iterator[Decoded]) -> PlaySource:
    """Mono, 8 kHz and 16 kHz, from whatever a decoder gives; `path` is for the PromptError it may raise."""
    bands: _Bands | None = None
    narrow, wide = bytearray(), bytearray()
    lowest = 0

    def take(parts: tuple[bytes, bytes]) -> None:
        narrow.extend(parts[0])
        wide.extend(parts[1])
        if len(narrow) > MAX_SECONDS * 16000:
            raise _too_long(path)

    for rate, channels, chunk in decoded:
        if bands is None or bands.form != (rate, channels):
            if bands is not None:
                take(bands.finish())
            bands = _Bands(rate, channels)
            lowest = min(lowest or rate, rate)
        take(bands.feed(chunk))
    if bands is not None:
        take(bands.finish())
    if not narrow:
        raise PromptError(path, "holds no audio")
    source = PlaySource(bytes(narrow))
    if lowest > 8000:
        source.widen(bytes(wide[: 2 * len(narrow)]).ljust(2 * len(narrow), b"\0"))
    return source


def _decode(path: Path, suffix: str, vox_rate: int) -> PlaySource:
    """Each reader in turn; a damaged file fails in both, and the last reason is the one told."""
    readers: list[Callable[[], Iterator[Decoded]]] = []
    if suffix not in _BY_PYAV:
        readers.append(lambda: _by_soundfile(path, vox_rate if suffix == ".vox" else 0))
    if suffix != ".vox":
        readers.append(lambda: _by_pyav(path))
    reason = ""
    for reader in readers:
        try:
            return make_sound(path, reader())
        except PromptError:
            raise
        except ImportError as error:
            reason = f"needs {error.name} to be read, which is not installed"
        except Exception as error:  # noqa: BLE001 - decoders of foreign files raise what they like
            reason = f"is not readable as {suffix}: {error}"
    raise PromptError(path, f"{reason}; accepted are {' '.join(ACCEPTED)}")


def check_name(path: str | Path) -> str:
    """The suffix, lower case. Raises PromptError for a type that is not accepted."""
    suffix = Path(path).suffix.lower()
    if suffix not in ACCEPTED:
        raise PromptError(path, f"type {suffix or '(none)'} is not accepted; accepted are {' '.join(ACCEPTED)}")
    return suffix


class PromptLibrary:
    """Prompts by path, decoded again only when the file has changed (modification time or size). For any thread."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int, int], PlaySource]] = {}
        self._lock = threading.Lock()

    def load(self, path: str | Path, *, vox_rate: int = VOX_RATE) -> PlaySource:
        """The sound of the file. Blocks while it decodes: at start-up, on reload, or in a thread.

        Raises PromptError: not there, not readable, over 4 MB or 30 minutes, of a type that is not accepted, not of
        the type its name says, damaged.
        """
        suffix = check_name(path)
        place = Path(path)
        try:
            place = place.resolve(strict=True)
            status = place.stat()
            if not place.is_file():
                raise PromptError(path, "is not a file")
            if status.st_size > MAX_BYTES:
                raise PromptError(path, f"has {status.st_size} bytes, at most {MAX_BYTES} (4 MB) are accepted")
            with place.open("rb") as file:
                head = file.read(HEAD_BYTES)
        except OSError as error:
            raise PromptError(path, f"cannot be opened: {error.strerror}") from error
        version = (status.st_mtime_ns, status.st_size, vox_rate if suffix == ".vox" else 0)
        with self._lock:
            known = self._known.get(place)
            if known is not None and known[0] == version:
                return known[1]
            lie = mismatch(suffix, head)
            if lie is not None:
                raise PromptError(path, f"{lie}; accepted are {' '.join(ACCEPTED)}, each holding what its name says")
            source = _decode(place, suffix, vox_rate)
            self._known[place] = (version, source)
            return source

    def forget(self, source: PlaySource) -> None:
        """Let go of a sound nobody will ask for again."""
        with self._lock:
            self._known = {path: known for path, known in self._known.items() if known[1] is not source}


_LIBRARY = PromptLibrary()


def load_prompt(path: str | Path) -> PlaySource:
    """`PromptLibrary.load` on the library of this process."""
    return _LIBRARY.load(path)
