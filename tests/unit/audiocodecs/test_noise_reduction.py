"""Noise reduction behind the face of a decoder: steady noise goes, what is said stays."""

from __future__ import annotations

import numpy as np
import pytest
from audiocodecs.coding import Decoder, Encoder
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

Samples = NDArray[np.float64]
SECOND = 8000


def through(decoder: Decoder, pcm: Samples, encoder: Encoder, step: int) -> Samples:
    given = pcm.astype(np.int16)
    packets = [encoder.encode(given[at : at + step].tobytes()) for at in range(0, len(given) - step + 1, step)]
    return np.frombuffer(b"".join(decoder.decode(packet) for packet in packets), np.int16).astype(np.float64)


def level(pcm: Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(pcm**2)) + 1e-9))


def tone_in_bursts(rate: int, seconds: int) -> Samples:
    """Half a second of a tone, half a second of nothing: speech enough not to be taken for noise."""
    time = np.arange(rate * seconds) / rate
    return np.where(time % 1 < 0.5, 6000 * np.sin(2 * np.pi * 700 * time) * np.sin(2 * np.pi * 4 * time), 0)


@pytest.mark.parametrize(("codec", "rate"), [("PCMA", 8000), ("G722", 16000), ("opus", 8000), ("L16", 16000)])
def test_a_noisy_pause_is_quieter_and_speech_as_loud(codec: str, rate: int) -> None:
    said = tone_in_bursts(rate, 6)
    noisy = said + np.random.default_rng(1).normal(0, 200, len(said))
    step = rate // 50
    plain = through(Decoder(codec, rate), noisy, Encoder(codec, rate), step)
    clean = through(Decoder(codec, rate, reduce_noise=25), noisy, Encoder(codec, rate), step)
    assert len(clean) == len(plain)
    pause = slice(rate * 9 // 2 + rate // 5, rate * 5 - rate // 20)
    burst = slice(rate * 5 + rate // 20, rate * 11 // 2 - rate // 20)
    assert level(clean[pause]) < level(plain[pause]) - 10
    assert abs(level(clean[burst]) - level(plain[burst])) < 2


def test_it_says_that_it_is_worth_decoding_for() -> None:
    cleaned = Decoder("PCMA", reduce_noise=20)
    assert (cleaned.sample_rate, cleaned.clock_rate, cleaned.codec) == (8000, 8000, 8)
    assert cleaned.samples(b"\xd5" * 160) == 160


@pytest.mark.parametrize("depth", [-1, 61])
def test_a_depth_that_cannot_be_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 60"):
        Decoder("PCMA", reduce_noise=depth)


@given(st.lists(st.binary(max_size=700), max_size=20), st.sampled_from(["PCMA", "opus", "G722", "L16"]))
def test_any_payload_is_decoded_to_as_many_samples_as_without(payloads: list[bytes], codec: str) -> None:
    plain, clean = Decoder(codec, 8000), Decoder(codec, 8000, reduce_noise=25)
    for payload in payloads:
        assert clean.samples(payload) == plain.samples(payload)
        try:
            expected = len(plain.decode(payload))
        except ValueError:
            with pytest.raises(ValueError, match="no payload of this codec"):
                clean.decode(payload)
        else:
            assert len(clean.decode(payload)) == expected
