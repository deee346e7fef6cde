"""Wideband and fullband models against operating points (G.107.1, G.107.2, G.113), and scales kept apart."""

from __future__ import annotations

import json
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.quality.codecs import AMR_WB, EVS
from media.quality.emodel import FULLBAND, NARROWBAND, SCALES, WIDEBAND, Scale, loss_impairment
from media.quality.opinion import OPINIONS, MosCqe, MosCqef, MosCqew, Opinion, lowest


@pytest.mark.parametrize(
    ("ie", "score"), [(0, 4.5), (1, 4.4940), (8, 4.4206), (13, 4.3371), (41, 3.5123), (56, 2.9220)]
)
def test_wideband_codecs_without_loss(ie: float, score: float) -> None:
    assert WIDEBAND.score(WIDEBAND.best_rating - ie) == pytest.approx(score, abs=6e-5)


def test_wideband_codec_under_loss_keeps_the_constant_of_narrowband() -> None:
    codec = AMR_WB[12.65]
    assert loss_impairment(codec.ie, codec.bpl, 2, ceiling=WIDEBAND.loss_ceiling) == pytest.approx(43.8095, abs=6e-5)
    assert WIDEBAND.score(codec.listening_rating(2, 1.0)) == pytest.approx(3.4062, abs=6e-5)


@pytest.mark.parametrize(("codec", "loss", "score"), [(24.4, 0, 4.4436), (24.4, 1, 4.2961), (13.2, 0, 4.2991)])
def test_fullband_codecs(codec: float, loss: float, score: float) -> None:
    assert FULLBAND.score(EVS[codec].listening_rating(loss, 1.0)) == pytest.approx(score, abs=6e-5)


def test_delay_weighs_as_much_on_every_scale() -> None:
    assert NARROWBAND.delay_impairment(200) == pytest.approx(3.044414, abs=1e-6)
    assert WIDEBAND.delay_impairment(200) == pytest.approx(3.927294, abs=1e-6)
    assert FULLBAND.delay_impairment(200) == pytest.approx(1.48 * 3.044414, abs=2e-6)


def test_clean_g711_would_be_a_poor_wideband_connection() -> None:
    assert WIDEBAND.score(NARROWBAND.best_rating) == pytest.approx(3.70, abs=5e-3)


@pytest.mark.parametrize(("scale", "best"), [(NARROWBAND, 4.409), (WIDEBAND, 4.5), (FULLBAND, 4.5)])
def test_the_best_of_each_scale(scale: Scale, best: float) -> None:
    assert scale.best == pytest.approx(best, abs=6e-4)


@given(
    st.sampled_from(list(SCALES.values())),
    st.floats(0, 60),
    st.floats(1, 30),
    st.lists(st.floats(0, 100), min_size=2, max_size=2),
    st.lists(st.floats(1, 8), min_size=2, max_size=2),
    st.lists(st.floats(0, 2000), min_size=2, max_size=2),
)
def test_more_of_anything_bad_never_helps(
    scale: Scale, ie: float, bpl: float, losses: list[float], bursts: list[float], delays: list[float]
) -> None:
    def score(loss: float, burst: float, delay: float) -> Opinion:
        lost = loss_impairment(ie, bpl, loss, burst, ceiling=scale.loss_ceiling)
        return scale.score(scale.best_rating - lost - scale.delay_impairment(delay))

    better = score(min(losses), min(bursts), min(delays))
    worse = score(max(losses), max(bursts), max(delays))
    assert 1.0 <= worse <= better + 1e-9
    assert better <= scale.score(scale.best_rating - ie) <= scale.best


SCORES = [MosCqe(3.7), MosCqew(4.1), MosCqef(4.2)]


@pytest.mark.parametrize("mine", SCORES)
@pytest.mark.parametrize("other", SCORES)
def test_scores_of_two_scales_are_neither_compared_nor_averaged(mine: Opinion, other: Opinion) -> None:
    if type(mine) is type(other):
        assert mean([mine, other]) == mine
        assert min(mine, other) == mine
        return
    for forbidden in (
        lambda: mine < other,
        lambda: mine <= other,
        lambda: mine > other,
        lambda: mine >= other,
        lambda: mine + other,
        lambda: mine - other,
        lambda: sum([mine, other]) / 2,
        lambda: (3 * mine + 2 * other) / 5,
        lambda: sorted([mine, other]),
        lambda: max(mine, other),
    ):
        with pytest.raises(TypeError, match="different scales"):
            forbidden()
    assert mine != other
    assert len({mine, other, type(mine)(float(other))}) == 3


def test_a_score_is_a_number_for_everything_else() -> None:
    score = MosCqe(3.9)
    assert score < 4.0
    assert score < 4.0
    assert round(score, 1) == 3.9
    assert f"{score:.2f}" == "3.90"
    assert json.dumps({"mos": score}) == '{"mos": 3.9}'
    assert type(score - MosCqe(3.5)) is float
    assert type((score + score) / 2) is MosCqe
    assert hash(score) == hash(3.9)


def test_the_lowest_is_sought_on_one_scale() -> None:
    scores = [MosCqe(4.1), None, MosCqew(2.0), MosCqe(3.9)]
    assert lowest(scores, MosCqe) == MosCqe(3.9)
    assert lowest(scores, MosCqef) is None
    assert {name: each.scale for name, each in OPINIONS.items()} == {name: name for name in OPINIONS}
