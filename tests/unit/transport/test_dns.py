"""Records from a real DNS server: how long they are good for, and what is believed when it is down or denies them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from softswitch.transport import dns
from softswitch.transport.dns import Answer, Names
from softswitch.transport.selection import Naptr, Srv
from tests.support.dns_server import DnsServer

if TYPE_CHECKING:
    from pathlib import Path

ZONE = (
    "test. 300 IN NAPTR 10 20 \"s\" \"SIP+D2T\" \"\" _sip._tcp.test.",
    "_sip._tcp.test. 30 IN SRV 1 2 5060 a.test.",
    "a.test. 60 IN A 192.0.2.1",
    "a.test. 60 IN AAAA 2001:db8::1",
    "short.test. 0 IN A 192.0.2.2",
    "long.test. 999999 IN A 192.0.2.3",
    "liar.test. 60 IN A 0.0.0.0",
)  # fmt: skip


class Clock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def asking(server: DnsServer, clock: Clock, timeout: float = 0.4) -> Names:
    """Names that only this server knows."""
    return Names(servers=[server.address], timeout=timeout, clock=clock)


async def test_every_kind_of_record() -> None:
    async with DnsServer(*ZONE) as server:
        names = asking(server, Clock())
        assert (await names.ask("test", "NAPTR")).records == (Naptr(10, 20, "s", "SIP+D2T", "_sip._tcp.test"),)
        assert (await names.ask("_sip._tcp.test", "SRV")).records == (Srv(1, 2, 5060, "a.test"),)
        assert (await names.ask("a.test", "A")).records == ("192.0.2.1",)
        assert (await names.ask("A.test.", "AAAA")).records == ("2001:db8::1",)
        assert (await names.ask("liar.test", "A")).records == ()


@pytest.mark.parametrize(("name", "seconds"), [("a.test", 60.0), ("short.test", 5.0), ("long.test", 3600.0)])
async def test_an_answer_is_good_for_its_ttl_within_bounds(name: str, seconds: float) -> None:
    clock = Clock()
    async with DnsServer(*ZONE) as server:
        names = asking(server, clock)
        assert (await names.ask(name, "A")).expires == clock.now + seconds
        clock.now += seconds - 0.1
        await names.ask(name, "A")
        assert len(server.asked) == 1
        clock.now += 0.2
        await names.ask(name, "A")
        assert len(server.asked) == 2


async def test_many_who_ask_at_once_ask_once() -> None:
    async with DnsServer(*ZONE) as server:
        names = asking(server, Clock())
        await asyncio.gather(*(names.ask("a.test", "A") for _ in range(20)))
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("name", "failure"), [("nobody.test", "DNS has no such name"), ("_sip._tcp.test", "DNS has no A for it")]
)
async def test_a_denial_is_believed_for_as_long_as_it_says(name: str, failure: str) -> None:
    clock = Clock()
    async with DnsServer(*ZONE) as server:
        names = asking(server, clock)
        answer = await names.ask(name, "A")
        assert (answer.records, answer.failure, answer.expires) == ((), failure, clock.now + 60)


async def fallen(server: DnsServer, names: Names, clock: Clock) -> Answer:
    """The answer for a.test, once good, asked for again after its time."""
    assert (await names.ask("a.test", "A")).records
    clock.now += 61
    return await names.ask("a.test", "A")


async def test_while_dns_is_silent_the_old_answer_stays() -> None:
    clock = Clock()
    async with DnsServer(*ZONE) as server:
        names = asking(server, clock, timeout=0.1)
        await names.ask("a.test", "A")
        server.silent = True
        answer = await fallen(server, names, clock)
        assert (answer.records, answer.failure) == (("192.0.2.1",), "DNS did not answer")
        clock.now += 86_400
        assert (await names.ask("a.test", "A")).records == ("192.0.2.1",)
        server.silent = False
        clock.now += dns.RETRY
        answer = await names.ask("a.test", "A")
        assert (answer.records, answer.failure) == (("192.0.2.1",), "")


async def test_while_dns_is_broken_the_old_answer_stays() -> None:
    clock = Clock()
    async with DnsServer(*ZONE) as server:
        names = asking(server, clock)
        await names.ask("a.test", "A")
        server.broken = True
        assert (await fallen(server, names, clock)).records == ("192.0.2.1",)


async def test_a_record_that_is_denied_is_kept_for_a_while_only() -> None:
    clock = Clock()
    async with DnsServer(*ZONE) as server:
        names = asking(server, clock)
        await names.ask("a.test", "A")
        server.records.clear()
        answer = await fallen(server, names, clock)
        assert (answer.records, answer.failure) == (("192.0.2.1",), "DNS has no such name")
        clock.now += dns.DENIALS
        assert (await names.ask("a.test", "A")).records == ()


@pytest.mark.parametrize("name", ["a" * 70 + ".test", "..", ""])
async def test_what_is_no_name_has_no_records(name: str) -> None:
    async with DnsServer(*ZONE) as server:
        answer = await asking(server, Clock()).ask(name, "A")
        assert answer.records == ()
        assert answer.failure


async def test_the_hosts_file(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text(
        "127.0.0.1 localhost # not: sip.test\n\n2001:db8::5\tOther  SIP.test\n0.0.0.0 sip.test\nrubbish sip.test\n"
    )
    assert Names(hosts=file).hosts("sip.test.") == ("2001:db8::5",)
    assert Names(hosts=file).hosts("not:") == ()
    assert Names(hosts=tmp_path / "none").hosts("sip.test") == ()
