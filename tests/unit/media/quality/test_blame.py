"""Who damages a call: each row of the table by a call it is about, and its neighbours that must not take it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.quality.blame import TABLE, Blame, CallEvidence, Culprit, LegEvidence, blame, leg_evidence
from media.quality.verdict import LegQuality, StreamCounters
from media.quality.voip_metrics import VoipMetrics

PHONE = LegEvidence(False, 0.0, 0.0, 0.0, None, 20.0)
TRUNK = replace(PHONE, trunk=True)


def call(caller: LegEvidence = TRUNK, callee: LegEvidence = PHONE, late_ms: float = 0.0) -> CallEvidence:
    return CallEvidence(caller, callee, late_ms)


ROWS = {
    "our packets could not be sent": (call(replace(TRUNK, send_failed=1.0, lost_out=4.0)), Culprit.NODE),
    "our media worker came late": (call(replace(TRUNK, late_in=2.0), late_ms=120.0), Culprit.NODE),
    "both legs are damaged alike": (
        call(replace(TRUNK, lost_in=2.0, lost_out=1.0), replace(PHONE, lost_out=3.0)),
        Culprit.OUR_NETWORK,
    ),
    "the caller's carrier delivers with gaps what we send whole": (call(replace(TRUNK, lost_in=3.0)), Culprit.CARRIER),
    "the callee's carrier delivers with gaps what we send whole": (
        call(PHONE, replace(TRUNK, lost_in=3.0)),
        Culprit.CARRIER,
    ),
    "loss, lateness or delay on one leg": (call(callee=replace(PHONE, lost_in=3.0)), Culprit.CALLEE_LEG),
    "the line is clean and its far end complains": (call(replace(TRUNK, beyond_r=55)), Culprit.CARRIER),
    "neither side was ever heard": (
        call(LegEvidence(True, None, None, None, None, None), LegEvidence(False, None, None, None, None, None)),
        Culprit.UNKNOWN,
    ),
    "the codec alone": (call(replace(TRUNK, codec_points=0.3)), Culprit.CODEC),
    "nothing is damaged": (call(), Culprit.NOBODY),
}


def test_every_row_has_its_call() -> None:
    assert [row.name for row in TABLE] == list(ROWS)


@pytest.mark.parametrize(("name", "evidence", "culprit"), [(name, *each) for name, each in ROWS.items()], ids=ROWS)
def test_rows(name: str, evidence: CallEvidence, culprit: Culprit) -> None:
    assert blame(evidence) == Blame(culprit, name)


@pytest.mark.parametrize(
    ("evidence", "culprit"),
    [
        (call(replace(PHONE, lost_in=3.0)), Culprit.CALLER_LEG),
        (call(replace(TRUNK, lost_in=3.0, lost_out=2.0)), Culprit.CALLER_LEG),
        (call(replace(TRUNK, lost_in=3.0, lost_out=None)), Culprit.CALLER_LEG),
        (call(replace(TRUNK, lost_in=3.0, late_in=2.0)), Culprit.CALLER_LEG),
        (call(replace(TRUNK, one_way_ms=200.0)), Culprit.CALLER_LEG),
        (call(callee=replace(PHONE, late_out=4.0)), Culprit.CALLEE_LEG),
        (call(replace(TRUNK, lost_in=1.0), replace(PHONE, lost_in=9.0)), Culprit.CALLEE_LEG),
        (call(late_ms=500.0), Culprit.NOBODY),
        (call(replace(TRUNK, lost_in=3.0), late_ms=500.0), Culprit.CARRIER),
        (call(replace(TRUNK, send_failed=0.1)), Culprit.NOBODY),
        (call(replace(TRUNK, lost_in=0.9)), Culprit.NOBODY),
        (call(replace(PHONE, beyond_r=55)), Culprit.NOBODY),
        (call(replace(TRUNK, beyond_ms=180)), Culprit.CARRIER),
        (call(replace(TRUNK, far_score=3.1)), Culprit.CARRIER),
        (call(replace(TRUNK, far_score=3.8, codec_points=0.3)), Culprit.CODEC),
        (call(replace(TRUNK, lost_out=None, beyond_r=55)), Culprit.NOBODY),
    ],
    ids=[
        "a phone that loses is its own leg",
        "loss both ways is the line",
        "nobody says whether ours arrives",
        "jitter is the line",
        "delay",
        "late there",
        "one leg much worse than the other",
        "late, and nobody noticed",
        "late, but what is missing was lost",
        "a packet in a thousand not sent",
        "below the limit",
        "no carrier behind a phone",
        "delay beyond",
        "they score it low",
        "what they score is the codec",
        "the line is not known to be clean",
    ],
)
def test_near_a_row(evidence: CallEvidence, culprit: Culprit) -> None:
    assert blame(evidence).culprit is culprit


PERCENT = st.none() | st.floats(0, 100)
LEGS = st.builds(
    LegEvidence,
    st.booleans(),
    PERCENT,
    PERCENT,
    PERCENT,
    PERCENT,
    st.none() | st.floats(0, 2500),
    st.floats(0, 100),
    st.floats(0, 3.5),
    st.none() | st.integers(0, 100),
    st.none() | st.integers(0, 2000),
    st.none() | st.floats(1, 5),
)


@given(LEGS, LEGS, st.floats(0, 10_000))
def test_the_table_has_an_answer_for_every_call(caller: LegEvidence, callee: LegEvidence, late: float) -> None:
    found = blame(CallEvidence(caller, callee, late))
    if found.culprit in (Culprit.NOBODY, Culprit.CODEC):
        assert max(leg.damage(CallEvidence(caller, callee).limits) for leg in (caller, callee)) < 1


@given(LEGS, LEGS)
def test_turning_a_call_round_turns_the_verdict_round(caller: LegEvidence, callee: LegEvidence) -> None:
    turned = {Culprit.CALLER_LEG: Culprit.CALLEE_LEG, Culprit.CALLEE_LEG: Culprit.CALLER_LEG}
    there = blame(CallEvidence(caller, callee)).culprit
    back = blame(CallEvidence(callee, caller)).culprit
    limits = CallEvidence(caller, callee).limits
    if caller.damage(limits) != callee.damage(limits):
        assert back is turned.get(there, there)


class TestEvidence:
    def leg(self, *, lost: int = 0, told_lost: int = 0, skipped: int = 0, far: VoipMetrics | None = None) -> LegQuality:
        quality = LegQuality("PCMA", True, 20, 40.0, started=0.0)
        quality.interval(
            10.0,
            StreamCounters(500, 500 - lost, lost, 0, lost, 1.0, 0),
            StreamCounters(500, 500 - told_lost, told_lost, 0, 0, 1.0, 0),
            80.0,
            skipped=skipped,
            far=far,
        )
        return quality

    def test_loss_before_us_is_not_counted_after_us(self) -> None:
        caller = leg_evidence(self.leg(lost=20).summary(), trunk=True)
        callee = leg_evidence(self.leg(told_lost=22, skipped=20).summary(), trunk=False)
        assert (caller.lost_in, callee.lost_out) == (4.0, 0.4)
        assert blame(CallEvidence(caller, callee)).culprit is Culprit.CARRIER

    def test_without_that_it_would_look_like_both(self) -> None:
        caller = leg_evidence(self.leg(lost=20).summary(), trunk=True)
        callee = leg_evidence(self.leg(told_lost=22).summary(), trunk=False)
        assert blame(CallEvidence(caller, callee)).culprit is Culprit.OUR_NETWORK

    def test_a_leg_nobody_heard_or_reported_on_says_nothing(self) -> None:
        found = leg_evidence(LegQuality("PCMA", True, 20, 40.0).summary(), trunk=False)
        assert (found.lost_in, found.late_in, found.lost_out, found.one_way_ms) == (None,) * 4
        assert leg_evidence(None, trunk=True) == LegEvidence(True, None, None, None, None, None)

    def test_the_far_ends_own_figures_are_used(self) -> None:
        far = VoipMetrics.read((0, 8, 0, 0, 0, 0, 0, 200, 127, 127, 127, 16, 88, 60, 43, 42, 0, 60, 60, 60))
        found = leg_evidence(self.leg(far=far).summary(), trunk=True, sent=990, send_failed=10)
        assert (found.late_out, found.beyond_r, found.beyond_ms, found.far_score) == (3.125, 60, 200, 4.2)
        assert (found.one_way_ms, found.send_failed) == (40.0, 1.0)
