"""Prompts of every accepted type: the right sound, at the right level, with little added; and clear refusals."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import soundfile
from audiocodecs import g711
from audiocodecs.registry import PCMA, PCMU

from media.play.prompt import ACCEPTED, MAX_BYTES, PromptError, PromptLibrary, load_prompt, make_sound

if TYPE_CHECKING:
    from media.play.source import PlaySource

TONE_HZ = 1013.0  # not a divisor of 8000: the quantising error is then noise, as in speech
AMPLITUDE = 0.25


def tone(rate: int, seconds: float = 1.5, frequency: float = TONE_HZ) -> np.ndarray:
    return AMPLITUDE * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)


def heard(source: PlaySource) -> np.ndarray:
    track = source.track(PCMA.number)
    assert track is not None
    return np.frombuffer(g711.alaw_to_linear(track[: source.length]), dtype="<i2").astype(float) / 32768


def fit(wave: np.ndarray, frequency: float) -> tuple[float, float]:
    """(amplitude of the frequency, signal to everything else in dB), away from the edges."""
    middle = wave[len(wave) // 4 : 3 * len(wave) // 4]
    angle = 2 * np.pi * frequency * np.arange(len(middle)) / 8000
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    weights, *_ = np.linalg.lstsq(basis, middle, rcond=None)
    sine = basis @ weights
    return float(np.hypot(*weights)), float(10 * np.log10(np.sum(sine**2) / np.sum((middle - sine) ** 2)))


def write_pyav(path: Path, codec: str, container: str, rate: int = 44100) -> None:
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        samples = (tone(rate) * 32767).astype("int16")
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = rate
        fifo = av.AudioResampler(
            format=stream.format.name, layout="mono", rate=rate, frame_size=stream.frame_size or 1152
        )
        for part in [*fifo.resample(frame), *fifo.resample(None)]:
            for packet in stream.encode(part):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav_of_any_rate(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "prompt.wav"
    soundfile.write(path, np.stack([tone(rate)] * channels, axis=1), rate, subtype="PCM_16")
    source = load_prompt(path)
    amplitude, noise = fit(heard(source), TONE_HZ)
    assert noise > 35
    assert 20 * np.log10(amplitude / AMPLITUDE) == pytest.approx(0, abs=0.1)
    assert source.duration == pytest.approx(1.5, abs=0.001)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_the_filter_keeps_speech_and_drops_what_would_fold_back(tmp_path: Path, rate: int) -> None:
    for frequency, low, high in ((300.0, -0.2, 0.2), (3300.0, -0.5, 0.2)):
        path = tmp_path / f"{frequency}.wav"
        soundfile.write(path, tone(rate, frequency=frequency), rate, subtype="FLOAT")
        amplitude, _ = fit(heard(load_prompt(path)), frequency)
        assert low < 20 * np.log10(amplitude / AMPLITUDE) < high
    for frequency in (4100.0, 5000.0, 7000.0):
        path = tmp_path / f"{frequency}.wav"
        soundfile.write(path, tone(rate, frequency=frequency), rate, subtype="FLOAT")
        middle = heard(load_prompt(path))[2000:-2000]
        assert np.sqrt(np.mean(middle**2)) < AMPLITUDE * 10 ** (-55 / 20)


def test_sound_keeps_its_place(tmp_path: Path) -> None:
    wave = np.zeros(48000)
    wave[24000:24480] = 0.5 * np.hanning(480)
    path = tmp_path / "click.wav"
    soundfile.write(path, wave, 48000, subtype="FLOAT")
    out = heard(load_prompt(path))
    assert abs(int(np.argmax(out)) - 4040) <= 1


def test_left_and_right_are_mixed_alike(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([tone(8000), np.zeros(12000)], axis=1), 8000, subtype="PCM_16")
    amplitude, _ = fit(heard(load_prompt(path)), TONE_HZ)
    assert amplitude == pytest.approx(AMPLITUDE / 2, rel=0.02)


@pytest.mark.parametrize(
    ("name", "format_", "subtype", "rate", "least"),
    [
        ("p.ircam", "IRCAM", "PCM_16", 16000, 35),
        ("p.voc", "VOC", "PCM_16", 11025, 35),
        ("p.mp3", "MP3", None, 44100, 30),
        ("p.vox", "RAW", "VOX_ADPCM", 8000, 20),  # 4-bit ADPCM: its own noise
        ("ulaw.wav", "WAV", "ULAW", 8000, 28),
        ("adpcm.wav", "WAV", "IMA_ADPCM", 8000, 20),
        ("deep.wav", "WAV", "PCM_24", 48000, 35),
        ("P.WAV", "WAV", "PCM_16", 8000, 35),
    ],
)
def test_types_written_by_libsndfile(
    tmp_path: Path, name: str, format_: str, subtype: str | None, rate: int, least: float
) -> None:
    path = tmp_path / name
    with soundfile.SoundFile(path, "w", samplerate=rate, channels=1, format=format_, subtype=subtype) as file:
        file.write(tone(rate))
    source = load_prompt(path)
    amplitude, noise = fit(heard(source), TONE_HZ)
    assert noise > least
    assert amplitude == pytest.approx(AMPLITUDE, rel=0.03)
    assert source.duration == pytest.approx(1.5, abs=0.06)


@pytest.mark.parametrize(
    ("name", "codec", "container"), [("p.mp2", "mp2", "mp2"), ("p.m4a", "aac", "ipod"), ("p.m4r", "aac", "ipod")]
)
def test_types_written_by_pyav(tmp_path: Path, name: str, codec: str, container: str) -> None:
    path = tmp_path / name
    write_pyav(path, codec, container)
    source = load_prompt(path)
    amplitude, noise = fit(heard(source), TONE_HZ)
    assert noise > 30
    assert amplitude == pytest.approx(AMPLITUDE, rel=0.03)
    assert source.duration == pytest.approx(1.5, abs=0.1)


def test_a_voc_of_several_blocks_is_read_to_its_end(tmp_path: Path) -> None:
    """Libsndfile stops after the first block; such files are common."""
    octets = (128 + 100 * np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)).astype("uint8").tobytes()
    block = bytes([1]) + (len(octets) + 2).to_bytes(3, "little") + bytes([256 - 1_000_000 // 8000, 0]) + octets
    header = b"Creative Voice File\x1a" + (26).to_bytes(2, "little") + (0x010A).to_bytes(2, "little")
    checksum = ((~0x010A + 0x1234) & 0xFFFF).to_bytes(2, "little")
    path = tmp_path / "blocks.voc"
    path.write_bytes(header + checksum + block * 3 + b"\0")
    assert load_prompt(path).duration == pytest.approx(3.0, abs=0.02)


def test_both_laws_carry_the_same_sound(tmp_path: Path) -> None:
    path = tmp_path / "both.wav"
    soundfile.write(path, tone(16000), 16000)
    source = load_prompt(path)
    track = source.track(PCMU.number)
    assert track is not None
    mu = np.frombuffer(g711.ulaw_to_linear(track[: source.length]), dtype="<i2").astype(float) / 32768
    assert np.max(np.abs(mu - heard(source))) < 0.02


def test_a_prompt_is_decoded_once_until_it_changes(tmp_path: Path) -> None:
    library, path = PromptLibrary(), tmp_path / "p.wav"
    soundfile.write(path, tone(8000), 8000)
    first = library.load(path)
    assert library.load(str(path)) is first
    soundfile.write(path, tone(8000, 0.5), 8000)
    assert library.load(path).duration == pytest.approx(0.5)
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    second = library.load(path)
    assert second is not first
    library.forget(second)
    assert library.load(path) is not second


def test_refusals_say_what_is_accepted(tmp_path: Path) -> None:
    text = tmp_path / "prompt.flac"
    text.write_bytes(b"x")
    with pytest.raises(PromptError, match="not accepted") as refusal:
        load_prompt(text)
    assert all(suffix in str(refusal.value) for suffix in ACCEPTED)
    assert (refusal.value.path, refusal.value.reason.startswith("type .flac")) == (str(text), True)


def content_of(folder: Path, suffix: str) -> bytes:
    """A good file of this type."""
    path = folder / f"good{suffix}"
    if suffix in (".m4a", ".m4r", ".mp2"):
        write_pyav(path, "mp2" if suffix == ".mp2" else "aac", "mp2" if suffix == ".mp2" else "ipod")
    else:
        form = {".vox": ("RAW", "VOX_ADPCM"), ".mp3": ("MP3", None)}.get(suffix, (suffix[1:].upper(), "PCM_16"))
        rate = 8000 if suffix == ".vox" else 44100
        with soundfile.SoundFile(path, "w", samplerate=rate, channels=1, format=form[0], subtype=form[1]) as file:
            file.write(tone(rate))
    return path.read_bytes()


def test_every_type_under_every_name(tmp_path: Path) -> None:
    """A file is what it holds: each type is taken under its own name alone, and the refusal says what it is."""
    contents = {suffix: content_of(tmp_path, suffix) for suffix in ACCEPTED}
    for kind, content in contents.items():
        for suffix in ACCEPTED:
            path = tmp_path / f"named{suffix}"
            path.write_bytes(content)
            same = kind == suffix or {kind, suffix} == {".m4a", ".m4r"}
            if same:
                assert load_prompt(path).duration == pytest.approx(1.5, abs=0.1)
            else:
                with pytest.raises(PromptError, match=f"is named {suffix} but holds") as refusal:
                    load_prompt(path)
                assert all(each in str(refusal.value) for each in ACCEPTED)
                if kind not in (".vox", ".m4r"):
                    assert f"name it {kind}" in refusal.value.reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"OggS" + bytes(100), "an Ogg file"),
        (b"%PDF-1.7" + bytes(100), "a PDF document"),
        (b"RIFF\x10\0\0\0AVI LIST" + bytes(100), "a RIFF file that is no WAVE"),
        (b"\0\0\0\x18ftypavc1" + bytes(100), "a video or image file"),
        (b"Welcome to our telephone system.\n" * 20, "text"),
        (b"", "is empty"),
    ],
)
def test_a_vox_file_is_what_looks_like_nothing_else(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "prompt.vox"
    path.write_bytes(content)
    with pytest.raises(PromptError, match=words):
        load_prompt(path)


def test_a_vox_file_has_the_rate_it_is_said_to_have(tmp_path: Path) -> None:
    path = tmp_path / "p.vox"
    with soundfile.SoundFile(path, "w", samplerate=6000, channels=1, format="RAW", subtype="VOX_ADPCM") as file:
        file.write(tone(6000))
    library = PromptLibrary()
    assert library.load(path).duration == pytest.approx(1.5 * 6 / 8, abs=0.01)
    slow = library.load(path, vox_rate=6000)
    assert slow.duration == pytest.approx(1.5, abs=0.01)
    assert fit(heard(slow), TONE_HZ)[1] > 20


def test_wide_sound_is_kept_where_there_is_some(tmp_path: Path) -> None:
    path = tmp_path / "wide.wav"
    soundfile.write(path, tone(44100, frequency=6000.0), 44100, subtype="PCM_16")
    wide = load_prompt(path).wide
    assert wide is not None
    wave = np.frombuffer(wide, dtype="<i2").astype(float) / 32768
    middle = wave[8000:-4000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * 16000 / len(middle) == pytest.approx(6000, abs=5)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(AMPLITUDE / np.sqrt(2), rel=0.05)
    soundfile.write(path, tone(8000), 8000, subtype="PCM_16")
    assert load_prompt(path).wide is None


@pytest.mark.parametrize("suffix", [suffix for suffix in ACCEPTED if suffix != ".vox"])
@pytest.mark.parametrize("content", [b"", b"\0" * 50, b"RIFF\x10\0\0\0WAVEfmt ", b"ID3" + bytes(range(256)) * 8])
def test_damaged_files_are_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(PromptError, match="broken"):
        load_prompt(path)


def test_files_that_are_not_there_or_not_files(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="No such file"):
        load_prompt(tmp_path / "absent.wav")
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(PromptError, match="not a file"):
        load_prompt(tmp_path / "folder.wav")


def test_four_megabytes_are_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(PromptError, match="4 MB"):
        load_prompt(path)


def test_half_an_hour_is_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", samplerate=1000, channels=1, format="WAV", subtype="IMA_ADPCM") as file:
        file.write(np.zeros(1_810_000))
    with pytest.raises(PromptError, match="30 minutes"):
        load_prompt(path)


def test_a_decoder_that_never_ends_is_stopped() -> None:
    endless = itertools.repeat((8000, 1, bytes(4 * 8000 * 60)))
    with pytest.raises(PromptError, match="30 minutes"):
        make_sound(Path("endless.m4a"), endless)


def test_importing_media_imports_no_decoder() -> None:
    code = (
        "import sys, media.play.prompt, media.play.tone, media.record.writer\n"
        "print(sorted({'numpy', 'av', 'soundfile'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"
