"""Concealment, time scaling and comfort noise: what they sound like, and that both builds say the same."""

from __future__ import annotations

from array import array
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.receive.pieces import Noise, concealed, described, lengthened, shortened
from tests.support.plain import load_plain
from tests.support.speech import Pcm, spoken

PLC = load_plain("media/receive/concealment.py")
SCALE = load_plain("media/receive/time_scale.py")
CN = load_plain("media/receive/comfort_noise.py")

RATES = (8000, 16000, 24000, 32000, 48000)
ALIKE = 0.85

audio = st.one_of(
    st.lists(st.integers(-32768, 32767), min_size=640, max_size=640),
    st.builds(
        lambda pitch, level, noise: [
            int(np.clip(level * np.sin(n * pitch / 1000) + noise * ((n * 7919) % 101 - 50), -32768, 32767))
            for n in range(640)
        ],
        st.integers(20, 2500),
        st.integers(0, 40000),
        st.integers(0, 300),
    ),
)


def tone(rate: int, seconds: float, hertz: float = 155.0, level: float = 8000.0) -> Pcm:
    at = np.arange(int(rate * seconds)) / rate
    wave = np.sin(2 * np.pi * hertz * at) + 0.4 * np.sin(6 * np.pi * hertz * at + 1)
    return np.round(level * wave).astype(np.int16)


def pcm(octets: bytes) -> Pcm:
    return np.frombuffer(octets, np.int16)


def plain_concealed(heard: list[int], rate: int, lost: int, then: list[int]) -> tuple[bytes, bytes]:
    state = SimpleNamespace(history=[0] * PLC.MOST_HISTORY)
    guess, after = array("h", bytes(2 * lost)), array("h", then)
    PLC.conceal_begin(state, rate, heard, len(heard))
    PLC.conceal_make(state, guess, 0, lost)
    PLC.conceal_join(state, after, 0, len(after))
    return guess.tobytes(), after.tobytes()


@given(heard=audio, then=st.lists(st.integers(-32768, 32767), max_size=100), lost=st.integers(0, 600))
@settings(max_examples=15, deadline=None)
def test_concealment_is_the_same_in_both_builds(heard: list[int], then: list[int], lost: int) -> None:
    guess, joined = plain_concealed(heard, 8000, lost, then)
    assert (guess, joined) == concealed(array("h", heard), 8000, lost, array("h", then))
    loudest = max(map(abs, heard[-400:]))
    assert all(abs(sample) <= loudest for sample in array("h", guess))
    assert not any(array("h", guess)[480:])


@pytest.mark.parametrize("rate", RATES)
def test_a_lost_packet_of_a_voiced_sound_is_hardly_heard(rate: int) -> None:
    wave = tone(rate, 0.2)
    at, lost = len(wave) - rate // 25, rate // 50
    guess, joined = concealed(wave[:at], rate, lost, wave[at + lost :])
    whole = np.concatenate([wave[:at], pcm(guess), pcm(joined)]).astype(float)
    error = whole - wave
    assert np.sqrt(np.mean(error[at : at + rate // 100] ** 2)) < 0.15 * np.sqrt(np.mean(wave.astype(float) ** 2))
    assert np.max(np.abs(np.diff(whole))) < 1.25 * np.max(np.abs(np.diff(wave.astype(float))))


def test_a_long_loss_fades_and_the_speech_after_it_is_left_as_it_is() -> None:
    wave = tone(8000, 0.5)
    guess, joined = concealed(wave[:800], 8000, 800, wave[1600:])
    by_frame = np.abs(pcm(guess).astype(int)).reshape(10, 80).max(axis=1)
    assert all(later <= earlier for earlier, later in pairwise(by_frame[1:]))
    assert not by_frame[6:].any()
    assert by_frame[4] > 0
    assert np.array_equal(pcm(joined)[80:], wave[1680:])


def plain_scaled(kind: str, samples: list[int], start: int, most: int, alike: float) -> bytes:
    room = array("h", samples + [0] * 800)
    count = len(samples)
    if kind == "shorten":
        count -= SCALE.shorten(room, start, count - start, 8000, most, alike)
    else:
        count += SCALE.lengthen(room, start, count - start, 8000, most, alike)
    return room[:count].tobytes()


@given(
    samples=audio,
    start=st.integers(120, 480),
    most=st.integers(0, 200),
    alike=st.sampled_from([0.0, 0.5, ALIKE]),
)
@settings(max_examples=15, deadline=None)
def test_time_scaling_is_the_same_in_both_builds(samples: list[int], start: int, most: int, alike: float) -> None:
    compiled = {"shorten": shortened, "lengthen": lengthened}
    for kind, run in compiled.items():
        scaled = run(array("h", samples), start, 8000, most, alike)
        assert scaled == plain_scaled(kind, samples, start, most, alike)
        assert abs(len(scaled) // 2 - len(samples)) <= min(most, 120)
        assert scaled[: 2 * start] == array("h", samples)[:start].tobytes()


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_a_voice_keeps_its_pitch_when_it_is_shortened_and_lengthened(rate: int) -> None:
    wave = tone(rate, 0.3)
    start = len(wave) // 2
    shorter = pcm(shortened(wave, start, rate, rate, ALIKE)).astype(float)
    longer = pcm(lengthened(wave, start, rate, rate, ALIKE)).astype(float)
    period = rate / 155
    assert (len(wave) - len(shorter)) % period == pytest.approx(0, abs=1.5) or (len(wave) - len(shorter)) % period > (
        period - 1.5
    )
    assert len(longer) > len(wave)
    for scaled in (shorter, longer):
        assert np.max(np.abs(np.diff(scaled))) < 1.1 * np.max(np.abs(np.diff(wave.astype(float))))
        assert np.max(np.abs(scaled)) <= np.max(np.abs(wave)) + 1


def test_a_crackle_is_not_scaled_but_silence_always_is() -> None:
    crackle = np.random.default_rng(3).integers(-9000, 9000, 800, dtype=np.int16)
    assert len(shortened(crackle, 300, 8000, 200, ALIKE)) == 1600
    assert len(lengthened(crackle, 300, 8000, 200, ALIKE)) == 1600
    hush = np.random.default_rng(3).integers(-40, 40, 800, dtype=np.int16)
    assert len(shortened(hush, 300, 8000, 200, ALIKE)) == 2 * (800 - 120)
    assert len(lengthened(hush, 300, 8000, 80, ALIKE)) == 2 * (800 + 80)


def plain_noise() -> Any:
    state = SimpleNamespace(reflection=[0.0] * CN.MOST_ORDER, delayed=[0.0] * (CN.MOST_ORDER + 1))
    CN.noise_begin(state)
    return state


@given(payloads=st.lists(st.tuples(st.binary(max_size=20), st.integers(1, 100)), max_size=4))
@settings(max_examples=15, deadline=None)
def test_comfort_noise_is_the_same_in_both_builds(payloads: list[tuple[bytes, int]]) -> None:
    noise, state = Noise(), plain_noise()
    for payload, samples in payloads:
        noise.read(payload)
        CN.noise_read(state, payload, len(payload))
        made = array("h", bytes(2 * samples))
        CN.noise_make(state, made, 0, samples)
        assert made.tobytes() == noise.make(samples)


@given(audio)
@settings(max_examples=15, deadline=None)
def test_a_description_is_the_same_in_both_builds(samples: list[int]) -> None:
    payload = bytearray(CN.WRITTEN_ORDER + 1)
    assert CN.noise_describe(samples, len(samples), payload, [0.0] * 27) == len(payload)
    assert described(array("h", samples)) == payload


def rms(samples: Pcm) -> float:
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


def colour(samples: Pcm) -> float:
    """Power below 1 kHz against that above, in dB."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float))) ** 2
    edge = len(spectrum) // 4
    return float(10 * np.log10(spectrum[:edge].sum() / spectrum[edge:].sum()))


@pytest.mark.parametrize("level", [20, 40, 60])
def test_noise_has_the_level_it_is_given(level: int) -> None:
    noise = Noise()
    noise.read(bytes([level]))
    noise.make(4000)
    assert 20 * np.log10(rms(pcm(noise.make(40000))) / 32768) == pytest.approx(-level, abs=0.5)


@pytest.mark.parametrize("filter_coefficient", [0.9, -0.7, 0.0])
def test_what_is_described_sounds_like_it_again(filter_coefficient: float) -> None:
    white = np.random.default_rng(8).normal(0, 300, 16000)
    room = np.zeros(16000)
    for n in range(1, 16000):
        room[n] = white[n] + filter_coefficient * room[n - 1]
    heard = np.round(room).astype(np.int16)
    noise = Noise()
    noise.read(described(heard))
    noise.make(4000)
    again = pcm(noise.make(16000))
    assert 20 * np.log10(rms(again) / rms(heard)) == pytest.approx(0, abs=1.0)
    assert colour(again) == pytest.approx(colour(heard), abs=1.5)


def test_a_peer_hears_the_same_colour_in_a_payload() -> None:
    """libavcodec's reader of RFC 3389, through PyAV: the sign of the coefficients is a matter of agreement."""
    av = pytest.importorskip("av")
    noise = Noise()
    payload = bytes([30, 40, 150, 110])
    noise.read(payload)
    noise.make(4000)
    peer = av.CodecContext.create("comfortnoise", "r")
    peer.sample_rate = 8000
    peer.layout = "mono"
    frames = [frame for _ in range(40) for frame in peer.decode(av.Packet(payload))]
    theirs = np.concatenate([frame.to_ndarray().ravel() for frame in frames[5:]]).astype(np.int16)
    ours = pcm(noise.make(len(theirs)))
    assert colour(ours) == pytest.approx(colour(theirs), abs=2.0)


def test_silence_is_described_as_silence() -> None:
    assert described(np.zeros(160, np.int16))[0] == 127
    assert described(np.full(160, -32768, np.int16))[0] == 0


def test_concealment_of_speech_is_smooth_everywhere() -> None:
    """Wherever a packet is lost: no step that speech itself does not make."""
    speech = spoken(8000)
    steps = []
    for at in range(8000, len(speech) - 8000, 3333):
        guess, joined = concealed(speech[at - 400 : at], 8000, 160, speech[at + 160 : at + 480])
        whole = np.concatenate([speech[at - 400 : at], pcm(guess), pcm(joined)]).astype(float)
        local = np.abs(np.diff(speech[at - 400 : at + 480].astype(float))).max()
        steps.append(np.abs(np.diff(whole))[395:].max() / (local + 50))
    assert max(steps) < 1.5
