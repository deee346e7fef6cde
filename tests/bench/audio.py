"""How speech comes through a bad network: PESQ with and without what the receiver does about it, and its delay.

The network is a seeded channel on virtual time, so that these rows are the same on every machine and under every load;
medians over several seeds.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
from audiocodecs.coding import Decoder, Encoder, why_unavailable

from tests.bench.rows import Row
from tests.support.channel import Channel
from tests.support.reception import packets, receive
from tests.support.speech import score, spoken

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.reception import Reception, Sent
    from tests.support.speech import Pcm

SEEDS = (1, 2, 3, 4, 5)
RATE = 8000
GAIN = ">= 0.3"
OPUS_RATE = 16000

Arrivals = list[tuple[float, "Sent"]]


def _silenced(arrivals: Arrivals, length: int) -> Pcm:
    """What no concealment sounds like: silence for each packet that did not come."""
    decoder, pcm = Decoder("PCMA"), np.zeros(length, np.int16)
    for _, sent in arrivals:
        at = ((sent.sequence - 65000) & 0xFFFF) * 160
        pcm[at : at + 160] = np.frombuffer(decoder.decode(sent.payload), np.int16)
    return pcm


def _heard(arrivals: Arrivals, said: Pcm, decoder: Decoder) -> Reception:
    return receive(arrivals, {0: decoder}, len(said) / decoder.sample_rate + 0.3)


def _concealment(log: Callable[[str], None], loss: float, burst: float, bar: str | None) -> list[Row]:
    said = spoken(RATE)
    sent = packets(said, Encoder("PCMA"))
    with_plc, without = [], []
    for seed in SEEDS:
        arrivals = Channel(seed=seed, loss=loss, burst=burst).carry(sent)
        with_plc.append(score(said, _heard(arrivals, said, Decoder("PCMA")).aligned(len(said)), RATE))
        without.append(score(said, _silenced(arrivals, len(said)), RATE))
    gain = statistics.median(after - before for after, before in zip(with_plc, without, strict=True))
    name = f"audio.g711_plc_{loss:.0%}{'_burst' if burst > 1 else ''}".replace("%", "pc")
    how = (
        f"PESQ (P.862.1) of A-law at {loss:.0%} {'burst' if burst > 1 else 'random'} loss: "
        f"{statistics.median(with_plc):.2f} concealed, {statistics.median(without):.2f} not; {len(SEEDS)} seeds"
    )
    log(f"{name} {gain:.2f}")
    return [Row(f"{name}_gain", gain, "MOS", bar, how)]


def _fec(log: Callable[[str], None]) -> list[Row]:
    said = spoken(OPUS_RATE)
    scores: dict[bool, list[float]] = {True: [], False: []}
    for fec, found in scores.items():
        for seed in SEEDS:
            encoder = Encoder("opus", OPUS_RATE, complexity=5, fec=fec)
            encoder.expect_loss(10)
            arrivals = Channel(seed=seed, loss=0.1, jitter=0.01).carry(packets(said, encoder))
            heard = _heard(arrivals, said, Decoder("opus", OPUS_RATE)).aligned(len(said) + 2000)
            found.append(score(said, heard, OPUS_RATE))
    gain = statistics.median(after - before for after, before in zip(scores[True], scores[False], strict=True))
    log(f"audio.opus_fec_10pc {gain:.2f}")
    how = (
        f"PESQ (P.862.2) of Opus at 16 kHz, complexity 5, 10% random loss: {statistics.median(scores[True]):.2f} with "
        f"FEC, {statistics.median(scores[False]):.2f} with its concealment alone; {len(SEEDS)} seeds"
    )
    return [Row("audio.opus_fec_10pc_gain", gain, "MOS", GAIN, how)]


def _jitter_p95(arrivals: Arrivals) -> float:
    """Of the delays beyond the smallest, in seconds."""
    first = arrivals[0][1].timestamp
    transits = [at - ((sent.timestamp - first + 2**31) % 2**32 - 2**31) / RATE for at, sent in arrivals]
    return float(np.percentile(transits, 95) - min(transits))


def _delay(log: Callable[[str], None], jitter_ms: int, *, in_order: bool) -> Row:
    said = spoken(RATE)
    sent = packets(said, Encoder("PCMA"))
    over, figures = [], []
    for seed in SEEDS:
        arrivals = Channel(seed=seed, jitter=jitter_ms / 1000, in_order=in_order, drift_ppm=100).carry(sent)
        reception = receive(arrivals, {0: Decoder("PCMA")}, len(said) / RATE, most_delay_ms=400)
        delay, p95 = float(np.median(reception.delays[100:])), _jitter_p95(arrivals)
        over.append(1000 * (delay - 2 * p95 - 0.020))
        figures.append((1000 * delay, 1000 * p95))
    delay, p95 = (statistics.median(each) for each in zip(*figures, strict=True))
    name = f"audio.delay_over_bar_jitter_{jitter_ms}ms{'_queued' if in_order else ''}"
    log(f"{name} {max(over):.1f} (delay {delay:.1f} ms, p95 {p95:.1f} ms)")
    how = (
        f"buffer delay less 2 x p95 of jitter and one frame, the worst of {len(SEEDS)} seeds; "
        f"median delay {delay:.1f} ms at a p95 of {p95:.1f} ms"
    )
    return Row(name, max(over), "ms", "<= 0", how)


def _cost(log: Callable[[str], None]) -> Row:
    """What a leg costs that is pulled: packets in, 20 ms out, G.711 with 2 % loss and jitter."""
    said = spoken(RATE)
    arrivals = Channel(loss=0.02, jitter=0.03).carry(packets(said, Encoder("PCMA")))
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        reception = _heard(arrivals, said, Decoder("PCMA"))
        best = min(best, (time.process_time() - started) / len(reception.kinds))
    log(f"audio.playout_us {best * 1e6:.1f}")
    return Row(
        "audio.playout_us", best * 1e6, "us", None, "CPU of 20 ms through the jitter buffer, Python around it included"
    )


def run(log: Callable[[str], None]) -> list[Row]:
    """All rows; ten seconds."""
    rows = [
        *_concealment(log, 0.05, 1.0, GAIN),
        *_concealment(log, 0.05, 3.0, None),
        *_concealment(log, 0.1, 1.0, None),
    ]
    if why_unavailable("opus") is None:
        rows += _fec(log)
    for jitter_ms in (0, 10, 40, 80, 150):
        rows.append(_delay(log, jitter_ms, in_order=False))
        if jitter_ms:
            rows.append(_delay(log, jitter_ms, in_order=True))
    rows.append(_cost(log))
    return rows
