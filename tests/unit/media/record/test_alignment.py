"""Recorded audio lies where it was spoken, whatever the network and the far clock do. An hour takes a second or two."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audiocodecs import g711
from audiocodecs.registry import CN, PCMA, TELEPHONE_EVENT

from tests.support.far_end import Network, Packet, Talker, click_errors, clicks, merged
from tests.support.recorder import T0, Recorder

if TYPE_CHECKING:
    from pathlib import Path

MS = 8  # samples


def linear(codes: np.ndarray) -> np.ndarray:
    return np.frombuffer(g711.ulaw_to_linear(codes.tobytes()), "<i2")


def moved(packet: Packet, seconds: float) -> Packet:
    return replace(packet, arrival_ns=packet.arrival_ns + round(seconds * 1e9))


@pytest.mark.parametrize("loud", [True, False], ids=["talking", "silent"])
@pytest.mark.parametrize("ppm", [500, -500])
def test_an_hour_with_drift_jitter_and_loss(tmp_path: Path, ppm: float, loud: bool) -> None:
    network = Network(delay=0.04, jitter=0.08, loss=0.05)
    talker = Talker(end=3600.0, ppm=ppm, loud=loud)
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, talker.packets(network, T0))))
    file = recorder.finish(3601)["far"]
    errors = click_errors(recorder.wave("far"), network.delay, after=3.0)
    assert len(errors) > 3400 * 0.93
    assert np.max(np.abs(errors)) < 0.020
    assert file.late == 0
    assert file.overruns == 0
    assert file.duration == 3601


def test_two_legs_with_opposite_drift_stay_together(tmp_path: Path) -> None:
    left, right = Network(delay=0.02, jitter=0.08, loss=0.02), Network(delay=0.02, jitter=0.03, loss=0.02)
    recorder = Recorder(tmp_path)
    a, b = recorder.tap("a", 0), recorder.tap("b", 1)
    recorder.play(
        merged(
            (a, Talker(end=300.0, ppm=300, ssrc=1).packets(left, T0)),
            (b, Talker(end=300.0, ppm=-300, ssrc=2).packets(right, T0)),
        )
    )
    recorder.finish(301)
    stereo = recorder.wave("stereo")
    one, other = clicks(stereo[:, 0]), clicks(stereo[:, 1])
    nearest = np.abs(one[:, None] - other[None, :]).min(axis=1)
    together = nearest[nearest < 4000]
    assert len(together) > 270
    assert np.max(together[3:]) < 20 * MS
    assert np.array_equal(stereo[:, 0], recorder.wave("a"))
    assert np.array_equal(stereo[:, 1], recorder.wave("b"))


@pytest.mark.parametrize("jitter", [0.0, 0.005, 0.15])
def test_without_drift_every_sample_is_kept(tmp_path: Path, jitter: float) -> None:
    talker = Talker(end=20.0, loud=True)
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, talker.packets(Network(jitter=jitter), T0))))
    recorder.finish(21)
    wave, said = recorder.wave("far"), linear(talker.codes())
    start = int(clicks(wave)[0]) - 8000
    error_ms = (start - 0.03 * 8000) / MS
    assert 0 <= error_ms < 8 + 60 * jitter
    if jitter < 0.1:
        assert np.array_equal(wave[start : start + len(said)], said)
    else:  # the first packets may have been slow ones; what was moved, was moved within the first seconds
        at = int(clicks(wave)[8])
        assert np.array_equal(wave[at : at + 80000], said[72000:152000])


def test_a_slow_first_packet_does_not_shift_the_call(tmp_path: Path) -> None:
    packets = Talker(end=10.0).packets(Network(), T0)
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    held = [moved(packets[0], 0.2), *packets[1:]]
    recorder.play(merged((tap, sorted(held, key=lambda packet: packet.arrival_ns))))
    recorder.finish(11)
    assert np.max(np.abs(click_errors(recorder.wave("far"), 0.03))) < 0.001


def test_a_queue_that_empties_at_once_is_laid_out_in_time(tmp_path: Path) -> None:
    """The first 400 ms were held somewhere and come in one burst: they were spoken before."""
    packets = Talker(start=2.0, end=10.0).packets(Network(), T0)
    burst = [replace(packet, arrival_ns=packets[12].arrival_ns) for packet in packets[:12]] + packets[12:]
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, burst)))
    assert recorder.finish(11)["far"].late == 0
    assert np.max(np.abs(click_errors(recorder.wave("far"), 0.03))) < 0.001


def test_lost_packets_are_concealed_and_shift_nothing(tmp_path: Path) -> None:
    talker = Talker(end=10.0)
    lost = {100, 101, 102, 200, 333}
    packets = [packet for number, packet in enumerate(talker.packets(Network(), T0)) if number not in lost]
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, packets)))
    recorder.finish(10.5)
    said = linear(talker.codes())
    wave = recorder.wave("far")[240 : 240 + len(said)]
    kept = np.ones(len(said), bool)
    for number in lost:
        assert 0.05 < np.std(wave[number * 160 : number * 160 + 160]) / np.std(said) < 1.5
        kept[number * 160 : number * 160 + 240] = False  # the first 10 ms after it are blended
    assert np.array_equal(wave[kept], said[kept])


def test_a_pause_in_sending_is_silence(tmp_path: Path) -> None:
    """DTX: no packets for a while, the timestamp goes on; comfort noise and events do not disturb it."""
    packets = Talker(end=40.0).packets(Network(), T0)
    noise = replace(packets[500], codec=CN.number, payload=b"\x28")
    digit = [
        replace(
            packets[600 + n], codec=TELEPHONE_EVENT.number, payload=b"\x05\x0a\0\xa0", timestamp=packets[600].timestamp
        )
        for n in range(200)
    ]
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, [*packets[:500], noise, *digit, *packets[1500:]])))
    file = recorder.finish(41)["far"]
    wave = recorder.wave("far")
    assert not wave[10 * 8000 + 240 : 30 * 8000 + 240].any()
    assert wave[30 * 8000 + 241 :].any()
    assert np.max(np.abs(click_errors(wave, 0.03))) < 0.001
    assert file.error is None


@pytest.mark.parametrize(
    ("ssrc", "timestamp_jump"),
    [(0x9999, 0), (0x9999, 0x7654321), (0x1234, 0x7654321), (0x1234, -40000), (0x1234, 0x80000000)],
)
def test_a_source_that_starts_again_is_placed_by_its_arrival(tmp_path: Path, ssrc: int, timestamp_jump: int) -> None:
    packets = Talker(end=20.0).packets(Network(), T0)
    changed = [
        replace(
            packet,
            ssrc=ssrc,
            timestamp=(packet.timestamp + timestamp_jump) & 0xFFFFFFFF,
            sequence=(packet.sequence + (9000 if ssrc != 0x1234 else 0)) & 0xFFFF,
        )
        for packet in packets[500:]
    ]
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, packets[:500] + changed)))
    file = recorder.finish(21)["far"]
    errors = click_errors(recorder.wave("far"), 0.03)
    assert len(errors) == 19
    assert np.max(np.abs(errors)) < 0.001
    assert (file.packets, file.late) == (1000, 0)


@pytest.mark.parametrize("step", [0.1, 0.6, 1.5, 5.0])
def test_a_network_that_becomes_slower_is_followed(tmp_path: Path, step: float) -> None:
    packets = Talker(end=60.0, loud=False).packets(Network(), T0)
    slow = packets[:1000] + [moved(packet, step) for packet in packets[1000:]]
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, slow)))
    file = recorder.finish(70)["far"]
    wave = recorder.wave("far")
    assert np.max(np.abs(click_errors(wave[: 18 * 8000], 0.03))) < 0.001
    assert np.max(np.abs(click_errors(wave, 0.03 + step, after=45.0))) < 0.020
    assert file.late <= 10


def test_a_stall_shorter_than_the_window_costs_nothing(tmp_path: Path) -> None:
    talker = Talker(end=10.0)
    packets = talker.packets(Network(), T0)
    stalled = [replace(packet, arrival_ns=packets[211].arrival_ns) for packet in packets[200:212]]
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, packets[:200] + stalled[::-1] + packets[212:])))
    assert recorder.finish(10.5)["far"].late == 0
    said = linear(talker.codes())
    assert np.array_equal(recorder.wave("far")[240 : 240 + len(said)], said)


def test_a_packet_that_is_too_late_is_counted_and_hurts_nobody(tmp_path: Path) -> None:
    talker = Talker(end=10.0)
    packets = talker.packets(Network(), T0)
    late = moved(packets[200], 1.2)
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, [*packets[:200], *packets[201:], late, packets[300], packets[300]])))
    assert recorder.finish(10.5)["far"].late == 1
    said = linear(talker.codes())
    kept = np.ones(len(said), bool)
    kept[200 * 160 : 200 * 160 + 240] = False
    assert np.array_equal(recorder.wave("far")[240 : 240 + len(said)][kept], said[kept])


@pytest.mark.parametrize("size", [80, 240, 480, 960])
def test_any_packet_time(tmp_path: Path, size: int) -> None:
    talker = Talker(end=12.0, loud=False)
    said = talker.codes().tobytes()
    packets = [
        Packet(T0 + (n + size) * 125_000 + 30_000_000, 5, 77 + n, n // size, said[n : n + size])
        for n in range(0, len(said) - size + 1, size)
    ]
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, packets)))
    assert recorder.finish(13)["far"].late == 0
    assert np.max(np.abs(click_errors(recorder.wave("far"), 0.03))) < 0.001


def test_legs_share_clock_and_length_and_a_third_takes_the_channel_over(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    caller, agent = recorder.tap("caller", 0), recorder.tap("agent", 1)
    streams = [
        (caller, Talker(end=30.0, ssrc=1).packets(Network(), T0)),
        (agent, Talker(end=12.0, ssrc=2).packets(Network(), T0)),
    ]
    recorder.play(entry for entry in merged(*streams) if entry[1].arrival_ns < T0 + 15e9)
    agent.close()
    second = recorder.tap("second", 1)
    rest = [packet for packet in streams[0][1] if packet.arrival_ns >= T0 + 15e9]
    recorder.play(merged((caller, rest), (second, Talker(start=15.5, end=30.0, ssrc=3).packets(Network(), T0))))
    files = recorder.finish(31)
    assert {file.duration for file in files.values()} == {31.0}
    assert [files[name].channels for name in ("caller", "agent", "second", "stereo")] == [1, 1, 1, 2]
    assert [files[name].leg for name in ("caller", "agent", "second", "stereo")] == [0, 1, 2, None]
    stereo = recorder.wave("stereo")
    agent_wave, second_wave = recorder.wave("agent"), recorder.wave("second")
    assert not second_wave[: int(15.5 * 8000)].any()
    assert not agent_wave[13 * 8000 :].any()
    assert np.array_equal(stereo[:, 1], agent_wave + second_wave)
    assert np.array_equal(stereo[:, 0], recorder.wave("caller"))
    assert np.max(np.abs(click_errors(second_wave, 0.03))) < 0.001


def test_two_voices_in_one_channel_do_not_wrap(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    streams = [(recorder.tap(str(n), 1), Talker(end=3.0, ssrc=n).packets(Network(), T0)) for n in (1, 2)]
    recorder.play(merged(*streams))
    recorder.finish(3.5)
    stereo = recorder.wave("stereo")
    assert stereo[:, 1].max() == 32767
    assert not stereo[:, 0].any()


def test_both_laws_are_decoded_even_when_they_change(tmp_path: Path) -> None:
    talker = Talker(end=4.0)
    packets = talker.packets(Network(), T0)
    a_law = [replace(packet, codec=PCMA.number, payload=g711.ulaw_to_alaw(packet.payload)) for packet in packets[100:]]
    recorder = Recorder(tmp_path, stereo=False)
    tap = recorder.tap("far")
    recorder.play(merged((tap, packets[:100] + a_law)))
    recorder.finish(4.5)
    said = talker.codes()
    expected = np.concatenate(
        [linear(said[:16000]), np.frombuffer(g711.alaw_to_linear(g711.ulaw_to_alaw(said[16000:].tobytes())), "<i2")]
    )
    assert np.array_equal(recorder.wave("far")[240 : 240 + len(said)], expected)
