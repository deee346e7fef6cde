"""A far end's own figures: read as RFC 3611 4.7 lays them down, refused when they cannot be true."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.quality.voip_metrics import VoipMetrics

GOOD = (5, 3, 64, 2, 400, 8000, 120, 45, 0xEC, 0xBA, 55, 16, 86, 127, 42, 41, 0xF3, 60, 80, 200)


def changed(place: int, value: int) -> tuple[int, ...]:
    return (*GOOD[:place], value, *GOOD[place + 1 :])


def test_every_field_in_its_unit() -> None:
    found = VoipMetrics.read(GOOD)
    assert found is not None
    assert found.loss_percent == pytest.approx(1.953, abs=1e-3)
    assert found.discard_percent == pytest.approx(1.172, abs=1e-3)
    assert (found.burst_loss_percent, found.gap_loss_percent) == (25.0, 0.78125)
    assert (found.burst_ms, found.gap_ms, found.rtt_ms, found.end_system_ms) == (400, 8000, 120, 45)
    assert (found.signal_dbm, found.noise_dbm, found.echo_return_loss_db) == (-20, -70, 55)
    assert (found.gmin, found.r, found.external_r, found.mos_lq, found.mos_cq) == (16, 86, None, 4.2, 4.1)
    assert (found.concealment, found.adaptive) == ("standard", True)
    assert (found.buffer_ms, found.buffer_most_ms) == (60, 80)


def test_what_is_not_known_is_nothing() -> None:
    found = VoipMetrics.read((0, 0, 0, 0, 0, 0, 0, 0, 127, 127, 127, 16, 127, 127, 127, 127, 0, 0, 0, 0))
    assert found is not None
    assert (found.rtt_ms, found.end_system_ms, found.signal_dbm, found.noise_dbm) == (None,) * 4
    assert (found.echo_return_loss_db, found.r, found.external_r, found.mos_lq, found.mos_cq) == (None,) * 5
    assert (found.concealment, found.adaptive) == ("unspecified", None)


IMPOSSIBLE = {
    "more missing than sent": (0, 255),
    "R": (12, 101),
    "R of all bits": (12, 255),
    "external R": (13, 126),
    "a score below 1": (14, 9),
    "a score above 5": (14, 51),
    "no score": (15, 0),
    "score of all bits": (15, 255),
    "nominal above maximum": (17, 90),
    "maximum above absolute": (18, 201),
    "a minute of buffer": (17, 60000),
}


@pytest.mark.parametrize(("place", "value"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_block_with_one_impossible_figure_is_not_believed(place: int, value: int) -> None:
    assert VoipMetrics.read(changed(place, value)) is None


@pytest.mark.parametrize(("place", "name"), [(6, "rtt_ms"), (7, "end_system_ms")])
def test_a_time_no_call_can_have_is_not_known(place: int, name: str) -> None:
    found = VoipMetrics.read(changed(place, 65535))
    assert found is not None
    assert getattr(found, name) is None


OCTET, SHORT = st.integers(0, 255), st.integers(0, 65535)


@given(st.tuples(*[OCTET] * 4, *[SHORT] * 4, *[OCTET] * 9, *[SHORT] * 3))
def test_whatever_comes_stays_in_its_range(raw: tuple[int, ...]) -> None:
    found = VoipMetrics.read(raw)
    if found is None:
        return
    assert found.loss_percent + found.discard_percent <= 100
    assert found.r is None or 0 <= found.r <= 100
    assert found.mos_cq is None or 1 <= found.mos_cq <= 5
    assert found.rtt_ms is None or 0 < found.rtt_ms <= 5000
    assert 0 <= found.buffer_ms <= 2000
