"""Reading and writing whole descriptions (RFC 4566, RFC 8866)."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from softswitch.sdp.description import MAX_BYTES, MAX_LINES, MAX_MEDIA, SessionDescription
from softswitch.sdp.errors import SdpError

RFC_4566_EXAMPLE = (
    b"v=0\r\n"
    b"o=jdoe 2890844526 2890842807 IN IP4 10.47.16.5\r\n"
    b"s=SDP Seminar\r\n"
    b"i=A Seminar on the session description protocol\r\n"
    b"u=http://www.example.com/seminars/sdp.pdf\r\n"
    b"e=j.doe@example.com (Jane Doe)\r\n"
    b"c=IN IP4 224.2.17.12/127\r\n"
    b"t=2873397496 2873404696\r\n"
    b"a=recvonly\r\n"
    b"m=audio 49170 RTP/AVP 0\r\n"
    b"m=video 51372 RTP/AVP 99\r\n"
    b"a=rtpmap:99 h263-1998/90000\r\n"
)
HEAD = b"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"


def test_the_rfc_example_is_read() -> None:
    description = SessionDescription.parse(RFC_4566_EXAMPLE)
    assert (description.origin.username, description.origin.session_id) == ("jdoe", 2890844526)
    assert (description.origin.version, description.origin.address) == (2890842807, "10.47.16.5")
    assert description.connection is not None
    assert description.connection.address == "224.2.17.12"
    assert description.timing == "2873397496 2873404696"
    assert description.attribute("recvonly") == ""
    assert description.attribute("tool") is None
    audio, video = description.media
    assert (audio.media, audio.port, audio.protocol, audio.formats) == ("audio", 49170, "RTP/AVP", ("0",))
    assert video.attribute("rtpmap") == "99 h263-1998/90000"
    assert video.line_number == 11


@pytest.mark.parametrize(
    "body",
    [
        RFC_4566_EXAMPLE,
        HEAD,
        HEAD + b"m=audio 4000/2 RTP/AVP 0 8\r\nc=IN IP6 2001:db8::1\r\nb=AS:64\r\nk=clear:x\r\na=x\r\n",
        b"v=0\r\no=a b c 1 2 IN IP6 2001:db8::1\r\ns=Gr\xc3\xbc\xc3\x9fe\r\nt=0 0\r\nr=7d 1h 0 25h\r\nz=0 0\r\n",
        b"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=latin \xfc\xff\r\nt=0 0\r\na=charset:ISO-8859-1\r\n",
        HEAD + b"y=unknown type kept\r\nm=application 9 UDP/BFCP *\r\nQ=also unknown\r\n",
    ],
    ids=["rfc", "no media", "media lines", "utf-8", "other charset", "unknown lines"],
)
def test_what_was_read_is_written_byte_for_byte(body: bytes) -> None:
    assert SessionDescription.parse(body).encode() == body


@pytest.mark.parametrize(
    "body",
    [
        RFC_4566_EXAMPLE.replace(b"\r\n", b"\n"),
        RFC_4566_EXAMPLE.removesuffix(b"\r\n"),
        RFC_4566_EXAMPLE + b"\r\n\r\n",
        RFC_4566_EXAMPLE.replace(b"\r\n", b"\n", 3),
    ],
    ids=["LF", "no last line end", "blank lines at the end", "mixed"],
)
def test_line_ends_of_all_kinds_mean_the_same(body: bytes) -> None:
    assert SessionDescription.parse(body).encode() == RFC_4566_EXAMPLE


@pytest.mark.parametrize(
    ("body", "status", "line", "what"),
    [
        (b"", 400, None, "empty"),
        (b"\r\n\r\n", 400, None, "empty"),
        (b"\0", 400, 1, "type letter"),
        (b"o=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\n", 400, 1, "version"),
        (b"v=1\r\n" + HEAD, 400, 1, "version"),
        (b"m=audio 1 RTP/AVP 0\r\n" + HEAD, 400, 1, "version"),
        (HEAD + b"\r\nm=audio 1 RTP/AVP 0\r\n", 400, 5, "type letter"),
        (HEAD + b"a sendrecv\r\n", 400, 5, "type letter"),
        (HEAD + b" a=sendrecv\r\n", 400, 5, "type letter"),
        (HEAD + b"a=x\ry\r\n", 400, 5, "control"),
        (HEAD + b"a=x\0y\r\n", 400, 5, "control"),
        (HEAD.replace(b"o=- 1 2", b"o=- 1"), 400, 2, "origin"),
        (HEAD.replace(b"o=- 1 2", b"o=- one 2"), 400, 2, "origin"),
        (HEAD.replace(b"o=- 1 2", b"o=- 1 -2"), 400, 2, "origin"),
        (HEAD.replace(b"o=- 1 2", b"o=- 1 " + b"9" * 5000), 400, 2, "origin"),
        (b"v=0\r\ns=-\r\nt=0 0\r\n", 400, None, "o="),
        (b"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\nt=0 0\r\n", 400, None, "s="),
        (HEAD + b"c=IN IP4\r\n", 400, 5, "connection"),
        (HEAD + b"c=ATM NSAP 47.0091\r\n", 488, 5, "connection"),
        (HEAD + b"c=IN IP4 /127\r\n", 488, 5, "connection"),
        (HEAD + b"m=audio\r\n", 400, 5, "media"),
        (HEAD + b"m=audio 5000 RTP/AVP\r\n", 400, 5, "media"),
        (HEAD + b"m=audio 65536 RTP/AVP 0\r\n", 400, 5, "port"),
        (HEAD + b"m=audio -1 RTP/AVP 0\r\n", 400, 5, "port"),
        (HEAD + b"m=audio /2 RTP/AVP 0\r\n", 400, 5, "port"),
        (HEAD + "m=audio ４０００ RTP/AVP 0\r\n".encode(), 400, 5, "port"),
        (HEAD + b"m=audio 5000 RTP/AVP 0\r\na=x\r\nc=bad\r\n", 400, 7, "connection"),
    ],
)
def test_a_fault_has_a_status_a_place_and_an_expectation(body: bytes, status: int, line: int | None, what: str) -> None:
    with pytest.raises(SdpError) as caught:
        SessionDescription.parse(body)
    error = caught.value
    assert (error.status, error.line) == (status, line)
    assert what in error.what
    assert error.expected
    assert error.expected in str(error)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (HEAD + b"a=" + b"x" * MAX_BYTES + b"\r\n", 400),
        (HEAD + b"a=x\r\n" * MAX_LINES, 400),
        (HEAD + b"m=audio 1 RTP/AVP 0\r\n" * (MAX_MEDIA + 1), 488),
    ],
    ids=["bytes", "lines", "streams"],
)
def test_limits(body: bytes, status: int) -> None:
    with pytest.raises(SdpError) as caught:
        SessionDescription.parse(body)
    assert caught.value.status == status


def test_just_within_the_limits() -> None:
    assert len(SessionDescription.parse(HEAD + b"m=audio 1 RTP/AVP 0\r\n" * MAX_MEDIA).media) == MAX_MEDIA
    lines = HEAD + b"a=x\r\n" * (MAX_LINES - 4)
    assert SessionDescription.parse(lines).encode() == lines


def test_errors_stay_short_whatever_came() -> None:
    with pytest.raises(SdpError) as caught:
        SessionDescription.parse(HEAD + b"m=" + b"x" * 60000 + b"\r\n")
    assert len(str(caught.value)) < 250


@given(st.binary(max_size=400))
@example(b"v=0\r\n\r\n=")
def test_arbitrary_bytes_raise_nothing_else(body: bytes) -> None:
    for attempt in (body, HEAD + body, RFC_4566_EXAMPLE + body):
        try:
            description = SessionDescription.parse(attempt)
        except SdpError:
            continue
        assert SessionDescription.parse(description.encode()) == description


VALUE = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=30)
LINE = st.builds("{}={}".format, st.sampled_from("iuepbrzka"), VALUE)


@given(st.lists(LINE, max_size=8), st.lists(st.lists(LINE, max_size=5), max_size=4))
def test_any_lines_come_back_in_their_order(session: list[str], sections: list[list[str]]) -> None:
    lines = ["v=0", "o=- 1 2 IN IP4 192.0.2.1", "s=-", "t=0 0", *session]
    for number, section in enumerate(sections):
        lines += [f"m=audio {number} RTP/AVP 0", *section]
    body = "".join(f"{line}\r\n" for line in lines).encode()
    description = SessionDescription.parse(body)
    assert description.encode() == body
    assert [media.port for media in description.media] == list(range(len(sections)))
    assert [list(media.lines) for media in description.media] == sections
