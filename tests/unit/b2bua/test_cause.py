"""The one table of causes: complete, and the same read from any side."""

from __future__ import annotations

import pytest

from softswitch.b2bua import cause as causes
from softswitch.b2bua.cause import (
    BY_Q850,
    BY_STATUS,
    HIDDEN,
    ReleaseCause,
    from_q850,
    from_reason,
    from_status,
    is_route_problem,
    towards_caller,
)
from softswitch.sip.headers import Reason
from softswitch.sip.status import reason_phrase

NAMED = [value for value in vars(causes).values() if isinstance(value, ReleaseCause)]
STATUSES = range(100, 1000)


@pytest.mark.parametrize("cause", [*NAMED, *BY_STATUS.values()], ids=lambda cause: cause.text)
def test_every_cause_can_be_said_in_sip_and_q850(cause: ReleaseCause) -> None:
    assert 200 <= cause.status <= 699
    assert 1 <= cause.q850 <= 127
    assert cause.text == cause.text.lower() or cause.text == "request URI too long" or "URI" in cause.text
    assert Reason.parse(str(cause.reason)) == cause.reason


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
        is_route_problem(status)


@pytest.mark.parametrize(("hidden", "shown"), HIDDEN.items())
def test_what_is_hidden_becomes_something_known_with_the_same_q850_cause(hidden: int, shown: int) -> None:
    cause = from_status(hidden)
    assert shown in BY_STATUS
    assert shown not in HIDDEN, "hiding twice must change nothing"
    assert towards_caller(cause) == ReleaseCause(shown, cause.q850, cause.text)


@pytest.mark.parametrize("status", [401, 407])
def test_our_credentials_are_no_business_of_the_callers(status: int) -> None:
    assert towards_caller(from_status(status)).status == 502


@pytest.mark.parametrize("status", [482, 483])
def test_loops_are_passed_on_as_loops(status: int) -> None:
    """A 5xx would make every switch of the circle try its other trunks, each of which leads into the circle."""
    assert towards_caller(from_status(status)).status == status
    assert not is_route_problem(status)


@pytest.mark.parametrize("status", [404, 408, 480, 486, 487, 488, 603, 200])
def test_answers_about_the_person_called_try_no_other_trunk(status: int) -> None:
    assert not is_route_problem(status)


@pytest.mark.parametrize("cause", [causes.NO_RESPONSE, causes.NO_CIRCUIT, causes.OUT_OF_ORDER, causes.INTERNAL])
def test_answers_about_the_way_there_try_the_next(cause: ReleaseCause) -> None:
    assert is_route_problem(cause.status)


def test_answered_and_hung_up_in_one_breath_is_no_success_for_the_caller() -> None:
    assert towards_caller(causes.NORMAL).status == 480


@pytest.mark.parametrize(
    ("header", "status", "q850"),
    [
        ('Q.850;cause=16;text="Normal"', 200, 16),
        ("q.850;cause=31", 200, 31),
        ("Q.850", 200, 16),
        ("SIP;cause=486", 486, 17),
        ("SIP", 200, 16),
        ('SIP;cause=200;text="Call completed elsewhere"', 200, 26),
        ("X-OTHER;cause=7", 200, 16),
        ("SIP;cause=9999", 9999, 21),
    ],
)
def test_reasons_of_other_switches(header: str, status: int, q850: int) -> None:
    cause = from_reason(Reason.parse(header))
    assert (cause.status, cause.q850) == (status, q850)


def test_completed_elsewhere_keeps_its_meaning_on_the_way_through() -> None:
    assert from_reason(causes.ANSWERED_ELSEWHERE.reason) == causes.ANSWERED_ELSEWHERE
    assert str(causes.ANSWERED_ELSEWHERE.reason) == 'SIP;cause=200;text="Call completed elsewhere"'


def test_their_own_words_are_kept_and_cannot_add_headers() -> None:
    cause = from_reason(Reason.parse('Q.850;cause=21;text="say \\"no\\""'))
    assert cause.text == 'say "no"'
    assert str(cause.reason) == 'Q.850;cause=21;text="say \\"no\\""'


@pytest.mark.parametrize("q850", range(1, 128))
def test_q850_causes_of_the_dialplan(q850: int) -> None:
    unanswered, answered = from_q850(q850, "x", answered=False), from_q850(q850, "x", answered=True)
    assert unanswered.q850 == answered.q850 == q850
    assert answered.status == 200
    assert 400 <= unanswered.status < 700
    assert unanswered.status == BY_Q850.get(q850, 480)


@pytest.mark.parametrize(("q850", "status"), [(1, 404), (17, 486), (18, 408), (21, 403), (34, 503), (102, 504)])
def test_q850_samples_of_rfc_3398(q850: int, status: int) -> None:
    assert from_q850(q850, "x", answered=False).status == status
