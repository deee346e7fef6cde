"""What a request must be before anybody hears of it: RFC 3261 8.2, and the way its answer takes: 18.2."""

from __future__ import annotations

import pytest

from softswitch.sip.body import ACCEPT
from softswitch.sip.events import InviteReceived, RequestReceived
from softswitch.sip.flow import Flow
from tests.support.stage import TCP, UDP, US, Stage
from tests.support.wire import OFFER


@pytest.mark.parametrize(
    ("how", "status", "header", "value"),
    [
        ({"headers": "Require: 100rel, sec-agree, gruu\r\n"}, 420, "Unsupported", "sec-agree, gruu"),
        ({"uri": "mailto:them@example.com"}, 416, None, None),
        ({"forwards": 0}, 483, None, None),
        ({"content_type": "text/plain"}, 415, "Accept", ACCEPT),
        ({"headers": "Content-Encoding: gzip\r\n"}, 415, "Accept-Encoding", "identity"),
        ({"contact": None}, 400, None, None),
        ({"contact": "<mailto:them@example.com>"}, 400, None, None),
        ({"to_tag": "gone"}, 481, None, None),
    ],
)
def test_an_invite_is_refused(how: dict[str, object], status: int, header: str | None, value: str | None) -> None:
    stage = Stage()
    invite = stage.request("INVITE", body=OFFER, **how)  # type: ignore[arg-type]
    stage.hear(invite)
    first = stage.one_response(status)
    if header is not None:
        assert first.headers.get(header) == value
    assert first.to.tag
    assert stage.events() == []
    left = stage.stack.statistics
    assert (left.transactions, left.lingering, left.timers, left.sessions) == (0, 0, 0, 0)
    stage.hear(invite)
    assert bytes(stage.one_response(status)) == bytes(first)
    stage.hear(stage.request("ACK", to_tag=first.to.tag))
    assert stage.sent() == []


@pytest.mark.parametrize(
    ("method", "status"),
    [("BYE", 481), ("INFO", 481), ("UPDATE", 481), ("PRACK", 481), ("NOTIFY", 481), ("FROBNICATE", 501)],
)
def test_requests_that_need_a_dialog_and_unknown_methods(method: str, status: int) -> None:
    stage = Stage()
    stage.hear(stage.request(method))
    stage.one_response(status)
    assert stage.events() == []


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "MESSAGE", "SUBSCRIBE", "REFER", "PUBLISH"])
def test_other_requests_are_the_applications(method: str) -> None:
    stage = Stage()
    stage.hear(stage.request(method, forwards=0 if method == "OPTIONS" else 70))
    (event,) = stage.events()
    assert isinstance(event, RequestReceived)
    assert event.request.method == method


def test_the_same_request_on_a_second_path_gets_482() -> None:
    for method in ("INVITE", "REGISTER"):
        stage = Stage()
        stage.hear(stage.request(method, body=OFFER))
        stage.sent()
        stage.events()
        stage.hear(stage.request(method, body=OFFER))
        stage.one_response(482)
        assert stage.events() == []


def test_an_ack_is_never_answered() -> None:
    stage = Stage()
    stage.hear(stage.request("ACK", to_tag="x", forwards=0))
    stage.hear(stage.request("ACK", headers="Require: x\r\n"))
    stage.hear(b"ACK sip:1001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx\r\n\r\n")
    assert stage.sent() == []
    assert stage.stack.statistics.strays == 2
    assert stage.stack.statistics.parse_errors == 1


def test_a_broken_request_with_a_readable_via_gets_its_status_and_nothing_is_kept() -> None:
    stage = Stage()
    stage.hear(
        b"INVITE sip:1001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKx;rport\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
    )
    ((flow, answer),) = stage.sent_on()
    assert answer.status == 400  # type: ignore[union-attr]
    assert flow == UDP
    assert (answer.via.received, answer.via.rport) == ("198.51.100.7", 5060)
    assert answer.to.tag
    left = stage.stack.statistics
    assert (left.transactions, left.lingering, left.timers, left.sessions) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\x00" * 100,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nTo: x\r\n\r\n",
    ],
)
def test_noise_is_met_with_silence(data: bytes) -> None:
    stage = Stage()
    stage.hear(data)
    assert list(stage.stack.to_send()) == []
    assert stage.stack.statistics.parse_errors == 1


def test_statistics_have_bounded_keys() -> None:
    stage = Stage()
    for number in range(50):
        stage.hear(stage.request(f"METHOD{number}"))
    assert stage.stack.statistics.received == {"other": 50}


@pytest.mark.parametrize(
    ("via", "flow", "back", "noted"),
    [
        # RFC 3581: rport asked for: to where it came from.
        (
            "SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKa",
            Flow("UDP", US, ("192.0.2.50", 9988)),
            ("192.0.2.50", 9988),
            "SIP/2.0/UDP 10.1.1.1:4540;received=192.0.2.50;rport=9988;branch=z9hG4bKa",
        ),
        # 18.2.2: no rport: the source address and the sent-by port.
        (
            "SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKa",
            Flow("UDP", US, ("192.0.2.50", 9988)),
            ("192.0.2.50", 4540),
            "SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKa;received=192.0.2.50",
        ),
        (
            "SIP/2.0/UDP 192.0.2.50;branch=z9hG4bKa",
            Flow("UDP", US, ("192.0.2.50", 9988)),
            ("192.0.2.50", 5060),
            "SIP/2.0/UDP 192.0.2.50;branch=z9hG4bKa",
        ),
        # 18.2.2 would send to maddr: that aims our answers at a third party.
        (
            "SIP/2.0/UDP 192.0.2.50:5060;maddr=203.0.113.77;branch=z9hG4bKa",
            Flow("UDP", US, ("192.0.2.50", 5060)),
            ("192.0.2.50", 5060),
            "SIP/2.0/UDP 192.0.2.50:5060;maddr=203.0.113.77;branch=z9hG4bKa",
        ),
        # Reliable transports: the same connection.
        (
            "SIP/2.0/TCP 10.1.1.1:4540;branch=z9hG4bKa",
            TCP,
            TCP.remote,
            "SIP/2.0/TCP 10.1.1.1:4540;branch=z9hG4bKa;received=198.51.100.7",
        ),
        # A received of their own making is replaced by the truth.
        (
            "SIP/2.0/UDP 10.1.1.1:4540;received=203.0.113.77;rport=1;branch=z9hG4bKa",
            Flow("UDP", US, ("192.0.2.50", 9988)),
            ("192.0.2.50", 9988),
            "SIP/2.0/UDP 10.1.1.1:4540;received=192.0.2.50;rport=9988;branch=z9hG4bKa",
        ),
        # RFC 5118: IPv6.
        (
            "SIP/2.0/UDP [2001:db8::9]:5062;branch=z9hG4bKa",
            Flow("UDP", ("2001:db8::1", 5060), ("2001:db8::9", 5062)),
            ("2001:db8::9", 5062),
            "SIP/2.0/UDP [2001:db8::9]:5062;branch=z9hG4bKa",
        ),
    ],
)
def test_the_way_back(via: str, flow: Flow, back: tuple[str, int], noted: str) -> None:
    stage = Stage()
    stage.hear(stage.request("INVITE", body=OFFER, via=f"{via}\r\nVia: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKb"), flow)
    ((taken, trying),) = stage.sent_on()
    assert taken == Flow(flow.transport, flow.local, back, flow.connection)
    assert trying.headers.get_all("Via") == [noted, "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKb"]
    (event,) = stage.events()
    assert isinstance(event, InviteReceived)


def test_headers_in_latin_1_come_back_byte_for_byte() -> None:
    stage = Stage()
    invite = stage.request("INVITE", body=OFFER).replace(b"From: <", 'From: "Müller" <'.encode("latin-1"))
    stage.hear(invite)
    ((_, trying),) = list(stage.stack.to_send())
    assert 'From: "Müller" <'.encode("latin-1") in trying
    (event,) = stage.events()
    assert isinstance(event, InviteReceived)
    event.session.accept(b"", stage.now)
    ((_, answer),) = list(stage.stack.to_send())
    assert 'From: "Müller" <'.encode("latin-1") in answer
    stage.hear(stage.request("ACK", to_tag=event.session.local_tag))
    event.session.hangup(stage.now)
    ((_, bye),) = list(stage.stack.to_send())
    assert 'To: "Müller" <'.encode("latin-1") in bye


def test_a_node_without_room_answers_503_and_keeps_nothing() -> None:
    full = True
    stage = Stage(overload=lambda request, now: 7 if full and request.uri.user != "112" else None)
    invite = stage.request("INVITE", body=OFFER)
    for _ in range(2):
        stage.hear(invite)
        answer = stage.one_response(503)
        assert answer.headers.get("Retry-After") == "7"
        assert len(bytes(answer)) < len(invite), "an answer larger than the question"
        stage.hear(stage.request("ACK", to_tag=answer.to.tag or ""))
        assert (stage.sent(), stage.events()) == ([], [])
    left = stage.stack.statistics
    assert (left.transactions, left.lingering, left.timers, left.sessions) == (0, 0, 0, 0)
    stage.hear(stage.request("INVITE", body=OFFER, uri="sip:112@192.0.2.1", call_id="help"))
    stage.one_response(100)
    full = False
    stage.hear(stage.request("INVITE", body=OFFER, call_id="later"))
    stage.one_response(100)


def test_a_node_without_room_goes_on_with_the_calls_it_has() -> None:
    full = False
    stage = Stage(overload=lambda request, now: 7 if full else None)
    session = stage.called_up()
    full = True
    stage.hear(stage.request("INVITE", cseq=2, to_tag=session.local_tag, body=OFFER))
    assert stage.labels() == ["100 INVITE"]
    assert stage.kinds() == ["OfferReceived"]
    stage.hear(stage.request("BYE", cseq=3, to_tag=session.local_tag))
    assert "200 BYE" in stage.labels()


@pytest.mark.parametrize("method", ["BYE", "INVITE", "OPTIONS"])
def test_vias_below_the_top_go_back_as_they_came(method: str) -> None:
    top, below = "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKa", 'SIP " / 2.0/UDP 203.0.113.1, SIP/2.0/UDP <'
    stage = Stage()
    stage.hear(stage.request(method, via=f"{top}\r\nVia: {below}", body=OFFER, to_tag="gone"))
    assert stage.one_response(481).headers.lines("Via") == [top, below]
