"""The one table of causes: complete, and the same read from any side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from softswitch.b2bua import cause as causes
from softswitch.b2bua.cause import (
    BY_STATUS,
    HIDDEN,
    ReleaseCause,
    from_q850,
    from_reasons,
    from_refusal,
    from_status,
    towards_caller,
)
from softswitch.b2bua.failover import is_route_problem
from softswitch.sip.headers import Reason
from softswitch.sip.status import reason_phrase

NAMED = [value for value in vars(causes).values() if isinstance(value, ReleaseCause)]
STATUSES = range(100, 1000)


@pytest.mark.parametrize("cause", [*NAMED, *BY_STATUS.values()], ids=lambda cause: cause.text)
def test_every_cause_can_be_said_in_sip_and_q850(cause: ReleaseCause) -> None:
    assert 200 <= cause.status <= 699
    assert 1 <= cause.q850 <= 127
    words = cause.text.split()
    assert all(word == word.lower() or word in ("URI", "TLS") for word in words)
    assert [Reason.parse(str(reason)) for reason in cause.reasons] == list(cause.reasons)


def test_statuses_name_their_own_cause() -> None:
    assert all(status == cause.status for status, cause in BY_STATUS.items())


def test_every_final_status_of_rfc_3261_has_a_cause_of_its_own() -> None:
    known = [status for status in range(400, 700) if reason_phrase(status) and reason_phrase(status) != "Unknown"]
    listed = {400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 413, 414, 415, 416, 420, 421, 423, 480, 481, 482, 483,
              484, 485, 486, 487, 488, 500, 501, 502, 503, 504, 505, 513, 600, 603, 604, 606}  # fmt: skip
    assert listed <= set(BY_STATUS)
    assert listed <= set(known)


@pytest.mark.parametrize("status", [299, 300, 302, 399, 400, 491, 493, 499, 580, 599, 600, 607, 699, 700, 999])
def test_unknown_statuses_keep_their_number_and_get_the_words_of_their_class(status: int) -> None:
    cause = from_status(status)
    assert cause.status == (200 if status < 300 else status)
    assert 1 <= cause.q850 <= 127


def test_nothing_raises_for_any_number() -> None:
    for status in STATUSES:
        assert towards_caller(from_status(status)).status >= 300
        is_route_problem(from_status(status))


@pytest.mark.parametrize("status", [420, 421, 422, 423])
def test_what_a_callee_asks_of_our_request_is_nothing_its_caller_could_do(status: int) -> None:
    """A 422 without Min-SE (RFC 4028 6) or a 420 without Unsupported is no answer a caller can make sense of."""
    assert towards_caller(from_status(status)).status == 502


@pytest.mark.parametrize(("hidden", "shown"), HIDDEN.items())
def test_what_is_hidden_becomes_something_known_with_the_same_q850_cause(hidden: int, shown: int) -> None:
    cause = from_status(hidden)
    assert shown in BY_STATUS
    assert shown not in HIDDEN, "hiding twice must change nothing"
    assert towards_caller(cause) == ReleaseCause(shown, cause.q850, cause.text)
    given = (Reason("Q.850", 42),)
    assert towards_caller(replace(cause, given=given)).reasons == given


@pytest.mark.parametrize("status", [401, 407])
def test_our_credentials_are_no_business_of_the_callers(status: int) -> None:
    assert towards_caller(from_status(status)).status == 502


@pytest.mark.parametrize("status", [482, 483])
def test_loops_are_passed_on_as_loops(status: int) -> None:
    """A 5xx would make every switch of the circle try its other trunks, each of which leads into the circle."""
    assert towards_caller(from_status(status)).status == status
    assert not is_route_problem(from_status(status))


@pytest.mark.parametrize("status", [404, 408, 480, 486, 487, 488, 603, 200])
def test_answers_about_the_person_called_try_no_other_trunk(status: int) -> None:
    assert not is_route_problem(from_status(status))


@pytest.mark.parametrize("cause", [causes.NO_RESPONSE, causes.NO_CIRCUIT, from_status(502), causes.INTERNAL])
def test_answers_about_the_way_there_try_the_next(cause: ReleaseCause) -> None:
    assert is_route_problem(cause)


def test_answered_and_hung_up_in_one_breath_is_no_success_for_the_caller() -> None:
    assert towards_caller(causes.NORMAL).status == 480


BUSY_AND_WHY = (Reason("SIP", 486, "busy"), Reason("Q.850", 17, "user busy"))
ELSEWHERE = Reason("SIP", 200, "Call completed elsewhere")


@pytest.mark.parametrize(
    ("header", "status", "q850"),
    [
        (['Q.850;cause=16;text="Normal"'], 487, 16),
        (["q.850;cause=31"], 487, 31),
        (["Q.850"], 487, 16),
        (["SIP;cause=486"], 486, 17),
        (["SIP"], 487, 16),
        (['SIP;cause=200;text="Call completed elsewhere"'], 200, 26),
        (['SIP;cause=200;text="Call completed elsewhere"', "Q.850;cause=16"], 200, 26),
        (["SIP;cause=486", "Q.850;cause=17"], 487, 17),
        (["X-OTHER;cause=7"], 487, 16),
        (["SIP;cause=9999"], 9999, 17),
    ],
)
def test_reasons_of_other_switches(header: list[str], status: int, q850: int) -> None:
    reasons = tuple(Reason.parse(each) for each in header)
    cause = from_reasons(reasons, 487)
    assert (cause.status, cause.q850) == (status, q850)
    assert cause.reasons == reasons, "they go on as they came"


def test_completed_elsewhere_keeps_its_meaning_on_the_way_through() -> None:
    (said,) = causes.ANSWERED_ELSEWHERE.reasons
    assert str(said) == 'SIP;cause=200;text="Call completed elsewhere"'
    assert from_reasons([said], 487) == replace(causes.ANSWERED_ELSEWHERE, given=(said,))


def test_their_own_words_are_kept_and_cannot_add_headers() -> None:
    cause = from_reasons([Reason.parse('Q.850;cause=21;text="say \\"no\\""')], 200)
    assert cause.text == 'say "no"'
    assert [str(reason) for reason in cause.reasons] == ['Q.850;cause=21;text="say \\"no\\""']


def test_words_are_not_endless() -> None:
    assert len(from_reasons([Reason("Q.850", 21, "x" * 10_000)], 200).text) == causes.MOST_WORDS


@pytest.mark.parametrize(
    ("status", "reasons", "q850", "text"),
    [
        (486, (), 17, "user busy"),
        (480, (Reason("Q.850", 20, "subscriber absent"),), 20, "subscriber absent"),
        (480, (Reason("Q.850", 20),), 20, "temporarily unavailable"),
        (486, BUSY_AND_WHY, 17, "user busy"),
        (480, (Reason("SIP", 600),), 18, "temporarily unavailable"),
        (480, (Reason("Q.850"),), 18, "temporarily unavailable"),
    ],
)
def test_rfc_6432_a_refusal_says_why(status: int, reasons: tuple[Reason, ...], q850: int, text: str) -> None:
    cause = from_refusal(status, reasons)
    assert (cause.status, cause.q850, cause.text) == (status, q850, text)


RFC_3398_8_2_6_1 = {
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
    500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1,
}  # fmt: skip
"""SIP status -> cause of the ISUP REL."""


@pytest.mark.parametrize(("status", "q850"), RFC_3398_8_2_6_1.items())
def test_rfc_3398_8_2_6_1(status: int, q850: int) -> None:
    assert from_status(status).q850 == q850


@pytest.mark.parametrize(("unknown", "family"), [(418, 400), (499, 400), (599, 500), (699, 600)])
def test_rfc_3261_8_1_3_2_an_unknown_status_is_that_of_its_class(unknown: int, family: int) -> None:
    assert from_status(unknown).q850 == from_status(family).q850
    assert from_status(unknown).status == unknown


RFC_3398_7_2_4_1 = {
    1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502, 28: 484,
    29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501,
    87: 403, 88: 503, 102: 504, 111: 500, 127: 500,
}  # fmt: skip
"""Cause of the ISUP REL -> SIP status of a call that was not answered."""
OURS = {16: 480, 63: 503}
"""Not in the RFC's table: a dialplan that ends a call normally before the answer, and a service not available."""


@pytest.mark.parametrize("q850", range(1, 128))
def test_rfc_3398_7_2_4_1(q850: int) -> None:
    unanswered, answered = from_q850(q850, "x", answered=False), from_q850(q850, "x", answered=True)
    assert unanswered.q850 == answered.q850 == q850
    assert answered.status == 200
    assert unanswered.status == {**RFC_3398_7_2_4_1, **OURS}.get(q850, 500)
