"""Offer/answer for one dialog (RFC 3264): first offers and answers, in both roles."""

from __future__ import annotations

import pytest

from softswitch.sdp.errors import LocalError, SdpError
from softswitch.sdp.negotiate import KNOWN_CODECS, Codec, Direction, Negotiation
from tests.support.session_descriptions import body, section

PCMA, PCMU, G722, G729 = (KNOWN_CODECS[name] for name in ("pcma", "pcmu", "g722", "g729"))
OPUS, EVENTS, NOISE = KNOWN_CODECS["opus"], KNOWN_CODECS["telephone-event"], KNOWN_CODECS["cn"]
OURS = (PCMA, PCMU, EVENTS)


def negotiation(address: str = "198.51.100.1", *, accept_rtcp_mux: bool = True) -> Negotiation:
    return Negotiation(address=address, port=20000, session_id=9, accept_rtcp_mux=accept_rtcp_mux)


def answer(offer: bytes, codecs: tuple[Codec, ...] = OURS) -> tuple[str, Negotiation]:
    ours = negotiation()
    ours.receive_offer(offer)
    return ours.make_answer(codecs)[0].decode(), ours


def m_lines(text: str | bytes) -> list[str]:
    lines = (text.decode() if isinstance(text, bytes) else text).split("\r\n")
    return [line for line in lines if line.startswith("m=")]


class TestOffer:
    def test_an_offer_is_written_in_our_order(self) -> None:
        assert negotiation().make_offer(OURS).decode() == (
            "v=0\r\no=- 9 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
            "m=audio 20000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
        )

    def test_an_ipv6_address_is_written_as_one(self) -> None:
        text = negotiation("2001:db8::5").make_offer(OURS).decode()
        assert "o=- 9 1 IN IP6 2001:db8::5\r\n" in text
        assert "c=IN IP6 2001:db8::5\r\n" in text

    def test_events_follow_the_audio_and_need_its_clock_rate(self) -> None:
        offered = negotiation().make_offer((EVENTS, OPUS, Codec("telephone-event", 48000, 1, "0-15")))
        assert m_lines(offered) == ["m=audio 20000 RTP/AVP 111 110"]

    def test_a_codec_named_twice_is_offered_once(self) -> None:
        assert m_lines(negotiation().make_offer((PCMA, PCMA, Codec("pcma", 8000)))) == ["m=audio 20000 RTP/AVP 8"]

    def test_dynamic_numbers_differ(self) -> None:
        offered = negotiation().make_offer([Codec(f"x{number}", 8000) for number in range(32)])
        numbers = m_lines(offered)[0].split()[3:]
        assert sorted(int(number) for number in numbers) == list(range(96, 128))

    def test_without_audio_there_is_nothing_to_offer(self) -> None:
        with pytest.raises(LocalError, match="audio codec"):
            negotiation().make_offer((EVENTS,))

    def test_the_answer_settles_what_to_send_and_what_to_expect(self) -> None:
        ours = negotiation()
        ours.make_offer(OURS)
        agreed = ours.receive_answer(body(section("0 PCMU/8000", "101 telephone-event/8000", port=7000)))
        assert (agreed.remote_address, agreed.remote_port, agreed.remote_rtcp) == (
            "192.0.2.10",
            7000,
            ("192.0.2.10", 7001),
        )
        assert [(each.payload_type, each.codec.name) for each in agreed.send] == [
            (0, "PCMU"),
            (101, "telephone-event"),
        ]
        assert [each.payload_type for each in agreed.receive] == [0, 101]
        assert agreed.codec.name == "PCMU"
        assert agreed.telephone_event == agreed.send[1]
        assert (agreed.direction, agreed.ptime, agreed.on_hold) == (Direction.SENDRECV, 20, False)
        assert ours.agreement is agreed
        assert ours.state.value == "stable"

    def test_the_answerer_may_use_other_numbers_for_what_it_receives(self) -> None:
        ours = negotiation()
        ours.make_offer((OPUS, PCMA, EVENTS))
        agreed = ours.receive_answer(body(section("120 OPUS/48000/2", "8", "100 telephone-event/8000")))
        assert [each.payload_type for each in agreed.send] == [120, 8, 100]
        assert [each.payload_type for each in agreed.receive] == [111, 8, 101]

    def test_formats_that_were_not_offered_are_ignored(self) -> None:
        ours = negotiation()
        ours.make_offer((PCMA,))
        agreed = ours.receive_answer(body(section("9", "8", "101 telephone-event/8000", "13")))
        assert [each.codec.name for each in agreed.send] == ["PCMA"]
        assert agreed.telephone_event is None

    def test_digits_need_the_clock_rate_of_the_codec_in_use(self) -> None:
        ours = negotiation()
        ours.make_offer((OPUS, PCMA, EVENTS))
        agreed = ours.receive_answer(body(section("111 opus/48000/2", "8", "101 telephone-event/8000")))
        assert agreed.codec.name == "opus"
        assert agreed.telephone_event is None

    @pytest.mark.parametrize(
        ("reply", "what"),
        [
            (body(section(port=0)), "refused"),
            (body(section("9")), "none of the offered codecs"),
            (body(section("101 telephone-event/8000")), "no readable audio format"),
            (body(section(), section(media="video")), "2 media sections"),
            (body(section("31", media="video")), "m=video"),
            (body(section(protocol="RTP/SAVP")), "profile RTP/SAVP"),
            (body(section(), connection=False), "no connection"),
            (body(section(), address="sip.example.com"), "address"),
            (b"v=0\r\n", "o="),
        ],
    )
    def test_an_answer_that_answers_nothing(self, reply: bytes, what: str) -> None:
        ours = negotiation()
        ours.make_offer(OURS)
        with pytest.raises(SdpError, match=what):
            ours.receive_answer(reply)
        assert ours.state.value == "local offer"
        assert ours.agreement is None

    def test_a_provisional_answer_is_replaced_by_the_final_one(self) -> None:
        ours = negotiation()
        ours.make_offer(OURS)
        early = ours.receive_answer(body(section(port=7000)), provisional=True)
        assert ours.agreement is early
        assert ours.state.value == "local offer"
        final = ours.receive_answer(body(section(port=7100), address="192.0.2.11"))
        assert (final.remote_address, final.remote_port) == ("192.0.2.11", 7100)
        assert ours.state.value == "stable"


class TestAnswer:
    def test_the_offers_order_stands(self) -> None:
        text, ours = answer(body())
        assert m_lines(text) == ["m=audio 20000 RTP/AVP 0 8 101"]
        assert ours.agreement is not None
        assert ours.agreement.codec == PCMU

    def test_our_order_on_request(self) -> None:
        ours = negotiation()
        ours.receive_offer(body())
        text, agreed = ours.make_answer(OURS, prefer_ours=True)
        assert m_lines(text) == ["m=audio 20000 RTP/AVP 8 0 101"]
        assert agreed.codec == PCMA

    def test_static_numbers_need_no_rtpmap(self) -> None:
        text, _ = answer(body(section("18", "8", "0")))
        assert m_lines(text) == ["m=audio 20000 RTP/AVP 8 0"]
        assert "a=rtpmap:8 PCMA/8000\r\n" in text

    def test_names_match_in_any_case_and_are_answered_in_ours(self) -> None:
        text, _ = answer(body(section("96 OPUS/48000/2", "97 TELEPHONE-EVENT/48000")), (OPUS,))
        assert "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n" in text
        assert "a=rtpmap:97 TELEPHONE-EVENT/48000\r\n" in text

    @pytest.mark.parametrize(
        ("ours", "expected"),
        [
            ((PCMA,), "m=audio 20000 RTP/AVP 8 101"),
            ((OPUS,), "m=audio 20000 RTP/AVP 96 110"),
            ((OPUS, PCMA), "m=audio 20000 RTP/AVP 96 8 110 101"),
            ((PCMA, NOISE), "m=audio 20000 RTP/AVP 8 13 101"),
        ],
    )
    def test_events_and_noise_follow_the_clock_rate(self, ours: tuple[Codec, ...], expected: str) -> None:
        offer = body(section("96 opus/48000/2", "8", "13", "101 telephone-event/8000", "110 telephone-event/48000"))
        assert m_lines(answer(offer, ours)[0]) == [expected]

    def test_events_can_be_declined(self) -> None:
        ours = negotiation()
        ours.receive_offer(body())
        text, agreed = ours.make_answer((PCMA,), telephone_event=False)
        assert m_lines(text) == ["m=audio 20000 RTP/AVP 8"]
        assert agreed.telephone_event is None

    @pytest.mark.parametrize(
        ("offered", "answered"), [("", "0-15"), ("0-15", "0-15"), ("0-16", "0-16"), ("0-255", "0-15")]
    )
    def test_only_events_we_understand_are_asked_for(self, offered: str, answered: str) -> None:
        lines = (f"a=fmtp:101 {offered}",) if offered else ()
        assert f"a=fmtp:101 {answered}\r\n" in answer(body(section(lines=lines)))[0]

    @pytest.mark.parametrize(
        ("offered", "ours", "answered"),
        [
            ("", "annexb=no", "annexb=no"),
            ("annexb=yes", "annexb=no", "annexb=no"),
            ("annexb=no", "annexb=no", "annexb=no"),
            ("annexb=no", "", "annexb=no"),
            ("annexb=NO", "annexb=yes", "annexb=no"),
            ("", "", None),
            ("annexb=yes", "annexb=yes", None),
        ],
    )
    def test_g729_annex_b_needs_both(self, offered: str, ours: str, answered: str | None) -> None:
        lines = (f"a=fmtp:18 {offered}",) if offered else ()
        text, agreed = answer(body(section("18 G729/8000", lines=lines)), (Codec("G729", 8000, 1, ours),))
        assert ("a=fmtp:18" in text) is (answered is not None)
        if answered is not None:
            assert f"a=fmtp:18 {answered}\r\n" in text
        assert agreed.agreement is not None
        assert agreed.agreement.send[0].codec.fmtp == agreed.agreement.receive[0].codec.fmtp == (answered or "")

    def test_the_first_usable_audio_stream_is_taken_and_all_others_kept_in_place_and_refused(self) -> None:
        offer = body(
            section("96 VP8/90000", "97 H264/90000", media="video"),
            section(protocol="RTP/SAVP"),
            section("9", port=0),
            section("0", port=4002),
            section("8", port=4004),
            "m=image 4006 udptl t38\r\n",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
        )
        text, ours = answer(offer)
        assert m_lines(text) == [
            "m=video 0 RTP/AVP 96",
            "m=audio 0 RTP/SAVP 0",
            "m=audio 0 RTP/AVP 9",
            "m=audio 20000 RTP/AVP 0",
            "m=audio 0 RTP/AVP 8",
            "m=image 0 udptl t38",
            "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        ]
        assert ours.agreement is not None
        assert ours.agreement.remote_port == 4002

    def test_the_answers_time_is_the_offers(self) -> None:
        assert "\r\nt=2873397496 2873404696\r\n" in answer(body(timing="2873397496 2873404696"))[0]

    def test_an_offer_without_a_time_is_answered_with_a_permanent_one(self) -> None:
        offer = body().replace(b"t=0 0\r\n", b"")
        assert "\r\nt=0 0\r\n" in answer(offer)[0]

    @pytest.mark.parametrize("protocol", ["RTP/AVP", "RTP/AVPF", "rtp/avp"])
    def test_the_profile_is_answered_as_offered(self, protocol: str) -> None:
        assert m_lines(answer(body(section(protocol=protocol)))[0]) == [f"m=audio 20000 {protocol} 0 8 101"]

    @pytest.mark.parametrize(
        ("offer", "status", "what"),
        [
            (body(section(port=0)), 488, "port 0"),
            (body(section(protocol="RTP/SAVP")), 488, "RTP/SAVP"),
            (body(section(protocol="UDP/TLS/RTP/SAVPF")), 488, "SAVPF"),
            (body(section("31", media="video")), 488, "no audio stream"),
            (body("m=image 4006 udptl t38\r\n"), 488, "no audio stream"),
            (body("", ""), 488, "no audio stream"),
            (body(section("96 VP8/90000", "x", "200", "97")), 488, None),
            (body(section("x", "200", "97")), 488, "no readable audio format"),
            (body(section("101 telephone-event/8000", "13")), 488, "no readable audio format"),
            (body(connection=False), 400, "no connection"),
            (body(address="media.example.com"), 488, "literal"),
            (body().replace(b"c=IN IP4", b"c=IN IP6"), 488, "literal IP6"),
            (b"not sdp", 400, "type letter"),
            (b"", 400, "empty"),
        ],
    )
    def test_an_offer_we_cannot_take_up(self, offer: bytes, status: int, what: str | None) -> None:
        ours = negotiation()
        if what is None:
            ours.receive_offer(offer)
            with pytest.raises(SdpError, match="no common codec") as caught:
                ours.make_answer(OURS)
            assert ours.state.value == "remote offer"
        else:
            with pytest.raises(SdpError, match=what) as caught:
                ours.receive_offer(offer)
            assert ours.state.value == "stable"
        assert caught.value.status == status
        assert ours.local_body == b""

    def test_after_an_unsuccessful_answer_another_may_be_tried(self) -> None:
        ours = negotiation()
        ours.receive_offer(body())
        with pytest.raises(SdpError, match="PCMU/8000"):
            ours.make_answer((G722,))
        assert ours.make_answer((PCMA,))[1].codec == PCMA

    def test_the_offer_shows_what_they_can_and_want(self) -> None:
        ours = negotiation()
        offer = ours.receive_offer(
            body(section("18", "8", "101 telephone-event/8000", lines=("a=ptime:30", "a=rtcp-mux")))
        )
        assert [codec.name for codec in offer.codecs] == ["G729", "PCMA", "telephone-event"]
        assert (offer.remote_address, offer.remote_port) == ("192.0.2.10", 4000)
        assert (offer.ptime, offer.rtcp_mux, offer.direction) == (30, True, Direction.SENDRECV)
        assert not offer.unchanged
        assert ours.offer is offer

    @pytest.mark.parametrize(
        ("lines", "ptime"),
        [
            ((), 20),
            (("a=ptime:30",), 30),
            (("a=ptime:60", "a=maxptime:40"), 40),
            (("a=maxptime:10",), 10),
            (("a=ptime:5",), 10),
            (("a=ptime:25",), 20),
            (("a=ptime:9000",), 60),
            (("a=ptime:nonsense",), 20),
        ],
    )
    def test_packet_time(self, lines: tuple[str, ...], ptime: int) -> None:
        text, ours = answer(body(section(lines=lines)))
        assert ours.agreement is not None
        assert ours.agreement.ptime == ptime
        assert f"a=ptime:{ptime}\r\n" in text

    def test_rtcp_on_the_rtp_port_only_when_offered_and_wanted(self) -> None:
        offer = body(section(lines=("a=rtcp-mux",)))
        text, ours = answer(offer)
        assert "a=rtcp-mux\r\n" in text
        assert ours.agreement is not None
        assert ours.agreement.rtcp_mux
        assert ours.agreement.remote_rtcp == ("192.0.2.10", 4000)
        assert "rtcp-mux" not in answer(body())[0]
        plain = negotiation(accept_rtcp_mux=False)
        plain.receive_offer(offer)
        declined, agreed = plain.make_answer(OURS)
        assert b"rtcp-mux" not in declined
        assert agreed.remote_rtcp == ("192.0.2.10", 4001)

    @pytest.mark.parametrize(
        ("line", "rtcp"),
        [
            ("a=rtcp:5555", ("192.0.2.10", 5555)),
            ("a=rtcp:5555 IN IP4 192.0.2.99", ("192.0.2.99", 5555)),
            ("a=rtcp:5555 IN IP4 224.0.0.1", ("192.0.2.10", 5555)),
            ("a=rtcp:5555 IN IP4 host.example.com", ("192.0.2.10", 5555)),
            ("a=rtcp:0", ("192.0.2.10", 4001)),
        ],
    )
    def test_where_rtcp_goes(self, line: str, rtcp: tuple[str, int]) -> None:
        ours = answer(body(section(lines=(line,))))[1]
        assert ours.agreement is not None
        assert ours.agreement.remote_rtcp == rtcp

    def test_the_last_port_has_no_next_one(self) -> None:
        ours = answer(body(section(port=65535)))[1]
        assert ours.agreement is not None
        assert ours.agreement.remote_rtcp == ("192.0.2.10", 65535)

    def test_the_sections_address_wins_over_the_sessions(self) -> None:
        offer = body(section(lines=("c=IN IP6 2001:db8::7",)), address="192.0.2.1")
        ours = answer(offer)[1]
        assert ours.agreement is not None
        assert ours.agreement.remote_address == "2001:db8::7"

    @pytest.mark.parametrize(
        ("address", "plausible"),
        [
            ("192.0.2.1", True),
            ("224.2.1.1", False),
            ("255.255.255.255", False),
            ("240.0.0.1", False),
            ("0.0.0.0", True),
        ],
    )
    def test_an_address_nobody_can_have_is_flagged(self, address: str, *, plausible: bool) -> None:
        ours = negotiation()
        assert ours.receive_offer(body(address=address)).plausible is plausible
        assert ours.make_answer(OURS)[1].plausible is plausible

    def test_a_number_offered_twice_is_answered_once(self) -> None:
        assert m_lines(answer(body(section("8", "8", "0")))[0]) == ["m=audio 20000 RTP/AVP 8 0"]

    def test_a_codec_offered_under_two_numbers_is_answered_once(self) -> None:
        offer = body(section("96 opus/48000/2", "97 opus/48000/2"))
        assert m_lines(answer(offer, (OPUS,))[0]) == ["m=audio 20000 RTP/AVP 96"]
