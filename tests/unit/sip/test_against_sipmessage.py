"""An independent parser (sipmessage) reads the same out of well-formed messages.

Left out is what sipmessage 0.7 does not read: folding, quoted parameters, headers in a URI, unknown schemes, digits in
a top-level host label, and more than one quoted display name in a line.
"""

from __future__ import annotations

from urllib.parse import unquote

import sipmessage
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.sip.headers import CSeq, MediaType, NameAddr, Via
from softswitch.sip.message import Headers, Request, Response, parse_message
from softswitch.sip.parameters import Parameters
from softswitch.sip.uri import Uri, unescape
from tests.support import sip_values

names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=8)
words = st.text("abcXYZ019-.!*_+", min_size=1, max_size=12)
plain_parameters = st.lists(st.tuples(names, st.none() | words), max_size=3, unique_by=lambda item: item[0]).map(
    Parameters
)
display_names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp", "Cf"]), max_size=12)
hosts = st.one_of(
    st.from_regex(r"[a-z]{1,8}(\.[a-z]{2,5})?", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
uris = st.builds(
    Uri,
    st.sampled_from(["sip", "sips"]),
    st.none() | sip_values.users,
    hosts,
    sip_values.ports,
    plain_parameters,
)
addresses = st.builds(NameAddr, display_names, uris, plain_parameters)
vias = st.builds(Via, st.sampled_from(["UDP", "TCP", "TLS"]), hosts, sip_values.ports, plain_parameters)


@st.composite
def headers(draw: st.DrawFn, method: str) -> Headers:
    drawn = Headers()
    for via in draw(st.lists(vias, min_size=1, max_size=3)):
        drawn.add("Via", str(via))
    drawn.add("From", str(draw(addresses)))
    drawn.add("To", str(draw(addresses)))
    drawn.add("Call-ID", draw(words))
    drawn.add("CSeq", str(CSeq(draw(st.integers(0, 2**31 - 1)), method)))
    for contact in draw(st.lists(addresses, max_size=3)):
        drawn.add("Contact", str(contact))
    drawn.add("Content-Type", str(MediaType("application", "sdp", draw(plain_parameters))))
    return drawn


@st.composite
def messages(draw: st.DrawFn) -> Request | Response:
    method = draw(st.sampled_from(["INVITE", "BYE", "SOMETHING"]))
    body = draw(st.binary(min_size=1, max_size=40))
    if draw(st.booleans()):
        return Request(method, draw(uris), draw(headers(method)), body)
    return Response(draw(st.integers(100, 699)), "Reason", draw(headers(method)), body)


def same_parameters(ours: Parameters, theirs: sipmessage.Parameters) -> bool:
    return {name: value and unquote(value) for name, value in ours} == dict(theirs)


def same_uri(ours: Uri, theirs: sipmessage.URI) -> bool:
    user = None if ours.user is None else unescape(ours.user)
    return (ours.scheme, user, ours.host, ours.port) == (
        *(theirs.scheme, theirs.user, theirs.host, theirs.port),
    ) and same_parameters(ours.parameters, theirs.parameters)


def same_address(ours: NameAddr, theirs: sipmessage.Address) -> bool:
    return (
        ours.display_name == theirs.name
        and same_uri(ours.uri, theirs.uri)
        and same_parameters(ours.parameters, theirs.parameters)
    )


def same_via(ours: Via, theirs: sipmessage.Via) -> bool:
    return (ours.transport, ours.host, ours.port) == (theirs.transport, theirs.host, theirs.port) and same_parameters(
        ours.parameters, theirs.parameters
    )


@settings(deadline=None, max_examples=60)
@given(messages())
def test_the_same_message(message: Request | Response) -> None:
    data = bytes(message)
    ours = parse_message(data)
    theirs = sipmessage.Message.parse(data)
    if isinstance(ours, Request):
        assert isinstance(theirs, sipmessage.Request)
        assert ours.method == theirs.method
        assert same_uri(ours.uri, theirs.uri)
    else:
        assert isinstance(theirs, sipmessage.Response)
        assert (ours.status, ours.reason) == (theirs.code, theirs.phrase)
    assert same_address(ours.from_, theirs.from_address)
    assert same_address(ours.to, theirs.to_address)
    assert [same_via(*pair) for pair in zip(our_vias(ours), theirs.via, strict=True)].count(False) == 0
    assert [same_address(*pair) for pair in zip(ours.contacts, theirs.contact, strict=True)].count(False) == 0
    assert ours.call_id == theirs.call_id
    assert (ours.cseq.number, ours.cseq.method) == (theirs.cseq.sequence, theirs.cseq.method)
    assert ours.body == theirs.body
    assert ours.content_type is not None
    assert theirs.content_type is not None
    assert ours.content_type.essence == theirs.content_type.mime_type


def our_vias(message: Request | Response) -> list[Via]:
    return [Via.parse(text) for text in message.headers.get_all("Via")]
