"""Each kind of value: what it takes, and the words for what it does not."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from config.values import (
    Host,
    Lasting,
    Line,
    Name,
    NextHop,
    NextHopText,
    PacketTime,
    Port,
    Source,
    SourceText,
    Text,
    lasting,
    shown,
)
from config.yaml12 import Tree, parse

Period = Annotated[float, Lasting("100ms", "10m")]


def take(kind: object, written: str) -> object:
    return TypeAdapter(kind).validate_python(value(written))


def value(written: str) -> Tree:
    return parse(f"x: {written}", Path("x.yaml")).tree["x"]


def refusal(kind: object, written: str) -> str:
    with pytest.raises(ValidationError) as caught:
        take(kind, written)
    (error,) = caught.value.errors()
    return str(error["ctx"]["error"])


@pytest.mark.parametrize(
    ("written", "seconds"), [("20s", 20.0), ("500ms", 0.5), ("2m", 120.0), ("1.5s", 1.5), ("'10 m'", 600.0)]
)
def test_durations(written: str, seconds: float) -> None:
    assert take(Period, written) == seconds


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("20", "expected a duration with its unit, got 20: write 20s or 20ms"),
        ("2.5", "expected a duration with its unit, got 2.5: write 2.5s or 2.5ms"),
        ("20sec", "expected a duration such as 20s, 500ms, 2m or 1h, got '20sec'"),
        ("-20s", "expected a duration such as 20s, 500ms, 2m or 1h, got '-20s'"),
        ("true", "expected a duration such as 20s, 500ms, 2m or 1h, got true"),
        ("[1s]", "expected a duration such as 20s, 500ms, 2m or 1h, got a list"),
        ("20m", "expected 100ms to 10m, got '20m'"),
        ("50ms", "expected 100ms to 10m, got '50ms'"),
    ],
)
def test_durations_refused(written: str, message: str) -> None:
    assert refusal(Period, written) == message


@pytest.mark.parametrize(("seconds", "text"), [(0.5, "500ms"), (45, "45s"), (60, "1m"), (90, "90s"), (3600, "1h")])
def test_durations_are_shown_as_one_would_write_them(seconds: float, text: str) -> None:
    assert lasting(seconds) == text


@pytest.mark.parametrize(("written", "seconds"), [("10ms", 0.01), ("30ms", 0.03), ("0.06s", 0.06)])
def test_packet_times(written: str, seconds: float) -> None:
    assert take(Annotated[float, PacketTime()], written) == seconds


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("25ms", "expected whole 10 ms (10ms, 20ms, 30ms, 40ms, 50ms or 60ms), got '25ms'"),
        ("70ms", "expected 10ms to 60ms, got '70ms'"),
        ("5ms", "expected 10ms to 60ms, got '5ms'"),
    ],
)
def test_packet_times_refused(written: str, message: str) -> None:
    assert message in refusal(Annotated[float, PacketTime()], written)


def test_text_takes_numbers_as_typed_and_nothing_else() -> None:
    assert [take(Text, written) for written in ("abc", "0123", "1.10", "007")] == ["abc", "0123", "1.10", "007"]
    assert refusal(Text, "true") == "expected text, got true: quote it, as in 'true'"
    assert refusal(Text, "{a: b}") == "expected text, got a section of keys"


@pytest.mark.parametrize("written", ["70000", "0", "-1", "'5060'", "5060.0", "true", "x"])
def test_ports_refused(written: str) -> None:
    assert refusal(Port, written).startswith("expected a whole number from 1 to 65535, got ")


@pytest.mark.parametrize(
    ("written", "hop"),
    [
        ("192.0.2.1", NextHop("192.0.2.1")),
        ("192.0.2.1:5070", NextHop("192.0.2.1", 5070)),
        ("sip.example.com", NextHop("sip.example.com")),
        ("sip.example.com:0", NextHop("sip.example.com")),
        ("sip:sip.example.com;transport=TLS", NextHop("sip.example.com", None, "tls")),
        ("sips:sip.example.com:5071", NextHop("sip.example.com", 5071, "tls", secure=True)),
        ("'sips:[2001:db8::1];transport=tls'", NextHop("2001:db8::1", None, "tls", secure=True)),
        ("sip.example.com;transport=tcp", NextHop("sip.example.com", None, "tcp")),
        ("'[2001:db8::1]:5061;transport=UDP'", NextHop("2001:db8::1", 5061, "udp")),
        ("2001:db8::1", NextHop("2001:db8::1")),
    ],
)
def test_next_hops(written: str, hop: NextHop) -> None:
    found = take(NextHopText, written)
    assert found == hop
    assert take(NextHopText, f"'{found}'") == hop


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("sip.example.com:00", "expected a port from 1 to 65535"),
        ("sip.example.com;transport=sctp", "expected ;transport=udp, tcp or tls"),
        ("sips:sip.example.com;transport=tcp", "sips: is TLS all the way"),
        ("'bad host'", "expected an IP address or a DNS name"),
        ("192.0.2.300", "expected an IP address or a DNS name"),
        ("'[::1'", "expected [address]:port"),
        ("-x.example", "expected an IP address or a DNS name"),
    ],
)
def test_next_hops_refused(written: str, message: str) -> None:
    assert refusal(NextHopText, written).startswith(message)


def test_sources() -> None:
    network = ipaddress.ip_network
    assert take(SourceText, "192.0.2.0/24") == Source(network("192.0.2.0/24"))
    assert take(SourceText, "192.0.2.7:5080") == Source(network("192.0.2.7/32"), 5080)
    assert take(SourceText, "'[2001:db8::1]:5080'") == Source(network("2001:db8::1/128"), 5080)
    assert refusal(SourceText, "192.0.2.7/24").endswith("did you mean 192.0.2.0/24?")
    assert refusal(SourceText, "carrier.example").startswith("expected an address or network")


@pytest.mark.parametrize("written", ["'a\\r\\nX: y'", '"a\\r\\nb"', "''", "'   '", "x" * 129])
def test_lines_cannot_carry_header_injection(written: str) -> None:
    if "\\" in written and written[0] == "'":
        assert take(Line, written) == written[1:-1]
    else:
        assert refusal(Line, written)


@pytest.mark.parametrize("written", ["1001", "alice", "a.b-c_d", "'*43'", "+4930123", "0100"])
def test_names(written: str) -> None:
    assert take(Name, written) == written.strip("'")


@pytest.mark.parametrize("written", ["'a b'", "'a;b'", "a@b", "'a:b'", "''", "'$called'", "x" * 65])
def test_names_refused(written: str) -> None:
    assert refusal(Name, written).startswith("expected a name")


@pytest.mark.parametrize("written", ["sip.example.com", "192.0.2.1", "localhost", "'::1'"])
def test_hosts(written: str) -> None:
    assert take(Host, written) == written.strip("'")


def test_what_is_shown_is_short() -> None:
    assert len(shown("x" * 500)) == 58
