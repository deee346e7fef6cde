"""libsrtp against the RFCs' own numbers: the reference in tests/support is held against those, libsrtp against both."""

from __future__ import annotations

import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media.srtp.material import SUITES, KeyMaterial, key_length
from media.srtp.session import SrtpDirection
from tests.support.srtp import ReferenceSrtp, counter_mode, derive, gcm_iv, gcm_rtcp_iv

RTP = bytes.fromhex("800f1234decafbadcafebabe" + "ab" * 16)
RTCP = bytes.fromhex("81c8000bcafebabe" + "ab" * 16)
CM_KEY = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6")
GCM_KEY = bytes(range(16)) + bytes(range(0xA0, 0xAC))
GCM_256_KEY = bytes(range(32)) + bytes(range(0xA0, 0xAC))


def test_key_stream_of_rfc_3711_b_2() -> None:
    key = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
    stream = counter_mode(key, 0xF0F1F2F3F4F5F6F7F8F9FAFBFCFD0000, 0x20 * 16)
    assert stream[:48].hex() == (
        "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0"
    )


def test_key_derivation_of_rfc_3711_b_3() -> None:
    master, salt = CM_KEY[:16], CM_KEY[16:]
    assert derive(master, salt, 0, 16).hex() == "c61e7a93744f39ee10734afe3ff7a087"
    assert derive(master, salt, 2, 14).hex() == "30cbbc08863d8c85d49db34a9ae1"
    assert derive(master, salt, 1, 94).hex() == (
        "cebe321f6ff7716b6fd4ab49af256a15"
        "6d38baa48f0a0acf3c34e2359e6cdbce"
        "e049646c43d9327ad175578ef7227098"
        "6371c10c9a369ac2f94a8c5fbcdddc25"
        "6d6e919a48b610ef17c2041e47403576"
        "6b68642c59bbfc2f34db60dbdfb2"
    )


def test_packet_of_rfc_7714_16_1() -> None:
    """AEAD_AES_128_GCM with the session key itself, before any derivation."""
    packet = bytes.fromhex(
        "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573"
    )
    iv = gcm_iv(b"Quid pro quo", 0x5501A0B2, 0, 0xF17B)
    assert iv.hex() == "51753c6580c2726f20718414"
    sealed = AESGCM(bytes(range(16))).encrypt(iv, packet[12:], packet[:12])
    assert sealed.hex() == (
        "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce"
    )


def test_iv_of_rfc_7714_17() -> None:
    assert gcm_rtcp_iv(b"Quid pro quo", 0x4D617273, 0x5D4).hex() == "517524055203726f207170bb"


@pytest.mark.parametrize(
    ("suite", "key", "sealed", "sealed_rtcp"),
    [
        (
            "AES_CM_128_HMAC_SHA1_80",
            CM_KEY,
            "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
            "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798",
        ),
        (
            "AEAD_AES_128_GCM",
            GCM_KEY,
            "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392",
            "81c8000bcafebabec98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446ea31123ba88ce61e80000001",
        ),
        (
            "AEAD_AES_256_GCM",
            GCM_256_KEY,
            "800f1234decafbadcafebabe0af7f21e8a90bdad7a425c9c31ed4bb1d90238917e7390a2793500e1681acaea",
            None,
        ),
    ],
)
def test_published_packets(suite: str, key: bytes, sealed: str, sealed_rtcp: str | None) -> None:
    material = KeyMaterial(suite, key)
    sender = SrtpDirection(material, sends=True, ssrc=0xCAFEBABE)
    assert sender.seal(RTP) == bytes.fromhex(sealed) == ReferenceSrtp(suite, key).seal(RTP)
    receiver = SrtpDirection(material, sends=False)
    assert receiver.open(bytes.fromhex(sealed)) == RTP
    if sealed_rtcp is not None:
        assert sender.seal(RTCP, rtcp=True) == bytes.fromhex(sealed_rtcp) == ReferenceSrtp(suite, key).seal_rtcp(RTCP)
        assert receiver.open(bytes.fromhex(sealed_rtcp), rtcp=True) == RTCP


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_is_what_the_reference_says(suite: str) -> None:
    key = bytes(range(7, 7 + key_length(suite)))
    material, reference = KeyMaterial(suite, key), ReferenceSrtp(suite, key)
    sender, receiver = SrtpDirection(material, sends=True, ssrc=0x51), SrtpDirection(material, sends=False)
    for sequence in (65_533, 65_534, 65_535, 0, 1, 2):
        packet = struct.pack("!BBHII", 0x80, 8, sequence, sequence * 160, 0x51) + bytes([sequence & 0xFF]) * 160
        sealed = reference.seal(packet)
        assert sender.seal(packet) == sealed
        assert receiver.open(sealed) == packet
        assert len(sealed) == len(packet) + reference.tag
    report = struct.pack("!BBHI", 0x80, 201, 1, 0x51)
    for _ in range(3):
        sealed = reference.seal_rtcp(report)
        assert sender.seal(report, rtcp=True) == sealed
        assert receiver.open(sealed, rtcp=True) == report
