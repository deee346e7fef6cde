"""A session by itself: rollover, replay, reordering, tampering, keys that never show."""

from __future__ import annotations

import copy
import pickle
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.commands import SetKeys
from media.srtp.material import SUITES, KeyMaterial, key_length
from media.srtp.session import SrtpDirection
from tests.support.srtp import ReferenceSrtp

SSRC = 0xABCD1234


def material(suite: str, seed: int = 1) -> KeyMaterial:
    return KeyMaterial(suite, random.Random(seed).randbytes(key_length(suite)))


def rtp(number: int, payload: bytes = b"\xd5" * 20, ssrc: int = SSRC) -> bytes:
    return struct.pack("!BBHII", 0x80, 8, number & 0xFFFF, number * 160 & 0xFFFFFFFF, ssrc) + payload


def pair(suite: str) -> tuple[SrtpDirection, SrtpDirection]:
    key = material(suite)
    return SrtpDirection(key, sends=True, ssrc=SSRC), SrtpDirection(key, sends=False)


def sealed(sender: SrtpDirection, packet: bytes) -> bytes:
    found = sender.seal(packet)
    assert isinstance(found, bytes), found
    return found


@pytest.mark.parametrize("suite", SUITES)
def test_the_rollover_counter_over_two_wraps(suite: str) -> None:
    sender, receiver = pair(suite)
    reference = ReferenceSrtp(suite, material(suite).key_salt)
    for number in range(32_000, 3 * 65_536 + 100, 7):
        packet = rtp(number)
        on_wire = sealed(sender, packet)
        assert receiver.open(on_wire) == packet
        if number % 700 == 0:
            assert reference.open(on_wire, number >> 16) == packet


@pytest.mark.parametrize("suite", SUITES)
def test_every_packet_over_a_wrap_with_loss_and_reordering(suite: str) -> None:
    sender, receiver = pair(suite)
    dice = random.Random(5)
    packets = [rtp(number) for number in range(65_000, 66_500)]
    on_wire = [(packet, sealed(sender, packet)) for packet in packets if dice.random() > 0.2]
    on_wire = [each for _, each in sorted(enumerate(on_wire), key=lambda entry: entry[0] + dice.uniform(0, 30))]
    for packet, data in on_wire:
        assert receiver.open(data) == packet
    for _, data in on_wire[-50:]:
        assert receiver.open(data) == "replayed"


@pytest.mark.parametrize("suite", SUITES)
def test_replay_and_what_is_older_than_the_list(suite: str) -> None:
    sender, receiver = pair(suite)
    on_wire = [sealed(sender, rtp(number)) for number in range(1000)]
    assert receiver.open(on_wire[500]) == rtp(500)
    assert receiver.open(on_wire[500]) == "replayed"
    assert receiver.open(on_wire[400]) == rtp(400)
    assert receiver.open(on_wire[400]) == "replayed"
    assert receiver.open(on_wire[999]) == rtp(999)
    assert receiver.open(on_wire[999 - 128]) == "replayed"
    assert receiver.open(on_wire[999 - 127]) == rtp(999 - 127)


@pytest.mark.parametrize("suite", SUITES)
def test_every_flipped_bit_is_noticed_and_the_true_packet_still_taken(suite: str) -> None:
    sender, receiver = pair(suite)
    packet = rtp(4000)
    on_wire = sealed(sender, packet)
    report = struct.pack("!BBHI", 0x80, 201, 1, SSRC) + bytes(24)
    report_on_wire = sender.seal(report, rtcp=True)
    assert isinstance(report_on_wire, bytes)
    for data, is_rtcp, plain in ((on_wire, False, packet), (report_on_wire, True, report)):
        for bit in range(8 * len(data)):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            assert receiver.open(bytes(flipped), rtcp=is_rtcp) in {"forged", "malformed", "replayed"}, bit
        for cut in range(len(data)):
            assert isinstance(receiver.open(data[:cut], rtcp=is_rtcp), str)
        assert receiver.open(data, rtcp=is_rtcp) == plain


@pytest.mark.parametrize("suite", SUITES)
@given(data=st.binary(max_size=300), rtcp=st.booleans())
@settings(max_examples=150, deadline=None)
def test_noise_is_never_taken(suite: str, data: bytes, rtcp: bool) -> None:
    _, receiver = pair(suite)
    assert isinstance(receiver.open(data, rtcp=rtcp), str)


@pytest.mark.parametrize("suite", SUITES)
def test_a_number_is_sealed_once(suite: str) -> None:
    """A second packet of one number would be encrypted with the key stream of the first."""
    sender, _ = pair(suite)
    sealed(sender, rtp(7))
    assert sender.seal(rtp(7, b"\x01" * 20)) == "replayed"
    sealed(sender, rtp(9))
    sealed(sender, rtp(8))
    assert sender.seal(rtp(8)) == "replayed"


def test_only_our_own_source_is_sealed() -> None:
    sender, _ = pair("AEAD_AES_128_GCM")
    assert sender.seal(rtp(1, ssrc=SSRC + 1)) == "forged"


def test_many_sources_one_after_the_other() -> None:
    """A far end may change its source as often as it likes; only so many are remembered."""
    key = material("AEAD_AES_256_GCM")
    receiver = SrtpDirection(key, sends=False)
    reference = ReferenceSrtp(key.suite, key.key_salt)
    for ssrc in range(1, 301):
        for number in range(3):
            packet = rtp(number, ssrc=ssrc)
            assert receiver.open(reference.seal_at(packet, 0)) == packet
    assert receiver.open(reference.seal_at(rtp(2, ssrc=300), 0)) == "replayed"
    assert receiver.open(reference.seal_at(rtp(2, ssrc=300 - 63), 0)) == "replayed"
    assert receiver.open(reference.seal_at(rtp(3, ssrc=1), 0)) == rtp(3, ssrc=1)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("kept", [True, False])
def test_a_new_key_with_the_rollover_counter_kept_or_begun_anew(suite: str, kept: bool) -> None:
    """What the twin is for; the guard of the worker decides between the two (tests of legs)."""
    key = material(suite, 2)
    receiver = SrtpDirection(key, sends=False)
    receiver.carry_over(key, SSRC, 5, 40_000)
    assert receiver.twin is not None
    packet = rtp(40_001)
    on_wire = ReferenceSrtp(suite, key.key_salt).seal_at(packet, 5 if kept else 0)
    assert receiver.open(on_wire) == ("forged" if kept else packet)
    assert receiver.twin.open(on_wire) == (packet if kept else "forged")


def test_keys_never_show() -> None:
    key = material("AEAD_AES_256_GCM")
    shown = f"{key} {key!r} {SetKeys(1, key, key)} {SetKeys(1, key, key)!r} {SrtpDirection(key, sends=True)!r}"
    assert key.key_salt.hex() not in shown
    assert repr(key.key_salt)[2:12] not in shown
    assert shown.count("<hidden>") == 6
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            leak(key)


@pytest.mark.parametrize("suite", SUITES)
def test_material_of_another_length_is_refused_without_showing_it(suite: str) -> None:
    with pytest.raises(ValueError, match=f"{suite} takes {key_length(suite)} octets of key and salt, got 29"):
        KeyMaterial(suite, b"k" * 29)
