"""Opus parameters both ways: read with suspicion, written plainly, and kept within a class of bandwidth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp.codec import Codec
from softswitch.sdp.opus import OpusParameters, OpusSending, parameters_of, relayed, sending

BROWSER = "minptime=10;useinbandfec=1"
PARAMETERS = st.builds(
    OpusParameters,
    maxplaybackrate=st.sampled_from([8000, 12000, 16000, 24000, 48000]),
    sprop_maxcapturerate=st.sampled_from([8000, 12000, 16000, 24000, 48000]),
    maxaveragebitrate=st.none() | st.integers(6000, 510000),
    stereo=st.booleans(),
    sprop_stereo=st.booleans(),
    cbr=st.booleans(),
    useinbandfec=st.booleans(),
    usedtx=st.booleans(),
    minptime=st.none() | st.integers(3, 120),
)


def test_what_browsers_say() -> None:
    assert OpusParameters.read(BROWSER) == OpusParameters(useinbandfec=True, minptime=10)
    assert OpusParameters.read("") == OpusParameters()


def test_everything_there_is() -> None:
    """RFC 7587 7, with the liberties people take."""
    fmtp = (
        "maxplaybackrate=16000; sprop-maxcapturerate=24000; maxaveragebitrate=20000; STEREO=1;sprop-stereo=1;"
        "cbr=1 ;useinbandfec = 1;usedtx=1"
    )
    assert OpusParameters.read(fmtp) == OpusParameters(
        maxplaybackrate=16000,
        sprop_maxcapturerate=24000,
        maxaveragebitrate=20000,
        stereo=True,
        sprop_stereo=True,
        cbr=True,
        useinbandfec=True,
        usedtx=True,
    )


@given(PARAMETERS)
def test_what_is_written_can_be_read(parameters: OpusParameters) -> None:
    assert OpusParameters.read(parameters.fmtp) == parameters


@pytest.mark.parametrize(
    ("fmtp", "rate"),
    [
        ("maxplaybackrate=8000", 8000),
        ("maxplaybackrate=1", 8000),
        ("maxplaybackrate=11025", 12000),
        ("maxplaybackrate=44100", 48000),
        ("maxplaybackrate=96000", 48000),
        ("maxplaybackrate=-1", 48000),
        ("maxplaybackrate=ten", 48000),
        ("maxplaybackrate", 48000),
        ("maxplaybackrate=16000;maxplaybackrate=8000", 16000),
    ],
)
def test_rates_are_those_opus_has(fmtp: str, rate: int) -> None:
    assert OpusParameters.read(fmtp).maxplaybackrate == rate


@pytest.mark.parametrize(
    ("said", "meant"), [("1", 6000), ("64000", 64000), ("9999999", 510000), ("99999999", None), ("-5", None)]
)
def test_bit_rates_are_those_opus_has(said: str, meant: int | None) -> None:
    assert OpusParameters.read(f"maxaveragebitrate={said}").maxaveragebitrate == meant


@given(st.text(max_size=400))
def test_any_text_is_read(fmtp: str) -> None:
    parameters = OpusParameters.read(fmtp)
    assert parameters.maxplaybackrate in (8000, 12000, 16000, 24000, 48000)
    assert OpusParameters.read(parameters.fmtp) == parameters


def test_what_we_say_for_each_class_of_bandwidth() -> None:
    standard = parameters_of("standard", fec=True, dtx=False, cbr=False)
    assert standard.fmtp == (
        "minptime=10;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate=26700"
    )
    assert parameters_of("high", fec=False, dtx=True, cbr=True).fmtp == (
        "minptime=10;maxaveragebitrate=75200;cbr=1;usedtx=1"
    )


@pytest.mark.parametrize(("bandwidth", "total"), [("standard", 50_000), ("high", 100_000)])
@pytest.mark.parametrize("ptime", [10, 20, 40, 60])
@pytest.mark.parametrize("theirs", ["", "useinbandfec=1", "maxaveragebitrate=510000"])
def test_a_stream_stays_in_its_class_with_all_headers(bandwidth: str, total: int, ptime: int, theirs: str) -> None:
    ours = parameters_of(bandwidth, fec=True, dtx=False, cbr=False)  # type: ignore[arg-type]
    settled = sending(OpusParameters.read(theirs), ours, ptime)
    assert settled.bitrate is not None
    headers = 8 * (20 + 8 + 12 + 16) * 1000 // ptime
    assert settled.bitrate + headers <= total or settled.bitrate == 6000  # 10 ms of standard: as low as Opus goes


def test_how_we_send_is_what_they_take_within_our_limits() -> None:
    ours = parameters_of("high", fec=True, dtx=True, cbr=False)
    assert sending(OpusParameters.read(BROWSER), ours, 20) == OpusSending(48000, 75200, fec=True, dtx=False, cbr=False)
    theirs = OpusParameters.read("maxplaybackrate=16000;maxaveragebitrate=20000;usedtx=1;cbr=1")
    assert sending(theirs, ours, 20) == OpusSending(16000, 20000, fec=False, dtx=True, cbr=True)
    assert sending(OpusParameters(), OpusParameters(), 20).bitrate is None


def test_relaying_keeps_their_words_unless_they_are_too_many() -> None:
    peer = Codec("opus", 48000, 2, "foo=bar;stereo=1;maxaveragebitrate=20000")
    assert relayed(peer, Codec("opus", 48000, 2, "useinbandfec=1")) is peer
    limited = relayed(peer, Codec("opus", 48000, 2, "maxaveragebitrate=16000;maxplaybackrate=24000"))
    assert limited.fmtp == "maxplaybackrate=24000;maxaveragebitrate=16000;stereo=1"
