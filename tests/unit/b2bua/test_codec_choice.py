"""What is offered and answered, so that both sides of a call can hear each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.b2bua.codec_choice import TELEPHONE_EVENT, answer_alone, answer_like, audio, convertible, towards
from softswitch.sdp.codec import KNOWN_CODECS, Codec

PCMA, PCMU, G722, G729, OPUS, CN = (KNOWN_CODECS[name] for name in ("pcma", "pcmu", "g722", "g729", "opus", "cn"))
OPUS_STEREO = Codec("opus", 48000, 2, "stereo=1")
ANY = st.lists(st.sampled_from([PCMA, PCMU, G722, G729, OPUS, OPUS_STEREO, CN, TELEPHONE_EVENT]), max_size=6)


@pytest.mark.parametrize(
    ("allowed", "peer", "offered"),
    [
        ([PCMA, PCMU], None, (PCMA, PCMU, TELEPHONE_EVENT)),
        ([PCMA, PCMU], [PCMU], (PCMU, PCMA, TELEPHONE_EVENT)),
        ([PCMU, PCMA], [PCMA, PCMU], (PCMU, PCMA, TELEPHONE_EVENT)),
        ([G722, PCMA], [PCMA, G722, TELEPHONE_EVENT], (G722, PCMA, TELEPHONE_EVENT)),
        ([G722, OPUS], [PCMA], ()),
        ([OPUS], [OPUS_STEREO], (OPUS_STEREO, TELEPHONE_EVENT)),
        ([PCMA], [CN, TELEPHONE_EVENT], ()),
        ([], None, ()),
    ],
)
def test_towards(allowed: list[Codec], peer: list[Codec] | None, offered: tuple[Codec, ...]) -> None:
    assert towards(allowed, peer) == offered


@given(ANY, ANY)
def test_everything_offered_can_be_delivered_to_the_peer(allowed: list[Codec], peer: list[Codec]) -> None:
    offered = audio(towards(allowed, peer))
    assert all(any(convertible(codec, theirs) for theirs in audio(peer)) for codec in offered)
    assert all(any(codec.same_format(ours) for ours in allowed) for codec in offered)


@given(ANY, ANY)
def test_direct_codecs_come_before_converted_ones(allowed: list[Codec], peer: list[Codec]) -> None:
    direct = [any(codec.same_format(theirs) for theirs in audio(peer)) for codec in audio(towards(allowed, peer))]
    assert direct == sorted(direct, reverse=True)


@pytest.mark.parametrize(
    ("offered", "allowed", "peer", "answer"),
    [
        ([PCMU, PCMA], [PCMA, PCMU], PCMA, (PCMA, TELEPHONE_EVENT)),
        ([PCMU], [PCMA, PCMU], PCMA, (PCMU, TELEPHONE_EVENT)),
        ([G722, PCMU], [G722, PCMU], PCMA, (PCMU, TELEPHONE_EVENT)),
        ([G722], [G722], PCMA, ()),
        ([PCMA], [PCMU], PCMA, ()),
        ([OPUS_STEREO], [OPUS], OPUS, (OPUS_STEREO, TELEPHONE_EVENT)),
    ],
)
def test_answer_like(offered: list[Codec], allowed: list[Codec], peer: Codec, answer: tuple[Codec, ...]) -> None:
    assert answer_like(offered, allowed, peer) == answer


@given(ANY, ANY, st.sampled_from([PCMA, PCMU, G722, OPUS]))
def test_an_answer_is_offered_allowed_and_heard(offered: list[Codec], allowed: list[Codec], peer: Codec) -> None:
    for codec in audio(answer_like(offered, allowed, peer)):
        assert codec in offered
        assert any(codec.same_format(ours) for ours in allowed)
        assert convertible(codec, peer)


@pytest.mark.parametrize(
    ("offered", "allowed", "answer"),
    [
        ([G722, PCMU, PCMA], [PCMA, PCMU, G722], (PCMU, TELEPHONE_EVENT)),
        ([G722], [G722], (G722, TELEPHONE_EVENT)),
        ([OPUS], [PCMA], ()),
        ([TELEPHONE_EVENT, CN], [PCMA], ()),
    ],
)
def test_answer_alone_prefers_what_prompts_can_be_encoded_to(
    offered: list[Codec], allowed: list[Codec], answer: tuple[Codec, ...]
) -> None:
    assert answer_alone(offered, allowed) == answer


def test_the_two_laws_are_each_others_like_and_nothing_else_is() -> None:
    assert convertible(PCMA, PCMU)
    assert convertible(PCMU, PCMA)
    assert not convertible(PCMA, G722)
    assert convertible(G722, G722)
