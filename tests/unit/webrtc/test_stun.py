"""STUN messages: ours are understood by others, and only whole ones are read at all."""

from __future__ import annotations

import os

import aioice.stun
import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.webrtc import stun

KEY = b"VOkJxbRl1RmTxUk/WvJxBt"
RFC_5769_REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
RFC_5769_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)


def request(**changes: object) -> bytes:
    given = {"username": b"theirs:ours", "priority": 77, "role": "controlling", "tie_breaker": 5, "nominate": True}
    return stun.request(bytes(range(12)), KEY, **{**given, **changes})  # type: ignore[arg-type]


def test_the_vectors_of_rfc_5769() -> None:
    message = stun.read(RFC_5769_REQUEST)
    assert (message.username, message.priority, message.role) == (b"evtj:h6vY", 0x6E0001FF, "controlled")
    assert message.tie_breaker == 0x932FF9B151263B36
    assert message.proves(KEY)
    assert not message.proves(KEY[:-1])
    answer = stun.read(RFC_5769_RESPONSE)
    assert (answer.kind, answer.mapped) == (stun.SUCCESS, ("192.0.2.1", 32853))
    assert answer.proves(KEY)


def test_others_understand_ours() -> None:
    message = aioice.stun.parse_message(request())
    assert message.check_message_integrity(KEY)
    assert message.attributes["USERNAME"] == "theirs:ours"
    assert message.attributes["PRIORITY"] == 77
    assert message.attributes["ICE-CONTROLLING"] == 5
    assert "USE-CANDIDATE" in message.attributes


@pytest.mark.parametrize("source", [("192.0.2.1", 32853), ("2001:db8:1234:5678:11:2233:4455:6677", 32853)])
def test_answers(source: stun.Address) -> None:
    asked = stun.read(request())
    answer = stun.success(asked, source, KEY)
    assert aioice.stun.parse_message(answer).attributes["XOR-MAPPED-ADDRESS"] == source
    assert stun.read(answer).mapped == source
    refused = stun.failure(asked, stun.ROLE_CONFLICT, KEY)
    assert aioice.stun.parse_message(refused).error_code == stun.read(refused).error == 487


def test_what_stands_behind_the_integrity_is_not_believed() -> None:
    message = stun.read(request(nominate=False))
    assert message.integrity_at is not None
    end = message.integrity_at + 24
    appended = bytearray(message.data[:end]) + stun._attribute(0x0025, b"")
    appended[2:4] = (len(appended) - 20 + 8).to_bytes(2, "big")
    crc = aioice.stun.message_fingerprint(bytes(appended))
    altered = stun.read(bytes(appended) + stun._attribute(0x8028, crc.to_bytes(4, "big")))
    assert altered.proves(KEY)
    assert not altered.use_candidate


def test_whom_a_request_is_for() -> None:
    assert stun.first_fragment(request()) == "theirs"
    assert stun.first_fragment(request(username=b"nobody")) is None
    assert stun.first_fragment(stun.indication(bytes(12))) is None
    assert stun.first_fragment(b"\0\1") is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "size"),
        (request()[:-4], "header"),
        (request() + bytes(4), "header"),
        (bytes(549), "size"),
        (b"\0\3" + request()[2:], "method"),
        (request()[:4] + b"\0" + request()[5:], "header"),
        (request()[:-1] + b"\0", "fingerprint"),
        (request()[:-8][:2] + (len(request()) - 28).to_bytes(2, "big") + request()[4:-8], "no fingerprint"),
    ],
)
def test_what_is_none(data: bytes, reason: str) -> None:
    with pytest.raises(stun.StunError, match=f"^{reason}$"):
        stun.read(data)


@given(st.binary(max_size=600))
def test_noise(data: bytes) -> None:
    with pytest.raises(stun.StunError):
        stun.read(data)


@given(st.data())
def test_a_message_with_a_bit_turned_is_none_or_proves_nothing(data: st.DataObject) -> None:
    whole = bytearray(request())
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        message = stun.read(bytes(whole))
    except stun.StunError:
        return
    assert not message.proves(KEY)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=12))
def test_attributes_of_all_kinds(attributes: list[tuple[int, bytes]]) -> None:
    """Whatever is in it, it is read or refused; repetitions count once."""
    body = b"".join(stun._attribute(what, value) for what, value in attributes if what != 0x8028)
    try:
        message = stun.read(stun._sealed(stun.REQUEST, os.urandom(12), bytearray(body), KEY))
    except stun.StunError:
        return
    assert len(set(message.unknown)) == len(message.unknown)
