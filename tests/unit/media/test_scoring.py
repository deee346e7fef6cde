"""What control makes of a leg's formats and counters before they are scored."""

from __future__ import annotations

from media.commands import PayloadFormat
from media.legs import LegRecord
from media.quality.codecs import AMR_WB, CodecFactors
from media.quality.usage import Use
from media.quality.verdict import StreamCounters
from media.quality.watch import HEALTHY
from media.scoring import LegScoring

PCMA, PCMU = PayloadFormat(8, "PCMA", 8000), PayloadFormat(0, "PCMU", 8000)
OPUS, DTMF = PayloadFormat(111, "opus", 48000), PayloadFormat(101, "telephone-event", 8000)
NARROW, WIDE = 1 << 3, 9 << 3


def record(*formats: PayloadFormat) -> LegRecord:
    made = LegRecord(1, 20000, "test", "call", 0)
    made.receive = made.send = formats
    made.settled_at = 0.0
    return made


def scoring(leg: LegRecord, factors: CodecFactors | None = None) -> LegScoring:
    made = LegScoring.begin(leg, factors or CodecFactors(), HEALTHY)
    assert made is not None
    return made


def counters(expected: int) -> StreamCounters:
    return StreamCounters(expected, expected, 0, 0, 0, 1.0, 0)


def test_without_a_codec_there_is_nothing_to_score() -> None:
    assert LegScoring.begin(record(), CodecFactors(), HEALTHY) is None
    assert LegScoring.begin(record(DTMF), CodecFactors(), HEALTHY) is None


def test_before_anything_comes_the_preferred_codec_is_taken() -> None:
    assert (scoring(record(PCMA, PCMU)).quality.codec, scoring(record(DTMF, PCMU)).quality.codec) == ("PCMA", "PCMU")


def test_each_direction_follows_its_own_packets() -> None:
    leg = record(PCMA, PCMU, DTMF)
    made = scoring(leg)
    made.look(leg, Use(0, 0xFF, 250, 40_000), Use(8, 0xD5, 250, 40_000))
    assert (made.quality.codec, made.quality.sent_codec) == ("PCMU", "PCMA")
    made.look(leg, Use(101, 1, 251, 40_004), Use(8, 0xD5, 500, 80_000))
    assert made.quality.codec == "PCMU"
    leg.receive = leg.send = (PCMA,)
    made.look(leg, Use(0, 0xFF, 300, 48_000), Use(8, 0xD5, 550, 88_000))
    assert made.quality.codec == "PCMA"


def test_opus_is_scored_by_the_mode_in_its_packets() -> None:
    leg = record(OPUS)
    made = scoring(leg)
    made.look(leg, Use(111, NARROW, 250, 250 * 28), None)
    narrow, _ = made.quality.interval(5.0, counters(250), None, None)
    assert (narrow.scale, narrow.mos_lq is not None) == ("MOS-CQE", True)
    made.look(leg, Use(111, WIDE, 500, 250 * 28 + 250 * 33), None)
    wide, _ = made.quality.interval(10.0, counters(500), None, None)
    assert (wide.scale, wide.mos_lq is not None) == ("MOS-CQEW", True)
    made.look(leg, Use(111, WIDE, 750, 250 * 28 + 250 * 33 + 250 * 80), None)
    fast, _ = made.quality.interval(15.0, counters(750), None, None)
    assert (fast.scale, fast.mos_lq) == (None, None)
    assert "16 kHz, 32 kbit/s" in fast.reason


def test_a_mode_that_wavers_makes_no_new_stretch_of_what_has_no_score() -> None:
    leg = record(OPUS)
    made = scoring(leg)
    for number in range(1, 20):
        made.look(leg, Use(111, WIDE, 250 * number, 250 * number * (80 + number)), None)
        made.quality.interval(5.0 * number, counters(250 * number), None, None)
    assert len(made.quality.summary().received_by_codec) == 1


def test_an_operators_values_apply_to_the_mode_they_are_for() -> None:
    leg = record(OPUS)
    made = scoring(leg, CodecFactors({"opus/16000": AMR_WB[23.05]}))
    made.look(leg, Use(111, WIDE, 250, 250 * 80), None)
    verdict, _ = made.quality.interval(5.0, counters(250), None, None)
    assert verdict.mos_lq == AMR_WB[23.05].ceiling
