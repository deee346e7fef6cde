"""RFC 4475, every message: what the parser makes of it as a datagram and on a stream.

What needs more than a parser (415, 416, 420, 483, 501 of well-formed requests) is the stack's; here such a message
must parse, with the field the stack decides on readable.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.errors import FramingError, RemoteProtocolError
from softswitch.sip.framing import StreamFramer
from softswitch.sip.headers import CSeq, NameAddr, Via, parse_delta_seconds
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.uri import unescape

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "rfc4475"


def octets(name: str) -> bytes:
    return (FOLDER / f"{name}.dat").read_bytes()


def wsinv(message: Request) -> None:
    """3.1.1.1: folding, space around every separator, empty headers, unusual case."""
    assert message.to == NameAddr.parse("<sip:vivekg@chair-dnrc.example.com>;tag=1918181833n")
    assert message.from_.display_name == 'J Rosenberg \\"'
    assert message.from_.tag == "98asjd8"
    assert message.max_forwards == 68
    assert message.cseq == CSeq(9, "INVITE")
    assert [Via.parse(text).host for text in message.headers.get_all("Via")] == [
        "192.0.2.2",
        "spindle.example.com",
        "192.168.255.111",
    ]
    assert Via.parse(message.headers.get_all("Via")[1]).branch == "z9hG4bK9ikj8"
    assert message.headers.get("Subject") == ""
    assert message.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert message.headers.get("unknownheaderwithunusualvalue") == ";;,,;;,;"
    assert message.contact is not None
    assert message.contact.display_name == 'Quoted string ""'
    assert message.contact.parameters.get("newparam") == "newvalue"
    assert "secondparam" in message.contact.parameters
    assert message.contact.parameters.get("q") == "0.33"
    assert [route.uri.host for route in message.routes] == ["services.example.com"]
    assert "lr" in message.routes[0].uri.parameters
    assert len(message.body) == 150


def intmeth(message: Request) -> None:
    """3.1.1.2: the whole range of characters; the method is unknown, not malformed."""
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.to.display_name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.from_.display_name == "token1~` token2'+_ token3*%!.-"
    assert message.from_.parameters.text("fromParam''~+*_!.-%") == "работающий"
    assert message.from_.tag == "_token~1'+`*%!-."
    assert message.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"


def esc01(message: Request) -> None:
    """3.1.1.3: escapes are not separators; the same user spelt otherwise is the same user."""
    assert message.uri.user == "sips%3Auser%40example.com"
    assert unescape(message.uri.user or "") == "sips:user@example.com"
    assert message.uri.host == "example.net"
    assert message.to.uri.user == "user"
    assert message.contact is not None
    assert message.contact.uri.user == "caller"
    assert message.contact.uri.parameters.get("n%61me") == "v%61lue%25%34%31"


def escnull(message: Request) -> None:
    """3.1.1.4: %00 is a character, not an end."""
    assert message.to.uri.user == "null-%00-null"
    assert [unescape(contact.uri.user or "") for contact in message.contacts] == ["\0", "\0\0"]


def esc02(message: Request) -> None:
    """3.1.1.5: % is a token character: neither method, header name nor display name is unescaped."""
    assert message.method == "RE%47IST%45R"
    assert message.to.display_name == "%Z%45"
    assert message.via.branch == "z9hG4bK209%fzsnel234"
    assert [contact.uri.user for contact in message.contacts] == ["alias1", "alias3"]


def lwsdisp(message: Request) -> None:
    """3.1.1.6: no space between display name and <."""
    assert message.from_.display_name == "caller"


def longreq(message: Request) -> None:
    """3.1.1.7: long values, 34 Vias in every spelling."""
    assert len(message.headers.get_all("Via")) == 34
    assert message.via == Via("TCP", "sip33.example.com")
    assert len(message.to.uri.parameters) == 3


def dblreq(message: Request) -> None:
    """3.1.1.8: what follows the Content-Length in a datagram is noise."""
    assert (message.method, message.body) == ("REGISTER", b"")


def semiuri(message: Request) -> None:
    """3.1.1.9: a semicolon in the user part does not begin parameters."""
    assert message.uri.user == "user;par=u%40example.net"
    assert not message.uri.parameters
    assert message.headers.get_all("Accept")[-1] == "message/sipfrag"


def transports(message: Request) -> None:
    """3.1.1.10: transports nobody knows are tokens."""
    parsed = [Via.parse(text).transport for text in message.headers.get_all("Via")]
    assert parsed == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def mpart01(message: Request) -> None:
    """3.1.1.11: a binary multipart body."""
    assert message.content_type is not None
    assert message.content_type.essence == "multipart/mixed"
    assert message.content_type.parameters.get("boundary") == "7a9cbec02ceef655"
    assert message.body.endswith(b"--7a9cbec02ceef655--\r\n")


def unreason(message: Response) -> None:
    """3.1.1.12: UTF-8 in the reason phrase."""
    assert message.status == 200
    assert message.reason == "= 2**3 * 5**2 но сто девяносто девять - простое"


def noreason(message: Response) -> None:
    """3.1.1.13: an empty reason phrase."""
    assert (message.status, message.reason) == (100, "")


def baddate(message: Request) -> None:
    """3.1.2.12: "an element shouldn't [reject] unless the contents of the Date header field were [...] important"."""
    assert message.headers.get("Date") == "Fri, 01 Jan 2010 16:00:00 EST"


def unkscm(message: Request) -> None:
    """3.3.2: "A parser must accept this as a well-formed SIP request"; the stack answers 416."""
    assert message.uri.scheme == "nobodyknowsthisscheme"
    assert not message.uri.is_sip


def novelsc(message: Request) -> None:
    """3.3.3: "A parser must accept this as a well-formed SIP request"; the stack answers 416."""
    assert (message.uri.scheme, message.uri.is_sip) == ("soap.beep", False)


def unksm2(message: Request) -> None:
    """3.3.4: syntactically valid; a registrar refuses the address-of-record."""
    assert message.to.uri.scheme == "isbn"
    assert message.from_.uri.scheme == "http"
    assert [contact.uri.scheme for contact in message.contacts] == ["name"]


def bext01(message: Request) -> None:
    """3.3.5: the stack answers 420 naming these."""
    assert message.headers.get_all("Require") == ["nothingSupportsThis", "nothingSupportsThisEither"]


def invut(message: Request) -> None:
    """3.3.6: the stack answers 415."""
    assert message.content_type is not None
    assert message.content_type.essence == "application/unknownformat"


def regaut01(message: Request) -> None:
    """3.3.7: "The request is well formed"."""
    assert message.headers.get_all("Authorization") == ["NoOneKnowsThisScheme opaque-data=here"]


def bcast(message: Response) -> None:
    """3.3.10: two Vias, the top one not ours: the stack discards it."""
    assert message.via.host == "192.0.2.198"
    assert len(message.headers.get_all("Via")) == 2


def zeromf(message: Request) -> None:
    """3.3.11: legal; an endpoint processes it "as if the Max-Forwards field value were still positive"."""
    assert message.max_forwards == 0


def cparam01(message: Request) -> None:
    """3.3.12: a parameter outside < > belongs to the header."""
    assert message.contact is not None
    assert "unknownparam" in message.contact.parameters
    assert not message.contact.uri.parameters


def cparam02(message: Request) -> None:
    """3.3.13: a parameter inside < > belongs to the URI."""
    assert message.contact is not None
    assert "unknownparam" in message.contact.uri.parameters
    assert not message.contact.parameters


def regescrt(message: Request) -> None:
    """3.3.14: an escaped Route in the Contact URI is kept."""
    assert message.contact is not None
    assert message.contact.uri.headers == "Route=%3Csip:sip.example.com%3E"


def sdp01(message: Request) -> None:
    """3.3.15: the stack answers 406."""
    assert message.headers.get_all("Accept") == ["text/nobodyKnowsThis"]


def inv2543(message: Request) -> None:
    """3.4.1: no branch, no From tag, no Max-Forwards; without Content-Length the datagram ends the body."""
    assert message.via.branch is None
    assert message.from_.tag is None
    assert message.max_forwards is None
    assert message.body.endswith(b"m=audio 49217 RTP/AVP 0\r\n")


VALID: list[Callable[[Request], None] | Callable[[Response], None]] = [
    *(wsinv, intmeth, esc01, escnull, esc02, lwsdisp, longreq, dblreq, semiuri, transports, mpart01, unreason),
    *(noreason, baddate, unkscm, novelsc, unksm2, bext01, invut, regaut01, bcast, zeromf, cparam01, cparam02),
    *(regescrt, sdp01, inv2543),
]

ANSWERED = {
    "badinv01": (400, "3.1.2.1: should respond with a 400"),
    "clerr": (400, "3.1.2.2: should respond with a 400"),
    "ncl": (400, "3.1.2.3: should respond with an error"),
    "scalar02": (400, "3.1.2.4: should respond with a 400 due to the CSeq error"),
    "quotbal": (400, "3.1.2.6: should return a 400"),
    "ltgtruri": (400, "3.1.2.7: reasonable always to reject with a 400"),
    "lwsruri": (400, "3.1.2.8: should respond with a 400"),
    "lwsstart": (400, "3.1.2.9: acceptable to reject this request as malformed"),
    "trws": (400, "3.1.2.10: acceptable to reject this request as malformed"),
    "escruri": (400, "3.1.2.11: acceptable to reject with a 400; the headers must not reach the next hop"),
    "regbadct": (400, "3.1.2.13: reasonable to reject with a 400"),
    "badaspec": (400, "3.1.2.14: reasonable to reject with a 400"),
    "baddn": (400, "3.1.2.15: reasonable always to reject with a 400"),
    "badvers": (505, "3.1.2.16: should respond with a 505"),
    "mismatch01": (400, "3.1.2.17: will respond with a 400"),
    "mismatch02": (501, "3.1.2.18: should respond with a 501"),
    "badbranch": (400, "3.2.1: could reject with a 400, preferably statelessly"),
    "insuf": (400, "3.3.1: ideally, it will respond with a 400"),
    "multi01": (400, "3.3.8: would respond with a 400"),
    "mcl01": (400, "3.3.9: should respond with an error"),
}

DISCARDED = {
    "scalarlg": "3.1.2.5: an element receiving this response will simply discard it",
    "bigcode": "3.1.2.19: should simply drop it",
}

# On a stream these never become a message: the end of the body cannot be known (3.1.2.3, 3.3.9, RFC 3261 20.14).
UNFRAMED = ("ncl", "mcl01", "inv2543")


def test_every_message_is_listed() -> None:
    listed = {check.__name__ for check in VALID} | set(ANSWERED) | set(DISCARDED)
    assert listed == {path.stem for path in FOLDER.glob("*.dat")}
    assert len(listed) == 49


@pytest.mark.parametrize("check", VALID, ids=lambda check: check.__name__)
def test_valid(check: Callable[[Request | Response], None]) -> None:
    message = parse_message(octets(check.__name__))
    check(message)
    # What we would send on means the same again.
    again = parse_message(bytes(message))
    assert bytes(again) == bytes(message)
    assert again.headers == parse_message(bytes(again)).headers


@pytest.mark.parametrize("name", ANSWERED)
def test_invalid_request_is_answered(name: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_message(octets(name))
    error = caught.value
    assert error.status == ANSWERED[name][0], ANSWERED[name][1]
    assert error.request is not None
    assert error.request.via.host in octets(name).decode()
    answer = bytes(error.request.response(error.status, error.reason, to_tag="ours"))
    assert answer.startswith(f"SIP/2.0 {error.status} ".encode())
    lines = answer.split(b"\r\n")
    for line in octets(name).partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        name_of_line, _, value = line.partition(b":")
        if name_of_line == b"Via":
            assert b"Via: " + value.strip() in lines


@pytest.mark.parametrize("name", DISCARDED)
def test_invalid_response_is_discarded(name: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_message(octets(name))
    assert caught.value.request is None, DISCARDED[name]


@pytest.mark.parametrize("name", [path.stem for path in sorted(FOLDER.glob("*.dat"))])
def test_on_a_stream(name: str) -> None:
    data = octets(name)
    framer = StreamFramer()
    if name in UNFRAMED:
        with pytest.raises(FramingError) as caught:
            framer.feed(data)
        assert caught.value.status == 400
        assert caught.value.request is not None
        return
    if name == "dblreq":
        # 3.1.1.8 is about a datagram. A stream holds two requests, and the second is longer than it says.
        with pytest.raises(FramingError) as caught:
            framer.feed(data)
        assert [message.split(b" ", 1)[0] for message in caught.value.messages] == [b"REGISTER", b"INVITE"]
        return
    messages = framer.feed(data)
    if name == "clerr":
        assert messages == [], "3.1.2.2: not much the receiving party could do but wait"
    else:
        assert [data.startswith(message) for message in messages] == [True]


def test_overlarge_expiries_count_as_the_default() -> None:
    """3.1.2.4: "If only the expiry values were in error, the element could treat them as [...] default values"."""
    head = octets("scalar02").replace(b"CSeq: 36893488147419103232", b"CSeq: 1")
    message = parse_message(head)
    assert isinstance(message, Request)
    assert message.max_forwards is None
    assert parse_delta_seconds(message.headers.get("Expires") or "", 3600) == 3600
    assert message.contact is not None
    assert parse_delta_seconds(message.contact.parameters.get("expires") or "", 3600) == 3600
