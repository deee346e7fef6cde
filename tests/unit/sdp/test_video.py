"""Video m-lines: each leg hears the far browser's own words, so that packets mean the same on both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from softswitch.sdp.codec import RED
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.negotiate import KNOWN_CODECS, AudioAgreement, Codec, Direction, Negotiation
from softswitch.sdp.video import Extension, VideoFormat, VideoOffer, held_to
from tests.support.browser_sdp import CHROMIUM, CHROMIUM_AUDIO, CHROMIUM_WITH_DATA, FIREFOX, Described
from tests.support.session_descriptions import body, section

OURS = (
    KNOWN_CODECS["opus"],
    KNOWN_CODECS["pcma"],
    KNOWN_CODECS["telephone-event"],
    Codec("telephone-event", 48000),
    RED,
)
VP8 = VideoFormat(96, "VP8/90000", "", ("nack pli",))
VP8_RTX = VideoFormat(97, "rtx/90000", "apt=96")
H264 = VideoFormat(102, "H264/90000", "packetization-mode=1", ("nack pli", "transport-cc"))
CAMERA = VideoOffer((VP8, VP8_RTX, H264), Direction.SENDRECV, (Extension(3, "urn:x"),), ("a=ssrc:1 cname:x",))


def negotiation(port: int = 20000) -> Negotiation:
    return Negotiation(address="198.51.100.1", port=port, session_id=9, web=Described(port, seed=port // 10000))


def sections(written: bytes) -> list[list[str]]:
    return [("m=" + text).rstrip().split("\r\n") for text in written.decode().split("\r\nm=")[1:]]


def connected(offer: bytes = CHROMIUM) -> tuple[Negotiation, Negotiation, AudioAgreement, AudioAgreement]:
    """Two browsers with us between them: the caller's side, the callee's, and what each agreed to; the callee is played
    by another of us that takes all."""
    caller, callee, far = negotiation(20000), negotiation(30000), negotiation(40000)
    theirs = caller.receive_offer(offer)
    offered = far.receive_offer(callee.make_offer(OURS, video=theirs.video))
    chosen = callee.receive_answer(far.make_answer(OURS, video=offered.video)[0])
    assert chosen.video is not None
    _, agreed = caller.make_answer(OURS, video=chosen.video.remote)
    return caller, callee, agreed, chosen


def test_the_callee_is_offered_the_callers_words() -> None:
    caller, callee = negotiation(20000), negotiation(30000)
    theirs = caller.receive_offer(CHROMIUM).video
    assert theirs is not None
    said = sections(CHROMIUM)[1]
    written = sections(callee.make_offer(OURS, video=theirs))[1]
    assert (
        written[0]
        == "m=video 30000 UDP/TLS/RTP/SAVPF 96 97 102 103 104 107 108 109 114 115 116 117 39 40 45 46 98 99 100 101"
    )
    kept = [
        line for line in said if line.startswith(("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=ssrc", "a=msid", "a=extmap"))
    ]
    dropped = [line for line in kept if line not in written]
    assert [line.partition(" ")[2] for line in dropped if line.startswith("a=extmap")] == [
        "urn:ietf:params:rtp-hdrext:sdes:mid",
        "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    ]
    assert {line.partition(" ")[2] for line in dropped if not line.startswith("a=extmap")} == {
        "red/90000",
        "ulpfec/90000",
        "rtx/90000",
        "apt=118",
    }
    assert "a=setup:actpass" in written
    assert "a=mid:1" in written
    assert "a=ice-ufrag:003+000" in written
    assert {"a=rtcp-mux", "a=rtcp-rsize", "a=sendrecv"} <= set(written)


def test_audio_keeps_off_the_numbers_of_video() -> None:
    video = VideoOffer((VideoFormat(111, "VP8/90000"), VideoFormat(110, "VP9/90000")), Direction.SENDRECV)
    audio, _ = sections(negotiation().make_offer(OURS, video=video))
    assert not {"111", "110"} & set(audio[0].split()[3:])


def test_video_keeps_off_the_numbers_that_audio_has_already() -> None:
    ours = negotiation()
    ours.receive_offer(CHROMIUM_AUDIO)
    ours.make_answer(OURS)
    clash = VideoOffer(
        (VideoFormat(111, "VP9/90000"), VideoFormat(127, "rtx/90000", "apt=111"), VP8), Direction.SENDRECV
    )
    audio, video = sections(ours.make_offer(OURS, video=clash))
    assert audio[0].split()[3] == "111"
    assert video[0] == "m=video 20000 UDP/TLS/RTP/SAVPF 96"


def test_the_caller_is_answered_with_the_callees_choice() -> None:
    caller = negotiation()
    caller.receive_offer(CHROMIUM)
    choice = VideoOffer(
        (
            H264._replace(fmtp="profile-level-id=42e01f;packetization-mode=1"),
            VideoFormat(103, "rtx/90000", "apt=102"),
            VideoFormat(45, "VP8/90000"),
            VideoFormat(77, "VP8/90000"),
        ),
        Direction.RECVONLY,
        (Extension(13, "urn:3gpp:video-orientation"), Extension(14, "urn:3gpp:video-orientation")),
        ("a=msid:- far", "a=ssrc:7 cname:far"),
        ("b=AS:600",),
    )
    written, agreed = caller.make_answer(OURS, video=choice)
    assert b"a=group:BUNDLE 0 1\r\n" in written
    assert sections(written)[1] == [
        "m=video 20000 UDP/TLS/RTP/SAVPF 102 103",
        "b=AS:600",
        "a=rtpmap:102 H264/90000",
        "a=rtcp-fb:102 nack pli",
        "a=rtcp-fb:102 transport-cc",
        "a=fmtp:102 profile-level-id=42e01f;packetization-mode=1",
        "a=rtpmap:103 rtx/90000",
        "a=fmtp:103 apt=102",
        "a=extmap:13 urn:3gpp:video-orientation",
        "a=recvonly",
        "a=rtcp-mux",
        "a=msid:- far",
        "a=ssrc:7 cname:far",
        "a=ice-ufrag:002+000",
        "a=ice-pwd:xxxxxxxxxxxxxxxxx002+000",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {':'.join(['02'] * 32)}",
        "a=setup:active",
        "a=mid:1",
        "a=rtcp-rsize",
    ]
    assert agreed.video is not None
    assert (agreed.video.direction, agreed.video.mid) == (Direction.RECVONLY, "1")
    assert [each.payload_type for each in agreed.video.remote.formats] == [102, 103]
    assert agreed.video.remote.formats[0].fmtp.startswith("level-asymmetry-allowed=1")


def test_both_browsers_end_up_with_the_same_numbers() -> None:
    _, _, near, far = connected()
    assert near.video is not None
    assert far.video is not None
    assert near.video.local.formats == far.video.remote.formats
    assert near.video.remote.formats == far.video.local.formats
    assert near.video.remote.sources == far.video.local.sources
    assert near.video.direction is far.video.direction is Direction.SENDRECV


def test_firefox_with_its_line_on_port_0_is_alive() -> None:
    theirs = negotiation().receive_offer(FIREFOX).video
    assert theirs is not None
    assert [(each.payload_type, each.name, each.repairs) for each in theirs.formats] == [
        (120, "VP8", None),
        (124, "RTX", 120),
        (121, "VP9", None),
        (125, "RTX", 121),
        (126, "H264", None),
        (127, "RTX", 126),
        (97, "H264", None),
        (98, "RTX", 97),
    ]
    assert [each.id for each in theirs.extensions] == [4, 5, 7]


def test_where_nobody_takes_it_video_is_refused() -> None:
    ours = negotiation()
    ours.receive_offer(CHROMIUM)
    written, agreed = ours.make_answer(OURS, video=VideoOffer((VideoFormat(127, "VP8/90000"),), Direction.SENDRECV))
    assert agreed.video is None
    assert sections(written)[1] == ["m=video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:1"]
    assert b"a=group:BUNDLE 0\r\n" in written


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=group:BUNDLE 0 1\r\n", "a=group:BUNDLE 0\r\n"),
        ("a=group:BUNDLE 0 1\r\n", ""),
        ("m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 RTP/AVPF"),
        ("m=video 9", "m=video 0"),
        ("a=mid:1\r\n", ""),
        ("90000", "8000"),
    ],
)
def test_video_that_cannot_share_the_transport_is_not_offered(old: str, new: str) -> None:
    ours = negotiation()
    assert old.encode() in CHROMIUM
    assert ours.receive_offer(CHROMIUM.replace(old.encode(), new.encode())).video is None
    written, agreed = ours.make_answer(OURS, video=CAMERA)
    assert agreed.video is None
    assert sections(written)[1][0].startswith("m=video 0 ")


def test_of_simulcast_by_groups_the_first_encoding_is_left() -> None:
    lines = "a=ssrc-group:SIM 2842908670 7 8\r\na=ssrc-group:FID 7 9\r\na=ssrc:7 cname:x\r\na=ssrc:9 cname:x\r\n"
    offer = CHROMIUM.replace(b"a=ssrc-group:FID", lines.encode() + b"a=ssrc-group:FID")
    video = negotiation().receive_offer(offer).video
    plain = negotiation().receive_offer(CHROMIUM).video
    assert video is not None
    assert plain is not None
    assert video.sources == plain.sources


def test_repairs_of_what_is_left_out_are_left_out() -> None:
    offer = CHROMIUM.replace(b"a=rtpmap:96 VP8/90000", b"a=rtpmap:96 H265/90000").replace(b"apt=102", b"apt=x")
    video = negotiation().receive_offer(offer).video
    assert video is not None
    assert not {96, 97, 103, 118, 119, 120} & {each.payload_type for each in video.formats}


def test_feedback_for_all_formats_is_of_each() -> None:
    ours = negotiation()
    lines = b"a=rtpmap:96 VP8/90000\r\na=rtcp-fb:* nack\r\na=rtcp-fb:* ccm tmmbr\r\n"
    video = ours.receive_offer(CHROMIUM.replace(b"a=rtpmap:96 VP8/90000\r\n", lines)).video
    assert video is not None
    assert video.formats[0].feedback == ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
    assert video.formats[1].feedback == ("nack",)


@pytest.mark.parametrize(
    ("said", "kbit", "told"),
    [
        ((), None, ()),
        (("b=AS:9000",), None, ("b=AS:9000",)),
        ((), 800, ("b=AS:800",)),
        (("b=AS:801",), 800, ("b=AS:800",)),
        (("b=AS:800",), 800, ("b=AS:800",)),
        (("b=TIAS:800001",), 800, ("b=AS:800",)),
        (("b=TIAS:300000", "b=AS:9000"), 800, ("b=TIAS:300000", "b=AS:9000")),
        (("b=AS:-1", "b=AS:\u0663", "b=AS:"), 800, ("b=AS:800",)),
    ],
)
def test_the_lower_of_two_limits_holds(said: tuple[str, ...], kbit: int | None, told: tuple[str, ...]) -> None:
    video = replace(CAMERA, bandwidth=said)
    assert held_to(video, kbit) == replace(CAMERA, bandwidth=told)


class TestLater:
    def test_a_camera_is_switched_off_and_on(self) -> None:
        caller, callee, _, _ = connected()
        text = CHROMIUM.decode()
        off = (
            text[: text.index("m=video")] + text[text.index("m=video") :].replace("a=sendrecv", "a=recvonly")
        ).encode()
        offer = caller.receive_offer(off)
        assert offer.video is not None
        assert offer.video.direction is Direction.RECVONLY
        assert b"a=recvonly\r\n" in callee.make_offer(OURS, video=offer.video)
        _, agreed = caller.make_answer(OURS, video=CAMERA)
        assert agreed.video is not None
        assert agreed.video.direction is Direction.SENDONLY
        assert agreed.video.local.direction is Direction.SENDONLY

    def test_video_comes_later_in_a_line_behind_all_others(self) -> None:
        ours, theirs = negotiation(20000), negotiation(30000)
        theirs.receive_offer(ours.make_offer(OURS))
        ours.receive_answer(theirs.make_answer(OURS)[0])
        offered = ours.make_offer(OURS, video=CAMERA)
        assert [lines[0].split()[0] for lines in sections(offered)] == ["m=audio", "m=video"]
        assert b"a=group:BUNDLE 0 1\r\n" in offered
        theirs.receive_offer(offered)
        agreed = ours.receive_answer(theirs.make_answer(OURS, video=CAMERA)[0])
        assert agreed.video is not None
        assert agreed.video.mid == "1"

    def test_a_refused_offer_of_it_leaves_no_line_behind(self) -> None:
        ours, theirs = negotiation(20000), negotiation(30000)
        theirs.receive_offer(ours.make_offer(OURS))
        ours.receive_answer(theirs.make_answer(OURS)[0])
        ours.make_offer(OURS, video=CAMERA)
        ours.withdraw_offer()
        assert len(SessionDescription.parse(ours.make_offer(OURS)).media) == 1

    def test_a_refused_line_is_used_again_with_another_mid(self) -> None:
        ours = negotiation()
        ours.receive_offer(CHROMIUM_WITH_DATA)
        ours.make_answer(OURS)
        offered = ours.make_offer(OURS, video=CAMERA)
        assert [lines[0].split()[:2] for lines in sections(offered)] == [
            ["m=audio", "20000"],
            ["m=video", "20000"],
            ["m=application", "0"],
        ]
        assert "a=mid:3" in sections(offered)[1]
        assert b"a=group:BUNDLE 0 3\r\n" in offered

    def test_without_mids_nothing_can_be_added(self) -> None:
        ours = negotiation()
        ours.receive_offer(CHROMIUM_AUDIO.replace(b"a=group:BUNDLE 0\r\n", b"").replace(b"a=mid:0\r\n", b""))
        ours.make_answer(OURS)
        assert len(sections(ours.make_offer(OURS, video=CAMERA))) == 1

    def test_video_ends_when_it_is_offered_no_more(self) -> None:
        caller, _, agreed, _ = connected()
        assert agreed.video is not None
        theirs = negotiation(30000)
        offered = caller.make_offer(OURS)
        assert sections(offered)[1] == ["m=video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:1"]
        theirs.receive_offer(offered)
        assert caller.receive_answer(theirs.make_answer(OURS)[0]).video is None

    def test_a_refresh_of_ours_repeats_it(self) -> None:
        caller, _, agreed, _ = connected()
        assert agreed.video is not None
        body = caller.repeat_offer()
        assert sections(body)[1][0].startswith("m=video 20000 ")

    def test_the_far_end_may_refuse_it(self) -> None:
        ours, theirs = negotiation(20000), negotiation(30000)
        theirs.receive_offer(ours.make_offer(OURS, video=CAMERA))
        agreed = ours.receive_answer(theirs.make_answer(OURS)[0])
        assert agreed.video is None
        assert agreed.web is not None


def test_a_phone_is_never_offered_it() -> None:
    plain = Negotiation(address="198.51.100.1", port=20000, session_id=9)
    plain.receive_offer(body(section(), section("96 VP8/90000", media="video")))
    written, agreed = plain.make_answer((KNOWN_CODECS["pcma"],), video=CAMERA)
    assert sections(written)[1] == ["m=video 0 RTP/AVP 96"]
    assert agreed.video is None
    assert len(sections(plain.make_offer((KNOWN_CODECS["pcma"],)))) == 2
