"""Every codec in one recording: what was said is found where it was said, at the file's rate, whatever was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from audiocodecs.coding import Decoder, Encoder, why_unavailable
from audiocodecs.registry import CN, codec_by_name

from tests.support.channel import Channel
from tests.support.far_end import Packet
from tests.support.reception import packets
from tests.support.recorder import T0, Recorder
from tests.support.speech import Pcm, score, spoken

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DELAY = 0.03

codecs = pytest.mark.parametrize(
    ("name", "rate"),
    [("PCMA", 8000), ("L16", 8000), ("L16", 16000), ("G722", 16000), ("opus", 16000), ("opus", 8000), ("G729", 8000)],
)


def needs(name: str) -> None:
    """Skip where the codec's library is not installed."""
    why = why_unavailable(name)
    if why is not None:
        pytest.skip(why)


def stream(name: str, rate: int, said: Pcm, channel: Channel, *, ssrc: int = 5) -> list[Packet]:
    """Some speech as it arrives, on a clock that showed T0 when it began."""
    encoder = Encoder(name, rate, complexity=5) if name == "opus" else Encoder(name, rate)
    encoder.expect_loss(round(100 * channel.loss))
    known = codec_by_name(name)
    assert known is not None
    return [
        Packet(
            T0 + round(at * 1e9), ssrc, sent.timestamp, sent.sequence, sent.payload, known.number, encoder.clock_rate
        )
        for at, sent in channel.carry(packets(said, encoder))
    ]


def recorded(folder: Path, arrivals: Iterable[Packet], seconds: float, *, rate: int = 8000) -> Pcm:
    """One leg, recorded at this rate."""
    recorder = Recorder(folder, stereo=False, ring_bytes=65536)
    tap = recorder.tap("leg", rate=rate)
    recorder.play((tap, packet) for packet in arrivals)
    file = recorder.finish(seconds)["leg"]
    assert (file.error, file.overruns, file.duration) == (None, 0, seconds)
    return recorder.wave("leg", rate)


def found_at(wave: Pcm, said: Pcm, rate: int, start: float, length: float = 2.0) -> float:
    """By how many seconds a passage of `said` lies later in `wave`; sought within +-100 ms of DELAY."""
    part = said[round(start * rate) : round((start + length) * rate)].astype(float)
    first = round((start + DELAY - 0.1) * rate)
    around = wave[first : first + len(part) + round(0.2 * rate)].astype(float)
    spectrum = np.fft.rfft(around) * np.conj(np.fft.rfft(part, len(around)))
    return float(np.argmax(np.fft.irfft(spectrum, len(around))[: len(around) - len(part)])) / rate + DELAY - 0.1


@codecs
@pytest.mark.parametrize("file_rate", [8000, 16000])
def test_every_codec_is_recorded_where_it_was_spoken(tmp_path: Path, name: str, rate: int, file_rate: int) -> None:
    needs(name)
    said, expected = spoken(rate), spoken(file_rate)
    wave = recorded(tmp_path, stream(name, rate, said, Channel(delay=DELAY)), 17, rate=file_rate)
    for start in (1.0, 8.0, 13.0):
        assert abs(found_at(wave, expected, file_rate, start) - DELAY) < 0.009
    begin = round(found_at(wave, expected, file_rate, 8.0) * file_rate)
    alike = np.corrcoef(expected, wave[begin : begin + len(expected)])[0, 1]
    assert alike > (0.7 if name in ("G729", "opus") else 0.95)


@codecs
def test_loss_jitter_and_drift_do_not_move_speech(tmp_path: Path, name: str, rate: int) -> None:
    needs(name)
    said = spoken(rate)
    channel = Channel(delay=DELAY, loss=0.05, burst=2, jitter=0.06, drift_ppm=500, reordering=0.02, duplicates=0.02)
    wave = recorded(tmp_path, stream(name, rate, said, channel), 17, rate=rate)
    for start in (1.0, 8.0, 13.0):
        drifted = start * 500 / 1e6
        assert abs(found_at(wave, said, rate, start) - DELAY - drifted) < 0.020


@pytest.mark.parametrize(("name", "rate", "gain"), [("PCMA", 8000, 0.3), ("opus", 8000, 0.3)])
def test_losses_are_concealed(tmp_path: Path, name: str, rate: int, gain: float) -> None:
    needs(name)
    said = spoken(rate)
    arrivals = stream(name, rate, said, Channel(delay=DELAY, loss=0.1))
    wave = recorded(tmp_path, arrivals, 17)
    decoder, cut = Decoder(name, rate), np.zeros(len(said), np.int16)
    for packet in arrivals:
        at = ((packet.sequence - 65000) & 0xFFFF) * 160
        cut[at : at + 160] = np.frombuffer(decoder.decode(packet.payload), np.int16)
    begin = round(DELAY * rate)
    assert score(said, wave[begin : begin + len(said)], rate) > score(said, cut, rate) + gain


def test_a_codec_change_keeps_the_rate_and_the_time(tmp_path: Path) -> None:
    needs("opus")
    channel = Channel(delay=DELAY)
    said = spoken(8000)
    narrow = stream("PCMA", 8000, said, channel)
    wide = stream("opus", 16000, spoken(16000), channel)
    linear = stream("L16", 16000, spoken(16000), channel)
    wave = recorded(tmp_path, [*narrow[:250], *wide[250:500], *linear[500:650], *narrow[650:]], 17)
    for start in (1.0, 5.5, 10.5, 13.5):
        assert abs(found_at(wave, said, 8000, start) - DELAY) < 0.010


def test_the_files_of_a_recording_have_the_highest_rate_of_its_legs(tmp_path: Path) -> None:
    needs("G722")
    recorder = Recorder(tmp_path)
    narrow, wide = recorder.tap("narrow", 0), recorder.tap("wide", 1, rate=16000)
    channel = Channel(delay=DELAY)
    both = [(narrow, packet) for packet in stream("PCMA", 8000, spoken(8000), channel, ssrc=1)]
    both += [(wide, packet) for packet in stream("G722", 16000, spoken(16000), channel, ssrc=2)]
    both.sort(key=lambda entry: entry[1].arrival_ns)
    recorder.play(both[:800])
    late = recorder.tap("late", 1)
    recorder.play(both[800:])
    late.close()
    files = recorder.finish(17)
    assert {file.duration for file in files.values()} == {17.0}
    stereo = recorder.wave("stereo", 16000)
    assert np.array_equal(stereo[:, 0], recorder.wave("narrow", 16000))
    assert np.array_equal(stereo[:, 1], recorder.wave("wide", 16000))
    assert recorder.wave("late", 16000).shape == stereo[:, 0].shape
    one, other = (found_at(stereo[:, side], spoken(16000), 16000, 8.0) for side in (0, 1))
    assert abs(one - other) < 0.006


def test_a_rate_asked_for_too_late_changes_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    first = recorder.tap("first", 0)
    recorder.play((first, packet) for packet in stream("PCMA", 8000, spoken(8000), Channel()))
    recorder.tap("second", 1, rate=16000)
    with pytest.raises(ValueError, match="8000 or 16000"):
        recorder.writer.attach(1, 9, str(tmp_path / "x.wav"), 0, rate=48000)
    recorder.finish(18)
    assert {soundfile.info(tmp_path / f"{name}.wav").samplerate for name in ("first", "second", "stereo")} == {8000}


def test_what_is_silenced_is_in_no_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    tap, other = recorder.tap("caller", 0), recorder.tap("agent", 1)
    loud = np.random.default_rng(2).integers(-9000, 9000, 8000 * 10, dtype=np.int16)
    arrivals = stream("L16", 8000, loud, Channel(delay=DELAY))
    both = [(each, packet) for packet in arrivals for each in (tap, other)]
    recorder.play(both[:500])
    recorder.writer.silence(1, 0, T0 + 4_900_000_000, T0 + 5_150_000_000)
    recorder.writer.silence(1, 77, 0, T0 + 10_000_000_000)
    recorder.writer.silence(9, 0, 0, T0 + 10_000_000_000)
    recorder.play(both[500:])
    recorder.finish(10)
    caller, agent, stereo = recorder.wave("caller"), recorder.wave("agent"), recorder.wave("stereo")
    silent = slice(int(4.9 * 8000), int(5.15 * 8000))
    assert not caller[silent].any()
    assert not stereo[silent, 0].any()
    assert np.array_equal(np.flatnonzero(caller != agent), np.flatnonzero((caller == 0) & (agent != 0)))
    assert np.count_nonzero(agent[silent]) > 1900
    assert np.array_equal(caller[42000:], agent[42000:])


def test_comfort_noise_and_opus_pauses_are_silence_and_shift_nothing(tmp_path: Path) -> None:
    needs("opus")
    said = np.concatenate([spoken(16000)[:64000], np.zeros(64000, np.int16), spoken(16000)[:64000]])
    encoder = Encoder("opus", 16000, complexity=5, dtx=True)
    arrivals = [
        Packet(T0 + round(at * 1e9), 5, sent.timestamp, sent.sequence, sent.payload, 129, 48000)
        for at, sent in Channel(delay=DELAY, jitter=0.02).carry(packets(said, encoder))
    ]
    wave = recorded(tmp_path, arrivals, 13, rate=16000)
    assert abs(found_at(wave, said, 16000, 1.0) - DELAY) < 0.010
    assert abs(found_at(wave, said, 16000, 9.0) - DELAY) < 0.010
    assert np.max(np.abs(wave[16000 * 5 : 16000 * 8])) < 100


def test_a_mangled_payload_is_skipped(tmp_path: Path) -> None:
    needs("opus")
    arrivals = stream("opus", 16000, spoken(16000), Channel(delay=DELAY))
    mangled = [
        Packet(p.arrival_ns, p.ssrc, p.timestamp, p.sequence, b"\xff\xff\xff", p.codec, 48000) if n % 50 == 7 else p
        for n, p in enumerate(arrivals)
    ]
    noise = [Packet(T0 + 5, 5, 1, 1, b"", CN.number), Packet(T0 + 6, 5, 1, 1, b"\x20", CN.number)]
    wave = recorded(tmp_path, [*noise, *mangled], 17, rate=16000)
    assert abs(found_at(wave, spoken(16000), 16000, 8.0) - DELAY) < 0.010
