"""The E-model against published operating points (G.107 defaults, independent calculators)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.quality.codecs import OPUS_NARROWBAND_CBR_11, CodecImpairment, codec_impairment
from media.quality.emodel import NARROWBAND, Parameters, delay_impairment, loss_impairment, mos, rating


def impairment(name: str, *, plc: bool = True) -> CodecImpairment:
    found = codec_impairment(name, plc=plc)
    assert isinstance(found, CodecImpairment)
    return found


CODECS = {
    "G.711 PLC": impairment("PCMA"),
    "G.711 no PLC": impairment("PCMU", plc=False),
    "G.729A+VAD": impairment("G729"),
    "G.723.1": impairment("G723"),
    "GSM-EFR": impairment("GSM-EFR"),
    "Opus NB CBR 11k": OPUS_NARROWBAND_CBR_11,
}
LOSSES = (0, 0.5, 1, 2, 3, 5, 10, 20)
LISTENING_MOS = {
    "G.711 PLC": (4.409, 4.371, 4.328, 4.235, 4.134, 3.923, 3.411, 2.631),
    "G.711 no PLC": (4.409, 4.143, 3.834, 3.256, 2.794, 2.169, 1.481, 1.124),
    "G.729A+VAD": (4.104, 4.026, 3.946, 3.787, 3.632, 3.340, 2.745, 2.021),
    "G.723.1": (3.954, 3.855, 3.758, 3.567, 3.386, 3.061, 2.447, 1.776),
    "GSM-EFR": (4.292, 4.163, 4.025, 3.743, 3.474, 3.006, 2.223, 1.536),
    "Opus NB CBR 11k": (4.367, 4.296, 4.220, 4.054, 3.883, 3.549, 2.857, 2.037),
}


def test_default_parameters_give_the_recommendations_reference_rating() -> None:
    result = rating(Parameters())
    assert result.ro == pytest.approx(94.768822, abs=1e-6)
    assert result.simultaneous == pytest.approx(1.413568, abs=1e-6)
    assert result.listener_echo == pytest.approx(0.149046, abs=1e-6)
    assert result.talker_echo == 0
    assert result.r == pytest.approx(93.206208, abs=1e-6)
    assert mos(result.r) == pytest.approx(4.409406, abs=1e-6)


@pytest.mark.parametrize(
    ("ta", "r", "score"),
    [
        (0, 93.206, 4.409),
        (50, 91.756, 4.380),
        (100, 90.664, 4.355),
        (150, 89.539, 4.328),
        (177.3, 88.052, 4.288),
        (200, 85.805, 4.223),
        (250, 79.177, 3.993),
        (300, 72.666, 3.719),
        (400, 62.247, 3.216),
        (500, 54.803, 2.828),
    ],
)
def test_delay_with_echo_paths(ta: float, r: float, score: float) -> None:
    result = rating(Parameters(t=ta, ta=ta, tr=2 * ta))
    assert result.r == pytest.approx(r, abs=6e-4)
    assert mos(result.r) == pytest.approx(score, abs=6e-4)


@pytest.mark.parametrize(
    ("ta", "r", "score"),
    [
        (0, 93.200, 4.409),
        (50, 93.200, 4.409),
        (100, 93.200, 4.409),
        (150, 93.036, 4.406),
        (177.3, 92.028, 4.385),
        (200, 90.156, 4.343),
        (250, 84.283, 4.175),
        (300, 78.439, 3.964),
        (400, 69.130, 3.556),
        (500, 62.564, 3.232),
    ],
)
def test_delay_without_echo(ta: float, r: float, score: float) -> None:
    found = NARROWBAND.best_rating - delay_impairment(ta)
    assert found == pytest.approx(r, abs=6e-4)
    assert mos(found) == pytest.approx(score, abs=6e-4)


@pytest.mark.parametrize(
    ("name", "loss", "score"),
    [(name, loss, score) for name, row in LISTENING_MOS.items() for loss, score in zip(LOSSES, row, strict=True)],
)
def test_listening_quality_under_random_loss(name: str, loss: float, score: float) -> None:
    assert mos(CODECS[name].listening_rating(loss, 1.0)) == pytest.approx(score, abs=6e-4)


@pytest.mark.parametrize(
    ("loss", "r"),
    list(zip(LOSSES, (93.20, 91.34, 89.56, 86.19, 83.06, 77.42, 66.13, 51.07), strict=True)),
)
def test_rating_of_concealed_g711_under_random_loss(loss: float, r: float) -> None:
    assert CODECS["G.711 PLC"].listening_rating(loss, 1.0) == pytest.approx(r, abs=6e-3)


def test_g729_at_two_percent_is_impaired_by_exactly_nineteen() -> None:
    assert loss_impairment(11, 19, 2) == 19


@pytest.mark.parametrize(("burst_ratio", "score"), [(1, 3.923), (1.5, 3.885), (2, 3.864), (4, 3.829)])
def test_bursts_hurt_more_than_random_loss(burst_ratio: float, score: float) -> None:
    assert mos(CODECS["G.711 PLC"].listening_rating(5, burst_ratio)) == pytest.approx(score, abs=6e-4)


def test_equipment_impairment_of_bursty_loss() -> None:
    assert loss_impairment(0, 25.1, 5, 2) == pytest.approx(17.210145, abs=1e-6)


@pytest.mark.parametrize(
    ("ta", "loss", "score"), [(150, 1, 4.324), (150, 5, 3.916), (250, 1, 4.048), (250, 2, 3.917), (400, 2, 3.209)]
)
def test_delay_and_loss_together(ta: float, loss: float, score: float) -> None:
    r = CODECS["G.711 PLC"].listening_rating(loss, 1.0) - delay_impairment(ta)
    assert mos(r) == pytest.approx(score, abs=6e-4)


def test_g729_with_delay_and_loss() -> None:
    r = CODECS["G.729A+VAD"].listening_rating(2, 1.0) - delay_impairment(150)
    assert r == pytest.approx(74.036, abs=6e-4)
    assert mos(r) == pytest.approx(3.780, abs=6e-4)


def test_delay_impairment_at_200_ms() -> None:
    assert delay_impairment(200) == pytest.approx(3.044414, abs=1e-6)


@pytest.mark.parametrize(
    ("r", "score"),
    [
        (50, 2.575),
        (60, 3.100),
        (70, 3.597),
        (80, 4.024),
        (90, 4.339),
        (93.2, 4.4093),
        (100, 4.5),
        (67.96, 3.5),
        (79.37, 4.0),
        (88.48, 4.3),
        (0, 1.0),
        (-20, 1.0),
        (3, 1.0),
        (140, 4.5),
    ],
)
def test_rating_to_opinion_score(r: float, score: float) -> None:
    assert mos(r) == pytest.approx(score, abs=6e-4)


@pytest.mark.parametrize(("name", "loss"), [("G.711 PLC", 4.28), ("G.711 no PLC", 0.73), ("G.729A+VAD", 0.66)])
def test_the_loss_at_which_a_codec_falls_under_four(name: str, loss: float) -> None:
    assert mos(CODECS[name].listening_rating(loss, 1.0)) == pytest.approx(4.0, abs=2e-3)


@given(st.floats(-1000, 1000), st.floats(-1000, 1000))
def test_a_higher_rating_never_scores_lower(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 1.0 <= mos(low) <= mos(high) <= 4.5


@given(st.floats(0, 10_000), st.floats(0, 10_000))
def test_more_delay_never_helps(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 0 <= delay_impairment(low) <= delay_impairment(high) + 1e-9


@given(st.floats(0, 100), st.floats(0, 100), st.floats(1, 8))
def test_more_loss_never_helps(first: float, second: float, burst_ratio: float) -> None:
    low, high = sorted((first, second))
    assert loss_impairment(0, 25.1, low, burst_ratio) <= loss_impairment(0, 25.1, high, burst_ratio) + 1e-9


def test_sidetone_extremes_change_the_talker_echo() -> None:
    plain = rating(Parameters(t=50)).talker_echo
    assert rating(Parameters(t=50, stmr=25)).talker_echo > plain
    assert rating(Parameters(t=50, stmr=5)).talker_echo != pytest.approx(plain)
