"""Whatever arrives and whenever: only declared errors, answers within both sides, one offer at a time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from softswitch.sdp.attributes import RtpAttributes
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import LocalError, SdpError
from softswitch.sdp.matching import read_formats
from softswitch.sdp.negotiate import KNOWN_CODECS, AudioAgreement, Codec, Direction, Negotiation
from tests.support.session_descriptions import body, section

FORMATS = (
    "0",
    "8 PCMA/8000",
    "9 G722/8000",
    "13",
    "18 G729/8000",
    "96 opus/48000/2",
    "97 OPUS/48000/2",
    "96 telephone-event/8000",
    "98 telephone-event/48000",
    "101 telephone-event/8000",
    "99 AMR-WB/16000",
    "100 telephone-event/16000",
    "102",
    "rubbish",
    "300",
)
CODECS = tuple(KNOWN_CODECS.values())
DIRECTIONS = st.sampled_from(list(Direction))


def _section(formats: list[str], port: int, media: str, protocol: str, lines: list[str]) -> str:
    return section(*formats, port=port, media=media, protocol=protocol, lines=tuple(lines))


SECTIONS = st.builds(
    _section,
    st.lists(st.sampled_from(FORMATS), min_size=1, max_size=6),
    st.sampled_from((0, 4000, 4002, 65535)),
    st.sampled_from(("audio", "audio", "audio", "video", "image", "AUDIO")),
    st.sampled_from(("RTP/AVP", "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "udptl")),
    st.lists(
        st.sampled_from(
            (
                *(f"a={direction.value}" for direction in Direction),
                "a=ptime:30",
                "a=ptime:-1",
                "a=maxptime:10",
                "a=rtcp-mux",
                "a=rtcp:9",
                "a=rtcp:x",
                "a=fmtp:18 annexb=no",
                "a=fmtp:101 0-16",
                "a=rtpmap:8",
                "c=IN IP4 203.0.113.4",
                "c=IN IP4 0.0.0.0",
                "c=IN IP6 ::1",
                "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x",
            )
        ),
        max_size=5,
    ),
)
BODIES = st.builds(
    lambda sections, address, version, lines: body(*sections, address=address, version=version, lines=tuple(lines)),
    st.lists(SECTIONS, max_size=4),
    st.sampled_from(("192.0.2.1", "2001:db8::1", "0.0.0.0", "::", "224.1.1.1", "host.example.com")),
    st.integers(0, 9),
    st.lists(st.sampled_from(("a=sendonly", "a=inactive", "a=group:BUNDLE 0", "b=AS:64")), max_size=2),
)
OURS = st.lists(st.sampled_from(CODECS), min_size=1, max_size=6, unique=True)


def negotiation() -> Negotiation:
    return Negotiation(address="198.51.100.1", port=20000, session_id=9)


def audio_formats(written: bytes) -> dict[int, Codec]:
    """What the numbers mean, {} once the audio stream is taken away."""
    audio = [media for media in SessionDescription.parse(written).media if media.media == "audio" and media.port]
    found = read_formats(audio[0].formats, RtpAttributes(audio[0].lines)) if audio else ()
    return {format_.payload_type: format_.codec for format_ in found}


def check(agreement: AudioAgreement) -> None:
    assert agreement.send
    assert agreement.send[0].codec.is_audio
    assert len(agreement.send) == len(agreement.receive)
    assert [each.codec.key for each in agreement.send] == [each.codec.key for each in agreement.receive]
    assert len({each.payload_type for each in agreement.receive}) == len(agreement.receive)
    assert 10 <= agreement.ptime <= 100
    assert 0 < agreement.remote_port < 65536
    assert 0 < agreement.remote_rtcp[1] < 65536
    assert not (agreement.on_hold and agreement.direction.sends)
    event = agreement.telephone_event
    assert event is None or event.codec.clock_rate == agreement.codec.clock_rate


@given(BODIES, OURS, DIRECTIONS, st.booleans())
def test_an_answer_stays_within_the_offer_and_ours(
    offered: bytes, codecs: list[Codec], direction: Direction, prefer_ours: bool
) -> None:
    ours = negotiation()
    try:
        offer = ours.receive_offer(offered)
        answer, agreement = ours.make_answer(codecs, direction=direction, prefer_ours=prefer_ours)
    except SdpError as error:
        assert error.status in (400, 488)  # noqa: PT017
        return
    check(agreement)
    theirs = SessionDescription.parse(offered)
    written = SessionDescription.parse(answer)
    assert len(written.media) == len(theirs.media)
    assert sum(media.port != 0 for media in written.media) == 1
    for own, other in zip(written.media, theirs.media, strict=True):
        assert own.protocol == other.protocol
        assert own.media.lower() == other.media.lower()
        assert own.port == 0 or other.port != 0
        assert own.port == 0 or set(own.formats) <= set(other.formats)
    offered_numbers = {each.payload_type: each.codec for each in offer.formats}
    for number, codec in audio_formats(answer).items():
        assert offered_numbers[number].key == codec.key
        assert codec.is_telephone_event or any(codec.key == known.key for known in codecs)
    assert not (agreement.direction.sends and not offer.direction.receives)
    assert not (agreement.direction.receives and not offer.direction.sends)


@given(st.binary(max_size=300), BODIES, st.integers(0, 400), st.binary(max_size=8))
def test_arbitrary_bytes_raise_only_sdp_errors(noise: bytes, valid: bytes, at: int, patch: bytes) -> None:
    for attempt in (noise, valid + noise, valid[:at] + patch + valid[at + len(patch) :]):
        ours = negotiation()
        try:
            ours.receive_offer(attempt)
            check(ours.make_answer(CODECS)[1])
        except SdpError as error:
            assert error.status in (400, 488)  # noqa: PT017
        other = negotiation()
        other.make_offer(CODECS)
        try:
            check(other.receive_answer(attempt))
        except SdpError as error:
            assert error.status in (400, 488)  # noqa: PT017


class OneDialog(RuleBasedStateMachine):
    """Random offers, answers and refusals against one negotiation, with a model of whose turn it is."""

    def __init__(self) -> None:
        super().__init__()
        self.ours = negotiation()
        self.turn = "stable"
        self.sent: dict[int, bytes] = {}
        self.bound: dict[int, Codec] = {}
        self.slots = 0

    def remember(self, written: bytes) -> None:
        description = SessionDescription.parse(written)
        version = description.origin.version
        assert self.sent.setdefault(version, written) == written
        assert sorted(self.sent) == list(range(1, len(self.sent) + 1))
        assert version == len(self.sent)
        assert len(description.media) >= self.slots
        for number, codec in audio_formats(written).items():
            assert self.bound.setdefault(number, codec).same_format(codec)

    @rule(codecs=OURS, direction=DIRECTIONS)
    def offer(self, codecs: list[Codec], direction: Direction) -> None:
        try:
            written = self.ours.make_offer(codecs, direction=direction)
        except LocalError:
            assert self.turn != "stable" or not any(codec.is_audio for codec in codecs)
            return
        assert self.turn == "stable"
        self.turn = "local offer"
        self.remember(written)

    @rule(reply=BODIES, provisional=st.booleans())
    def be_answered(self, reply: bytes, provisional: bool) -> None:
        before = self.ours.agreement
        try:
            agreement = self.ours.receive_answer(reply, provisional=provisional)
        except SdpError:
            assert self.ours.agreement is before
            return
        assert self.turn == "local offer"
        check(agreement)
        self.slots = max(self.slots, len(SessionDescription.parse(self.ours.local_body).media))
        if not provisional:
            self.turn = "stable"

    @rule()
    def be_answered_in_kind(self) -> None:
        """The far end answers with exactly what we offered."""
        if self.turn == "local offer":
            check(self.ours.receive_answer(self.ours.local_body.replace(b"m=audio 20000", b"m=audio 4000")))
            self.turn = "stable"

    @rule(offered=BODIES)
    def be_offered(self, offered: bytes) -> None:
        before = self.ours.agreement
        try:
            self.ours.receive_offer(offered)
        except SdpError as error:
            assert self.turn == "stable" or error.status in (491, 500)  # noqa: PT017
            assert self.ours.agreement is before
            return
        assert self.turn == "stable"
        self.turn = "remote offer"

    @rule(codecs=OURS, direction=DIRECTIONS)
    def answer(self, codecs: list[Codec], direction: Direction) -> None:
        try:
            written, agreement = self.ours.make_answer(codecs, direction=direction)
        except LocalError:
            assert self.turn != "remote offer"
            return
        except SdpError as error:
            assert error.status == 488  # noqa: PT017
            return
        assert self.turn == "remote offer"
        self.turn = "stable"
        check(agreement)
        self.remember(written)
        self.slots = len(SessionDescription.parse(written).media)

    @rule()
    def reject(self) -> None:
        self.ours.reject_offer()
        if self.turn == "remote offer":
            self.turn = "stable"

    @rule()
    def withdraw(self) -> None:
        self.ours.withdraw_offer()
        if self.turn == "local offer":
            self.turn = "stable"

    @invariant()
    def the_turn_is_known(self) -> None:
        assert self.ours.state.value == self.turn


TestOneDialog = OneDialog.TestCase
TestOneDialog.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
