"""Every value reads back as what was printed: `parse(str(x)) == x`, for values and for whole messages."""

from __future__ import annotations

from typing import Protocol

import pytest
from hypothesis import given, settings
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
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.parameters import Parameters
from softswitch.sip.uri import Uri
from tests.support import sip_values


class Value(Protocol):
    @classmethod
    def parse(cls, text: str) -> Value: ...


ROUND_TRIPS: list[tuple[type[Value], st.SearchStrategy[Value]]] = [
    (Uri, sip_values.uris),
    (Parameters, sip_values.header_parameters),
    (NameAddr, sip_values.name_addrs),
    (Via, sip_values.vias),
    (CSeq, sip_values.cseqs),
    (MediaType, sip_values.media_types),
    (Reason, sip_values.reasons),
    (RetryAfter, sip_values.retry_afters),
    (AuthChallenge, sip_values.challenges),
    (AuthCredentials, sip_values.auth_credentials),
]


@pytest.mark.parametrize(("kind", "values"), ROUND_TRIPS, ids=lambda value: getattr(value, "__name__", ""))
@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_a_value_reads_back(kind: type[Value], values: st.SearchStrategy[Value], data: st.DataObject) -> None:
    value = data.draw(values)
    assert kind.parse(str(value)) == value
    assert hash(kind.parse(str(value))) == hash(value)


@settings(deadline=None, max_examples=80)
@given(sip_values.requests())
def test_a_request_reads_back(request: Request) -> None:
    parsed = parse_message(bytes(request))
    assert isinstance(parsed, Request)
    assert (parsed.method, parsed.uri, parsed.body) == (request.method, request.uri, request.body)
    parsed.headers.remove("Content-Length")
    assert parsed.headers == request.headers


@settings(deadline=None, max_examples=80)
@given(sip_values.responses())
def test_a_response_reads_back(response: Response) -> None:
    parsed = parse_message(bytes(response))
    assert isinstance(parsed, Response)
    assert (parsed.status, parsed.reason, parsed.body) == (response.status, response.reason, response.body)
    parsed.headers.remove("Content-Length")
    assert parsed.headers == response.headers
