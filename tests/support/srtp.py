"""SRTP and SRTCP written down from RFC 3711 and RFC 7714 once more, slowly: libsrtp is held against it."""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TAGS = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4, "AEAD_AES_128_GCM": 16, "AEAD_AES_256_GCM": 16}
SALTS = {"AES_CM_128_HMAC_SHA1_80": 14, "AES_CM_128_HMAC_SHA1_32": 14, "AEAD_AES_128_GCM": 12, "AEAD_AES_256_GCM": 12}


def counter_mode(key: bytes, iv: int, octets: int) -> bytes:
    """The key stream of AES in counter mode (RFC 3711 4.1.1), `iv` being 128 bits with the counter at its end."""
    encryptor = Cipher(algorithms.AES(key), modes.CTR(iv.to_bytes(16, "big"))).encryptor()
    return encryptor.update(bytes(octets))


def derive(master_key: bytes, master_salt: bytes, label: int, octets: int) -> bytes:
    """Key derivation at rate zero (RFC 3711 4.3.1); a salt of 96 bits is padded with zeros (RFC 7714 11)."""
    salt = int.from_bytes(master_salt.ljust(14, b"\0"), "big")
    return counter_mode(master_key, (salt ^ label << 48) << 16, octets)


def gcm_iv(salt: bytes, ssrc: int, roc: int, sequence: int) -> bytes:
    """RFC 7714 8.1."""
    plain = struct.pack("!HIIH", 0, ssrc, roc, sequence)
    return bytes(a ^ b for a, b in zip(plain, salt, strict=True))


def gcm_rtcp_iv(salt: bytes, ssrc: int, index: int) -> bytes:
    """RFC 7714 9.1."""
    plain = struct.pack("!HIHI", 0, ssrc, 0, index)
    return bytes(a ^ b for a, b in zip(plain, salt, strict=True))


@dataclass
class ReferenceSrtp:
    """One direction of one key, for packets without extension and CSRC list. Knows no replay list."""

    suite: str
    key_salt: bytes
    roc: int = 0
    highest: int | None = None
    rtcp_index: int = 0
    _keys: dict[int, bytes] = field(init=False)

    def __post_init__(self) -> None:
        split = len(self.key_salt) - SALTS[self.suite]
        master, salt = self.key_salt[:split], self.key_salt[split:]
        sizes = {0: split, 1: 20, 2: SALTS[self.suite], 3: split, 4: 20, 5: SALTS[self.suite]}
        self._keys = {label: derive(master, salt, label, size) for label, size in sizes.items()}
        self.gcm = "GCM" in self.suite
        self.tag = TAGS[self.suite]

    def seal(self, packet: bytes) -> bytes:
        """Numbers must rise, wrapping at 65,536: the rollover counter is counted here."""
        (sequence,) = struct.unpack_from("!H", packet, 2)
        if self.highest is not None and sequence < self.highest:
            self.roc += 1
        self.highest = sequence
        return self.seal_at(packet, self.roc)

    def seal_at(self, packet: bytes, roc: int) -> bytes:
        """Under a rollover counter that is told."""
        sequence, _, ssrc = struct.unpack_from("!HII", packet, 2)
        head, payload = packet[:12], packet[12:]
        if self.gcm:
            sealed = AESGCM(self._keys[0]).encrypt(gcm_iv(self._keys[2], ssrc, roc, sequence), payload, head)
            return head + sealed
        salt = int.from_bytes(self._keys[2], "big") << 16
        stream = counter_mode(self._keys[0], salt ^ ssrc << 64 ^ (roc << 16 | sequence) << 16, len(payload))
        sealed = head + bytes(a ^ b for a, b in zip(payload, stream, strict=True))
        return sealed + hmac.digest(self._keys[1], sealed + struct.pack("!I", roc), hashlib.sha1)[: self.tag]

    def open(self, packet: bytes, roc: int = 0) -> bytes:
        """Raises ValueError, or cryptography's InvalidTag, unless it authenticates."""
        sequence, _, ssrc = struct.unpack_from("!HII", packet, 2)
        head = packet[:12]
        if self.gcm:
            return head + AESGCM(self._keys[0]).decrypt(gcm_iv(self._keys[2], ssrc, roc, sequence), packet[12:], head)
        sealed, tag = packet[: -self.tag], packet[-self.tag :]
        if hmac.digest(self._keys[1], sealed + struct.pack("!I", roc), hashlib.sha1)[: self.tag] != tag:
            raise ValueError("the packet does not authenticate")
        salt = int.from_bytes(self._keys[2], "big") << 16
        stream = counter_mode(self._keys[0], salt ^ ssrc << 64 ^ (roc << 16 | sequence) << 16, len(sealed) - 12)
        return head + bytes(a ^ b for a, b in zip(sealed[12:], stream, strict=True))

    def seal_rtcp(self, packet: bytes) -> bytes:
        """SRTCP (RFC 3711 3.4, RFC 7714 9), encrypted; its tag is 80 bits with either SHA1 suite (RFC 4568 6.2.2)."""
        self.rtcp_index += 1
        (ssrc,) = struct.unpack_from("!I", packet, 4)
        index = struct.pack("!I", 0x80000000 | self.rtcp_index)
        head, body = packet[:8], packet[8:]
        if self.gcm:
            iv = gcm_rtcp_iv(self._keys[5], ssrc, self.rtcp_index)
            return head + AESGCM(self._keys[3]).encrypt(iv, body, head + index) + index
        salt = int.from_bytes(self._keys[5], "big") << 16
        stream = counter_mode(self._keys[3], salt ^ ssrc << 64 ^ self.rtcp_index << 16, len(body))
        sealed = head + bytes(a ^ b for a, b in zip(body, stream, strict=True)) + index
        return sealed + hmac.digest(self._keys[4], sealed, hashlib.sha1)[:10]

    def open_rtcp(self, packet: bytes) -> bytes:
        """Raises ValueError, or cryptography's InvalidTag, unless it authenticates."""
        (ssrc,) = struct.unpack_from("!I", packet, 4)
        head = packet[:8]
        if self.gcm:
            index = packet[-4:]
            number = int.from_bytes(index, "big") & 0x7FFFFFFF
            iv = gcm_rtcp_iv(self._keys[5], ssrc, number)
            return head + AESGCM(self._keys[3]).decrypt(iv, packet[8:-4], head + index)
        sealed, tag = packet[:-10], packet[-10:]
        if hmac.digest(self._keys[4], sealed, hashlib.sha1)[:10] != tag:
            raise ValueError("the packet does not authenticate")
        number = int.from_bytes(sealed[-4:], "big") & 0x7FFFFFFF
        salt = int.from_bytes(self._keys[5], "big") << 16
        stream = counter_mode(self._keys[3], salt ^ ssrc << 64 ^ number << 16, len(sealed) - 12)
        return head + bytes(a ^ b for a, b in zip(sealed[8:-4], stream, strict=True))
