"""Next hops to flows. Names are asked of the system's resolver: `localhost`, and names that cannot exist."""

from __future__ import annotations

import asyncio

import pytest

from softswitch.sip.flow import Flow
from softswitch.transport import locate
from softswitch.transport.listener import Listener
from softswitch.transport.locate import Locator
from tests.support.loopback import until

FOUR = Listener("UDP", "192.0.2.1", 5060)
SIX = Listener("UDP", "2001:db8::1", 5060)
STREAM = Listener("TCP", "192.0.2.1", 5062)
NOWHERE = ("nobody.invalid", "a" * 70 + ".example", "..")
"""RFC 6761: never resolves; a label too long for DNS; no name at all."""


def locator(*listeners: Listener) -> Locator:
    """A locator with these listeners."""
    found = Locator()
    found.start_from(listeners)
    return found


async def test_an_address_is_reached_from_the_listener_of_its_transport_and_family() -> None:
    known = locator(STREAM, FOUR, SIX)
    assert known.flows("UDP", "198.51.100.7", 5080) == [Flow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5080))]
    assert known.flows("TCP", "198.51.100.7", 5060) == [Flow("TCP", ("192.0.2.1", 5062), ("198.51.100.7", 5060))]
    assert known.flows("UDP", "2001:db8::7", 5060) == [Flow("UDP", ("2001:db8::1", 5060), ("2001:db8::7", 5060))]


async def test_without_a_listener_of_its_kind_there_is_no_way() -> None:
    assert locator(FOUR).flows("TCP", "198.51.100.7", 5060) == []
    assert locator(FOUR).flows("UDP", "2001:db8::7", 5060) == []
    assert locator().flows("UDP", "198.51.100.7", 5060) == []


async def test_a_name_is_reached_at_its_addresses() -> None:
    told: list[tuple[str, str]] = []
    known = Locator(lambda host, address: told.append((host, address)))
    known.start_from([Listener("UDP", "127.0.0.1", 5060)])
    await known.follow(["localhost", "198.51.100.7"])
    assert known.flows("UDP", "localhost", 5061) == [Flow("UDP", ("127.0.0.1", 5060), ("127.0.0.1", 5061))]
    assert ("localhost", "127.0.0.1") in told
    assert {host for host, _ in told} == {"localhost"}
    await known.close()


async def test_a_name_nobody_announced_has_no_address() -> None:
    assert locator(FOUR).flows("UDP", "localhost", 5060) == []


@pytest.mark.parametrize("name", NOWHERE)
async def test_a_name_without_address_is_reported_and_stops_nothing(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    known = locator(FOUR)
    await known.follow([name, "localhost"])
    assert known.flows("UDP", name, 5060) == []
    assert known.flows("UDP", "localhost", 5060)
    assert f"cannot resolve {name}" in caplog.text
    await known.close()


async def test_the_last_good_answer_is_kept_and_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look-up happens by itself; what it finds replaces the first only if it finds something."""
    monkeypatch.setattr(locate, "REFRESH", 0.01)
    told: list[str] = []
    known = Locator(lambda host, _: told.append(host))
    known.start_from([FOUR])
    await known.follow(["localhost"])
    before = len(told)
    await until(lambda: len(told) > before)
    assert known.flows("UDP", "localhost", 5060)
    await known.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "locate"]


async def test_closing_what_never_followed() -> None:
    await Locator().close()
