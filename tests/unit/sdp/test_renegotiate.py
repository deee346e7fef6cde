"""Later offers in a dialog (RFC 3264 8): what must not change, what may, and how a refused change is forgotten."""

from __future__ import annotations

import pytest

from softswitch.sdp.errors import LocalError, SdpError
from softswitch.sdp.negotiate import KNOWN_CODECS, Codec, Direction, Negotiation
from tests.support.session_descriptions import body, section

PCMA, PCMU, OPUS, EVENTS = (KNOWN_CODECS[name] for name in ("pcma", "pcmu", "opus", "telephone-event"))
OURS = (PCMA, PCMU, EVENTS)
EVENTS_LINE = "101 telephone-event/8000"


def negotiation() -> Negotiation:
    return Negotiation(address="198.51.100.1", port=20000, session_id=9)


def version(written: bytes) -> int:
    return int(written.decode().split("\r\n")[1].split()[2])


def m_lines(written: bytes) -> list[str]:
    return [line for line in written.decode().split("\r\n") if line.startswith("m=")]


class TestVersion:
    def test_it_grows_by_one_with_every_change_and_only_then(self) -> None:
        ours = negotiation()
        first = ours.make_offer(OURS)
        ours.receive_answer(body())
        again = ours.make_offer(OURS)
        ours.receive_answer(body())
        hold = ours.make_offer(OURS, direction=Direction.SENDONLY)
        ours.receive_answer(body(section(lines=("a=recvonly",))))
        back = ours.make_offer(OURS)
        assert again == first
        assert [version(each) for each in (first, again, hold, back)] == [1, 1, 2, 3]

    def test_a_repeated_offer_gets_the_same_answer(self) -> None:
        ours = negotiation()
        ours.receive_offer(body())
        first, agreed = ours.make_answer(OURS)
        assert ours.receive_offer(body()).unchanged
        second, again = ours.make_answer(OURS)
        assert second == first
        assert again == agreed
        assert not ours.receive_offer(body(version=2)).unchanged

    def test_a_version_that_was_refused_is_not_used_for_other_words(self) -> None:
        ours = negotiation()
        ours.make_offer(OURS)
        ours.receive_answer(body())
        refused = ours.make_offer(OURS, direction=Direction.SENDONLY)
        ours.withdraw_offer()
        other = ours.make_offer(OURS, direction=Direction.INACTIVE)
        assert (version(refused), version(other)) == (2, 3)


class TestRefresh:
    """What is agreed, offered again: RFC 4028 7.4 wants the same words under the same version."""

    def test_who_has_answered_offers_its_answer(self) -> None:
        ours = negotiation()
        ours.receive_offer(body(section(lines=("a=sendonly",))))
        answer, agreed = ours.make_answer((PCMA,))
        assert ours.repeat_offer() == answer
        assert ours.receive_answer(body(section("8", EVENTS_LINE, lines=("a=sendonly",)))) == agreed

    def test_who_has_offered_offers_the_same_again(self) -> None:
        ours = negotiation()
        first = ours.make_offer(OURS)
        agreed = ours.receive_answer(body(section("0")))
        assert ours.repeat_offer() == first
        assert ours.receive_answer(body(section("0"))) == agreed

    def test_what_was_refused_meanwhile_was_seen(self) -> None:
        ours = negotiation()
        first = ours.make_offer(OURS)
        ours.receive_answer(body())
        refused = ours.make_offer(OURS, direction=Direction.SENDONLY)
        ours.withdraw_offer()
        again = ours.repeat_offer()
        assert [version(each) for each in (first, refused, again)] == [1, 2, 3]
        assert again.replace(b" 9 3 ", b" 9 1 ") == first

    def test_only_between_offers_and_after_the_first(self) -> None:
        ours = negotiation()
        with pytest.raises(LocalError):
            ours.repeat_offer()
        ours.make_offer(OURS)
        ours.receive_answer(body(), provisional=True)
        with pytest.raises(LocalError):
            ours.repeat_offer()
        ours.withdraw_offer()
        ours.receive_offer(body(version=2))
        with pytest.raises(LocalError):
            ours.repeat_offer()


class TestLayout:
    def test_our_later_offers_keep_every_m_line_in_place(self) -> None:
        ours = negotiation()
        ours.receive_offer(body(section("96 VP8/90000", media="video"), section(), "m=image 9 udptl t38\r\n"))
        ours.make_answer(OURS)
        offered = ours.make_offer((PCMA,))
        assert m_lines(offered) == ["m=video 0 RTP/AVP 96", "m=audio 20000 RTP/AVP 8", "m=image 0 udptl t38"]
        agreed = ours.receive_answer(
            body(section("96", media="video", port=0), section("8", port=4100), "m=image 0 udptl t38\r\n")
        )
        assert agreed.remote_port == 4100

    @pytest.mark.parametrize(
        ("reply", "what"),
        [
            (body(section("8")), "1 media sections"),
            (body(section("8"), section("96", media="video", port=0)), "m=audio"),
            (body(section("96", media="video"), section("8")), "refused stream taken up"),
        ],
    )
    def test_an_answer_in_another_layout_is_refused(self, reply: bytes, what: str) -> None:
        ours = negotiation()
        ours.receive_offer(body(section("96 VP8/90000", media="video"), section()))
        ours.make_answer(OURS)
        ours.make_offer(OURS)
        with pytest.raises(SdpError, match=what):
            ours.receive_answer(reply)

    def test_an_offer_that_drops_an_m_line_is_refused(self) -> None:
        ours = negotiation()
        ours.receive_offer(body(section(), section("96 VP8/90000", media="video")))
        _, agreed = ours.make_answer(OURS)
        with pytest.raises(SdpError, match="1 media sections after 2") as caught:
            ours.receive_offer(body(section(), version=2))
        assert caught.value.status == 488
        assert ours.agreement is agreed

    def test_an_offer_may_add_m_lines(self) -> None:
        ours = negotiation()
        ours.make_offer(OURS)
        ours.receive_answer(body())
        ours.receive_offer(body(section(), section("96 VP8/90000", media="video"), version=2))
        answered, _ = ours.make_answer(OURS)
        assert m_lines(answered) == ["m=audio 20000 RTP/AVP 0 8 101", "m=video 0 RTP/AVP 96"]

    def test_the_stream_in_use_is_kept_although_an_earlier_one_became_usable(self) -> None:
        ours = negotiation()
        ours.receive_offer(body(section(port=0), section(port=4002)))
        ours.make_answer(OURS)
        ours.receive_offer(body(section(port=4000), section(port=4002), version=2))
        answered, agreed = ours.make_answer(OURS)
        assert agreed.remote_port == 4002
        assert m_lines(answered)[0] == "m=audio 0 RTP/AVP 0"

    def test_another_stream_is_taken_when_the_one_in_use_is_removed(self) -> None:
        ours = negotiation()
        ours.receive_offer(body(section(port=4000), section(port=4002)))
        ours.make_answer(OURS)
        ours.receive_offer(body(section(port=0), section(port=4002), version=2))
        answered, agreed = ours.make_answer(OURS)
        assert agreed.remote_port == 4002
        assert m_lines(answered) == ["m=audio 0 RTP/AVP 0", "m=audio 20000 RTP/AVP 0 8 101"]

    def test_fax_instead_of_audio_is_refused_and_the_call_stands(self) -> None:
        ours = negotiation()
        ours.receive_offer(body())
        _, agreed = ours.make_answer(OURS)
        with pytest.raises(SdpError) as caught:
            ours.receive_offer(body("m=image 4006 udptl t38\r\n", version=2))
        assert caught.value.status == 488
        assert ours.agreement is agreed
        assert ours.state.value == "stable"


class TestPayloadTypes:
    def test_numbers_learned_from_their_offer_are_used_in_ours(self) -> None:
        ours = negotiation()
        ours.receive_offer(
            body(section("120 opus/48000/2", "100 telephone-event/48000", "8", "99 telephone-event/8000"))
        )
        ours.make_answer((OPUS, PCMA))
        assert m_lines(ours.make_offer((PCMA, OPUS, EVENTS))) == ["m=audio 20000 RTP/AVP 8 120 99"]

    def test_a_number_once_bound_never_means_another_codec_in_our_descriptions(self) -> None:
        ours = negotiation()
        ours.receive_offer(body(section("96 opus/48000/2", "8")))
        ours.make_answer((OPUS, PCMA))
        ours.receive_offer(body(section("96 telephone-event/8000", "8", "97 opus/48000/2"), version=2))
        answered, agreed = ours.make_answer((OPUS, PCMA))
        # We send by their numbers and receive by ours (RFC 3264 6.1).
        assert {each.codec.name: each.payload_type for each in agreed.send} == {
            "PCMA": 8,
            "opus": 97,
            "telephone-event": 96,
        }
        assert "a=rtpmap:96 opus" not in answered.decode()
        assert {each.codec.name: each.payload_type for each in agreed.receive} == {
            "PCMA": 8,
            "opus": 97,
            "telephone-event": 101,
        }

    def test_our_own_numbers_stay_when_codecs_come_and_go(self) -> None:
        ours = negotiation()
        ilbc = Codec("iLBC", 8000, 1, "mode=20")
        first = m_lines(ours.make_offer((OPUS, ilbc, PCMA)))
        ours.receive_answer(body(section("111 opus/48000/2")))
        ours.make_offer((PCMA,))
        ours.receive_answer(body(section("8")))
        assert m_lines(ours.make_offer((OPUS, ilbc, PCMA))) == first

    def test_numbers_run_out_without_a_crash(self) -> None:
        ours = negotiation()
        for round_ in range(40):
            ours.receive_offer(body(section("8", f"96 telephone-event/{8000 + round_}", f"97 x{round_}/8000")))
            _, agreed = ours.make_answer((Codec(f"x{round_}", 8000), PCMA))
            assert agreed.send[0].codec.is_audio
            assert len({each.payload_type for each in agreed.receive}) == len(agreed.receive)


class TestMux:
    def test_a_later_offer_keeps_what_was_agreed(self) -> None:
        ours = negotiation()
        ours.receive_offer(body(section(lines=("a=rtcp-mux",))))
        ours.make_answer(OURS)
        assert b"a=rtcp-mux\r\n" in ours.make_offer(OURS)
        assert ours.receive_answer(body(section(lines=("a=rtcp-mux",)))).rtcp_mux

    def test_an_answer_cannot_bring_it_in(self) -> None:
        ours = negotiation()
        ours.make_offer(OURS)
        assert not ours.receive_answer(body(section(lines=("a=rtcp-mux",)))).rtcp_mux

    def test_an_answer_can_take_it_away(self) -> None:
        ours = negotiation()
        ours.receive_offer(body(section(lines=("a=rtcp-mux",))))
        ours.make_answer(OURS)
        ours.make_offer(OURS)
        assert ours.receive_answer(body()).remote_rtcp == ("192.0.2.10", 4001)


class TestChanges:
    def test_address_port_codec_and_packet_time_may_change(self) -> None:
        ours = negotiation()
        ours.receive_offer(body())
        ours.make_answer(OURS)
        moved = body(section("8", port=6000, lines=("a=ptime:40",)), address="203.0.113.5", version=2)
        ours.receive_offer(moved)
        _, agreed = ours.make_answer(OURS)
        assert (agreed.remote_address, agreed.remote_port, agreed.codec, agreed.ptime) == (
            "203.0.113.5",
            6000,
            PCMA,
            40,
        )
        assert agreed.telephone_event is None
        assert ours.remote is not None
        assert ours.remote.encode() == moved

    def test_late_offer(self) -> None:
        ours = negotiation()
        ours.receive_offer(body())
        ours.make_answer(OURS)
        ours.make_offer(OURS)
        agreed = ours.receive_answer(body(section("8", port=4400), version=2))
        assert (agreed.remote_port, agreed.codec) == (4400, PCMA)


class TestRollback:
    def test_a_rejected_offer_leaves_everything_as_it_was(self) -> None:
        ours = negotiation()
        ours.receive_offer(body())
        _, agreed = ours.make_answer(OURS)
        sent = ours.local_body
        ours.receive_offer(body(section("9"), address="203.0.113.5", version=2))
        ours.reject_offer()
        assert ours.agreement is agreed
        assert ours.offer is None
        assert ours.local_body == sent
        assert ours.remote is not None
        assert ours.remote.origin.version == 1
        assert ours.receive_offer(body()).unchanged

    def test_a_withdrawn_offer_leaves_the_agreement_in_force(self) -> None:
        ours = negotiation()
        ours.make_offer(OURS)
        agreed = ours.receive_answer(body())
        ours.make_offer((PCMA,), direction=Direction.INACTIVE)
        ours.withdraw_offer()
        assert ours.agreement is agreed
        assert ours.state.value == "stable"
        assert ours.receive_offer(body(version=2)).codecs

    def test_dropping_what_is_not_there_has_no_effect(self) -> None:
        ours = negotiation()
        ours.reject_offer()
        ours.withdraw_offer()
        ours.make_offer(OURS)
        ours.reject_offer()
        assert ours.state.value == "local offer"
        ours.receive_answer(body())
        ours.receive_offer(body())
        ours.withdraw_offer()
        assert ours.state.value == "remote offer"


class TestOneOfferAtATime:
    def test_two_offers_of_ours(self) -> None:
        ours = negotiation()
        ours.make_offer(OURS)
        with pytest.raises(LocalError, match="local offer"):
            ours.make_offer(OURS)

    def test_our_offer_while_theirs_waits(self) -> None:
        ours = negotiation()
        ours.receive_offer(body())
        with pytest.raises(LocalError, match="remote offer"):
            ours.make_offer(OURS)

    def test_their_offer_while_ours_waits_is_glare(self) -> None:
        ours = negotiation()
        ours.make_offer(OURS)
        with pytest.raises(SdpError) as caught:
            ours.receive_offer(body())
        assert caught.value.status == 491

    def test_their_second_offer_before_our_answer(self) -> None:
        ours = negotiation()
        ours.receive_offer(body())
        with pytest.raises(SdpError) as caught:
            ours.receive_offer(body(version=2))
        assert caught.value.status == 500

    def test_answers_need_an_offer(self) -> None:
        ours = negotiation()
        with pytest.raises(LocalError, match="without an offer"):
            ours.make_answer(OURS)
        with pytest.raises(SdpError, match="without an offer"):
            ours.receive_answer(body())
        ours.receive_offer(body())
        with pytest.raises(SdpError, match="without an offer"):
            ours.receive_answer(body())

    def test_nothing_is_known_before_the_first_exchange(self) -> None:
        ours = negotiation()
        assert [ours.agreement, ours.local, ours.remote, ours.offer] == [None] * 4
        ours.make_offer(OURS)
        assert ours.local is not None
        assert ours.local.encode() == ours.local_body
