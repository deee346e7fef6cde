"""The codecs' own ways with loss and silence, through the jitter buffer."""

from __future__ import annotations

import numpy as np
import pytest
from audiocodecs.coding import Decoder, Encoder, why_unavailable

from media.receive.pieces import Receiver
from tests.support.channel import Channel
from tests.support.reception import Reception, packets, receive
from tests.support.speech import Pcm, score, spoken

OPUS = pytest.mark.skipif(why_unavailable("opus") is not None, reason=str(why_unavailable("opus")))


def opus(said: Pcm, channel: Channel, *, fec: bool = True, rate: int = 8000) -> Reception:
    encoder = Encoder("opus", rate, complexity=5, fec=fec)
    encoder.expect_loss(round(100 * channel.loss))
    arrivals = channel.carry(packets(said, encoder))
    return receive(arrivals, {2: Decoder("opus", rate)}, len(said) / rate + 0.3, index=2)


@OPUS
@pytest.mark.parametrize("seed", [1, 2])
def test_fec_is_worth_more_than_three_tenths(seed: int) -> None:
    said = spoken(8000)
    channel = Channel(seed=seed, loss=0.1, jitter=0.01)
    repeated, guessed = opus(said, channel), opus(said, channel, fec=False)
    heard = [score(said, each.aligned(len(said) + 800), 8000) for each in (repeated, guessed)]
    assert heard[0] >= heard[1] + 0.3
    assert repeated.receiver.counters["recovered"] > 0.6 * 0.1 * len(said) / 160
    assert guessed.receiver.counters["recovered"] == 0


@OPUS
def test_waiting_for_fec_costs_a_packet_only_while_there_are_losses() -> None:
    said = spoken(8000)
    lossy, clean = opus(said, Channel(loss=0.1)), opus(said, Channel())
    assert np.median(lossy.delays[200:]) == pytest.approx(np.median(clean.delays[200:]) + 0.02, abs=0.006)
    assert max(clean.delays) < 0.021


@OPUS
def test_pauses_of_opus_are_filled_with_its_own_noise() -> None:
    room = np.random.default_rng(1).normal(0, 5, 16000 * 4)
    said = np.concatenate([spoken(16000)[:48000], room, spoken(16000)[:48000]]).astype(np.int16)
    encoder = Encoder("opus", 16000, complexity=5, dtx=True)
    sent = packets(said, encoder)
    assert len(sent) < 0.85 * len(said) / 320
    arrivals = Channel(jitter=0.02).carry(sent)
    reception = receive(arrivals, {2: Decoder("opus", 16000)}, len(said) / 16000, index=2)
    quiet = reception.kinds[round(5.5 * 50) : round(6.9 * 50)]
    assert not any("silent" in kind for kind in quiet)
    assert sum("noise" in kind for kind in quiet) > 0.7 * len(quiet)
    assert reception.receiver.counters["concealed"] < 0.2
    assert reception.receiver.counters["late"] <= 3
    assert np.std(reception.pcm[16000 * 11 // 2 : 16000 * 6].astype(float)) > 3
    assert max(reception.delays[100:]) < 0.08


@pytest.mark.parametrize(("codec", "rate", "clean", "lossy"), [("G722", 8000, 3.5, 2.4), ("G729", 8000, 2.4, 1.7)])
def test_other_codecs_are_concealed(codec: str, rate: int, clean: float, lossy: float) -> None:
    why = why_unavailable(codec)
    if why is not None:
        pytest.skip(why)
    said = spoken(rate)
    for loss, expected in ((0.0, clean), (0.05, lossy)):
        arrivals = Channel(loss=loss).carry(packets(said, Encoder(codec, rate)))
        reception = receive(arrivals, {2: Decoder(codec, rate)}, len(said) / rate + 0.3, index=2)
        assert score(said, reception.aligned(len(said) + 800), rate) > expected


@OPUS
def test_nothing_is_made_at_the_rate_of_a_decoder_that_was_replaced() -> None:
    """A leg that joins a wider room: the packet after has the lost one in it, but at another rate."""
    receiver, encoder = Receiver(), Encoder("opus", 8000, complexity=5)
    encoder.expect_loss(30)
    sent = packets(spoken(8000)[8000:24000], encoder)
    receiver.decoder(2, Decoder("opus", 8000))
    for number, (_, each) in enumerate(sent[:30]):
        receiver.put(20_000 * number, 2, number, 960 * number, each.payload)
        receiver.pull(20_000 * number, 160)
    wide = Decoder("opus", 48000)
    receiver.decoder(2, wide)
    receiver.put(20_000 * 31, 2, 31, 960 * 31, sent[31][1].payload)
    while receiver.rate == 8000:
        receiver.pull(20_000 * 31, 160)
    assert receiver.counters["recovered"] == 0
