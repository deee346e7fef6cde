"""What only Opus has: forward error correction, concealment, silence, bit rates, stereo far ends."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from audiocodecs.coding import Decoder, Encoder

from tests.support.voice import quality, speech

RATES = (8000, 12000, 16000, 24000, 48000)


def packets_of(encoder: Encoder, ms: int = 20) -> list[bytes]:
    count = encoder.sample_rate * ms // 1000
    spoken = speech(encoder.sample_rate)
    return [encoder.encode(spoken[at : at + count]) for at in range(0, len(spoken) - count + 1, count)]


def received(packets: list[bytes], rate: int, loss: float, *, recover: bool) -> np.ndarray:
    """Play what came through a line that loses packets at random, the same ones every time."""
    decoder, count, dice = Decoder("opus", rate), rate // 50, np.random.default_rng(3)
    out, missing = b"", False
    for packet in packets:
        if dice.random() < loss:
            out += (decoder.conceal(count) or b"") if missing else b""
            missing = True
            continue
        if missing:
            out += (decoder.recover(packet, count) if recover else b"") or decoder.conceal(count) or b""
            missing = False
        out += decoder.decode(packet)
    return np.frombuffer(out, "int16")


@pytest.mark.parametrize("rate", [8000, 16000])
def test_error_correction_is_heard(rate: int) -> None:
    encoder = Encoder("opus", rate, bitrate=28500)
    encoder.expect_loss(10)
    packets = packets_of(encoder)
    scores = []
    for recover in (True, False):
        heard = received(packets, rate, 0.1, recover=recover)
        spoken = speech(rate)
        length = min(len(heard), len(spoken))
        scores.append(quality(spoken[:length], heard[:length], 8000 if rate == 8000 else 16000))
    assert scores[0] > scores[1] + 0.3


def test_what_is_repeated_is_worth_more_effort() -> None:
    """At 16 kHz and 10 % loss; without loss, and after it, the encoder does exactly what it did before."""
    spoken, scores = speech(16000), []
    for lossy in (0, 5):
        encoder = Encoder("opus", 16000, complexity=0, lossy_complexity=lossy)
        encoder.expect_loss(10)
        heard = received(packets_of(encoder), 16000, 0.1, recover=True)
        length = min(len(heard), len(spoken))
        scores.append(quality(spoken[:length], heard[:length], 16000))
    assert scores[1] > scores[0] + 0.4


@pytest.mark.parametrize(
    ("told", "careful"),
    [
        ((), False),
        ((2,), False),
        ((3,), True),
        ((3, 2), True),  # not every report changes it
        ((20, 2, 1), False),
        ((0, 2, 3, 1, 2), False),
    ],
)
@pytest.mark.parametrize("fec", [True, False])
def test_effort_follows_the_losses_with_some_patience(told: tuple[int, ...], careful: bool, fec: bool) -> None:
    it = Encoder("opus", 16000, complexity=0, lossy_complexity=5, fec=fec)
    always = Encoder("opus", 16000, complexity=5 if careful and fec else 0, fec=fec)
    for percent in told:
        it.expect_loss(percent)
    always.expect_loss(told[-1] if told else 0)
    assert packets_of(it) == packets_of(always)


def test_a_higher_effort_stays_as_it_is() -> None:
    it = Encoder("opus", 8000, complexity=8, lossy_complexity=5)
    it.expect_loss(10)
    always = Encoder("opus", 8000, complexity=8)
    always.expect_loss(10)
    assert packets_of(it) == packets_of(always)
    with pytest.raises(ValueError, match="complexity 11"):
        it.configure(lossy_complexity=11)


@pytest.mark.parametrize("rate", RATES)
def test_a_packet_repeats_the_last_one_only_when_loss_is_expected(rate: int) -> None:
    encoder, count = Encoder("opus", rate, complexity=5), rate // 50
    decoder = Decoder("opus", rate)
    assert not any(decoder.recover(packet, count) for packet in packets_of(encoder))
    encoder.expect_loss(15)
    packets = packets_of(encoder)
    repeating = [packet for packet in packets if len(decoder.recover(packet, count)) == 2 * count]
    assert len(repeating) > len(packets) // 2  # what is silent is not repeated
    encoder.expect_loss(0)
    packets_of(encoder)
    assert not any(decoder.recover(packet, count) for packet in packets_of(encoder))


def test_without_error_correction_nothing_repeats() -> None:
    encoder, decoder = Encoder("opus", 16000, fec=False), Decoder("opus", 16000)
    encoder.expect_loss(20)
    assert not any(decoder.recover(packet, 320) for packet in packets_of(encoder))


def test_what_is_recovered_is_what_was_lost() -> None:
    encoder = Encoder("opus", 16000, bitrate=40000, complexity=5)
    encoder.expect_loss(20)
    packets = packets_of(encoder)
    lost = 70
    whole, damaged = Decoder("opus", 16000), Decoder("opus", 16000)
    for packet in packets[:lost]:
        whole.decode(packet)
        damaged.decode(packet)
    expected = np.frombuffer(whole.decode(packets[lost]), "int16").astype(float)
    recovered = np.frombuffer(damaged.recover(packets[lost + 1], 320), "int16").astype(float)
    assert np.corrcoef(expected, recovered)[0, 1] > 0.95


@pytest.mark.parametrize("rate", RATES)
def test_concealment_goes_on_and_fades(rate: int) -> None:
    decoder = Decoder("opus", rate)
    for packet in packets_of(Encoder("opus", rate))[:60]:
        last = decoder.decode(packet)
    loudness = [
        np.abs(np.frombuffer(decoder.conceal(rate // 50) or b"", "int16").astype(int)).mean() for _ in range(50)
    ]
    assert loudness[0] > 0.3 * np.abs(np.frombuffer(last, "int16").astype(int)).mean()
    assert loudness[-1] < 0.1 * loudness[0]


@pytest.mark.parametrize(("ms", "given"), [(1, 0), (2.5, 2.5), (4, 2.5), (20, 20), (60, 60), (119, 117.5), (120, 120)])
def test_concealment_comes_in_steps_of_two_and_a_half_milliseconds(ms: float, given: float) -> None:
    decoder = Decoder("opus", 48000)
    assert decoder.conceal(int(48 * ms)) == bytes(int(96 * given))  # nothing heard yet


def test_silence_need_not_be_sent() -> None:
    encoder, decoder = Encoder("opus", 16000, dtx=True), Decoder("opus", 16000)
    spoken = packets_of(encoder)
    silent = [encoder.encode(bytes(640)) for _ in range(200)]
    assert all(len(packet) > 2 for packet in spoken[20:60])
    assert silent.count(b"") > 150
    assert any(silent[100:])  # what there is of noise is brought up to date now and then
    for packet in silent:
        assert len(decoder.decode(packet) if packet else decoder.conceal(320) or b"") == 640
    always = Encoder("opus", 16000)
    packets_of(always)
    assert all(always.encode(bytes(640)) for _ in range(100))


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("bitrate", [12000, 30000, 64000])
def test_bit_rate_is_kept(rate: int, bitrate: int) -> None:
    lengths = [len(packet) for packet in packets_of(Encoder("opus", rate, bitrate=bitrate))]
    assert sum(lengths) * 8 <= 1.02 * bitrate * len(lengths) / 50


@pytest.mark.parametrize(("rate", "bitrate", "total"), [(16000, 26_700, 50_000), (48000, 75_200, 100_000)])
@pytest.mark.parametrize("loss", [0, 20])
def test_a_stream_stays_in_its_class_every_second(rate: int, bitrate: int, total: int, loss: int) -> None:
    """With the 56 octets of IPv4, UDP, RTP and the longest tag of SRTP around each packet."""
    encoder = Encoder("opus", rate, bitrate=bitrate)
    encoder.expect_loss(loss)
    lengths = [len(packet) + 56 for packet in packets_of(encoder)]
    assert max(sum(lengths[at : at + 50]) * 8 for at in range(len(lengths) - 49)) <= total


def test_constant_bit_rate_is_constant() -> None:
    lengths = {len(packet) for packet in packets_of(Encoder("opus", 16000, bitrate=24000, cbr=True))}
    assert lengths == {60}


def test_complexity_buys_quality() -> None:
    spoken, scores = speech(16000), []
    for complexity in (0, 5, 10):
        decoder = Decoder("opus", 16000)
        packets = packets_of(Encoder("opus", 16000, complexity=complexity, bitrate=24000))
        heard = np.frombuffer(b"".join(map(decoder.decode, packets)), "int16")
        scores.append(quality(spoken[: len(heard)], heard, 16000))
    assert scores[0] + 0.5 < scores[1] < scores[2]


def test_what_no_frame_lasts_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 20"):
        Encoder("opus", 8000).encode(bytes(2 * 240))  # 30 ms: no frame lasts that long
    with pytest.raises(ValueError, match="packet time"):
        Encoder("opus", 8000).encode(bytes(2 * 960))  # 120 ms: more than we would send


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"bitrate": 5999}, "6000 to 510000"), ({"bitrate": 510001}, "6000 to 510000"), ({"complexity": 11}, "0 to 10")],
)
def test_settings_outside_the_codec_are_refused(options: dict[str, int], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Encoder("opus", 8000, **options)  # type: ignore[arg-type]


def test_every_rate_hears_every_other() -> None:
    """A far end codes at a rate of its own choosing; ours is what we want to hear."""
    for spoken_at in RATES:
        packets = packets_of(Encoder("opus", spoken_at, complexity=5))
        decoder = Decoder("opus", 8000)
        heard = np.frombuffer(b"".join(map(decoder.decode, packets)), "int16")
        reference = speech(8000)
        length = min(len(reference), len(heard))
        assert quality(reference[:length], heard[:length]) > 3.7


def test_stereo_is_heard_on_one_channel() -> None:
    """A browser sends two channels (sprop-stereo=1): both are heard."""
    library = ctypes.CDLL("libopus.so.0")
    library.opus_encoder_create.restype = ctypes.c_void_p
    error = ctypes.c_int()
    state = ctypes.c_void_p(library.opus_encoder_create(48000, 2, 2049, ctypes.byref(error)))
    assert error.value == 0
    library.opus_encoder_ctl(state, 4002, 96000)
    time = np.arange(960) / 48000
    decoder, out = Decoder("opus", 48000), ctypes.create_string_buffer(1500)
    heard = b""
    for frame in range(50):
        left = 8000 * np.sin(2 * np.pi * 440 * (time + frame / 50))
        right = 8000 * np.sin(2 * np.pi * 1300 * (time + frame / 50))
        pcm = np.stack([left, right], axis=1).astype("int16").tobytes()
        length = library.opus_encode(state, pcm, 960, out, 1500)
        assert length > 2
        packet = out.raw[:length]
        assert packet[0] & 4  # two channels
        assert decoder.samples(packet) == 960
        heard += decoder.decode(packet)
    library.opus_encoder_destroy(state)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(heard, "int16")[-24000:].astype(float)))
    for frequency in (440, 1300):
        assert abs(20 * np.log10(spectrum[frequency // 2] * 2 / 24000 / 4000)) < 1  # the mean of both
