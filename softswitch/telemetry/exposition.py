"""Metrics as Prometheus text. Imports the Prometheus client, so it is itself imported at the first scrape only."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from softswitch.telemetry.metrics import Readings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.core import Metric

    from softswitch.telemetry.metrics import Histogram, Metrics

KNOWN_METHODS = frozenset(
    "ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE UPDATE".split()  # noqa: SIM905
)
"""Anything else becomes `other`: strangers must not be able to create time series."""


class Exposition:
    """Renders one switch's metrics; keeps its own registry. May be called from any thread."""

    def __init__(self, metrics: Metrics, *, version: str) -> None:
        self._collector = _SwitchCollector(metrics, version)
        self._lock = threading.Lock()
        self._registry = CollectorRegistry()
        self._registry.register(self._collector)
        ProcessCollector(registry=self._registry)

    def render(self, readings: Readings) -> bytes:
        """The Prometheus text format 0.0.4. Takes a few milliseconds."""
        with self._lock:
            self._collector.readings = readings
            return generate_latest(self._registry)


class _SwitchCollector(Collector):
    def __init__(self, metrics: Metrics, version: str) -> None:
        self._metrics = metrics
        self._version = version
        self.readings = Readings()

    def describe(self) -> Iterator[Metric]:
        """Nothing: names are fixed, no clash is possible in a registry of our own."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All samples of one moment."""
        build = GaugeMetricFamily("softswitch_build_info", "Version of the running switch.", labels=["version"])
        build.add_metric([self._version], 1)
        yield build
        yield from _of_calls(self._metrics)
        yield from _of_parts(self.readings)


def _of_calls(metrics: Metrics) -> Iterator[Metric]:
    yield _by("softswitch_calls", "Finished calls by outcome.", "outcome", metrics.calls)
    yield _histogram("softswitch_call_setup_seconds", "From the INVITE to the answer.", metrics.setup_time)
    yield _histogram("softswitch_call_ringing_seconds", "From the INVITE to the first ringing.", metrics.ringing_time)
    yield _histogram("softswitch_call_routing_seconds", "From the INVITE in to the INVITE out.", metrics.routing_time)
    mos = HistogramMetricFamily(
        "softswitch_leg_mos",
        "Mean score of finished legs by direction and scale (MOS-CQE: G.107, MOS-CQEW: G.107.1, MOS-CQEF: G.107.2).",
        labels=["direction", "scale"],
    )
    for (way, scale), histogram in metrics.mos.items():
        mos.add_metric([way, scale], _buckets(histogram), histogram.total)
    yield mos
    yield _by("softswitch_connection_weak", "How often connections turned weak, by endpoint.", "endpoint", metrics.weak)
    yield _by("softswitch_link_unhealthy", "How often links left their limits.", "endpoint", metrics.unhealthy)
    yield from _of_video(metrics.video)
    yield _by("softswitch_calls_blamed", "Bridged calls by who damaged them.", "culprit", metrics.blame)
    yield _histogram("softswitch_loop_lag_seconds", "How late timers of the signalling loop ran.", metrics.loop_lag)


def _of_video(video: Mapping[str, int]) -> Iterator[Metric]:
    packets = {name: video[name] for name in ("packets", "lost", "relayed", "refused")}
    packets["received"] = packets.pop("packets")
    yield _by("softswitch_video_packets", "Packets of browsers' video in finished calls, by fate.", "fate", packets)
    yield CounterMetricFamily(
        "softswitch_video_octets", "Octets of browsers' video in finished calls.", video["octets"]
    )
    asked = {"key_frame": video["key_frames_asked"], "repair": video["repairs_asked"]}
    yield _by("softswitch_video_feedback", "What browsers asked of each other (PLI or FIR, NACK).", "kind", asked)


def _of_parts(now: Readings) -> Iterator[Metric]:
    yield GaugeMetricFamily("softswitch_active_calls", "Calls at present.", now.calls)
    yield GaugeMetricFamily("softswitch_active_legs", "Legs at present.", now.legs)
    yield GaugeMetricFamily("softswitch_sip_transactions", "SIP transactions alive.", now.transactions)
    messages = CounterMetricFamily(
        "softswitch_sip_messages", "SIP messages by direction and method or status.", labels=["direction", "kind"]
    )
    for direction, counts in (("received", now.sip_received), ("sent", now.sip_sent)):
        for kind, count in _bounded(counts).items():
            messages.add_metric([direction, kind], count)
    yield messages
    yield CounterMetricFamily("softswitch_sip_retransmissions", "Messages sent again.", now.sip_retransmissions)
    yield CounterMetricFamily("softswitch_sip_parse_errors", "Messages that could not be read.", now.sip_parse_errors)
    refused = {"unknown_source": now.refused_unknown, "rate": now.refused_throttled}
    yield _by("softswitch_refused_messages", "Messages dropped at the gate by reason.", "reason", refused)
    yield _by("softswitch_refused_calls", "Calls the node had no room for by limit.", "limit", now.refused_calls)
    trunks = CounterMetricFamily(
        "softswitch_trunk_refused_calls", "Calls refused by trunk and limit.", labels=["trunk", "limit"]
    )
    for (trunk, limit), count in now.refused_by_trunk.items():
        trunks.add_metric([trunk, limit], count)
    yield trunks
    up = GaugeMetricFamily("softswitch_trunk_up", "0: disabled, or every next hop is down.", labels=["trunk"])
    for trunk, is_up in now.trunks_up.items():
        up.add_metric([trunk], int(is_up))
    yield up
    toll = CounterMetricFamily(
        "softswitch_toll_refused_calls", "Calls refused to prevent toll fraud.", labels=["trunk", "rule"]
    )
    for (trunk, rule), count in now.toll_refused.items():
        toll.add_metric([trunk, rule], count)
    yield toll
    yield _by("softswitch_guests_refused", "Guests of call links sent away, by reason.", "reason", now.guests_refused)
    yield GaugeMetricFamily("softswitch_registered_contacts", "Contacts registered at present.", now.bindings)
    registered = GaugeMetricFamily(
        "softswitch_trunk_registered", "1 while we are registered at a trunk, 0 while we are not.", labels=["trunk"]
    )
    for trunk, is_registered in now.registered_trunks.items():
        registered.add_metric([trunk], int(is_registered))
    yield registered
    packets = {"received": now.media_received, "sent": now.media_sent}
    yield _by("softswitch_media_packets", "RTP packets by direction.", "direction", packets)
    yield _by("softswitch_media_dropped_packets", "RTP packets dropped by reason.", "reason", now.media_dropped)
    yield GaugeMetricFamily("softswitch_web_sockets", "WebSockets with SIP at present.", now.web_sockets)
    yield GaugeMetricFamily("softswitch_pages_expected", "Pages that lost theirs and may be back.", now.pages_expected)
    yield GaugeMetricFamily("softswitch_webrtc_transports", "Browsers' transports at present.", now.browsers)
    yield _by(
        "softswitch_webrtc_dropped_datagrams", "Datagrams of ICE and DTLS not used by reason.", "reason",
        now.handshakes_dropped,
    )  # fmt: skip
    yield GaugeMetricFamily("softswitch_media_legs", "Legs the media engine holds.", now.media_legs)
    yield GaugeMetricFamily("softswitch_weak_legs", "Legs whose connection is weak at present.", now.weak_legs)
    yield GaugeMetricFamily("softswitch_media_ports_free", "Free RTP port pairs.", now.media_ports_free)
    load = GaugeMetricFamily("softswitch_media_load", "Share of its core a media worker uses.", labels=["worker"])
    for worker, share in enumerate(now.media_load):
        load.add_metric([str(worker)], share)
    yield load
    yield GaugeMetricFamily("softswitch_cdr_queued", "Call records waiting to be stored.", now.cdr_queued)
    yield CounterMetricFamily("softswitch_cdr_written", "Call records stored.", now.cdr_written)
    yield CounterMetricFamily("softswitch_cdr_lost", "Call records that could not be stored.", now.cdr_lost)
    yield CounterMetricFamily("softswitch_cdr_retries", "Attempts to store that failed.", now.cdr_retries)
    yield CounterMetricFamily("softswitch_log_dropped_lines", "Log lines dropped.", now.log_dropped)
    yield GaugeMetricFamily("softswitch_tasks", "Tasks of the signalling loop at present.", now.tasks)
    ends = GaugeMetricFamily(
        "softswitch_tls_certificate_expires_timestamp_seconds", "When a certificate expires.", labels=["file"]
    )
    for file, end in now.certificate_ends.items():
        ends.add_metric([file], end)
    yield ends
    yield CounterMetricFamily(
        "softswitch_tls_certificate_failures", "Renewed certificates that could not be used.", now.certificate_failures
    )


def _by(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _bounded(counts: Mapping[str, int]) -> dict[str, int]:
    bounded: dict[str, int] = {}
    for kind, count in counts.items():
        status = kind.isascii() and kind.isdigit() and len(kind) == 3
        known = kind if status or kind in KNOWN_METHODS else "other"
        bounded[known] = bounded.get(known, 0) + count
    return bounded


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    return HistogramMetricFamily(name, text, buckets=_buckets(histogram), sum_value=histogram.total)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    running = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.counts, strict=True):
        running += count
        buckets.append((bound, running))
    return buckets
