"""The verdict on a leg: intervals, sliding mean, call mean, worst, ceiling and causes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.quality.codecs import (
    AMR_WB,
    EVS,
    OPUS_NARROWBAND_CBR_11,
    CodecImpairment,
    Unrated,
    codec_impairment,
)
from media.quality.emodel import mos
from media.quality.opinion import MosCqew
from media.quality.verdict import LegQuality, QualityInterval, StreamCounters
from media.quality.voip_metrics import VoipMetrics

SCALED = (OPUS_NARROWBAND_CBR_11, AMR_WB[23.05], EVS[24.4])


def counters(expected: int, lost: int = 0, discarded: int = 0, events: int = 0, jitter: float = 2.0) -> StreamCounters:
    return StreamCounters(expected, expected - lost, lost, discarded, events, jitter, 0)


def leg(codec: str = "PCMA", *, plc: bool = True, buffer_ms: float = 40.0) -> LegQuality:
    return LegQuality(codec, plc, 20, buffer_ms, started=0.0)


def inbound(quality: LegQuality, now: float, reading: StreamCounters, rtt: float | None = None) -> QualityInterval:
    return quality.interval(now, reading, None, rtt)[0]


def test_a_clean_interval_scores_the_ceiling() -> None:
    verdict = inbound(leg(), 5.0, counters(250), 60.0)
    assert verdict.mos_cq == verdict.mos_lq == verdict.ceiling == verdict.mos_15s
    assert verdict.r == 93.2
    assert verdict.degradation is not None
    assert verdict.degradation.loss == verdict.degradation.delay == 0
    assert (verdict.started, verdict.ended) == (0.0, 5.0)


def test_loss_is_scored_in_the_interval_it_happened_in() -> None:
    quality = leg()
    first = inbound(quality, 5.0, counters(250, 50))
    second = inbound(quality, 10.0, counters(500, 50))
    assert first.loss_percent == 20
    assert second.loss_percent == 0
    assert second.mos_cq == second.ceiling


def test_discards_count_as_loss_and_the_split_tells_them_apart() -> None:
    verdict = inbound(leg(), 5.0, counters(200, 2, 6))
    assert verdict.loss_percent == 4
    assert verdict.mos_lq == pytest.approx(mos(93.2 - 95 * 4 / 29.1))
    causes = verdict.degradation
    assert causes is not None
    assert causes.discard == pytest.approx(3 * causes.loss)


@pytest.mark.parametrize("codec", ["PCMU", "G729"])
@pytest.mark.parametrize("reading", [counters(250), counters(250, 5, 3, 2), counters(250, 250), counters(10, 1)])
@pytest.mark.parametrize("rtt", [None, 20.0, 700.0])
def test_the_causes_add_up_to_the_whole_damage(codec: str, reading: StreamCounters, rtt: float | None) -> None:
    verdict = inbound(leg(codec), 5.0, reading, rtt)
    causes = verdict.degradation
    assert causes is not None
    assert verdict.mos_cq is not None
    total = causes.codec + causes.loss + causes.discard + causes.delay
    assert mos(93.2) - total == pytest.approx(verdict.mos_cq)
    assert min(causes.codec, causes.loss, causes.discard, causes.delay) >= 0


def test_delay_is_half_the_round_trip_and_everything_on_the_way() -> None:
    verdict = inbound(leg("G729", buffer_ms=60), 5.0, counters(250), 300.0)
    assert verdict.delay_ms == 150 + 60 + 20 + 5
    assert verdict.delay_source == "rtcp"
    assert verdict.mos_lq is not None
    assert verdict.mos_cq is not None
    assert verdict.mos_cq < verdict.mos_lq


def test_an_unmeasured_round_trip_is_assumed_and_said_so() -> None:
    quality = leg()
    verdict = inbound(quality, 5.0, counters(250))
    assert (verdict.rtt_ms, verdict.delay_source) == (None, "assumed")
    assert verdict.delay_ms == 30 + 40 + 20 + 0.25
    assert quality.summary().received.delay_source == "assumed"
    later = inbound(quality, 10.0, counters(500), 100.0)
    assert later.delay_source == inbound(quality, 15.0, counters(750)).delay_source == "rtcp"


@pytest.mark.parametrize("rtt", [-1.0, 5001.0, float("nan"), float("inf")])
def test_an_absurd_round_trip_is_ignored_and_counted(rtt: float) -> None:
    quality = leg()
    inbound(quality, 5.0, counters(250), 80.0)
    assert inbound(quality, 10.0, counters(500), rtt).rtt_ms == 80.0
    assert quality.summary().implausible_reports == 1


def test_silence_is_no_verdict_rather_than_a_perfect_one() -> None:
    quality = leg()
    inbound(quality, 5.0, counters(250, 10))
    verdict = inbound(quality, 10.0, counters(250, 10))
    assert verdict.mos_cq is None
    assert verdict.mos_15s is None
    assert verdict.degradation is None
    assert verdict.reason == "no packets expected"
    assert quality.summary().received.intervals == 1


def test_a_leg_that_never_carried_media_has_no_score() -> None:
    summary = leg().summary()
    assert summary.received.mos_cq is None
    assert summary.received.worst is None
    assert summary.received.reason == "no packets expected"


def test_a_codec_without_values_has_counts_but_no_score() -> None:
    quality = leg("opus")
    verdict = inbound(quality, 5.0, counters(250, 5))
    assert verdict.loss_percent == 2
    assert verdict.mos_cq is None
    assert "Opus" in verdict.reason
    received = quality.summary().received
    assert (received.lost, received.ceiling, received.grounding) == (5, None, None)
    assert "Opus" in received.reason


def test_an_operator_can_supply_the_values() -> None:
    quality = LegQuality("opus", True, 20, 40.0, impairment=OPUS_NARROWBAND_CBR_11)
    assert inbound(quality, 5.0, counters(250, 5)).mos_lq == pytest.approx(4.054, abs=6e-4)
    assert quality.summary().received.grounding == "published"


@pytest.mark.parametrize(
    ("lost", "events", "expected", "ratio"),
    [
        (10, 10, 500, 1.0),
        (10, 5, 500, 2 * 0.98),
        (10, 2, 500, 2.0),
        (9, 3, 500, 3 * 0.982),
        (9, 1, 500, 8.0),
        (10, 0, 500, 1.0),
        (250, 1, 250, 1.0),
    ],
    ids=["random", "pairs", "clamped at 2 from 2 %", "free below 2 %", "clamped at 8", "unknown", "all lost"],
)
def test_measured_burst_ratio(lost: int, events: int, expected: int, ratio: float) -> None:
    assert inbound(leg(), 5.0, counters(expected, lost, 0, events)).burst_ratio == pytest.approx(ratio)


def test_the_sliding_mean_covers_fifteen_seconds() -> None:
    quality = leg()
    bad = inbound(quality, 5.0, counters(250, 25))
    inbound(quality, 10.0, counters(500, 25))
    verdict = inbound(quality, 15.0, counters(750, 25))
    assert bad.mos_cq is not None
    assert verdict.ceiling is not None
    assert verdict.mos_15s == pytest.approx((bad.mos_cq + 2 * verdict.ceiling) / 3)
    assert inbound(quality, 20.0, counters(1000, 25)).mos_15s == pytest.approx(verdict.ceiling)


def test_the_call_mean_is_weighted_by_packets_and_the_worst_kept() -> None:
    quality = leg()
    clean = inbound(quality, 5.0, counters(250))
    bad = inbound(quality, 10.0, counters(350, 10))
    received = quality.summary().received
    assert clean.mos_cq is not None
    assert bad.mos_cq is not None
    assert received.mos_cq == pytest.approx((250 * clean.mos_cq + 100 * bad.mos_cq) / 350)
    assert received.worst == bad
    assert (received.expected, received.lost, received.intervals) == (350, 10, 2)
    assert received.degradation is not None
    assert received.degradation.loss > 0


def test_a_handful_of_packets_is_not_the_worst_interval() -> None:
    quality = leg()
    inbound(quality, 5.0, counters(4, 3))
    full = inbound(quality, 10.0, counters(254, 4))
    inbound(quality, 15.0, counters(258, 7))
    assert quality.summary().received.worst == full


def test_a_short_call_still_has_a_worst_interval() -> None:
    quality = leg()
    only = inbound(quality, 0.2, counters(10, 1))
    assert quality.summary().received.worst == only


def test_a_restarted_stream_is_measured_from_its_start() -> None:
    quality = leg()
    inbound(quality, 5.0, counters(250, 20))
    verdict = inbound(quality, 10.0, counters(100, 1))
    assert (verdict.expected, verdict.lost) == (100, 1)


def test_late_packets_do_not_make_negative_loss() -> None:
    quality = leg()
    inbound(quality, 5.0, counters(250, 20))
    verdict = inbound(quality, 10.0, counters(500, 15))
    assert verdict.lost == 0
    assert verdict.mos_cq == verdict.ceiling


def test_beyond_the_validated_range_the_score_says_so_and_keeps_falling() -> None:
    at_limit = inbound(leg(), 5.0, counters(100, 20))
    beyond = inbound(leg(), 5.0, counters(100, 60))
    assert not at_limit.outside_range
    assert beyond.outside_range
    assert beyond.mos_lq is not None
    assert at_limit.mos_lq is not None
    assert beyond.mos_lq < at_limit.mos_lq
    assert inbound(leg(), 5.0, counters(100), 1200.0).outside_range


class TestReportsFromTheFarEnd:
    def test_a_report_scores_the_direction_we_send(self) -> None:
        quality = leg()
        _, sent = quality.interval(5.0, counters(250), counters(240, 12), 60.0)
        assert sent is not None
        assert sent.loss_percent == 5
        assert sent.mos_lq == pytest.approx(3.923, abs=6e-4)
        assert quality.summary().sent.lost == 12
        assert quality.summary().received.lost == 0

    def test_no_report_and_no_new_report_are_no_verdict(self) -> None:
        quality = leg()
        assert quality.interval(5.0, counters(250), None, None)[1] is None
        assert quality.interval(10.0, counters(500), counters(240), None)[1] is not None
        assert quality.interval(15.0, counters(750), counters(240), None)[1] is None
        _, covering = quality.interval(20.0, counters(1000), counters(740), None)
        assert covering is not None
        assert (covering.started, covering.expected) == (10.0, 500)

    def test_more_lost_than_expected_is_ignored_and_counted(self) -> None:
        quality = leg()
        quality.interval(5.0, counters(250), counters(250), None)
        assert quality.interval(10.0, counters(500), counters(500, 501), None)[1] is None
        _, next_one = quality.interval(15.0, counters(750), counters(750), None)
        assert next_one is not None
        assert next_one.lost == 0
        assert quality.summary().implausible_reports == 1

    def test_more_packets_than_time_allows_bend_nothing(self) -> None:
        quality = leg()
        quality.interval(5.0, counters(250), counters(250), None)
        assert quality.interval(10.0, counters(500), counters(1_000_000, 900_000), None)[1] is None
        quality.interval(15.0, counters(750), counters(750), None)
        _, recovered = quality.interval(20.0, counters(1000), counters(1000), None)
        assert recovered is not None
        assert recovered.mos_lq == recovered.ceiling
        sent = quality.summary().sent
        assert sent.mos_lq == pytest.approx(mos(93.2))
        assert sent.lost == 0

    def test_shorter_packets_than_agreed_are_believed(self) -> None:
        quality = LegQuality("PCMA", True, 60, 40.0, started=0.0)
        _, sent = quality.interval(5.0, counters(500), counters(500), None)
        assert sent is not None
        assert sent.expected == 500

    def test_one_lie_that_passed_does_not_silence_the_truth_after_it(self) -> None:
        quality = leg()
        for step in range(1, 61):
            quality.interval(5.0 * step, counters(250 * step), counters(250 * step), None)
        lie, truth = counters(15_600, 100), 15_250
        assert quality.interval(305.0, counters(15_250), lie, None)[1] is not None
        assert quality.interval(310.0, counters(15_500), counters(truth), None)[1] is None
        _, scored = quality.interval(315.0, counters(15_750), counters(truth + 250), None)
        assert scored is not None
        assert (scored.expected, scored.lost) == (250, 0)

    def test_a_far_end_that_starts_a_new_count_is_believed(self) -> None:
        quality = leg()
        quality.interval(5.0, counters(250), counters(250, 3), None)
        _, sent = quality.interval(10.0, counters(500), counters(200, 4), None)
        assert sent is not None
        assert (sent.expected, sent.lost) == (200, 4)


class TestAnotherCodec:
    def test_it_goes_on_from_the_same_counters_and_is_kept_apart(self) -> None:
        quality = leg()
        inbound(quality, 5.0, counters(300, 3))
        quality.set_codec("G729", plc=True, ptime_ms=20)
        verdict = inbound(quality, 10.0, counters(550, 3))
        assert (verdict.codec, verdict.expected, verdict.lost) == ("G729", 250, 0)
        assert verdict.mos_cq == verdict.mos_15s == pytest.approx(4.104, abs=6e-4)
        summary = quality.summary()
        first, second = summary.received_by_codec
        assert (first.codec, first.expected, first.lost) == ("PCMA", 300, 3)
        assert first.mos_lq == pytest.approx(4.328, abs=6e-4)
        assert (second.codec, second.expected, second.lost) == ("G729", 250, 0)
        assert second.mos_cq == pytest.approx(4.104, abs=6e-4)
        assert summary.received == first
        assert summary.codec == "PCMA"

    def test_scales_are_never_mixed(self) -> None:
        quality = leg()
        inbound(quality, 5.0, counters(250))
        quality.receives("AMR-WB", AMR_WB[12.65])
        verdict = inbound(quality, 10.0, counters(750))
        assert (verdict.scale, type(verdict.mos_15s)) == ("MOS-CQEW", MosCqew)
        assert verdict.mos_cq is not None
        narrow, wide = quality.summary().received_by_codec
        assert (narrow.scale, wide.scale) == ("MOS-CQE", "MOS-CQEW")
        assert narrow.mos_cq is not None
        with pytest.raises(TypeError, match="different scales"):
            assert narrow.mos_cq < verdict.mos_cq

    def test_coming_back_continues_and_the_sliding_mean_starts_anew(self) -> None:
        quality = leg()
        inbound(quality, 5.0, counters(250, 50))
        quality.set_codec("G729", plc=True, ptime_ms=20)
        inbound(quality, 10.0, counters(500, 50))
        quality.set_codec("PCMA", plc=True, ptime_ms=20)
        verdict = inbound(quality, 15.0, counters(750, 50))
        assert verdict.mos_15s == verdict.ceiling
        assert [each.expected for each in quality.summary().received_by_codec] == [500, 250]

    def test_each_direction_has_the_codec_it_is_in(self) -> None:
        quality = leg("PCMA")
        quality.sends("G729", codec_impairment("G729", plc=True))
        received, sent = quality.interval(5.0, counters(250), counters(240), 20.0)
        assert sent is not None
        assert (received.codec, sent.codec) == ("PCMA", "G729")
        assert sent.mos_lq == pytest.approx(4.104, abs=6e-4)
        summary = quality.summary()
        assert (summary.received.codec, summary.sent.codec) == ("PCMA", "G729")
        assert summary.sent.ceiling == pytest.approx(4.104, abs=6e-4)

    def test_a_codec_agreed_and_never_heard_leaves_no_trace(self) -> None:
        quality = leg("PCMA")
        quality.set_codec("G729", plc=True, ptime_ms=20)
        inbound(quality, 5.0, counters(250))
        assert [each.codec for each in quality.summary().received_by_codec] == ["G729"]

    def test_a_far_end_that_changes_all_the_time_cannot_make_the_record_grow(self) -> None:
        quality = leg("PCMA")
        for number in range(50):
            quality.receives(f"X-{number}", Unrated("nobody knows it"))
            inbound(quality, 5.0 * number, counters(250 * number))
        assert len(quality.summary().received_by_codec) <= 8


def voip(loss: int = 0, discard: int = 0, *, rtt: int = 0, nominal: int = 0) -> VoipMetrics:
    found = VoipMetrics.read(
        (loss, discard, 0, 0, 0, 0, rtt, 0, 127, 127, 127, 16, 127, 127, 127, 127, 0, nominal, 0, 0)
    )
    assert found is not None
    return found


class TestExtendedReports:
    def test_a_round_trip_by_extended_report_says_so(self) -> None:
        quality = leg()
        first, _ = quality.interval(5.0, counters(250), None, 180.0, rtt_source="xr")
        assert (first.rtt_ms, first.delay_source) == (180.0, "xr")
        second, _ = quality.interval(10.0, counters(500), None, 190.0)
        assert (second.rtt_ms, second.delay_source) == (190.0, "rtcp")

    def test_what_the_far_end_measured_is_taken_when_we_could_not(self) -> None:
        quality = leg()
        verdict, _ = quality.interval(5.0, counters(250), None, None, far=voip(rtt=240))
        assert (verdict.rtt_ms, verdict.delay_source) == (240.0, "xr")

    def test_the_far_ends_buffer_makes_the_delay_towards_it(self) -> None:
        quality = leg()
        received, sent = quality.interval(5.0, counters(250), counters(250), 300.0, far=voip(nominal=120))
        assert sent is not None
        assert received.delay_ms == 150 + 40 + 20 + 0.25
        assert sent.delay_ms == 150 + 120 + 20 + 0.25

    def test_what_it_threw_away_counts_as_its_share_of_every_interval(self) -> None:
        quality = leg()
        _, first = quality.interval(5.0, counters(250), counters(250, 5), None, far=voip(5, 13))
        _, second = quality.interval(10.0, counters(500), counters(500, 10), None, far=voip(5, 13))
        assert first is not None
        assert second is not None
        assert (first.lost, first.discarded) == (5, 12)
        assert (second.lost, second.discarded) == (5, 13)
        assert second.degradation is not None
        assert second.degradation.discard > second.degradation.loss > 0

    def test_a_report_that_contradicts_its_own_receiver_report_is_ignored_and_counted(self) -> None:
        quality = leg()
        _, sent = quality.interval(5.0, counters(250), counters(250, 2), None, far=voip(128, 60))
        assert sent is not None
        assert sent.discarded == 0
        summary = quality.summary()
        assert (summary.far, summary.implausible_reports) == (None, 1)

    def test_our_own_buffers_depth_is_followed(self) -> None:
        quality = leg()
        assert quality.interval(5.0, counters(250), None, 100.0, buffer_ms=80.0)[0].delay_ms == 50 + 80 + 20 + 0.25
        assert quality.interval(10.0, counters(500), None, 100.0)[0].delay_ms == 50 + 80 + 20 + 0.25


LOSSES = st.integers(0, 250)


@given(LOSSES, LOSSES, st.floats(0, 1000), st.floats(0, 1000), st.sampled_from([*SCALED, None]))
def test_neither_loss_nor_delay_ever_helps_and_nothing_passes_the_ceiling(
    first: int, second: int, rtt: float, other_rtt: float, impairment: CodecImpairment | None
) -> None:
    (less, more), (near, far) = sorted((first, second)), sorted((rtt, other_rtt))
    scores = []
    for lost, trip in ((less, near), (more, far)):
        quality = LegQuality("x", True, 20, 40.0, impairment=impairment or SCALED[0])
        verdict = inbound(quality, 5.0, counters(250, lost), trip)
        assert verdict.mos_cq is not None
        assert verdict.mos_lq is not None
        assert verdict.ceiling is not None
        assert 1.0 <= verdict.mos_cq <= verdict.mos_lq <= verdict.ceiling
        scores.append(verdict.mos_cq)
    assert scores[1] <= scores[0]


@given(st.integers(1, 50), st.data())
def test_longer_bursts_never_help(lost: int, data: st.DataObject) -> None:
    few, many = sorted((data.draw(st.integers(1, lost)), data.draw(st.integers(1, lost))))
    scattered = inbound(leg(), 5.0, counters(250, lost, 0, many)).mos_lq
    together = inbound(leg(), 5.0, counters(250, lost, 0, few)).mos_lq
    assert scattered is not None
    assert together is not None
    assert together <= scattered


COUNTS = st.integers(-(2**33), 2**33)
READINGS = st.builds(StreamCounters, st.integers(0, 2**33), COUNTS, COUNTS, COUNTS, COUNTS, st.floats(), COUNTS)
REPORTS = st.none() | st.builds(StreamCounters, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.floats(), COUNTS)


@given(st.lists(st.tuples(st.floats(0, 20), READINGS, REPORTS, st.none() | st.floats()), max_size=12))
def test_whatever_is_counted_scores_stay_between_one_and_the_ceiling(
    readings: list[tuple[float, StreamCounters, StreamCounters | None, float | None]],
) -> None:
    quality = leg()
    now = 0.0
    for pause, received, reported, rtt in readings:
        now += pause
        for verdict in quality.interval(now, received, reported, rtt):
            if verdict is not None and verdict.mos_cq is not None:
                assert verdict.ceiling is not None
                assert 1.0 <= verdict.mos_cq <= verdict.ceiling + 1e-9
                assert verdict.mos_15s is not None
                assert 1.0 <= verdict.mos_15s <= 4.41
    for summary in (quality.summary().received, quality.summary().sent):
        assert summary.mos_cq is None or 0.999 <= summary.mos_cq <= 4.41
