"""G.711 and L16 behind the coder interface: the engine's C structs, reached through the methods of their owners."""

from __future__ import annotations

import sys
from array import array

import pytest
from audiocodecs import g711
from audiocodecs.coding import CodecUnavailable, Decoder, Encoder, why_unavailable
from audiocodecs.registry import L16, PCMA, PCMU
from hypothesis import given
from hypothesis import strategies as st

L16_RATES = (8000, 16000, 24000, 32000, 48000)
pcm_of_10_ms = st.lists(st.integers(-32768, 32767), min_size=80, max_size=80).map(lambda it: array("h", it).tobytes())


@given(pcm_of_10_ms)
def test_g711_codes_as_the_recommendation_does(pcm: bytes) -> None:
    assert Encoder("PCMA").encode(pcm) == g711.linear_to_alaw(pcm)
    assert Encoder("pcmu").encode(pcm) == g711.linear_to_ulaw(pcm)
    assert Decoder("PCMA").decode(g711.linear_to_alaw(pcm)) == g711.alaw_to_linear(g711.linear_to_alaw(pcm))
    assert Decoder("PCMU").decode(g711.linear_to_ulaw(pcm)) == g711.ulaw_to_linear(g711.linear_to_ulaw(pcm))


@pytest.mark.parametrize("rate", L16_RATES)
def test_l16_is_big_endian_at_every_rate(rate: int) -> None:
    samples = array("h", [1, -2, 0x1234, -32768, 32767] * (rate // 1000))
    packet = Encoder("L16", rate).encode(samples)
    assert packet[:6] == bytes([0, 1, 0xFF, 0xFE, 0x12, 0x34])  # RFC 3551 4.5.11
    assert Decoder("L16", rate).decode(packet) == samples.tobytes()


def test_l16_keeps_every_value() -> None:
    every = array("h", range(-32768, 32768))
    assert sys.byteorder == "little"
    for start in range(0, len(every), 128):
        part = every[start : start + 128]
        assert Decoder("L16").decode(Encoder("L16").encode(part)) == part.tobytes()


@pytest.mark.parametrize(("codec", "octets_a_sample"), [("PCMA", 1), ("PCMU", 1), ("L16", 2)])
@pytest.mark.parametrize("ms", [10, 20, 30, 40, 50, 60, 120])
def test_packets_of_every_length(codec: str, octets_a_sample: int, ms: int) -> None:
    packet = Encoder(codec, 8000).encode(bytes(16 * ms))
    assert len(packet) == 8 * ms * octets_a_sample
    decoder = Decoder(codec, 8000)
    assert decoder.samples(packet) == 8 * ms
    assert len(decoder.decode(packet)) == 16 * ms


def test_the_struct_says_what_it_is() -> None:
    for name, known in (("PCMA", PCMA), ("PCMU", PCMU), ("L16", L16)):
        decoder, encoder = Decoder(name), Encoder(name)
        assert decoder.codec == encoder.codec == known.number
        assert decoder.clock_rate == encoder.clock_rate == decoder.sample_rate == encoder.sample_rate == 8000
        assert decoder.address
        assert encoder.address
        assert encoder.grain == 8
        assert why_unavailable(name) is None
    assert Decoder("L16", 16000).clock_rate == 16000


def test_nothing_repeats_and_nothing_conceals() -> None:
    decoder, encoder = Decoder("PCMA"), Encoder("PCMA")
    assert decoder.recover(bytes(160), 160) == b""
    assert decoder.conceal(160) is None
    encoder.expect_loss(20)
    encoder.reset()
    decoder.reset()
    assert encoder.encode(bytes(320)) == b"\xd5" * 160


@pytest.mark.parametrize("payload", [b"", bytes(961)])
def test_g711_of_no_packet_length_is_refused(payload: bytes) -> None:
    decoder = Decoder("PCMA")
    assert decoder.samples(payload) == -1
    with pytest.raises(ValueError, match="no payload of this codec"):
        decoder.decode(payload)


@given(st.binary(max_size=2000), st.sampled_from(L16_RATES))
def test_l16_takes_whole_samples_of_at_most_120_ms(payload: bytes, rate: int) -> None:
    decoder = Decoder("L16", rate)
    fits = 0 < len(payload) <= rate // 1000 * 240 and len(payload) % 2 == 0
    assert decoder.samples(payload) == (len(payload) // 2 if fits else -1)
    if fits:
        assert len(decoder.decode(payload)) == len(payload)


@pytest.mark.parametrize("samples", [0, 1, 7, 81])
def test_an_encoder_takes_whole_milliseconds(samples: int) -> None:
    for codec in ("PCMA", "PCMU", "L16"):
        with pytest.raises(ValueError, match="multiple of 8"):
            Encoder(codec).encode(bytes(2 * samples))


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="16-bit samples"):
        Encoder("PCMA").encode(bytes(161))


@pytest.mark.parametrize(("codec", "rate"), [("PCMA", 16000), ("PCMU", 0), ("L16", 44100), ("L16", 11025)])
def test_rates_a_codec_does_not_have_are_refused(codec: str, rate: int) -> None:
    for coder in (Decoder, Encoder):
        with pytest.raises(ValueError, match=f"{codec} at {rate} Hz: expected one of 8000"):
            coder(codec, rate)


@pytest.mark.parametrize("codec", ["GSM", "telephone-event", "CN", "SILK", ""])
def test_what_has_no_coder_says_so(codec: str) -> None:
    for coder in (Decoder, Encoder):
        with pytest.raises(CodecUnavailable, match="can only be relayed") as caught:
            coder(codec)
        assert caught.value.codec == codec
    assert why_unavailable(codec) == "this switch has no coder for it"


def test_packets_are_encoded_as_samples_are() -> None:
    every = array("h", range(-32768, 32768)).tobytes()
    for codec, expected in (("PCMA", g711.linear_to_alaw(every)), ("PCMU", g711.linear_to_ulaw(every))):
        encoder = Encoder(codec)
        assert b"".join(encoder.encode(every[at : at + 4096]) for at in range(0, len(every), 4096)) == expected


@pytest.mark.parametrize("codec", ["PCMA", "PCMU", "L16"])
def test_one_serves_all(codec: str) -> None:
    assert Decoder(codec).memoryless
    assert Encoder(codec).memoryless


@pytest.mark.parametrize("codec", ["G722", "opus", "G729"])
def test_but_what_remembers_does_not(codec: str) -> None:
    assert not Decoder(codec).memoryless
    assert not Encoder(codec).memoryless


def test_nor_does_what_learns_the_noise() -> None:
    assert not Decoder("PCMA", reduce_noise=20).memoryless
