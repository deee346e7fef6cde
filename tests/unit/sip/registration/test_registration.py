"""Being registered and staying so: RFC 3261 10.2, RFC 5626 4.5, RFC 3608; on a clock the test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from softswitch.sip.auth import AuthCredentials
from softswitch.sip.digest import matches
from softswitch.sip.flow import Flow
from softswitch.sip.registration.state import Pace, State
from tests.support.registrar_stage import PACE, SECOND, RegistrarStage
from tests.support.stage import THEM, UDP, US

if TYPE_CHECKING:
    from softswitch.sip.message import Request

CHALLENGE = 'Digest realm="carrier", nonce="{}", qop="auth", algorithm={}'
TCP = Flow("TCP", US, THEM)


def challenge(nonce: str, algorithm: str = "MD5", *, stale: bool = False) -> tuple[str, str]:
    return "WWW-Authenticate", CHALLENGE.format(nonce, algorithm) + (", stale=true" if stale else "")


def proof(request: Request, header: str = "Authorization") -> AuthCredentials:
    credentials = AuthCredentials.parse(request.headers.get(header) or "")
    assert matches(credentials, "REGISTER", "secret")
    return credentials


def test_the_request_is_what_a_registrar_expects() -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    flow, request = stage.register()
    assert flow == UDP
    assert str(request.uri) == "sip:carrier.example"
    assert str(request.to) == "<sip:4930123@carrier.example>"
    assert request.from_.uri == request.to.uri
    assert request.from_.tag
    assert request.headers.get("Contact") == "<sip:carrier@192.0.2.1:5060>;expires=600"
    assert request.headers.get("Expires") == "600"
    assert request.headers.get("Supported") == "path"
    assert "Authorization" not in request.headers
    assert not stage.registration.is_registered


def test_refreshed_in_time_with_one_call_id_and_rising_cseq() -> None:
    stage = RegistrarStage()
    _, first = stage.registered()
    for _ in range(3):
        seconds, flow, request = stage.until_register()
        assert seconds == pytest.approx(600 - 42)
        assert (flow, request.call_id) == (UDP, first.call_id)
        stage.grant(flow, request)
    assert [request.cseq.number for _, _, request in stage.seen] == [1, 2, 3, 4]
    assert stage.news() == []
    assert stage.registration.since == 100.0, "without a gap"


@pytest.mark.parametrize(
    ("headers", "granted"),
    [
        ((("Contact", "<sip:carrier@192.0.2.1:5060>;expires=90"), ("Expires", "3600")), 90),
        ((("Contact", "<sip:carrier@192.0.2.1:5060>;expires=3600"), ("Expires", "90")), 90),
        ((("Contact", "<sip:carrier@192.0.2.1:5060>"), ("Expires", "120")), 120),
        ((("Contact", "<sip:carrier@192.0.2.1:5060>"),), 600),
        ((("Contact", "<sip:carrier@192.0.2.1:5060>;expires=7200"),), 600),
        ((("Contact", "<sip:other@192.0.2.9>;expires=30, <sip:carrier@192.0.2.1:5060>;expires=90"),), 90),
        ((("Contact", "<sip:carrier@203.0.113.1:1024>;expires=90, <sip:other@192.0.2.9>;expires=30"),), 90),
        ((("Contact", "<sip:rewritten@203.0.113.1:1024>;expires=90"),), 90),
    ],
    ids=["contact", "expires", "expires alone", "neither", "more than asked", "ours of two", "rewritten host", "alone"],
)
def test_what_is_granted_counts(headers: tuple[tuple[str, str], ...], granted: int) -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    flow, request = stage.register()
    stage.respond(flow, request, 200, *headers)
    assert stage.registration.expires_at == stage.now + granted
    assert stage.until_register()[0] == pytest.approx(granted - min(granted / 2, 42))


@pytest.mark.parametrize(
    "contact", ["<sip:carrier@192.0.2.1:5060>;expires=0", "<sip:a@192.0.2.8>;expires=9, <sip:b@192.0.2.9>;expires=9"]
)
def test_a_200_that_does_not_hold_our_contact_is_no_registration(contact: str) -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    stage.grant(*stage.register(), 600, ("Contact", contact))
    assert stage.news() == ["failing"]
    assert not stage.registration.is_registered
    assert "not among those" in (stage.registration.error or "")


@pytest.mark.parametrize(("algorithm", "length"), [("MD5", 32), ("SHA-256", 64)])
def test_a_challenge_is_answered_and_remembered(algorithm: str, length: int) -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    stage.respond(*stage.register(), 401, challenge("n1", algorithm))
    flow, second = stage.register()
    assert len(proof(second).response) == length
    assert second.cseq.number == 2
    stage.grant(flow, second)
    _, _, refresh = stage.until_register()
    assert proof(refresh).get("nc") == "00000002", "the refresh answers beforehand"


def test_a_proxy_may_ask_too() -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    stage.respond(*stage.register(), 407, ("Proxy-Authenticate", challenge("p")[1]))
    flow, second = stage.register()
    stage.respond(flow, second, 401, challenge("n"))
    flow, third = stage.register()
    assert proof(third).nonce == "n"
    assert proof(third, "Proxy-Authorization").nonce == "p"
    stage.grant(flow, third)
    assert stage.news() == ["registered"]


@pytest.mark.parametrize("stale", [True, False])
def test_an_aged_nonce_costs_one_more_round_trip(stale: bool) -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    stage.respond(*stage.register(), 401, challenge("n1"))
    stage.grant(*stage.register())
    _, flow, refresh = stage.until_register()
    stage.respond(flow, refresh, 401, challenge("n2", stale=stale))
    flow, again = stage.register()
    assert proof(again).nonce == "n2"
    stage.grant(flow, again)
    assert stage.news() == ["registered"], "told once"


def test_a_registrar_with_one_nonce_for_ever_is_asked_anew() -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    stage.respond(*stage.register(), 401, challenge("same"))
    stage.grant(*stage.register())
    _, flow, refresh = stage.until_register()
    assert proof(refresh).get("nc") == "00000002"
    stage.respond(flow, refresh, 401, challenge("same"))  # it takes each nonce once, and makes only this one
    flow, plain = stage.register()
    assert "Authorization" not in plain.headers
    stage.respond(flow, plain, 401, challenge("same"))
    flow, again = stage.register()
    assert proof(again).get("nc") == "00000001"
    stage.grant(flow, again)
    assert stage.registration.is_registered


def test_a_wrong_password_is_tried_seldom_and_told_once() -> None:
    stage = RegistrarStage(UDP, SECOND)
    stage.registration.start(stage.now)
    for attempt in range(3):
        if attempt:
            seconds, flow, request = stage.until_register()
            assert seconds == PACE.refused_retry
        else:
            flow, request = stage.register()
        assert flow == UDP, "another target would not know us better"
        stage.respond(flow, request, 401, challenge(f"a{attempt}"))
        stage.respond(*stage.register(), 401, challenge(f"b{attempt}"))
        assert stage.registration.state is State.REFUSED
    assert stage.news() == ["refused"]
    assert "password" in (stage.registration.error or "")
    assert "secret" not in (stage.registration.error or "")


@pytest.mark.parametrize("status", [301, 400, 403, 404, 420, 603])
def test_a_refusal_is_for_an_operator(status: int) -> None:
    stage = RegistrarStage()
    stage.registered()
    _, flow, request = stage.until_register()
    stage.respond(flow, request, status)
    assert stage.news() == ["refused"]
    assert not stage.registration.is_registered, "what the registrar says now counts, not what it said before"
    assert str(status) in (stage.registration.error or "")
    assert stage.pass_time(PACE.refused_retry - 1) == []
    seconds, flow, request = stage.until_register()
    assert seconds == pytest.approx(1.0)
    stage.grant(flow, request)
    assert stage.news() == ["registered"]


def test_too_brief_is_asked_for_longer_and_remembered() -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    stage.respond(*stage.register(), 423, ("Min-Expires", "1800"))
    flow, second = stage.register()
    assert second.headers.get("Expires") == "1800"
    stage.grant(flow, second, 1800)
    _, _, refresh = stage.until_register()
    assert refresh.headers.get("Expires") == "1800"


@pytest.mark.parametrize("least", ["", "1", "600", "99999999", "x"])
def test_a_423_that_asks_for_nothing_sensible_is_a_refusal(least: str) -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    stage.respond(*stage.register(), 423, ("Min-Expires", least))
    assert stage.registers() == []
    assert stage.news() == ["refused"]


def test_a_registrar_that_never_has_enough_is_not_asked_for_ever() -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    for least in range(601, 604):
        stage.respond(*stage.register(), 423, ("Min-Expires", str(least)))
    assert stage.registers() == []
    assert stage.news() == ["refused"]


def test_silence_is_followed_by_ever_longer_pauses_never_in_step() -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    stage.register()
    pauses = []
    for _ in range(60):
        before = stage.now
        seconds, _, _ = stage.until_register()
        pauses.append(seconds - 32.0)
        assert stage.now - before == seconds
    for failures, pause in enumerate(pauses, 1):
        longest = min(120.0, 15.0 * 2**failures)
        assert longest / 2 <= pause <= longest
    assert len({round(pause, 1) for pause in pauses[10:]}) > 30, "jittered"
    assert stage.news() == ["failing"], "told once, however often it fails"
    assert stage.registration.error == "198.51.100.7 port 5060 (UDP): no answer"


def test_retry_after_is_honoured_up_to_an_hour() -> None:
    for said, waited in (("900", 900.0), ("999999", 3600.0)):
        stage = RegistrarStage()
        stage.registration.start(stage.now)
        stage.respond(*stage.register(), 503, ("Retry-After", said))
        assert stage.until_register()[0] == waited


def test_the_next_target_is_asked_at_once_and_the_preferred_one_again_soon() -> None:
    stage = RegistrarStage(UDP, SECOND)
    stage.registration.start(stage.now)
    flow, request = stage.register()
    stage.respond(flow, request, 503)
    flow, request = stage.register()
    assert flow == SECOND
    stage.grant(flow, request)
    assert stage.news() == ["registered"]
    assert (stage.registration.flow, stage.registration.preferred) == (SECOND, False)
    seconds, flow, request = stage.until_register()
    assert (seconds, flow) == (PACE.longest_retry, UDP)
    stage.respond(flow, request, 500)
    flow, request = stage.register()
    assert flow == SECOND, "where the contact is held"
    stage.grant(flow, request)
    assert stage.news() == []
    _, flow, request = stage.until_register()
    stage.grant(flow, request)
    assert (stage.registration.flow, stage.registration.preferred) == (UDP, True)
    assert stage.news() == ["registered"], "at another place: news"
    assert stage.registration.since == 100.0, "and no gap"


def test_a_refresh_that_fails_keeps_the_contact_until_it_expires() -> None:
    stage = RegistrarStage()
    stage.registered()
    _, flow, request = stage.until_register()
    stage.respond(flow, request, 500)
    assert stage.news() == ["holding"]
    held = [stage.registration.is_registered]
    for seconds in (41.0, 2.0):
        stage.pass_time(seconds)
        held.append(stage.registration.is_registered)
    assert held == [True, True, False]
    assert stage.news() in (["lost"], ["failing"]), "the attempt under way, or the pause before it, goes on"
    asking = stage.registration.state is State.REGISTERING
    stage.grant(*(stage.seen[-1][1:] if asking else stage.until_register()[1:]))
    assert stage.news() == ["registered"]


def test_ten_minutes_without_the_registrar_and_back_within_one_interval() -> None:
    stage = RegistrarStage()
    stage.registered()
    down = stage.now + 300.0
    stage.pass_time(300.0)
    while stage.now < down + 600.0:
        stage.until_register()  # and nobody answers
    back = stage.now
    assert not stage.registration.is_registered
    stage.grant(*stage.until_register()[1:])
    assert stage.now - back <= 32.0 + PACE.longest_retry
    assert stage.registration.is_registered


def test_a_repetition_reaches_a_registrar_that_is_back_before_the_attempt_ends() -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    flow, request = stage.register()
    stage.pass_time(20.0)
    stage.grant(flow, request)
    assert stage.registration.is_registered


def test_without_a_target_it_is_tried_again() -> None:
    stage = RegistrarStage()
    stage.targets.clear()
    stage.registration.start(stage.now)
    assert stage.registers() == []
    assert stage.news() == ["failing"]
    assert "no target" in (stage.registration.error or "")
    stage.targets.append(UDP)
    stage.grant(*stage.until_register()[1:])
    assert stage.news() == ["registered"]


def test_a_lost_connection_is_answered_by_a_register_at_once() -> None:
    stage = RegistrarStage(TCP)
    stage.registered()
    stage.pass_time(60.0)
    stage.stack.transport_failed(Flow("TCP", US, THEM, 9), stage.now)
    assert stage.news() == ["lost"]
    stage.grant(*stage.register())
    assert stage.news() == ["registered"]
    assert stage.registration.since == stage.now


def test_somebody_elses_connection_is_not_ours() -> None:
    stage = RegistrarStage(TCP)
    stage.registered()
    stage.pass_time(60.0)
    for other in (Flow("TLS", US, THEM, 9), Flow("TCP", US, ("198.51.100.7", 5062), 9), SECOND):
        stage.stack.transport_failed(other, stage.now)
    assert stage.registers() == []
    assert stage.news() == []


def test_who_closes_right_after_registering_is_not_asked_in_a_circle() -> None:
    stage = RegistrarStage(TCP)
    stage.registered()
    stage.stack.transport_failed(Flow("TCP", US, THEM, 9), stage.now)
    assert stage.registers() == []
    assert stage.news() == ["failing"]
    assert stage.until_register()[0] >= 15.0


def test_a_connection_that_fails_while_asking_counts_once() -> None:
    stage = RegistrarStage(TCP, SECOND)
    stage.registered()
    _, flow, _ = stage.until_register()
    stage.stack.transport_failed(Flow("TCP", US, THEM, 9), stage.now)
    flow, request = stage.register()
    assert flow == SECOND
    assert not stage.registration.is_registered, "the contact led through that connection"
    stage.grant(flow, request)
    assert stage.registration.is_registered


def test_a_new_address_of_ours_is_registered_at_once() -> None:
    stage = RegistrarStage()
    stage.registered()
    stage.registration.look(stage.now)
    assert stage.registers() == []
    stage.targets[0] = Flow("UDP", ("192.0.2.77", 5060), THEM)
    stage.registration.look(stage.now)
    flow, request = stage.register()
    assert request.headers.get("Contact") == "<sip:carrier@192.0.2.77:5060>;expires=600"
    stage.grant(flow, request)
    assert stage.news() == ["lost", "registered"]


def test_a_registrar_that_leaves_dns_is_kept_until_the_refresh() -> None:
    stage = RegistrarStage()
    stage.registered()
    stage.targets[0] = SECOND
    stage.registration.look(stage.now)
    assert stage.registers() == []
    _, flow, _ = stage.until_register()
    assert flow == SECOND


def test_nat_is_kept_open_over_udp_only() -> None:
    pace = Pace(keep_alive=25.0)
    for flow, expected in ((UDP, 10), (TCP, 0)):
        stage = RegistrarStage(flow, pace=pace)
        stage.registered()
        stage.pass_time(260.0)
        assert stage.kept_alive == expected


def test_service_route_and_public_address_are_learnt_and_forgotten() -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    flow, request = stage.register()
    request.headers.replace_top("Via", f"{request.via};received=203.0.113.9".replace(";rport", ";rport=33000"))
    stage.grant(flow, request, 600, ("Service-Route", "<sip:p1.example;lr>, <sip:p2.example;lr>"))
    assert [str(route) for route in stage.registration.service_route] == ["<sip:p1.example;lr>", "<sip:p2.example;lr>"]
    assert stage.registration.public == ("203.0.113.9", 33000)
    _, flow, refresh = stage.until_register()
    stage.grant(flow, refresh)
    assert stage.registration.service_route == ()


def test_stopping_takes_the_contact_back() -> None:
    stage = RegistrarStage()
    stage.registered()
    stage.registration.stop(stage.now)
    flow, request = stage.register()
    assert request.headers.get("Contact") == "<sip:carrier@192.0.2.1:5060>;expires=0"
    assert request.headers.get("Expires") == "0"
    stage.respond(flow, request, 401, challenge("n"))
    flow, request = stage.register()
    assert request.headers.get("Expires") == "0"
    stage.respond(flow, request, 200)
    assert stage.news() == ["ended"]
    assert stage.all_over()


@pytest.mark.parametrize("outcome", [200, 503, None])
def test_stopping_while_asking_waits_for_the_outcome(outcome: int | None) -> None:
    stage = RegistrarStage()
    stage.registration.start(stage.now)
    flow, request = stage.register()
    stage.registration.stop(stage.now)
    assert stage.registers() == [], "10.2: not while one is under way"
    if outcome == 200:
        stage.grant(flow, request)
        flow, request = stage.register()
        assert request.headers.get("Expires") == "0"
        stage.respond(flow, request, 200)
    elif outcome is not None:
        stage.respond(flow, request, outcome)
    stage.pass_time(40.0)
    assert stage.registration.state is State.ENDED
    assert stage.all_over()


@pytest.mark.parametrize("state", ["idle", "waiting", "refused"])
def test_stopping_without_a_contact_sends_nothing(state: str) -> None:
    stage = RegistrarStage()
    if state != "idle":
        stage.registration.start(stage.now)
        stage.respond(*stage.register(), 503 if state == "waiting" else 403)
    stage.registration.stop(stage.now)
    assert stage.pass_time(1000.0) == []
    assert stage.registration.state is State.ENDED
    assert stage.all_over()


def test_a_registrar_that_is_gone_does_not_keep_us() -> None:
    stage = RegistrarStage()
    stage.registered()
    stage.registration.stop(stage.now)
    stage.pass_time(33.0)
    assert stage.registration.state is State.ENDED
    assert stage.all_over()
