"""From packets through a seeded channel to what is heard: delay, loss, drift, jumps, pauses, changes of codec."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from audiocodecs.coding import Decoder, Encoder

from media.receive.pieces import Receiver, described
from tests.support.channel import Channel
from tests.support.reception import Reception, Sent, microseconds, packets, put, receive
from tests.support.speech import Pcm, score, spoken

RATE = 8000
Arrivals = list[tuple[float, Sent]]


def tone(seconds: float, hertz: float = 300.0, rate: int = RATE, level: float = 9000.0) -> Pcm:
    return np.round(level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def noise(seconds: float, level: float = 6.0) -> Pcm:
    return np.random.default_rng(4).normal(0, level, int(RATE * seconds)).astype(np.int16)


def heard(arrivals: Arrivals, seconds: float, *, pull_ms: int = 20, most_delay_ms: int | None = None) -> Reception:
    return receive(arrivals, {0: Decoder("PCMA")}, seconds, pull_ms=pull_ms, most_delay_ms=most_delay_ms)


def jitter_p95(arrivals: Arrivals) -> float:
    """Of the delays beyond the smallest, in seconds."""
    first = arrivals[0][1].timestamp
    transits = [at - ((sent.timestamp - first + 2**31) % 2**32 - 2**31) / RATE for at, sent in arrivals]
    return float(np.percentile(transits, 95) - min(transits))


def median_delay(reception: Reception, after: float = 3.0) -> float:
    return float(np.median(reception.delays[round(after * 50) :]))


@pytest.fixture(scope="module")
def speech() -> Pcm:
    return spoken(RATE)


@pytest.fixture(scope="module")
def said(speech: Pcm) -> list[tuple[float, Sent]]:
    return packets(speech, Encoder("PCMA"))


@pytest.mark.parametrize("pull_ms", [10, 20])
@pytest.mark.parametrize("ms", [10, 20, 30, 40, 60])
def test_every_sample_comes_through_in_any_packet_time(ms: int, pull_ms: int) -> None:
    wave = np.random.default_rng(1).integers(-3000, 3000, RATE * 2, dtype=np.int16)
    sent = packets(wave, Encoder("L16", RATE), ms=ms)
    reception = receive(Channel().carry(sent), {0: Decoder("L16", RATE)}, 1.9, pull_ms=pull_ms)
    assert np.array_equal(reception.aligned(RATE * 3 // 2), wave[: RATE * 3 // 2])
    assert reception.receiver.counters["concealed"] == 0


def test_without_jitter_the_delay_is_less_than_a_frame(said: Arrivals) -> None:
    reception = heard(Channel().carry(said), 10)
    assert max(reception.delays) <= 0.0201


@pytest.mark.parametrize("jitter", [0.02, 0.05, 0.1, 0.15])
@pytest.mark.parametrize("in_order", [False, True], ids=["overtaking", "queued"])
def test_the_delay_is_what_the_jitter_needs(said: Arrivals, jitter: float, in_order: bool, speech: Pcm) -> None:
    arrivals = Channel(jitter=jitter, in_order=in_order).carry(said)
    reception = heard(arrivals, len(speech) / RATE + 0.3, most_delay_ms=300)
    assert median_delay(reception) <= 2 * jitter_p95(arrivals) + 0.020
    assert reception.receiver.counters["late"] <= 0.02 * len(said)
    assert score(speech, reception.aligned(len(speech)), RATE) > 3.7


def test_the_delay_is_bounded_whatever_the_jitter(said: Arrivals) -> None:
    reception = heard(Channel(jitter=0.4).carry(said), 15, most_delay_ms=100)
    assert max(reception.delays) <= 0.125


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_concealment_is_worth_more_than_three_tenths(said: Arrivals, speech: Pcm, seed: int) -> None:
    arrivals = Channel(seed=seed, loss=0.05).carry(said)
    silenced = np.zeros(len(speech), np.int16)
    decoder = Decoder("PCMA")
    for _, sent in arrivals:
        at = ((sent.sequence - 65000) & 0xFFFF) * 160
        silenced[at : at + 160] = np.frombuffer(decoder.decode(sent.payload), np.int16)
    reception = heard(arrivals, len(speech) / RATE + 0.3)
    without = score(speech, silenced, RATE)
    assert score(speech, reception.aligned(len(speech)), RATE) >= without + 0.3


def test_nothing_is_made_of_duplicates_and_little_lost_by_reordering(said: Arrivals, speech: Pcm) -> None:
    twice = heard(Channel(duplicates=0.3).carry(said), 17)
    once = heard(Channel().carry(said), 17)
    assert np.array_equal(twice.pcm, once.pcm)
    assert twice.receiver.counters["duplicates"] == pytest.approx(0.3 * len(said), rel=0.2)
    mixed = heard(Channel(reordering=0.2).carry(said), 17)
    assert mixed.receiver.counters["late"] < 0.03 * len(said)
    assert score(speech, mixed.aligned(len(speech)), RATE) > 3.5


@pytest.mark.parametrize("ppm", [200.0, -200.0, 2000.0, -2000.0])
def test_a_far_clock_that_is_off_is_followed(ppm: float) -> None:
    wave = np.concatenate([spoken(RATE)] * 4)
    arrivals = Channel(drift_ppm=ppm, jitter=0.01).carry(packets(wave, Encoder("PCMA")))
    reception = heard(arrivals, len(wave) / RATE * 0.99)
    counters = reception.receiver.counters
    assert counters["late"] == 0
    assert counters["concealed"] < 0.6
    assert max(reception.delays[200:]) < 0.06
    gained = counters["accelerated"] - counters["expanded"] - counters["concealed"]
    assert gained == pytest.approx(-ppm / 1e6 * len(wave) / RATE, abs=0.06)


@pytest.mark.parametrize(
    "jump",
    [
        {"sequence": 9000},
        {"timestamp": 0x7654321},
        {"timestamp": -0x7654321 & 0xFFFFFFFF},
        {"timestamp": 800},
        {"timestamp": -2400 & 0xFFFFFFFF},
        {"timestamp": 0x80000000, "sequence": 30000},
        {"timestamp": 160 * 50, "sequence": 0},
    ],
    ids=str,
)
def test_a_far_end_that_jumps_is_heard_again_within_200_ms(jump: dict[str, int]) -> None:
    sent = packets(tone(6), Encoder("PCMA"))
    jumped = sent[:150] + [
        (
            at,
            replace(
                packet,
                sequence=(packet.sequence + jump.get("sequence", 0)) & 0xFFFF,
                timestamp=(packet.timestamp + jump.get("timestamp", 0)) & 0xFFFFFFFF,
            ),
        )
        for at, packet in sent[150:]
    ]
    reception = heard(Channel(jitter=0.02).carry(jumped), 5.9)
    voiced = [kind == {"voice"} for kind in reception.kinds]
    assert sum(not voice for voice in voiced[140:]) <= 10
    assert all(voiced[165:])
    assert max(reception.delays) < 0.1


def test_a_new_source_is_heard_at_once() -> None:
    sent = packets(tone(4), Encoder("PCMA"))
    receiver = Receiver()
    receiver.decoder(0, Decoder("PCMA"))
    kinds = []
    for number, (at, packet) in enumerate(sent):
        if number == 100:
            receiver.restart()
        moved = replace(packet, timestamp=(packet.timestamp + 0x12345678) & 0xFFFFFFFF) if number >= 100 else packet
        put(receiver, at, moved)
        kinds.append(receiver.pull(microseconds(at + 0.005), 160)[1])
    assert all(kind == {"voice"} for kind in kinds[5:])


def test_a_network_that_becomes_slower_is_followed_within_200_ms() -> None:
    sent = packets(tone(6), Encoder("PCMA"))
    for step in (0.1, 0.19, 0.3, 2.0):
        slow = sent[:100] + [(at + step, packet) for at, packet in sent[100:]]
        reception = heard(slow, 5.9)
        resumed = round((2 + step) * 50)
        assert all(kind == {"voice"} for kind in reception.kinds[resumed + 10 : 290]), step


def test_a_stall_loses_nothing_and_is_caught_up() -> None:
    said = packets(spoken(RATE), Encoder("PCMA"))
    stalled = [(max(at, 4.15) if 4.0 < at < 4.2 else at, packet) for at, packet in said]
    reception = heard(stalled, 15)
    assert reception.receiver.counters["late"] == 0
    assert max(reception.delays) > 0.03
    assert reception.receiver.counters["accelerated"] > 0.05
    assert reception.delays[-50] < 0.03


def test_nobody_pulls_for_a_while() -> None:
    receiver = Receiver()
    receiver.decoder(0, Decoder("PCMA"))
    for number, (at, packet) in enumerate(packets(tone(8), Encoder("PCMA"))):
        put(receiver, at, packet)
        if number < 100 or number > 250:
            _, kind = receiver.pull(microseconds(at + 0.005), 160)
            if number > 255:
                assert kind == {"voice"}
                assert receiver.delay < 0.5
    assert receiver.counters["discarded"] > 100


def test_comfort_noise_fills_a_pause_and_does_not_delay_what_comes_after() -> None:
    wave = spoken(RATE)
    sent = packets(wave, Encoder("PCMA"))
    room = described(noise(1, 100))
    pause = [(at, replace(packet, payload=room, noise=True)) for at, packet in sent[200:300:10]]
    reception = heard(Channel(jitter=0.03).carry(sent[:200] + pause + sent[300:]), 15)
    assert all(kind == {"noise"} for kind in reception.kinds[210:298])
    level = np.sqrt(np.mean(reception.pcm[215 * 160 : 295 * 160].astype(float) ** 2))
    assert 20 * np.log10(level / 100) == pytest.approx(0, abs=1.5)
    assert reception.receiver.counters["late"] <= 5
    assert {"voice"} in reception.kinds[300:310]
    assert median_delay(reception, 7) < 0.06


def test_a_pause_without_a_word_ends_in_silence_and_then_goes_on() -> None:
    sent = packets(tone(6), Encoder("PCMA"))
    reception = heard(sent[:100] + sent[200:], 5.9)
    assert all(kind == {"silent"} for kind in reception.kinds[110:198])
    assert not reception.pcm[110 * 160 : 198 * 160].any()
    assert all(kind == {"voice"} for kind in reception.kinds[205:])
    assert reception.receiver.counters["late"] == 0


def test_a_change_of_codec_is_heard_through() -> None:
    wave = tone(4)
    first, second = packets(wave, Encoder("PCMA")), packets(wave, Encoder("PCMU"))
    sent = first[:100] + [(at, replace(packet, index=3)) for at, packet in second[100:]]
    reception = receive(Channel().carry(sent), {0: Decoder("PCMA"), 3: Decoder("PCMU")}, 3.9)
    assert all(kind == {"voice"} for kind in reception.kinds[5:])
    steps = np.abs(np.diff(reception.pcm[10 * 160 :].astype(int)))
    assert steps.max() < 1.5 * np.abs(np.diff(wave.astype(int))).max()


def test_a_change_to_another_rate_takes_at_most_a_pull() -> None:
    narrow = packets(tone(4), Encoder("PCMA"))
    wide = packets(tone(4, rate=16000), Encoder("L16", 16000))
    sent = narrow[:100] + [(at, replace(packet, index=1)) for at, packet in wide[100:]]
    reception = receive(Channel().carry(sent), {0: Decoder("PCMA"), 1: Decoder("L16", 16000)}, 3.9)
    changed = reception.rates.index(16000)
    assert reception.rates == [8000] * changed + [16000] * (len(reception.rates) - changed)
    assert 100 <= changed <= 106
    assert all(kind == {"voice"} for kind in reception.kinds[changed + 5 :])


def test_a_decoder_that_is_taken_away_leaves_silence() -> None:
    receiver = Receiver()
    receiver.decoder(0, Decoder("PCMA"))
    sent = packets(tone(2), Encoder("PCMA"))
    for at, packet in sent[:50]:
        put(receiver, at, packet)
        receiver.pull(microseconds(at + 0.005), 160)
    receiver.decoder(0, None)
    pulled = []
    for at, packet in sent[50:]:
        put(receiver, at, packet)
        pulled.append(receiver.pull(microseconds(at + 0.005), 160))
    assert pulled[-1] == (bytes(320), frozenset({"silent"}))


def test_nothing_is_said_before_the_first_packet() -> None:
    receiver = Receiver()
    assert receiver.pull(0, 160) == (bytes(320), frozenset({"silent"}))
    receiver.decoder(0, Decoder("L16", 16000))
    assert receiver.rate == 16000
    assert receiver.pull(20_000, 320) == (bytes(640), frozenset({"silent"}))


def test_a_playout_is_small() -> None:
    """A thousand of them are 50 MB, of which most at 8 kHz is never touched."""
    assert Receiver.size() < 52_000


def test_the_buffer_itself_judges_what_came_too_late(said: Arrivals) -> None:
    """Packets of 150 ms more that a buffer of 60 ms has to leave out; where it copes, nothing was discarded."""
    for most_delay_ms, jitter in ((60, 0.15), (200, 0.15)):
        reception = heard(Channel(jitter=jitter).carry(said), 15, most_delay_ms=most_delay_ms)
        discarded, depth = reception.receiver.judged
        assert discarded == reception.receiver.counters["late"]
        assert depth == pytest.approx(1000 * reception.receiver.delay, abs=1)
        assert (discarded > 0.3 * len(said)) == (most_delay_ms == 60)
