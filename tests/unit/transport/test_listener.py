"""What peers are told about where we listen."""

from __future__ import annotations

import pytest

from softswitch.transport.listener import Listener, interface_towards, is_address, is_wildcard


@pytest.mark.parametrize(
    ("listener", "remote", "told"),
    [
        (Listener("UDP", "192.0.2.1", 5060), "198.51.100.7", ("192.0.2.1", 5060)),
        (Listener("UDP", "192.0.2.1", 5060, "sip.example.net"), "198.51.100.7", ("sip.example.net", 5060)),
        (Listener("UDP", "0.0.0.0", 5060, "203.0.113.5"), "198.51.100.7", ("203.0.113.5", 5060)),
        (Listener("UDP", "0.0.0.0", 5060), "127.0.0.9", ("127.0.0.1", 5060)),
        (Listener("UDP", "::", 5060), "::1", ("::1", 5060)),
    ],
)
def test_local_towards(listener: Listener, remote: str, told: tuple[str, int]) -> None:
    assert listener.local_towards(remote) == told


@pytest.mark.parametrize(("address", "version"), [("192.0.2.1", 4), ("0.0.0.0", 4), ("::", 6), ("2001:db8::1", 6)])
def test_family(address: str, version: int) -> None:
    assert Listener("UDP", address, 5060).family == version


@pytest.mark.parametrize("remote", ["255.255.255.255", "not an address"])
def test_no_way_to_a_peer_is_not_an_error(remote: str) -> None:
    interface_towards.cache_clear()
    assert interface_towards(remote) == "127.0.0.1"


@pytest.mark.parametrize(("text", "answer"), [("", True), ("0.0.0.0", True), ("::", True), ("0.0.0.1", False)])
def test_is_wildcard(text: str, answer: bool) -> None:
    assert is_wildcard(text) is answer


@pytest.mark.parametrize(
    ("text", "answer"), [("192.0.2.1", True), ("2001:db8::1", True), ("[::1]", False), ("sip.example", False)]
)
def test_is_address(text: str, answer: bool) -> None:
    assert is_address(text) is answer
