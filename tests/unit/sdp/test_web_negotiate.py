"""Offer/answer with browsers (RFC 9429): one transport by ICE and DTLS behind all m= lines."""

from __future__ import annotations

import pytest

from softswitch.sdp.browser import Fingerprint, IceCredentials, Setup
from softswitch.sdp.codec import RED
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import LocalError, SdpError
from softswitch.sdp.negotiate import KNOWN_CODECS, AudioAgreement, Codec, Direction, Negotiation
from tests.support.browser_sdp import (
    CHROMIUM,
    CHROMIUM_AUDIO,
    CHROMIUM_WITH_DATA,
    FIREFOX,
    SAFARI,
    Described,
)
from tests.support.session_descriptions import body, section

OPUS, G722, PCMA, PCMU, EVENTS = (KNOWN_CODECS[name] for name in ("opus", "g722", "pcma", "pcmu", "telephone-event"))
WIDE_EVENTS = Codec("telephone-event", 48000, 1, "0-16")
OURS = (OPUS, G722, PCMA, PCMU, EVENTS, WIDE_EVENTS)


def negotiation(side: Described | None = None) -> Negotiation:
    side = side or Described()
    return Negotiation(address=side.address, port=side.port, session_id=9, web=side)


def answered(
    offer: bytes, side: Described | None = None, codecs: tuple[Codec, ...] = OURS
) -> tuple[str, AudioAgreement]:
    ours = negotiation(side)
    ours.receive_offer(offer)
    written, agreement = ours.make_answer(codecs)
    return written.decode(), agreement


def lines(written: bytes | str, media: int) -> list[str]:
    """The m= line and all lines below it."""
    text = written if isinstance(written, str) else written.decode()
    return ("m=" + text.split("\r\nm=")[media + 1]).rstrip().split("\r\n")


def changed(offer: bytes, old: str, new: str) -> bytes:
    assert old.encode() in offer
    return offer.replace(old.encode(), new.encode())


class TestAnswers:
    def test_chromium_is_answered_word_for_word_so(self) -> None:
        written, _ = answered(CHROMIUM_AUDIO, codecs=(*OURS, RED))
        assert written == (
            "v=0\r\no=- 9 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
            "a=group:BUNDLE 0\r\na=msid-semantic:WMS *\r\n"
            "m=audio 20000 UDP/TLS/RTP/SAVPF 111 9 0 8 63 110 126\r\n"
            "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtpmap:9 G722/8000\r\n"
            "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:63 red/48000/2\r\n"
            "a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-15\r\n"
            "a=rtpmap:126 telephone-event/8000\r\na=fmtp:126 0-15\r\n"
            "a=candidate:1 1 udp 2130706431 198.51.100.1 20000 typ host\r\na=end-of-candidates\r\n"
            "a=ice-ufrag:001+000\r\na=ice-pwd:xxxxxxxxxxxxxxxxx001+000\r\na=ice-options:trickle\r\n"
            f"a=fingerprint:sha-256 {':'.join(['01'] * 32)}\r\na=setup:active\r\na=mid:0\r\n"
            "a=msid:switch audio\r\na=fmtp:63 111/111\r\na=rtcp-rsize\r\na=ptime:20\r\na=sendrecv\r\n"
            "a=rtcp-mux\r\na=rtcp-xr:rcvr-rtt=all\r\n"
        )

    def test_chromium_is_read(self) -> None:
        _, agreed = answered(CHROMIUM_AUDIO)
        web = agreed.web
        assert web is not None
        assert web.remote.credentials == IceCredentials("e79U", "eJXZS7zdLLqSa9nUiSTywDNV")
        assert (web.remote.trickle, web.remote.complete, web.remote.lite) == (True, False, False)
        assert web.remote.candidates == ()
        assert web.remote.setup is Setup.ACTPASS
        assert [each.algorithm for each in web.remote.fingerprints] == ["sha-256"]
        assert web.remote.fingerprints[0].digest[:3] == b"\x3f\xff\xa6"
        assert (web.dtls_client, web.controlling, web.mid, web.restarted) == (True, False, "0", False)
        assert (agreed.codec.name, agreed.rtcp_mux, agreed.direction) == ("opus", True, Direction.SENDRECV)
        assert agreed.telephone_event is not None
        assert agreed.telephone_event.payload_type == 110
        assert not agreed.on_hold
        assert agreed.plausible
        assert agreed.keys is None

    def test_firefox_says_its_fingerprint_once_for_all(self) -> None:
        _, agreed = answered(FIREFOX)
        assert agreed.web is not None
        assert agreed.web.remote.fingerprints[0].digest[:2] == b"\x5e\x9a"
        assert agreed.web.remote.trickle
        assert [each.payload_type for each in agreed.send] == [109, 9, 0, 8, 101]

    def test_safari_has_gathered(self) -> None:
        _, agreed = answered(SAFARI)
        assert agreed.web is not None
        remote = agreed.web.remote
        assert [(each.address, each.port, each.kind) for each in remote.candidates] == [
            ("203.0.113.77", 54321, "srflx")
        ]
        assert remote.complete

    def test_other_streams_are_refused_in_their_places_and_keep_their_mids(self) -> None:
        written, agreed = answered(CHROMIUM_WITH_DATA)
        assert lines(written, 1) == ["m=video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:1"]
        assert lines(written, 2) == ["m=application 0 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:2"]
        assert "a=group:BUNDLE 0\r\n" in written
        assert agreed.video is None

    @pytest.mark.parametrize(("theirs", "ours"), [("actpass", "active"), ("active", "passive"), ("passive", "active")])
    def test_the_dtls_role_follows_theirs(self, theirs: str, ours: str) -> None:
        written, agreed = answered(changed(CHROMIUM_AUDIO, "setup:actpass", f"setup:{theirs}"))
        assert f"a=setup:{ours}\r\n" in written
        assert agreed.web is not None
        assert agreed.web.dtls_client is (ours == "active")

    @pytest.mark.parametrize(
        ("we", "they", "controlling"),
        [(False, False, False), (True, True, False), (True, False, False), (False, True, True)],
    )
    def test_whom_they_leave_to_nominate(self, we: bool, they: bool, controlling: bool) -> None:
        offer = changed(CHROMIUM_AUDIO, "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n") if they else CHROMIUM_AUDIO
        written, agreed = answered(offer, Described(lite=we))
        assert agreed.web is not None
        assert agreed.web.controlling is controlling
        assert ("a=ice-lite\r\n" in written) is we

    def test_without_mids_there_is_no_bundle(self) -> None:
        offer = changed(changed(CHROMIUM_AUDIO, "a=group:BUNDLE 0\r\n", ""), "a=mid:0\r\n", "")
        written, agreed = answered(offer)
        assert "BUNDLE" not in written
        assert "a=mid" not in written
        assert agreed.web is not None
        assert agreed.web.mid == ""

    def test_a_bundle_only_section_has_the_transport_of_the_first(self) -> None:
        text = CHROMIUM.decode()
        head, audio, video = text.split("m=")
        audio = audio.replace("audio 9", "audio 0").replace("a=mid:0", "a=mid:0\r\na=bundle-only")
        for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup"):
            audio = "".join(line for line in audio.splitlines(keepends=True) if not line.startswith(f"a={name}:"))
        offer = head.replace("BUNDLE 0 1", "BUNDLE 1 0") + "m=" + video + "m=" + audio
        written, agreed = answered(offer.encode())
        assert agreed.web is not None
        assert agreed.web.remote.credentials.fragment == "e79U"
        assert lines(written, 0) == ["m=video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:1"]
        assert "a=group:BUNDLE 0\r\n" in written

    def test_losses_may_be_asked_for_where_they_say_so(self) -> None:
        offer = changed(CHROMIUM_AUDIO, "a=rtcp-fb:111 transport-cc\r\n", "a=rtcp-fb:111 nack\r\n")
        written, agreed = answered(offer)
        assert agreed.nack
        assert "a=rtcp-fb:111 nack\r\n" in written
        assert "rtcp-fb:9 " not in written

    def test_simulcast_is_answered_without(self) -> None:
        simulcast = "a=rid:hi send\r\na=rid:lo send\r\na=simulcast:send hi;lo\r\na=rtcp-rsize\r\n"
        offer = changed(CHROMIUM, "a=rtcp-rsize\r\n", simulcast)
        ours = negotiation()
        video = ours.receive_offer(offer).video
        written, agreed = ours.make_answer(OURS, video=video)
        assert agreed.video is not None
        assert b"simulcast" not in written
        assert b"a=rid" not in written
        assert b"rtp-stream-id" not in written

    @pytest.mark.parametrize(
        ("old", "new", "status", "what"),
        [
            ("UDP/TLS/RTP/SAVPF", "RTP/AVP", 488, "profile RTP/AVP; expected UDP/TLS/RTP/SAVPF"),
            ("UDP/TLS/RTP/SAVPF", "RTP/SAVP", 488, "profile RTP/SAVP"),
            ("a=rtcp-mux\r\n", "", 488, "no rtcp-mux"),
            ("a=ice-ufrag:e79U\r\n", "", 488, "ICE"),
            ("a=ice-pwd:eJXZS7zdLLqSa9nUiSTywDNV\r\n", "", 488, "ICE"),
            ("a=ice-ufrag:e79U\r\n", "a=ice-ufrag:e\r\n", 400, "SDP line 11: ice-ufrag 'e'"),
            ("a=ice-pwd:eJXZS7zdLLqSa9nUiSTywDNV\r\n", "a=ice-pwd:short\r\n", 400, "ice-pwd of 5"),
            ("a=fingerprint:sha-256 3F", "a=fingerprints:sha-256 3F", 488, "no fingerprint"),
            ("a=fingerprint:sha-256 3F", "a=fingerprint:sha-256 3", 400, "SDP line 14: fingerprint"),
            ("a=fingerprint:sha-256 3F", "a=fingerprint:md9 3F", 488, "no fingerprint but md9"),
            ("a=setup:actpass\r\n", "", 488, "no setup"),
            ("a=setup:actpass\r\n", "a=setup:holdconn\r\n", 488, "SDP line 15: setup 'holdconn'"),
            ("a=setup:actpass\r\n", "a=setup:actpass\r\na=candidate:x\r\n", 400, "SDP line 16: candidate"),
            ("a=mid:0\r\n", "a=mid:\r\n", 400, "mid ''"),
            ("m=audio 9", "m=audio 0", 488, "port 0"),
            ("m=audio 9", "m=video 9", 488, "no audio stream"),
        ],
    )
    def test_what_cannot_be_is_refused_and_said(self, old: str, new: str, status: int, what: str) -> None:
        ours = negotiation()
        with pytest.raises(SdpError) as error:
            ours.receive_offer(changed(CHROMIUM_AUDIO, old, new))
        assert error.value.status == status
        assert what in str(error.value)
        assert ours.offer is None

    def test_a_plain_leg_takes_no_browser(self) -> None:
        with pytest.raises(SdpError, match="SAVPF"):
            Negotiation(address="198.51.100.1", port=20000, session_id=9).receive_offer(CHROMIUM)

    def test_candidates_that_lead_nowhere_or_home_are_passed_over(self) -> None:
        more = "".join(
            f"a=candidate:{number} 1 udp 7 {address} typ host\r\n"
            for number, address in enumerate(
                ("224.0.0.1 5", "0.0.0.0 5", "198.51.100.1 20000", "x.local 5", "192.0.2.1 0", "192.0.2.7 7", "::1 8")
            )
        )
        _, agreed = answered(changed(CHROMIUM_AUDIO, "a=mid:0\r\n", "a=mid:0\r\n" + more))
        assert agreed.web is not None
        assert [each.address for each in agreed.web.remote.candidates] == ["192.0.2.7", "::1"]


class TestOffers:
    def test_our_offer_is_word_for_word_so(self) -> None:
        ours = negotiation(Described(lite=True))
        assert ours.make_offer((OPUS, PCMA, WIDE_EVENTS, EVENTS)).decode() == (
            "v=0\r\no=- 9 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
            "a=group:BUNDLE 0\r\na=ice-lite\r\na=msid-semantic:WMS *\r\n"
            "m=audio 20000 UDP/TLS/RTP/SAVPF 111 8 110 101\r\n"
            "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:110 telephone-event/48000\r\na=fmtp:110 0-16\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
            "a=candidate:1 1 udp 2130706431 198.51.100.1 20000 typ host\r\na=end-of-candidates\r\n"
            "a=ice-ufrag:001+000\r\na=ice-pwd:xxxxxxxxxxxxxxxxx001+000\r\na=ice-options:trickle\r\n"
            f"a=fingerprint:sha-256 {':'.join(['01'] * 32)}\r\na=setup:actpass\r\na=mid:0\r\n"
            "a=msid:switch audio\r\na=rtcp-fb:111 nack\r\na=rtcp-fb:8 nack\r\na=rtcp-rsize\r\n"
            "a=ptime:20\r\na=sendrecv\r\na=rtcp-mux\r\n"
        )

    def test_the_default_candidate_stands_in_the_lines_of_old(self) -> None:
        written = Negotiation(
            address="192.0.2.1", port=20000, session_id=9, web=Described(40000, address="2001:db8::7")
        ).make_offer(OURS)
        assert b"o=- 9 1 IN IP4 192.0.2.1\r\n" in written
        assert b"\r\nc=IN IP6 2001:db8::7\r\n" in written
        assert b"\r\nm=audio 40000 " in written

    def test_two_of_us_agree(self) -> None:
        calling, called = Described(20000, seed=1), Described(30000, seed=2)
        a, b = negotiation(calling), negotiation(called)
        offer = b.receive_offer(a.make_offer((*OURS, RED)))
        assert offer.web is not None
        assert offer.web.complete
        written, theirs = b.make_answer((*OURS, RED))
        ours = a.receive_answer(written)
        assert ours.web is not None
        assert theirs.web is not None
        assert ours.web.remote.credentials == theirs.web.local.credentials
        assert theirs.web.remote.credentials == ours.web.local.credentials
        assert ours.web.remote.candidates == theirs.web.local.candidates
        assert (ours.web.dtls_client, theirs.web.dtls_client) == (False, True)
        assert (ours.web.controlling, theirs.web.controlling) == (True, False)
        assert ours.nack
        assert theirs.nack
        assert RED.key in [each.codec.key for each in ours.send]
        assert [each.payload_type for each in ours.send] == [each.payload_type for each in theirs.receive]

    @pytest.mark.parametrize(
        ("old", "new", "what"),
        [
            ("setup:active", "setup:actpass", "actpass in an answer"),
            ("a=rtcp-mux\r\n", "", "no rtcp-mux"),
            ("m=audio 30000", "m=audio 0", "refused"),
            ("UDP/TLS/RTP/SAVPF", "RTP/SAVPF", "profile"),
            ("a=mid:0", "a=mid:7", "mid '7'"),
            ("m=audio", "m=video", "m=video"),
        ],
    )
    def test_an_answer_that_does_not_answer(self, old: str, new: str, what: str) -> None:
        ours, theirs = negotiation(), negotiation(Described(30000, seed=2))
        theirs.receive_offer(ours.make_offer(OURS))
        written, _ = theirs.make_answer(OURS)
        with pytest.raises(SdpError, match=what) as error:
            ours.receive_answer(changed(written, old, new))
        assert error.value.status == 488
        assert ours.agreement is None
        assert ours.receive_answer(written).web is not None

    def test_a_short_packet_leaves_opus_less_of_the_class(self) -> None:
        opus = Codec("opus", 48000, 2, "minptime=10;maxaveragebitrate=26700")
        ours = negotiation()
        assert b"maxaveragebitrate=26700\r\n" in ours.make_offer((opus,))
        assert b"maxaveragebitrate=6000\r\n" in negotiation().make_offer((opus,), ptime=10)


class TestLaterOffers:
    def agreed(self) -> tuple[Negotiation, Described, AudioAgreement]:
        side = Described()
        ours = negotiation(side)
        ours.receive_offer(CHROMIUM_AUDIO)
        _, agreement = ours.make_answer(OURS)
        return ours, side, agreement

    def test_a_refresh_changes_nothing(self) -> None:
        ours, _, before = self.agreed()
        first = ours.local_body
        assert ours.receive_offer(CHROMIUM_AUDIO).unchanged
        written, after = ours.make_answer(OURS)
        assert written == first
        assert after == before

    def test_theirs_restarts_ice_with_a_new_fragment(self) -> None:
        ours, _, before = self.agreed()
        ours.receive_offer(changed(CHROMIUM_AUDIO, "ice-ufrag:e79U", "ice-ufrag:NEWx"))
        written, after = ours.make_answer(OURS)
        assert before.web is not None
        assert after.web is not None
        assert after.web.restarted
        assert after.web.local.credentials != before.web.local.credentials
        assert b"a=ice-ufrag:001+001\r\n" in written
        assert b" 2 IN IP4" in written
        assert after.web.dtls_client is before.web.dtls_client
        ours.receive_offer(changed(CHROMIUM_AUDIO, "ice-ufrag:e79U", "ice-ufrag:NEWx"))
        assert ours.make_answer(OURS)[1].web == after.web.__class__(
            after.web.local, after.web.remote, after.web.dtls_client, after.web.controlling, after.web.mid, False
        )

    def test_ours_restarts_ice_when_told_to(self) -> None:
        ours, _, before = self.agreed()
        theirs = negotiation(Described(30000, seed=2))
        ours.restart_ice()
        offered = ours.make_offer(OURS)
        ours.withdraw_offer()
        offered = ours.make_offer(OURS)
        assert b"a=ice-ufrag:001+002\r\n" in offered
        theirs.receive_offer(offered)
        after = ours.receive_answer(theirs.make_answer(OURS)[0])
        assert after.web is not None
        assert before.web is not None
        assert after.web.restarted
        assert after.web.controlling is before.web.controlling is False
        assert b"a=ice-ufrag:001+002\r\n" in ours.make_offer(OURS)

    def test_a_plain_leg_has_no_ice_to_restart(self) -> None:
        with pytest.raises(LocalError):
            Negotiation(address="198.51.100.1", port=20000, session_id=9).restart_ice()

    @pytest.mark.parametrize("first", ["active", "passive"])
    def test_the_dtls_role_is_kept(self, first: str) -> None:
        ours = negotiation()
        ours.receive_offer(changed(CHROMIUM_AUDIO, "setup:actpass", f"setup:{first}"))
        _, before = ours.make_answer(OURS)
        ours.receive_offer(CHROMIUM_AUDIO)
        written, after = ours.make_answer(OURS)
        assert before.web is not None
        assert after.web is not None
        assert after.web.dtls_client is before.web.dtls_client
        assert (b"a=setup:active\r\n" in written) is before.web.dtls_client

    def test_another_certificate_makes_another_association(self) -> None:
        ours = negotiation()
        ours.receive_offer(changed(CHROMIUM_AUDIO, "setup:actpass", "setup:active"))
        assert ours.make_answer(OURS)[1].web.dtls_client is False  # type: ignore[union-attr]
        ours.receive_offer(changed(CHROMIUM_AUDIO, "sha-256 3F", "sha-256 4F"))
        _, after = ours.make_answer(OURS)
        assert after.web is not None
        assert after.web.dtls_client
        assert after.web.remote.fingerprints[0] != Fingerprint.parse("sha-256 " + ":".join(["3F"] * 32))

    def test_a_held_browser_says_so_in_its_direction(self) -> None:
        ours, _, _ = self.agreed()
        offer = ours.receive_offer(changed(CHROMIUM_AUDIO, "a=sendrecv", "a=sendonly"))
        assert offer.on_hold
        assert offer.direction is Direction.SENDONLY
        assert b"a=recvonly\r\n" in ours.make_answer(OURS)[0]
        assert not ours.receive_offer(changed(CHROMIUM_AUDIO, "a=sendrecv", "a=recvonly")).on_hold

    def test_our_offer_keeps_their_lines_and_numbers(self) -> None:
        ours = negotiation()
        ours.receive_offer(CHROMIUM_WITH_DATA)
        ours.make_answer(OURS)
        written = ours.make_offer(OURS)
        description = SessionDescription.parse(written)
        assert [each.media for each in description.media] == ["audio", "video", "application"]
        assert [each.attribute("mid") for each in description.media] == ["0", "1", "2"]
        assert [each.port for each in description.media] == [20000, 0, 0]
        assert description.media[0].formats == ("111", "9", "8", "0", "126", "110")
        assert description.origin.version == 2

    def test_an_offer_can_be_repeated_word_for_word(self) -> None:
        ours, _, _ = self.agreed()
        ours.make_offer(OURS)
        ours.withdraw_offer()
        first = ours.repeat_offer()
        ours.withdraw_offer()
        assert ours.repeat_offer() == first

    def test_plain_rtp_is_no_way_on(self) -> None:
        ours, _, before = self.agreed()
        with pytest.raises(SdpError) as error:
            ours.receive_offer(body(section("0 PCMU/8000")))
        assert error.value.status == 488
        assert ours.agreement is before

    def test_audio_may_be_taken_away(self) -> None:
        ours, _, _ = self.agreed()
        ours.receive_offer(changed(CHROMIUM_AUDIO, "m=audio 9", "m=audio 0"))
        written, agreed = ours.make_answer(OURS)
        assert b"m=audio 0 UDP/TLS/RTP/SAVPF" in written
        assert agreed.direction is Direction.INACTIVE
