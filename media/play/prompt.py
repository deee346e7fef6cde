"""Prompt files: decoded, mixed to mono, brought to 8 kHz and encoded once.

soundfile and PyAV are imported when the first prompt needs them: a switch without prompts pays for neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from audiocodecs import g711

from media.play.resample import Resampler
from media.play.source import PlaySource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCEPTED = (".ircam", ".m4a", ".m4r", ".mp2", ".mp3", ".voc", ".vox", ".wav")
MAX_BYTES = 4 * 1024 * 1024
MAX_SECONDS = 1800  # 4 MB of a very low bit rate is hours; nobody waits that long, and all of it is kept in memory
VOX_RATE = 8000  # Dialogic ADPCM has no header to say so
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


def _by_soundfile(path: Path, *, vox: bool) -> Iterator[Decoded]:
    import soundfile  # type: ignore[import-untyped]

    class Sequential(soundfile.SoundFile):  # type: ignore[misc]
        """Each read of a seekable file ends in a seek, which an mp3 answers a few frames off."""

        def seekable(self) -> bool:
            return False

    raw = {"samplerate": VOX_RATE, "channels": 1, "format": "RAW", "subtype": "VOX_ADPCM"} if vox else {}
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


def encode_sound(path: Path, decoded: Iterator[Decoded]) -> PlaySource:
    """Mono, 8 kHz, both laws, from whatever a decoder gives; `path` is for the PromptError it may raise."""
    resampler: Resampler | None = None
    form: tuple[int, int] | None = None
    pcma, pcmu = bytearray(), bytearray()

    def take(pcm: bytes) -> None:
        pcma.extend(g711.linear_to_alaw(pcm))
        pcmu.extend(g711.linear_to_ulaw(pcm))
        if len(pcma) > MAX_SECONDS * 8000:
            raise _too_long(path)

    for rate, channels, chunk in decoded:
        if resampler is None or form != (rate, channels):
            if resampler is not None:
                take(resampler.finish())
            resampler, form = Resampler(rate, channels), (rate, channels)
        take(resampler.feed(chunk))
    if resampler is not None:
        take(resampler.finish())
    if not pcma:
        raise PromptError(path, "holds no audio")
    return PlaySource(bytes(pcma), bytes(pcmu))


def _decode(path: Path) -> PlaySource:
    """Each reader in turn; a damaged file fails in both, and the last reason is the one told."""
    suffix = path.suffix.lower()
    readers: list[Callable[[], Iterator[Decoded]]] = []
    if suffix not in _BY_PYAV:
        readers.append(lambda: _by_soundfile(path, vox=suffix == ".vox"))
    if suffix != ".vox":
        readers.append(lambda: _by_pyav(path))
    reason = ""
    for reader in readers:
        try:
            return encode_sound(path, reader())
        except PromptError:
            raise
        except ImportError as error:
            reason = f"needs {error.name} to be read, which is not installed"
        except Exception as error:  # noqa: BLE001 - decoders of foreign files raise what they like
            reason = f"is not readable as {suffix}: {error}"
    raise PromptError(path, f"{reason}; accepted are {' '.join(ACCEPTED)}")


class PromptLibrary:
    """Prompts by path, decoded again only when the file has changed (modification time or size)."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int, PlaySource]] = {}

    def load(self, path: str | Path) -> PlaySource:
        """The sound of the file. Blocks while it decodes: at start-up, on reload, or in a thread.

        Raises PromptError: not there, not readable, over 4 MB or 30 minutes, of a type that is not accepted, damaged.
        """
        place = Path(path)
        if place.suffix.lower() not in ACCEPTED:
            raise PromptError(
                path, f"type {place.suffix or '(none)'} is not accepted; accepted are {' '.join(ACCEPTED)}"
            )
        try:
            place = place.resolve(strict=True)
            status = place.stat()
            if not place.is_file():
                raise PromptError(path, "is not a file")
        except OSError as error:
            raise PromptError(path, f"cannot be opened: {error.strerror}") from error
        if status.st_size > MAX_BYTES:
            raise PromptError(path, f"has {status.st_size} bytes, at most {MAX_BYTES} (4 MB) are accepted")
        known = self._known.get(place)
        if known is not None and known[:2] == (status.st_mtime_ns, status.st_size):
            return known[2]
        source = _decode(place)
        self._known[place] = (status.st_mtime_ns, status.st_size, source)
        return source


_LIBRARY = PromptLibrary()


def load_prompt(path: str | Path) -> PlaySource:
    """`PromptLibrary.load` on the library of this process."""
    return _LIBRARY.load(path)
