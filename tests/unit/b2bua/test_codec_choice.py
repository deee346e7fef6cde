"""What is offered and answered, so that both sides of a call can hear each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.b2bua.codec_choice import (
    TELEPHONE_EVENT,
    answer_alone,
    answer_like,
    audio,
    common,
    convertible,
    cost,
    names,
    towards,
    why_not_coded,
    why_nothing,
)
from softswitch.sdp.codec import KNOWN_CODECS, Codec

PCMA, PCMU, G722, G729, OPUS, CN, GSM, L16 = (
    KNOWN_CODECS[name] for name in ("pcma", "pcmu", "g722", "g729", "opus", "cn", "gsm", "l16")
)
L16_WIDE = Codec("L16", 16000)
OPUS_STEREO = Codec("opus", 48000, 2, "stereo=1")
OPUS_LIMITED = Codec("opus", 48000, 2, "useinbandfec=1;maxplaybackrate=16000;maxaveragebitrate=26700")
WIDE_EVENT = Codec("telephone-event", 16000, 1, "0-16")
FULL_EVENT = Codec("telephone-event", 48000, 1, "0-16")
ANY = st.lists(
    st.sampled_from([PCMA, PCMU, G722, G729, OPUS, OPUS_STEREO, GSM, L16_WIDE, CN, TELEPHONE_EVENT]), max_size=6
)


@pytest.mark.parametrize(
    ("allowed", "peer", "offered"),
    [
        ([PCMA, PCMU], None, (PCMA, PCMU, TELEPHONE_EVENT)),
        ([PCMA, PCMU], [PCMU], (PCMU, PCMA, TELEPHONE_EVENT)),
        ([PCMU, PCMA], [PCMA, PCMU], (PCMU, PCMA, TELEPHONE_EVENT)),
        ([G722, PCMA], [PCMA, G722, TELEPHONE_EVENT], (G722, PCMA, TELEPHONE_EVENT)),
        ([OPUS], [OPUS_STEREO], (OPUS_STEREO, FULL_EVENT)),
        # converted: the cheapest first, whatever the order of the list
        ([OPUS, G722, PCMU], [PCMA], (PCMU, G722, OPUS, TELEPHONE_EVENT, FULL_EVENT)),
        ([PCMA], [OPUS], (PCMA, TELEPHONE_EVENT)),
        ([PCMA], [GSM, G729], (PCMA, TELEPHONE_EVENT)),
        # relayed before converted
        ([G722, OPUS, PCMA], [OPUS_STEREO], (OPUS_STEREO, PCMA, G722, FULL_EVENT, TELEPHONE_EVENT)),
        ([L16_WIDE], [PCMA], (L16_WIDE, WIDE_EVENT)),
        # what has no coder is only ever relayed
        ([GSM, PCMA], [GSM], (GSM, TELEPHONE_EVENT)),
        ([GSM], [PCMA], ()),
        ([PCMA], [GSM], ()),
        ([PCMA], [CN, TELEPHONE_EVENT], ()),
        ([], None, ()),
        ([], [PCMA], ()),
    ],
)
def test_towards(allowed: list[Codec], peer: list[Codec] | None, offered: tuple[Codec, ...]) -> None:
    assert towards(allowed, peer) == offered


def test_limits_of_bandwidth_hold_for_what_is_relayed() -> None:
    """The peer's own parameters go along, but not beyond what this side of the switch allows."""
    generous = Codec("opus", 48000, 2, "stereo=1;maxaveragebitrate=128000")
    (offered, _) = towards([OPUS_LIMITED], [generous])
    assert offered.fmtp == "maxplaybackrate=16000;maxaveragebitrate=26700;stereo=1"
    (answered, _) = answer_like([OPUS], [OPUS_LIMITED], generous)
    assert answered.fmtp == offered.fmtp


@given(ANY, ANY)
def test_everything_offered_can_be_delivered_to_the_peer(allowed: list[Codec], peer: list[Codec]) -> None:
    offered = audio(towards(allowed, peer))
    assert all(any(convertible(codec, theirs) for theirs in audio(peer)) for codec in offered)
    assert all(any(codec.same_format(ours) for ours in allowed) for codec in offered)


@given(ANY, ANY)
def test_cheaper_codecs_come_first(allowed: list[Codec], peer: list[Codec]) -> None:
    prices = [
        min(cost(codec, theirs) for theirs in audio(peer) if convertible(codec, theirs))
        for codec in audio(towards(allowed, peer))
    ]
    assert prices == sorted(prices)


@given(ANY, ANY)
def test_digits_have_the_clock_of_some_audio(allowed: list[Codec], peer: list[Codec]) -> None:
    offered = towards(allowed, peer)
    events = [codec.clock_rate for codec in offered if codec.is_telephone_event]
    assert sorted(events) == sorted({codec.clock_rate for codec in audio(offered)})


@pytest.mark.parametrize(
    ("offered", "allowed", "peer", "answer"),
    [
        ([PCMU, PCMA], [PCMA, PCMU], PCMA, PCMA),
        ([PCMU], [PCMA, PCMU], PCMA, PCMU),
        ([G722, PCMU], [G722, PCMU], PCMA, PCMU),
        ([G722, OPUS], [OPUS, G722], PCMA, G722),
        ([G722], [G722], PCMA, G722),
        ([OPUS_STEREO], [OPUS], OPUS, OPUS),
        ([OPUS_STEREO], [OPUS], PCMU, OPUS),
        ([OPUS, PCMA], [PCMA, OPUS], OPUS_STEREO, OPUS_STEREO),
        ([PCMA], [PCMU], PCMA, None),
        ([GSM], [GSM], PCMA, None),
        ([GSM], [GSM], GSM, GSM),
    ],
)
def test_answer_like(offered: list[Codec], allowed: list[Codec], peer: Codec, answer: Codec | None) -> None:
    assert audio(answer_like(offered, allowed, peer)) == ([] if answer is None else [answer])


@given(ANY, ANY, st.sampled_from([PCMA, PCMU, G722, OPUS, GSM]))
def test_an_answer_is_one_codec_offered_allowed_and_heard(
    offered: list[Codec], allowed: list[Codec], peer: Codec
) -> None:
    answered = audio(answer_like(offered, allowed, peer))
    assert len(answered) <= 1
    for codec in answered:
        assert any(codec.same_format(theirs) for theirs in offered)
        assert any(codec.same_format(ours) for ours in allowed)
        assert convertible(codec, peer)


@pytest.mark.parametrize(
    ("offered", "allowed", "answer"),
    [
        ([G722, PCMU, PCMA], [PCMA, PCMU, G722], PCMA),
        ([PCMA, OPUS], [OPUS, PCMA], OPUS),
        ([G722], [G722], G722),
        ([GSM, PCMA], [GSM, PCMA], PCMA),
        ([GSM], [GSM, PCMA], GSM),
        ([OPUS], [PCMA], None),
        ([TELEPHONE_EVENT, CN], [PCMA], None),
    ],
)
def test_answer_alone_follows_the_operators_list_among_what_can_be_encoded(
    offered: list[Codec], allowed: list[Codec], answer: Codec | None
) -> None:
    assert audio(answer_alone(offered, allowed)) == ([] if answer is None else [answer])


def test_common_is_what_was_offered_and_is_allowed() -> None:
    assert common([TELEPHONE_EVENT, OPUS_STEREO, PCMA, GSM], [PCMA, OPUS]) == [OPUS_STEREO, PCMA]


def test_whatever_can_be_decoded_and_encoded_is_convertible() -> None:
    coded = [PCMA, PCMU, G722, G729, OPUS, L16, L16_WIDE]
    assert all(convertible(a, b) for a in coded for b in coded)
    assert convertible(GSM, GSM)
    assert not convertible(GSM, PCMA)


@pytest.mark.parametrize(
    ("codec", "why"),
    [
        (GSM, "this switch has no coder for it"),
        (Codec("SILK", 24000), "this switch has no coder for it"),
        (Codec("L16", 44100), "not with 44100"),
        (Codec("L16", 8000, 2), "not with 8000/2"),
        (Codec("PCMA", 16000), "not with 16000"),
        (Codec("opus", 48000, 1), "not with 48000"),
        (Codec("PCMU", 8000), None),
        (Codec("OPUS", 48000, 2), None),
    ],
)
def test_what_cannot_be_coded_says_why(codec: Codec, why: str | None) -> None:
    assert why_not_coded(codec) == why


def test_the_story_tells_why_there_was_nothing() -> None:
    assert why_nothing([PCMA, L16_WIDE], [GSM, TELEPHONE_EVENT]) == (
        "one side has GSM, the other PCMA, L16/16000; GSM cannot be converted: this switch has no coder for it"
    )
    assert why_nothing([], []) == "one side has none, the other none"
    assert len(names([GSM] * 100)) == 200


def test_without_its_library_g729_is_relayed_and_nothing_else() -> None:
    script = (
        "from audiocodecs import coding\n"
        "coding.LIBRARIES['G729'] = ('libabsent.so.0', 'libbcg729-0')\n"
        "from softswitch.b2bua.codec_choice import *\n"
        "from softswitch.b2bua.codec_choice import why_nothing, towards\n"
        "from softswitch.sdp.codec import KNOWN_CODECS\n"
        "pcma, g729 = KNOWN_CODECS['pcma'], KNOWN_CODECS['g729']\n"
        "assert [codec.name for codec in towards([pcma, g729], [g729])] == ['G729', 'telephone-event']\n"
        "assert towards([pcma], [g729]) == ()\n"
        "print(why_nothing([pcma], [g729]))\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=root,
        env={"PYTHONPATH": f"{root}:{root / 'codecs'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (
        "one side has G729, the other PCMA; G729 cannot be converted: "
        "libabsent.so.0 is not installed (Debian package libbcg729-0), or is too old\n"
    )
