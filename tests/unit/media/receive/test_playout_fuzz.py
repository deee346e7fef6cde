"""Whatever comes: exactly what was asked for, no louder than what was said, and never later than it may be."""

from __future__ import annotations

import numpy as np
from audiocodecs.coding import Decoder, Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from media.receive.pieces import Receiver

LOUD = 12000
MOST_DELAY_MS = 120
WAVE = np.random.default_rng(6).integers(-LOUD, LOUD, 48000, dtype=np.int16)

steps = st.lists(
    st.tuples(
        st.sampled_from(["audio", "audio", "audio", "audio", "noise", "pull", "pull", "rubbish", "restart", "forget"]),
        st.integers(0, 3),  # format
        st.sampled_from([1, 1, 1, 1, 2, 3, -1, -4, 40, 5000, 40000]),  # sequence step
        st.sampled_from([0, 10, 20, 20, 20, 40, 60, -20, -100, 500, 10_000, 2_000_000, -9_000_000]),  # timestamp, ms
        st.sampled_from([0, 1, 5, 20, 20, 20, 60, 300, 20_000]),  # ms until the next step
        st.sampled_from([10, 20, 30, 60]),  # packet time
    ),
    max_size=120,
)


@given(steps=steps, pull_ms=st.sampled_from([5, 10, 20, 60]), start=st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_any_sequence_of_packets(steps: list[tuple[str, int, int, int, int, int]], pull_ms: int, start: int) -> None:
    formats = [("PCMA", 8000), ("PCMU", 8000), ("L16", 16000), ("L16", 48000)]
    encoders = [Encoder(codec, rate) for codec, rate in formats]
    receiver = Receiver(most_delay_ms=MOST_DELAY_MS)
    for index, (codec, rate) in enumerate(formats):
        receiver.decoder(index, Decoder(codec, rate))
    now, sequence, timestamp_ms = 1_000_000, start & 0xFFFF, start
    for kind, index, step, advance, pause, ms in steps:
        sequence = (sequence + step) & 0xFFFF
        timestamp_ms += advance
        rate = formats[index][1]
        timestamp = timestamp_ms * rate // 1000 & 0xFFFFFFFF
        match kind:
            case "audio":
                payload = encoders[index].encode(WAVE[: rate * ms // 1000].tobytes())
                receiver.put(now, index, sequence, timestamp, payload)
            case "noise":
                receiver.noise(now, sequence, timestamp, bytes([30 + index, 100, 150]))
            case "rubbish":
                receiver.put(now, index * 5, sequence, timestamp, bytes(step % 3000))
            case "restart":
                receiver.restart()
            case "forget":
                receiver.decoder(index, None if step > 1 else Decoder(*formats[index]))
            case _:
                samples = receiver.rate * pull_ms // 1000
                pcm, heard = receiver.pull(now, samples)
                assert len(pcm) == 2 * samples
                assert heard
                assert np.max(np.abs(np.frombuffer(pcm, np.int16).astype(int))) <= 3 * LOUD
                assert receiver.rate in (8000, 16000, 48000)
        now += pause * 1000
    counters = receiver.counters
    assert counters["late"] + counters["discarded"] + counters["duplicates"] <= counters["packets"]


@given(
    delays=st.lists(st.integers(0, 600), min_size=100, max_size=150),
    lost=st.sets(st.integers(0, 149), max_size=60),
    pull_ms=st.sampled_from([10, 20]),
)
@settings(max_examples=60, deadline=None)
def test_the_delay_is_bounded_whatever_packets_take(delays: list[int], lost: set[int], pull_ms: int) -> None:
    receiver = Receiver(most_delay_ms=MOST_DELAY_MS)
    receiver.decoder(0, Decoder("PCMA"))
    payload = Encoder("PCMA").encode(WAVE[:160].tobytes())
    arrivals = sorted((number * 20 + delay, number) for number, delay in enumerate(delays) if number not in lost)
    for now in range(0, 20 * len(delays) + 700, pull_ms):
        while arrivals and arrivals[0][0] <= now:
            at, number = arrivals.pop(0)
            receiver.put(at * 1000, 0, number, number * 160, payload)
        pcm, _ = receiver.pull(now * 1000, 8 * pull_ms)
        assert len(pcm) == 16 * pull_ms
        assert receiver.delay <= (MOST_DELAY_MS + 20 + pull_ms) / 1000
