"""Hypothesis strategies for SIP values and messages: anything the grammar allows, as values and as text."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from softswitch.sip.headers import (
    AuthChallenge,
    AuthCredentials,
    CSeq,
    MediaType,
    NameAddr,
    Reason,
    RetryAfter,
    Via,
)
from softswitch.sip.message import Headers, Request, Response
from softswitch.sip.parameters import Parameters
from softswitch.sip.uri import Uri

_ALNUM = string.ascii_letters + string.digits
_UNRESERVED = _ALNUM + "-_.!~*'()"

tokens = st.text(_ALNUM + "-.!%*_+`'~", min_size=1, max_size=16)
names = tokens.map(str.lower)
header_text = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=30)
quoted_strings = st.text(
    st.characters(exclude_characters='\r\n"\\\x00', exclude_categories=["Cs", "Cc"]), max_size=12
).map(lambda text: f'"{text}"')

hosts = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z]{2,5})?", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
ports = st.none() | st.integers(0, 65535)

# Escapes of characters that need one, in the spelling that parsing settles on.
_escapes = st.sampled_from(["%00", "%20", "%22", "%25", "%3A", "%40", "%C3%A9", "%FF"])
_uri_parameter_text = st.lists(
    st.text(_UNRESERVED + "[]/:&+$", min_size=1, max_size=8) | _escapes, min_size=1, max_size=3
).map("".join)
users = st.lists(st.text(_UNRESERVED + "&=+$,;?/", min_size=1, max_size=8) | _escapes, min_size=1, max_size=3).map(
    "".join
)
passwords = st.none() | st.lists(st.text(_UNRESERVED + "&=+$,", min_size=1, max_size=8) | _escapes, max_size=2).map(
    "".join
)


def _parameters(
    parameter_names: st.SearchStrategy[str], values: st.SearchStrategy[str], most: int = 3
) -> st.SearchStrategy[Parameters]:
    items = st.tuples(parameter_names, st.none() | values)
    return st.lists(items, max_size=most, unique_by=lambda item: item[0]).map(Parameters)


uri_parameters = _parameters(_uri_parameter_text.map(str.lower), _uri_parameter_text)
header_parameters = _parameters(names, tokens | hosts | quoted_strings)
uri_headers = st.just("") | st.from_regex(r"[A-Za-z-]{1,8}=[a-z0-9%]{0}[a-z0-9]{0,5}(&[A-Za-z]{1,4}=)?", fullmatch=True)


@st.composite
def sip_uris(draw: st.DrawFn, headers: st.SearchStrategy[str] = uri_headers) -> Uri:
    user = draw(st.none() | users)
    return Uri(
        draw(st.sampled_from(["sip", "sips"])),
        user,
        draw(hosts),
        draw(ports),
        draw(uri_parameters),
        draw(headers),
        None if user is None else draw(passwords),
    )


tel_uris = st.builds(
    Uri,
    st.just("tel"),
    st.from_regex(r"\+?[0-9*#().-]{1,15}", fullmatch=True),
    parameters=_parameters(names.filter(lambda name: "`" not in name and "%" not in name), st.just("x.example")),
)
opaque_uris = st.builds(
    Uri,
    st.from_regex(r"(x|http|isbn|soap\.beep)", fullmatch=True),
    opaque=st.text(_UNRESERVED + "/:@?=&%", min_size=1, max_size=20),
)
uris = st.one_of(sip_uris(), tel_uris, opaque_uris)

name_addrs = st.builds(NameAddr, header_text, uris, header_parameters)
vias = st.builds(Via, tokens.map(str.upper), hosts, ports, header_parameters)
cseqs = st.builds(CSeq, st.integers(0, 2**31 - 1), tokens)
media_types = st.builds(MediaType, names, names, header_parameters)
reasons = st.builds(
    Reason, st.sampled_from(["SIP", "Q.850", "X"]), st.none() | st.integers(0, 9999), st.none() | header_text
)
retry_afters = st.builds(
    RetryAfter,
    st.integers(0, 2**32 - 1),
    st.text(st.characters(exclude_characters="()\\\r\n", codec="utf-8"), max_size=12),
    header_parameters,
)
_auth_parameters = st.lists(st.tuples(names, tokens), max_size=5, unique_by=lambda item: item[0]).map(tuple)
_auth_texts = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("realm", "nonce", "opaque", "username", "uri", "domain"), header_text)
).map(lambda items: tuple(items.items()))
challenges = st.builds(AuthChallenge, tokens, _auth_parameters | _auth_texts)
auth_credentials = st.builds(AuthCredentials, tokens, _auth_parameters | _auth_texts)


@st.composite
def _dialog_headers(draw: st.DrawFn, method: str) -> Headers:
    headers = Headers()
    for via in draw(st.lists(vias, min_size=1, max_size=3)):
        headers.add("Via", str(via))
    headers.add("From", str(draw(name_addrs)))
    headers.add("To", str(draw(name_addrs)))
    headers.add("Call-ID", draw(st.text(_ALNUM + "-.!%*_+`'~()<>:\\\"/[]?{}@", min_size=1, max_size=30)))
    headers.add("CSeq", str(CSeq(draw(st.integers(0, 2**31 - 1)), method)))
    for contact in draw(st.lists(name_addrs, max_size=2)):
        headers.add("Contact", str(contact))
    for route in draw(st.lists(name_addrs, max_size=2)):
        headers.add("Record-Route", str(route))
    for name, value in draw(st.lists(st.tuples(tokens.map(lambda token: f"X-{token}"), header_text), max_size=3)):
        headers.add(name, value.strip(" \t"))
    return headers


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Requests that parse: each header's value is printable, the Request-URI has no headers."""
    method = draw(st.sampled_from(["INVITE", "BYE", "OPTIONS"]) | tokens.filter(lambda token: token[:4] != "SIP/"))
    uri = draw(st.one_of(sip_uris(st.just("")), tel_uris, opaque_uris))
    return Request(method, uri, draw(_dialog_headers(method)), draw(st.binary(max_size=60)))


@st.composite
def responses(draw: st.DrawFn) -> Response:
    reason = draw(header_text)
    return Response(
        draw(st.integers(100, 699)), reason, draw(_dialog_headers(draw(tokens))), draw(st.binary(max_size=60))
    )


messages = st.one_of(requests(), responses())
