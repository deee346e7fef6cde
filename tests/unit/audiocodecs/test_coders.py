"""Every codec there is: tones and speech through it, packets of every length, and any octets at all as a payload."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from audiocodecs.coding import CODABLE, LIBRARIES, SAMPLE_RATES, CodecUnavailable, Decoder, Encoder, why_unavailable
from audiocodecs.registry import codec_by_name
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.voice import quality, speech

EVERY = [(codec, rate) for codec in CODABLE for rate in SAMPLE_RATES[codec]]
AMPLITUDE = 10000
CODECS = Path(__file__).parents[3] / "codecs"


def through(encoder: Encoder, decoder: Decoder, pcm: np.ndarray, ms: int) -> np.ndarray:
    """Packet after packet, nothing lost."""
    count = encoder.sample_rate * ms // 1000
    packets = [encoder.encode(pcm[at : at + count]) for at in range(0, len(pcm) - count + 1, count)]
    return np.frombuffer(b"".join(map(decoder.decode, packets)), "int16")


def tone(frequency: float, rate: int) -> np.ndarray:
    return np.rint(AMPLITUDE * np.sin(2 * np.pi * frequency * np.arange(2 * rate) / rate)).astype("int16")


def gain_and_noise(out: np.ndarray, frequency: float, rate: int) -> tuple[float, float]:
    """dB of the tone in what came out, and of all else below it, once the coder has settled."""
    settled = out[rate:].astype(float)
    phase = 2 * np.pi * frequency * np.arange(len(settled)) / rate
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    weights = np.linalg.lstsq(basis, settled, rcond=None)[0]
    fitted = basis @ weights
    noise = max(float((settled - fitted).std()), 1e-3)
    return float(20 * np.log10(np.hypot(*weights) / AMPLITUDE)), float(20 * np.log10(fitted.std() / noise))


# What becomes of a tone: dB of change in level, and of signal over everything else. Opus and G.729 model a voice, and a
# tone of 3 kHz is none: 3 dB go astray in the one, 13 dB of noise are left in the other.
CLEAN = {
    "PCMA": (0.1, 36),
    "PCMU": (0.1, 36),
    "L16": (0.01, 80),
    "G722": (0.1, 40),
    "opus": (1.5, 24),
    "G729": (1.2, 20),
}


@pytest.mark.parametrize(("codec", "rate"), EVERY)
@pytest.mark.parametrize("ms", [10, 20, 60])
def test_tones_come_through(codec: str, rate: int, ms: int) -> None:
    change, ratio = CLEAN[codec]
    for frequency in (440, 1000, 2000 if codec in ("opus", "G729") else 3000):
        gain, signal_to_noise = gain_and_noise(
            through(Encoder(codec, rate), Decoder(codec, rate), tone(frequency, rate), ms), frequency, rate
        )
        assert abs(gain) < change
        assert signal_to_noise > ratio


# PESQ of our own speech; what a voice coder makes of a synthesiser is below what it makes of a human being.
LISTENED = {"PCMA": 4.3, "PCMU": 4.3, "L16": 4.5, "G722": 4.2, "opus": 4.3, "G729": 2.8}


@pytest.mark.parametrize("codec", CODABLE)
def test_speech_comes_through(codec: str) -> None:
    spoken = speech(8000)
    heard = through(Encoder(codec, 8000), Decoder(codec, 8000), spoken, 20)
    assert quality(spoken[: len(heard)], heard) > LISTENED[codec]


@pytest.mark.parametrize(("codec", "best"), [("G722", 3.9), ("opus", 3.5), ("L16", 4.6)])
def test_wideband_speech_comes_through(codec: str, best: float) -> None:
    spoken = speech(16000)
    heard = through(Encoder(codec, 16000), Decoder(codec, 16000), spoken, 20)
    assert quality(spoken[: len(heard)], heard, 16000) > best


@pytest.mark.parametrize(("codec", "rate"), EVERY)
def test_a_packet_lasts_as_long_as_what_was_put_in(codec: str, rate: int) -> None:
    encoder, decoder = Encoder(codec, rate), Decoder(codec, rate)
    known = codec_by_name(codec)
    assert known is not None
    assert encoder.codec == decoder.codec == known.number
    assert encoder.clock_rate == decoder.clock_rate == (rate if codec == "L16" else known.clock_rate)
    assert encoder.sample_rate == decoder.sample_rate == rate
    for ms in (10, 20, 30, 40, 50, 60):
        if codec == "opus" and ms in (30, 50):
            continue  # no Opus frame lasts that long
        packet = encoder.encode(speech(rate)[rate : rate + rate * ms // 1000])
        assert decoder.samples(packet) == rate * ms // 1000
        assert len(decoder.decode(packet)) == 2 * rate * ms // 1000


@pytest.mark.parametrize(("codec", "rate"), EVERY)
def test_reset_begins_anew(codec: str, rate: int) -> None:
    if codec == "G729":
        return  # see test_another_stream_is_soon_forgotten
    first = [np.frombuffer(speech(rate)[at : at + rate // 50]) for at in range(rate, 2 * rate, rate // 50)]
    encoder, decoder = Encoder(codec, rate), Decoder(codec, rate)
    packets = [encoder.encode(part) for part in first]
    heard = [decoder.decode(packet) for packet in packets]
    encoder.reset()
    decoder.reset()
    assert [encoder.encode(part) for part in first] == packets
    assert [decoder.decode(packet) for packet in packets] == heard


def test_another_stream_is_soon_forgotten() -> None:
    """libbcg729 cannot begin anew without allocating: what a new stream finds must fade by itself."""
    spoken = speech(8000)
    encoder = Encoder("G729")
    packets = [encoder.encode(spoken[at : at + 80]) for at in range(8000, 24000, 80)]
    fresh, used = Decoder("G729"), Decoder("G729")
    for packet in packets[100:]:
        used.decode(packet)
    used.reset()
    expected = np.concatenate([np.frombuffer(fresh.decode(packet), "int16") for packet in packets[:100]]).astype(float)
    heard = np.concatenate([np.frombuffer(used.decode(packet), "int16") for packet in packets[:100]])
    difference = heard - expected
    assert difference[1600:].std() < 0.1 * expected[1600:].std()  # 20 dB below the voice after 200 ms


@pytest.mark.parametrize(("codec", "rate"), EVERY)
@given(st.lists(st.binary(max_size=1500), max_size=6), st.integers(1, 5760))
@settings(max_examples=40, deadline=None)
def test_any_octets_are_decoded_or_refused(codec: str, rate: int, payloads: list[bytes], missing: int) -> None:
    decoder = Decoder(codec, rate)
    for payload in payloads:
        samples = decoder.samples(payload)
        assert samples == -1 or 0 < samples <= rate // 1000 * 120
        try:
            pcm = decoder.decode(payload)
        except ValueError:
            assert samples == -1 or codec == "opus"  # which has more to dislike than lengths
        else:
            assert len(pcm) == 2 * samples
        assert len(decoder.recover(payload, missing)) <= 2 * missing
        concealed = decoder.conceal(missing)
        assert concealed is None or len(concealed) <= 2 * missing


@given(st.integers(0, 255), st.lists(st.integers(0, 255), max_size=12), st.integers(0, 1276))
@settings(max_examples=300, deadline=None)
def test_opus_headers_that_lie(first: int, more: list[int], padding: int) -> None:
    """Every TOC, with frame counts and lengths that promise what is not there (RFC 6716 3.2)."""
    payload = bytes([first, *more]) + bytes(padding)
    decoder = Decoder("opus", 48000)
    samples = decoder.samples(payload)
    assert samples == -1 or 0 < samples <= 5760
    decoder.recover(payload, 960)
    with suppress(ValueError):
        assert len(decoder.decode(payload)) == 2 * samples


@pytest.mark.parametrize(("codec", "rate"), EVERY)
@given(st.lists(st.integers(-32768, 32767), max_size=1500))
@settings(max_examples=20, deadline=None)
def test_any_sound_is_encoded_or_refused(codec: str, rate: int, sound: list[int]) -> None:
    encoder, decoder = Encoder(codec, rate), Decoder(codec, rate)
    try:
        packet = encoder.encode(np.array(sound, "int16"))
    except ValueError:
        assert len(sound) % encoder.grain or not sound or codec == "opus"
    else:
        assert len(decoder.decode(packet)) == 2 * len(sound)


def test_g729_knows_silence_descriptors() -> None:
    """Annex B frames of 2 octets, which others send without asking: at the end of a packet, or alone."""
    decoder, encoder = Decoder("G729"), Encoder("G729")
    voice = encoder.encode(speech(8000)[8000:8160])
    for payload, samples in ((voice + b"\x40\x10", 240), (b"\x40\x10", 80), (voice + b"\x40", -1), (voice[:9], -1)):
        assert decoder.samples(payload) == samples
        if samples > 0:
            assert len(decoder.decode(payload)) == 2 * samples
    quiet = decoder.conceal(160)  # comfort noise goes on until voice returns
    assert quiet is not None
    assert np.abs(np.frombuffer(quiet, "int16").astype(int)).max() < 2000


def test_g729_conceals() -> None:
    decoder, encoder = Decoder("G729"), Encoder("G729")
    spoken = speech(8000)[10000:11600]
    for at in range(0, 1600, 160):
        decoder.decode(encoder.encode(spoken[at : at + 160]))
    concealed = decoder.conceal(200)
    assert concealed is not None
    assert len(concealed) == 320  # whole frames of 10 ms
    assert np.abs(np.frombuffer(concealed, "int16").astype(int)).max() > 100


@pytest.mark.parametrize(("codec", "rate"), [("G722", 48000), ("G729", 16000), ("opus", 44100), ("opus", 0)])
def test_other_rates_are_refused(codec: str, rate: int) -> None:
    for coder in (Decoder, Encoder):
        with pytest.raises(ValueError, match=f"{codec} at {rate} Hz: expected one of"):
            coder(codec, rate)


def in_a_fresh_process(script: str) -> str:
    """What `script` prints where no library has been opened yet."""
    done = subprocess.run([sys.executable, "-c", script], cwd=CODECS, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("codec", LIBRARIES)
def test_without_its_library_a_codec_says_what_to_install(codec: str) -> None:
    soname, package = LIBRARIES[codec]
    script = (
        "from audiocodecs import coding\n"
        f"coding.LIBRARIES[{codec!r}] = ('libabsent-' + {soname!r}, {package!r})\n"
        f"assert coding.why_unavailable({codec!r}) is not None\n"
        "for coder in (coding.Decoder, coding.Encoder):\n"
        "    try:\n"
        f"        coder({codec!r})\n"
        "    except coding.CodecUnavailable as error:\n"
        "        print(error)\n"
        "assert len(coding.Decoder('PCMA').decode(bytes(160))) == 320\n"
    )
    done = in_a_fresh_process(script)
    line = (
        f"{codec} can only be relayed, not decoded or encoded: "
        f"libabsent-{soname} is not installed (Debian package {package}), or is too old\n"
    )
    assert done == line * 2


def test_an_old_library_is_no_library() -> None:
    """One that lacks a function we need counts as absent."""
    script = (
        "from audiocodecs import coding\n"
        "coding.LIBRARIES['opus'] = ('libm.so.6', 'libopus0')\n"
        "print(coding.why_unavailable('opus'))\n"
    )
    done = in_a_fresh_process(script)
    assert done == "libm.so.6 is not installed (Debian package libopus0), or is too old\n"


def test_all_of_them_are_here() -> None:
    assert {codec: why_unavailable(codec) for codec in CODABLE} == dict.fromkeys(CODABLE)
    with pytest.raises(CodecUnavailable):
        Decoder("AMR-WB")
