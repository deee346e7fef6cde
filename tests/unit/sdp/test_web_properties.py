"""Whatever a browser says and in whatever order: declared errors alone, and descriptions another reader understands."""

from __future__ import annotations

from itertools import chain

import pytest
from aiortc.sdp import SessionDescription as OtherReader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from softswitch.sdp.codec import RED
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sdp.negotiate import KNOWN_CODECS, AudioAgreement, Codec, Direction, Negotiation
from softswitch.sdp.video import VideoFormat, VideoOffer
from tests.support.browser_sdp import CHROMIUM, CHROMIUM_WITH_DATA, FIREFOX, SAFARI, Described

CODECS = (*KNOWN_CODECS.values(), Codec("telephone-event", 48000, 1, "0-16"), RED)
OURS = st.lists(st.sampled_from(CODECS), min_size=1, max_size=8, unique=True).filter(
    lambda codecs: any(codec.is_audio for codec in codecs)
)
VIDEO = st.builds(
    VideoOffer,
    st.lists(
        st.sampled_from((96, 97, 101, 110, 111, 126, 35)).map(
            lambda number: VideoFormat(number, "VP8/90000", "", ("nack",))
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda format_: format_.payload_type,
    ).map(tuple),
    st.sampled_from(list(Direction)),
)
LINES = sorted(set(chain.from_iterable(each.decode().split("\r\n") for each in (CHROMIUM, FIREFOX, SAFARI))) - {""})
EDITS = st.lists(
    st.tuples(st.sampled_from(("drop", "double", "put", "cut", "swap")), st.integers(0, 400), st.sampled_from(LINES)),
    max_size=6,
)


def edited(body: bytes, edits: list[tuple[str, int, str]]) -> bytes:
    """A real offer with some of its lines spoilt."""
    lines = body.decode().rstrip().split("\r\n")
    for what, place, line in edits:
        at = place % len(lines)
        if what == "drop":
            del lines[at]
        elif what == "double":
            lines.insert(at, lines[at])
        elif what == "put":
            lines.insert(at, line)
        elif what == "cut":
            lines[at] = lines[at][: 2 + place % 20]
        else:
            lines[at], lines[0] = lines[0], lines[at]
        lines = lines or ["v=0"]
    return "\r\n".join([*lines, ""]).encode()


OFFERS = st.builds(edited, st.sampled_from((CHROMIUM, CHROMIUM_WITH_DATA, FIREFOX, SAFARI)), EDITS)


def negotiation(port: int = 20000) -> Negotiation:
    return Negotiation(address="198.51.100.1", port=port, session_id=9, web=Described(port, seed=port // 10000))


def check(written: bytes, agreement: AudioAgreement | None = None, *, reread: bool = True) -> None:
    """What every description of ours to a browser keeps to."""
    description = SessionDescription.parse(written)
    live = [media for media in description.media if media.port]
    mids = [media.attribute("mid") for media in description.media]
    assert len({mid for mid in mids if mid is not None}) == len([mid for mid in mids if mid is not None])
    group = description.attribute("group")
    bundled = [] if group is None else group.split()[1:]
    assert sorted(bundled) == sorted(media.attribute("mid") or "" for media in live) or (len(live) == 1 and not bundled)
    numbers = [number for media in live for number in media.formats]
    assert len(set(numbers)) == len(numbers)
    for media in live:
        for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "rtcp-mux"):
            assert media.attribute(name) is not None
    if agreement is not None:
        assert agreement.web is not None
        assert agreement.rtcp_mux
        assert len(agreement.send) == len(agreement.receive)
    if live and reread:
        other = OtherReader.parse(written.decode())
        assert [media.port for media in other.media] == [media.port for media in description.media]
        assert other.media[0].kind == description.media[0].media
        for media, theirs in zip(description.media, other.media, strict=True):
            if media.port:
                assert theirs.rtcp_mux
                assert theirs.ice is not None
                assert theirs.ice.usernameFragment == media.attribute("ice-ufrag")
                assert theirs.ice.password == media.attribute("ice-pwd")
                assert theirs.dtls is not None
                assert theirs.dtls.fingerprints[0].algorithm == "sha-256"
                assert theirs.rtp.muxId == (media.attribute("mid") or "")
                assert [codec.payloadType for codec in theirs.rtp.codecs] == [int(number) for number in media.formats]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(OFFERS, OURS, st.none() | VIDEO)
def test_spoilt_offers_are_refused_or_answered_rightly(
    offered: bytes, codecs: list[Codec], video: VideoOffer | None
) -> None:
    ours = negotiation()
    try:
        ours.receive_offer(offered)
        written, agreement = ours.make_answer(codecs, video=video)
    except SdpError as error:
        assert error.status in (400, 488)  # noqa: PT017
        return
    check(written, agreement)
    theirs = SessionDescription.parse(offered)
    answer = SessionDescription.parse(written)
    assert [(each.media, each.attribute("mid")) for each in answer.media] == [
        (each.media, None if each.attribute("mid") is None else (each.attribute("mid") or "").strip())
        for each in theirs.media
    ]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(EDITS, st.none() | VIDEO)
def test_spoilt_answers_are_refused_or_agreed_to(edits: list[tuple[str, int, str]], video: VideoOffer | None) -> None:
    ours, theirs = negotiation(20000), negotiation(30000)
    offer = theirs.receive_offer(ours.make_offer(CODECS, video=video))
    written, _ = theirs.make_answer(CODECS, video=offer.video)
    try:
        agreement = ours.receive_answer(edited(written, edits))
    except SdpError as error:
        assert error.status in (400, 488)  # noqa: PT017
        assert ours.agreement is None
        return
    assert agreement.web is not None
    assert agreement.video is None or video is not None


@given(st.sampled_from((CHROMIUM, FIREFOX, SAFARI)), st.data())
def test_rubbish_within_an_offer_is_a_fault_of_theirs(offer: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(offer)))
    spoilt = offer[:at] + data.draw(st.binary(max_size=20)) + offer[at + data.draw(st.integers(0, 20)) :]
    ours = negotiation()
    try:
        ours.receive_offer(spoilt)
        # A refused m= line repeats what it was offered as, strange as it is.
        check(*ours.make_answer(CODECS), reread=False)
    except SdpError as error:
        assert error.status in (400, 488)  # noqa: PT017


class TwoOfUs(RuleBasedStateMachine):
    """Two that know nothing of each other but what is written: after every round both have agreed to the same."""

    def __init__(self) -> None:
        super().__init__()
        self.sides = (negotiation(20000), negotiation(30000))
        self.mids: list[str | None] = []

    @rule(
        turn=st.sampled_from((0, 1)),
        codecs=OURS,
        video=st.none() | VIDEO,
        taken=st.booleans(),
        restart=st.booleans(),
        refused=st.booleans(),
    )
    def round(
        self, turn: int, codecs: list[Codec], video: VideoOffer | None, taken: bool, restart: bool, refused: bool
    ) -> None:
        ours, theirs = self.sides[turn], self.sides[1 - turn]
        before = ours.agreement
        if restart:
            ours.restart_ice()
        written = ours.make_offer(codecs, video=video)
        check(written)
        mids = [media.attribute("mid") for media in SessionDescription.parse(written).media]
        assert len(mids) >= len(self.mids)
        offer = theirs.receive_offer(written)
        if refused:
            theirs.reject_offer()
            ours.withdraw_offer()
            assert ours.agreement is before
            return
        self.mids = mids
        answer, far = theirs.make_answer(CODECS, video=offer.video if taken else None)
        check(answer, far)
        near = ours.receive_answer(answer)
        assert near.web is not None
        assert far.web is not None
        assert near.web.remote.credentials == far.web.local.credentials
        assert far.web.remote.credentials == near.web.local.credentials
        assert near.web.dtls_client is not far.web.dtls_client
        assert near.web.controlling is not far.web.controlling
        assert near.web.mid == far.web.mid
        assert near.web.restarted is far.web.restarted
        if before is not None and before.web is not None:
            assert near.web.controlling is before.web.controlling
            assert near.web.dtls_client is before.web.dtls_client
            assert near.web.restarted or not restart
        assert (near.video is None) is (far.video is None)
        if near.video is not None and far.video is not None:
            assert near.video.local == far.video.remote
            assert near.video.direction is far.video.direction.reversed
        assert [each.payload_type for each in near.send] == [each.payload_type for each in far.receive]


TestTwoOfUs = TwoOfUs.TestCase
TestTwoOfUs.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)


@pytest.mark.parametrize("offer", [CHROMIUM, FIREFOX, SAFARI], ids=["chromium", "firefox", "safari"])
def test_another_reader_finds_our_answer_complete(offer: bytes) -> None:
    ours = negotiation()
    video = ours.receive_offer(offer).video
    written, agreement = ours.make_answer(CODECS, video=video)
    check(written, agreement)
    other = OtherReader.parse(written.decode())
    candidate = other.media[0].ice_candidates[0]
    assert (candidate.ip, candidate.port, candidate.type) == ("198.51.100.1", 20000, "host")
    assert other.media[0].ice_candidates_complete
    assert other.media[0].dtls is not None
    assert other.media[0].dtls.role == "client"
    assert [(each.semantic, each.items) for each in other.group] == [
        ("BUNDLE", [media.rtp.muxId for media in other.media])
    ]
