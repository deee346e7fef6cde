"""Tracks: what a listener of each codec hears is the sound itself, whatever the packet time."""

from __future__ import annotations

import numpy as np
import pytest
from audiocodecs.coding import Decoder, why_unavailable
from audiocodecs.registry import G722, G729, GSM, L16, OPUS, PCMA, PCMU, KnownCodec

from media.commands import Tone
from media.play.source import PlaySource
from media.play.tone import render_tone
from media.play.track import ensure_track, packet_ms, widened

HZ = 1000.0
SECONDS = 0.5


def sound() -> PlaySource:
    wave = 8000 * np.sin(2 * np.pi * HZ * np.arange(int(8000 * SECONDS)) / 8000)
    return PlaySource(wave.astype("<i2").tobytes())


def loudest(wave: np.ndarray, rate: int) -> tuple[float, float]:
    """(frequency, share of the whole power that lies within 40 Hz of it), away from the edges."""
    middle = wave[len(wave) // 4 : 3 * len(wave) // 4].astype(float)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    peak = int(np.argmax(spectrum))
    width = int(40 * len(middle) / rate) + 1
    return peak * rate / len(middle), float(spectrum[max(0, peak - width) : peak + width].sum() / spectrum.sum())


@pytest.mark.parametrize("codec", [PCMA, PCMU, G722, G729, OPUS, L16], ids=lambda codec: codec.name)
@pytest.mark.parametrize("ptime", [10, 20, 40, 60])
def test_a_listener_hears_the_sound(codec: KnownCodec, ptime: int) -> None:
    why = why_unavailable(codec.name)
    if why is not None:
        pytest.skip(why)
    number, clock = codec.number, codec.clock_rate
    source, decoder = sound(), Decoder(codec.name)
    assert ensure_track(source, number, clock, ptime)
    position, heard, packets = 0, b"", 0
    while True:
        payload, position = source.read(position, packet_ms(number, ptime) * 8, number, clock_rate=clock)
        if not payload:
            break
        packets += 1
        heard += decoder.decode(payload)
    assert packets == np.ceil(SECONDS * 1000 / packet_ms(number, ptime))
    wave = np.frombuffer(heard, dtype="<i2")
    assert len(wave) == pytest.approx(decoder.sample_rate * SECONDS, abs=decoder.sample_rate * ptime / 1000)
    frequency, share = loudest(wave, decoder.sample_rate)
    assert frequency == pytest.approx(HZ, abs=10)
    assert share > 0.9


def test_a_track_is_made_once() -> None:
    source = sound()
    assert ensure_track(source, L16.number, 16000, 20)
    first = source.track(L16.number)
    assert ensure_track(source, L16.number, 16000, 40)
    assert source.track(L16.number) is first


def test_what_nobody_here_encodes_has_no_track() -> None:
    source = sound()
    assert not ensure_track(source, GSM.number, 8000, 20)
    assert not ensure_track(source, L16.number, 44100, 20)
    assert not ensure_track(source, PCMU.number, 16000, 20)


def test_packet_times_are_whole_frames() -> None:
    assert [packet_ms(OPUS.number, ptime) for ptime in (10, 20, 30, 60)] == [10, 20, 20, 60]
    assert [packet_ms(G729.number, ptime) for ptime in (10, 20, 30, 25)] == [10, 20, 30, 20]
    assert packet_ms(PCMA.number, 30) == 30


def test_a_tone_is_widened_to_the_rate_of_its_listener() -> None:
    wide = np.frombuffer(widened(render_tone(Tone((425,)))), dtype="<i2")
    frequency, share = loudest(np.tile(wide, 4), 16000)
    assert frequency == pytest.approx(425, abs=10)
    assert share > 0.999
