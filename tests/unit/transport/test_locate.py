"""Next hops to flows, with names from a DNS server of the test (RFC 3263)."""

from __future__ import annotations

import asyncio
import contextlib
import random
from functools import partial
from typing import TYPE_CHECKING

import pytest

from softswitch.sip.flow import Flow
from softswitch.transport import dns, locate
from softswitch.transport.dns import Names
from softswitch.transport.listener import Listener
from softswitch.transport.locate import Locator
from softswitch.transport.next_hop import NextHop
from tests.support.dns_server import DnsServer
from tests.support.loopback import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FOUR = Listener("UDP", "192.0.2.1", 5060)
SIX = Listener("UDP", "2001:db8::1", 5060)
STREAM = Listener("TCP", "192.0.2.1", 5062)
SECURE = Listener("TLS", "192.0.2.1", 5061)
ZONE = (
    "carrier.test. 60 IN NAPTR 10 10 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.carrier.test.",
    "carrier.test. 60 IN NAPTR 20 10 \"s\" \"SIP+D2T\" \"\" _sip._tcp.carrier.test.",
    "carrier.test. 60 IN NAPTR 30 10 \"s\" \"SIP+D2U\" \"\" _sip._udp.carrier.test.",
    "_sips._tcp.carrier.test. 60 IN SRV 1 0 5061 a.test.",
    "_sip._tcp.carrier.test. 60 IN SRV 1 0 5070 a.test.",
    "_sip._udp.carrier.test. 60 IN SRV 2 0 5062 b.test.",
    "_sip._udp.carrier.test. 60 IN SRV 1 0 5060 a.test.",
    "_sip._tcp.plain.test. 60 IN SRV 1 0 5070 b.test.",
    "plain.test. 60 IN A 198.51.100.9",
    "short.test. 60 IN NAPTR 1 1 \"a\" \"SIP+D2T\" \"\" b.test.",
    "a.test. 60 IN A 198.51.100.1",
    "b.test. 60 IN A 198.51.100.2",
    "b.test. 60 IN A 198.51.100.3",
    "dual.test. 60 IN A 198.51.100.4",
    "dual.test. 60 IN AAAA ::1",
    "broken.test. 60 IN NAPTR 1 1 \"s\" \"SIP+D2U\" \"\" _sip._udp.nowhere.test.",
    "broken.test. 60 IN A 198.51.100.5",
    "none.test. 60 IN A 198.51.100.6",
    "_sip._udp.none.test. 60 IN SRV 0 0 0 .",
)  # fmt: skip


@contextlib.asynccontextmanager
async def following(
    *hops: NextHop, listeners: tuple[Listener, ...] = (FOUR, STREAM), server: DnsServer | None = None
) -> AsyncIterator[Locator]:
    """A locator that has followed these next hops."""
    async with server or DnsServer(*ZONE) as asked:
        names = partial(Names, servers=[asked.address], timeout=1.0)
        known = Locator(names=names, below=random.Random(1).randrange)
        known.start_from(listeners)
        await known.follow(hops)
        try:
            yield known
        finally:
            await known.close()


async def ways(host: str, *listeners: Listener, port: int = 0, transport: str = "", secure: bool = False) -> list[str]:
    """How this next hop is reached: transport, address and port of each flow."""
    hop = NextHop(host, port, transport, secure)
    async with following(hop, listeners=listeners) as known:
        return [f"{flow.transport} {flow.remote[0]} {flow.remote[1]}" for flow in known.flows(hop)]


def locator(*listeners: Listener) -> Locator:
    """A locator with these listeners."""
    found = Locator()
    found.start_from(listeners)
    return found


# Addresses.


async def test_an_address_is_reached_from_the_listener_of_its_transport_and_family() -> None:
    known = locator(STREAM, FOUR, SIX, SECURE)
    four, six = ("192.0.2.1", 5060), ("2001:db8::1", 5060)
    assert known.flows(NextHop("198.51.100.7", 5080)) == [Flow("UDP", four, ("198.51.100.7", 5080))]
    assert known.flows(NextHop("198.51.100.7", 0, "")) == [Flow("UDP", four, ("198.51.100.7", 5060))]
    assert known.flows(NextHop("198.51.100.7", 0, "TCP")) == [Flow("TCP", ("192.0.2.1", 5062), ("198.51.100.7", 5060))]
    assert known.flows(NextHop("2001:db8::7")) == [Flow("UDP", six, ("2001:db8::7", 5060))]
    assert known.flows(NextHop("198.51.100.7", 0, "", secure=True, peer="carrier x")) == [
        Flow("TLS", ("192.0.2.1", 5061), ("198.51.100.7", 5061), 0, "carrier x")
    ]


async def test_without_a_listener_of_its_kind_there_is_no_way() -> None:
    assert locator(FOUR).flows(NextHop("198.51.100.7", 5060, "TCP")) == []
    assert locator(FOUR).flows(NextHop("2001:db8::7")) == []
    assert locator().flows(NextHop("198.51.100.7")) == []


# RFC 3263.


@pytest.mark.parametrize(
    ("hop", "listeners", "expected"),
    [
        # 4.1: NAPTR says which transport; of what we speak, the best and no other.
        (("carrier.test", 0, ""), (FOUR, STREAM, SECURE), ["TLS 198.51.100.1 5061"]),
        (("carrier.test", 0, ""), (FOUR, STREAM), ["TCP 198.51.100.1 5070"]),
        (("carrier.test", 0, ""), (FOUR,), ["UDP 198.51.100.1 5060", "UDP 198.51.100.2 5062", "UDP 198.51.100.3 5062"]),
        # A transport given: no NAPTR.
        (("carrier.test", 0, "UDP"), (FOUR, STREAM, SECURE),
         ["UDP 198.51.100.1 5060", "UDP 198.51.100.2 5062", "UDP 198.51.100.3 5062"]),
        # No NAPTR: SRV tells the transports.
        (("plain.test", 0, ""), (FOUR, STREAM), ["TCP 198.51.100.2 5070", "TCP 198.51.100.3 5070"]),
        # No SRV for it: the addresses of the name itself.
        (("plain.test", 0, "UDP"), (FOUR, STREAM), ["UDP 198.51.100.9 5060"]),
        # A port given: neither NAPTR nor SRV.
        (("plain.test", 5099, "TCP"), (FOUR, STREAM), ["TCP 198.51.100.9 5099"]),
        (("carrier.test", 5099, "UDP"), (FOUR, STREAM), []),
        # NAPTR with flag "a": straight to addresses.
        (("short.test", 0, ""), (FOUR, STREAM), ["TCP 198.51.100.2 5060", "TCP 198.51.100.3 5060"]),
        # Records that lead nowhere do not hide the addresses of the name.
        (("broken.test", 0, ""), (FOUR,), ["UDP 198.51.100.5 5060"]),
        (("none.test", 0, "UDP"), (FOUR,), ["UDP 198.51.100.6 5060"]),
        # Both families, IPv6 first where there is a route.
        (("dual.test", 0, "UDP"), (FOUR, SIX), ["UDP ::1 5060", "UDP 198.51.100.4 5060"]),
        (("dual.test", 0, "UDP"), (FOUR,), ["UDP 198.51.100.4 5060"]),
    ],
)  # fmt: skip
async def test_procedure(hop: tuple[str, int, str], listeners: tuple[Listener, ...], expected: list[str]) -> None:
    host, port, transport = hop
    found = await ways(host, *listeners, port=port, transport=transport)
    assert sorted(found) == sorted(expected)
    assert [way.split()[2] for way in found] == [way.split()[2] for way in expected], "tiers come in order"


async def test_sips_is_tls_or_nothing() -> None:
    assert await ways("carrier.test", FOUR, STREAM, SECURE, secure=True) == ["TLS 198.51.100.1 5061"]
    assert await ways("carrier.test", FOUR, STREAM, secure=True) == []
    assert await ways("plain.test", FOUR, STREAM, SECURE, secure=True) == ["TLS 198.51.100.9 5061"]


async def test_weights_are_thrown_anew_for_every_call() -> None:
    hop = NextHop("shared.test", 0, "UDP")
    server = DnsServer(
        "_sip._udp.shared.test. 60 IN SRV 1 90 5060 a.test.", "_sip._udp.shared.test. 60 IN SRV 1 10 5062 b.test.",
        *ZONE,
    )  # fmt: skip
    async with following(hop, server=server) as known:
        first = [known.flows(hop)[0].remote[1] for _ in range(500)]
        assert 0.8 < first.count(5060) / 500 < 0.98
        assert {len(known.flows(hop)) for _ in range(20)} == {3}


# Time.


async def test_a_name_nobody_announced_has_no_address() -> None:
    assert locator(FOUR).flows(NextHop("localhost")) == []


async def test_a_name_of_the_hosts_file_needs_no_dns() -> None:
    hop = NextHop("localhost", 0, "")
    server = DnsServer()
    async with following(hop, listeners=(Listener("UDP", "127.0.0.1", 5060),), server=server) as known:
        assert Flow("UDP", ("127.0.0.1", 5060), ("127.0.0.1", 5060)) in known.flows(hop)
        assert server.asked == []


@pytest.mark.parametrize("name", ["nobody.test", "a" * 70 + ".example", ".."])
async def test_a_name_without_address_is_reported_and_stops_nothing(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = NextHop(name, 0, ""), NextHop("a.test", 5060)
    async with following(bad, good) as known:
        assert known.flows(bad) == []
        assert known.flows(good)
        assert f"cannot resolve {name}" in caplog.text


async def test_records_are_renewed_before_anybody_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "LEAST_TTL", 0.01)
    monkeypatch.setattr(locate, "LEAST_WAIT", 0.01)
    hop = NextHop("moving.test", 5060)
    server = DnsServer("moving.test. 0 IN A 198.51.100.1")
    told: list[str] = []
    async with server:
        known = Locator(
            lambda _, address: told.append(address), names=partial(Names, servers=[server.address], timeout=1.0)
        )
        known.start_from([FOUR])
        await known.follow([hop])
        assert known.flows(hop)[0].remote[0] == "198.51.100.1"
        server.records[:] = ["moving.test. 0 IN A 198.51.100.2"]
        await until(lambda: known.flows(hop)[0].remote[0] == "198.51.100.2")
        assert set(told) == {"198.51.100.1", "198.51.100.2"}
        server.broken = True
        count = len(server.asked)
        monkeypatch.setattr(dns, "RETRY", 0.01)
        await until(lambda: len(server.asked) > count + 2)
        assert known.flows(hop)[0].remote[0] == "198.51.100.2", "while DNS is down the last answer stands"
        await known.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "locate"]


async def test_slow_dns_delays_nothing_for_long(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locate, "PATIENCE", 0.05)
    server = DnsServer(*ZONE)
    server.silent = True
    hop = NextHop("a.test", 5060)
    async with following(hop, server=server) as known:
        assert "not resolved yet: a.test:5060/UDP" in caplog.text
        assert known.flows(hop) == []


async def test_closing_what_never_followed() -> None:
    await Locator().close()
