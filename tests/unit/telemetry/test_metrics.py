"""Metrics come out as Prometheus text that says what was counted, with bounded labels."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from media.quality.opinion import MosCqe, MosCqew
from softswitch.telemetry.cdr import Heard, Outcome, Shown
from softswitch.telemetry.exposition import Exposition
from softswitch.telemetry.loop_lag import PERIOD, LoopLag
from softswitch.telemetry.metrics import LAG_SECONDS, Histogram, Metrics, Readings
from softswitch.telemetry.recent import RecentCalls
from tests.support.call_records import call_record, leg_records


def samples(metrics: Metrics, readings: Readings | None = None) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels, as a scraper reads them."""
    text = Exposition(metrics, version="1.2.3").render(readings or Readings()).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_calls_are_counted_by_outcome_and_all_outcomes_are_there() -> None:
    metrics = Metrics()
    metrics.call_ended(call_record())
    metrics.call_ended(call_record(outcome=Outcome.BUSY, answered_after=None))
    found = samples(metrics)
    counted = {labels[0][1]: value for (name, labels), value in found.items() if name == "softswitch_calls_total"}
    assert counted == {**dict.fromkeys((outcome.value for outcome in Outcome), 0.0), "answered": 1.0, "busy": 1.0}


def test_set_up_times_fall_into_buckets() -> None:
    metrics = Metrics()
    for seconds in (0.004, 0.005, 0.3, 100.0):
        metrics.call_ended(call_record(answered_after=seconds, ended_after=200.0))
    found = samples(metrics)
    buckets = {
        dict(labels)["le"]: value
        for (name, labels), value in found.items()
        if name == "softswitch_call_setup_seconds_bucket"
    }
    assert (buckets["0.005"], buckets["0.25"], buckets["0.5"], buckets["60.0"], buckets["+Inf"]) == (2, 2, 3, 3, 4)
    assert found["softswitch_call_setup_seconds_count", ()] == 4
    assert found["softswitch_call_setup_seconds_sum", ()] == 100.309


def test_unanswered_call_has_no_set_up_time() -> None:
    metrics = Metrics()
    metrics.call_ended(call_record(answered_after=None, ringing_after=None))
    assert samples(metrics)["softswitch_call_setup_seconds_count", ()] == 0


def test_mos_is_counted_by_direction() -> None:
    metrics = Metrics()
    caller, callee = leg_records()
    metrics.call_ended(call_record(), [caller, replace(callee, to_party=Heard(mos_mean=MosCqe(2.2)))])
    metrics.call_ended(call_record(), [replace(caller, to_party=Heard(mos_mean=MosCqew(2.3)))])
    found = samples(metrics)
    assert found["softswitch_leg_mos_count", (("direction", "from_party"), ("scale", "MOS-CQE"))] == 3
    narrow = (("direction", "to_party"), ("le", "2.5"), ("scale", "MOS-CQE"))
    assert found["softswitch_leg_mos_bucket", narrow] == 1
    wide = (("direction", "to_party"), ("scale", "MOS-CQEW"))
    assert found["softswitch_leg_mos_count", wide] == 1
    assert found["softswitch_leg_mos_count", (("direction", "to_party"), ("scale", "MOS-CQEF"))] == 0


def test_weak_connections_and_blame_are_counted() -> None:
    metrics = Metrics()
    caller, callee = leg_records()
    metrics.call_ended(call_record(blame="carrier"), [replace(caller, times_weak=2, times_unhealthy=3), callee])
    metrics.call_ended(call_record(blame=None), [replace(callee, endpoint="phone:1001", times_weak=1)])
    found = samples(metrics, Readings(weak_legs=4))
    assert found["softswitch_connection_weak_total", (("endpoint", "trunk"),)] == 2
    assert found["softswitch_connection_weak_total", (("endpoint", "phone"),)] == 1
    assert found["softswitch_link_unhealthy_total", (("endpoint", "trunk"),)] == 3
    assert found["softswitch_calls_blamed_total", (("culprit", "carrier"),)] == 1
    assert found["softswitch_calls_blamed_total", (("culprit", "node"),)] == 0
    assert found["softswitch_weak_legs", ()] == 4


def test_video_of_finished_legs_is_summed() -> None:
    metrics = Metrics()
    caller, callee = leg_records()
    metrics.call_ended(call_record(), [caller, callee])
    metrics.call_ended(call_record(), [replace(caller, video=Shown(100, 7, 1, 80, 20, 0, 5))])
    found = samples(metrics)
    packets = {
        labels[0][1]: value for (name, labels), value in found.items() if name == "softswitch_video_packets_total"
    }
    assert packets == {"received": 1000, "lost": 4, "relayed": 970, "refused": 30}
    assert found["softswitch_video_octets_total", ()] == 5_000_000_007
    assert found["softswitch_video_feedback_total", (("kind", "key_frame"),)] == 2
    assert found["softswitch_video_feedback_total", (("kind", "repair"),)] == 9


def test_readings_are_shown() -> None:
    readings = Readings(
        calls=3,
        legs=6,
        sip_received={"INVITE": 7, "200": 2},
        sip_sent={"180": 4},
        sip_retransmissions=5,
        refused_unknown=11,
        media_dropped={"stranger": 9},
        browsers=12,
        handshakes_dropped={"forged": 13},
        media_ports_free=1000,
        media_load=(0.25, 0.5),
        cdr_queued=2,
        refused_calls={"rate": 3},
        refused_by_trunk={("carrier", "channel_limit"): 4},
        toll_refused={("carrier", "international"): 5, ("", "concurrent"): 6},
        guests_refused={"expired": 7},
        trunks_up={"carrier": True, "backup": False},
    )
    found = samples(Metrics(), readings)
    assert found["softswitch_active_calls", ()] == 3
    assert found["softswitch_active_legs", ()] == 6
    assert found["softswitch_sip_messages_total", (("direction", "received"), ("kind", "INVITE"))] == 7
    assert found["softswitch_sip_messages_total", (("direction", "sent"), ("kind", "180"))] == 4
    assert found["softswitch_sip_retransmissions_total", ()] == 5
    assert found["softswitch_refused_messages_total", (("reason", "unknown_source"),)] == 11
    assert found["softswitch_media_dropped_packets_total", (("reason", "stranger"),)] == 9
    assert found["softswitch_webrtc_transports", ()] == 12
    assert found["softswitch_webrtc_dropped_datagrams_total", (("reason", "forged"),)] == 13
    assert found["softswitch_media_ports_free", ()] == 1000
    assert found["softswitch_refused_calls_total", (("limit", "rate"),)] == 3
    assert found["softswitch_trunk_refused_calls_total", (("limit", "channel_limit"), ("trunk", "carrier"))] == 4
    assert found["softswitch_toll_refused_calls_total", (("rule", "international"), ("trunk", "carrier"))] == 5
    assert found["softswitch_toll_refused_calls_total", (("rule", "concurrent"), ("trunk", ""))] == 6
    assert found["softswitch_guests_refused_total", (("reason", "expired"),)] == 7
    assert found["softswitch_trunk_up", (("trunk", "backup"),)] == 0
    assert found["softswitch_media_load", (("worker", "1"),)] == 0.5
    assert found["softswitch_cdr_queued", ()] == 2
    assert found["softswitch_build_info", (("version", "1.2.3"),)] == 1
    assert found["process_resident_memory_bytes", ()] > 0


def test_strangers_cannot_make_time_series() -> None:
    strange = {"X" * 50: 1, 'a"b\n': 2, "99999": 3, "INVITE": 4, "\u0663\u0663\u0663": 5}
    found = samples(Metrics(), Readings(sip_received=strange))
    kinds = {
        dict(labels)["kind"]: value for (name, labels), value in found.items() if name.endswith("sip_messages_total")
    }
    assert kinds == {"other": 11, "INVITE": 4}


def test_prometheus_is_loaded_only_when_asked_for() -> None:
    program = (
        "import sys; import softswitch.telemetry.metrics, softswitch.telemetry.story, softswitch.admin.server\n"
        "assert 'prometheus_client' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300, env=environment)


def test_loop_lag_is_what_the_timer_misses() -> None:
    loop = asyncio.new_event_loop()
    clock = [100.0]
    loop.time = lambda: clock[0]  # type: ignore[method-assign]
    histogram = Histogram(LAG_SECONDS)
    lag = LoopLag(loop, histogram)
    lag.start()
    for late in (0.0, 0.03, 0.0004):
        clock[0] += PERIOD + late
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert sum(histogram.counts) == 3
    assert round(histogram.total, 4) == 0.0304
    assert round(lag.take_worst(), 3) == 0.03
    assert lag.take_worst() == 0.0
    lag.stop()
    clock[0] += 10.0
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert sum(histogram.counts) == 3
    loop.close()


def test_recent_calls_are_bounded_and_the_last_comes_first() -> None:
    from softswitch.telemetry.log_sink import NullSink
    from softswitch.telemetry.snapshot import FinishedCall
    from softswitch.telemetry.story import Story

    recent = RecentCalls(capacity=3)
    for number in range(5):
        recent.add(FinishedCall(call_record(f"c{number}"), (), Story(f"c{number}", NullSink())))
    assert len(recent) == 3
    assert [call.record.call_id for call in recent.latest(2)] == ["c4", "c3"]
    assert recent.get("c1") is None
    assert recent.get("c2") is not None
    assert recent.latest(0) == []
