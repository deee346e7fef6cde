"""STUN messages (RFC 8489) as ICE uses them: Binding alone, short-term credentials, FINGERPRINT always.

Read with suspicion: what is not exactly a message of that kind is none, and nothing in it is believed before `proves`
has seen its integrity. Attributes behind MESSAGE-INTEGRITY are not protected by it and not read (14.5).
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from ipaddress import ip_address
from struct import Struct, pack_into
from typing import Final, Literal, NamedTuple
from zlib import crc32

Address = tuple[str, int]
"""An IP address as text, and a port."""

REQUEST: Final = 0x0001
INDICATION: Final = 0x0011
SUCCESS: Final = 0x0101
ERROR: Final = 0x0111

BAD_REQUEST: Final = 400
FORBIDDEN: Final = 403
UNKNOWN_ATTRIBUTE: Final = 420
ROLE_CONFLICT: Final = 487

MOST_OCTETS: Final = 548
"""A Binding message of ICE has some 100; more than a minimal IPv4 path carries unfragmented (6.1) is none."""

Role = Literal["controlling", "controlled"]

_COOKIE: Final = 0x2112A442
_COOKIE_OCTETS: Final = _COOKIE.to_bytes(4, "big")
_FINGERPRINT_XOR: Final = 0x5354554E
_HEADER = Struct("!HHI12s")
_ATTRIBUTE = Struct("!HH")
_WORD = Struct("!I")

_USERNAME, _INTEGRITY, _ERROR_CODE, _UNKNOWN = 0x0006, 0x0008, 0x0009, 0x000A
_XOR_MAPPED, _PRIORITY, _USE_CANDIDATE = 0x0020, 0x0024, 0x0025
_FINGERPRINT, _CONTROLLED, _CONTROLLING = 0x8028, 0x8029, 0x802A
_SIZES: Final = {_INTEGRITY: 20, _PRIORITY: 4, _USE_CANDIDATE: 0, _FINGERPRINT: 4, _CONTROLLED: 8, _CONTROLLING: 8}
_NOT_READ: Final = frozenset({0x0001, 0x0014, 0x0015, 0x001C, 0x001D, 0x001E})
"""MAPPED-ADDRESS, REALM, NONCE, MESSAGE-INTEGRITY-SHA256, PASSWORD-ALGORITHM, USERHASH: understood as none of ICE's."""
_REASONS: Final = {
    BAD_REQUEST: "Bad Request",
    UNKNOWN_ATTRIBUTE: "Unknown Attribute",
    ROLE_CONFLICT: "Role Conflict",
}
_SHA1_BLOCK: Final = 24
"""Octets of MESSAGE-INTEGRITY with its header."""
_TAIL: Final = 8
"""Octets of FINGERPRINT with its header."""


class StunError(Exception):
    """This is no STUN message of ours; why, in a few words that count cases."""


class StunMessage(NamedTuple):
    """A Binding message. What it did not carry is None."""

    kind: int
    transaction: bytes
    """12 octets."""
    username: bytes | None
    priority: int | None
    use_candidate: bool
    role: Role | None
    """What its sender says it is."""
    tie_breaker: int
    mapped: Address | None
    error: int | None
    unknown: tuple[int, ...]
    """Attributes that must be understood and are not (6.3.1)."""
    data: bytes
    integrity_at: int | None
    """Where MESSAGE-INTEGRITY begins."""

    def proves(self, key: bytes) -> bool:
        """Whether whoever wrote it knows this password (14.5). False without MESSAGE-INTEGRITY."""
        at = self.integrity_at
        if at is None:
            return False
        covered = bytearray(self.data[:at])
        pack_into("!H", covered, 2, at + _SHA1_BLOCK - _HEADER.size)
        return hmac.compare_digest(hmac.digest(key, covered, "sha1"), self.data[at + 4 : at + _SHA1_BLOCK])


def is_stun(data: bytes) -> bool:
    """Whether a datagram of a multiplexed port would be STUN (RFC 7983 7)."""
    return len(data) >= _HEADER.size and data[0] < 4 and data[4:8] == _COOKIE_OCTETS


def first_fragment(data: bytes) -> str | None:
    """The ICE fragment of ours a request names, read without any proof: to find whom it is for. None: names none."""
    try:
        message = read(data)
    except StunError:
        return None
    return ours_of(message.username) if message.kind == REQUEST else None


def ours_of(username: bytes | None) -> str | None:
    """The receiver's fragment: what stands before the colon (RFC 8445 7.2.2)."""
    if username is None:
        return None
    ours, colon, _ = username.partition(b":")
    return ours.decode("ascii", "replace") if colon else None


def read(data: bytes) -> StunMessage:  # noqa: C901 - one branch an attribute
    """Raises StunError for anything but a whole Binding message with a right FINGERPRINT."""
    size = len(data)
    if not _HEADER.size <= size <= MOST_OCTETS or size % 4:
        raise StunError("size")
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if cookie != _COOKIE or length != size - _HEADER.size:
        raise StunError("header")
    if kind not in (REQUEST, INDICATION, SUCCESS, ERROR):
        raise StunError("method")
    username = priority = role = mapped = error = integrity_at = None
    use_candidate, tie_breaker, unknown, seen = False, 0, [], set()
    at, end = _HEADER.size, size
    while at < end:
        what, length = _ATTRIBUTE.unpack_from(data, at)
        begin = at + 4
        after = begin + length
        if after > end:
            raise StunError("attribute beyond the end")
        if _SIZES.get(what, length) != length:
            raise StunError("attribute of a wrong size")
        following = begin + (length + 3 & ~3)
        if what == _FINGERPRINT:
            if following != end:
                raise StunError("fingerprint not last")
            if crc32(data[:at]) ^ _FINGERPRINT_XOR != _WORD.unpack_from(data, begin)[0]:
                raise StunError("fingerprint")
            break
        if integrity_at is not None or (what in seen and what != _INTEGRITY):
            at = following  # behind the integrity, or a repetition: only the first counts (14)
            continue
        seen.add(what)
        if what == _INTEGRITY:
            integrity_at = at
        elif what == _USERNAME:
            username = data[begin:after]
        elif what == _PRIORITY:
            priority = _WORD.unpack_from(data, begin)[0]
        elif what == _USE_CANDIDATE:
            use_candidate = True
        elif what in (_CONTROLLING, _CONTROLLED):
            role = what
            tie_breaker = int.from_bytes(data[begin:after], "big")
        elif what == _XOR_MAPPED:
            mapped = _read_address(data[begin:after], transaction)
        elif what == _ERROR_CODE:
            if length < 4:
                raise StunError("attribute of a wrong size")
            error = (data[begin + 2] & 7) * 100 + data[begin + 3]
        elif what < 0x8000 and what not in _NOT_READ and what != _UNKNOWN:
            unknown.append(what)
        at = following
    else:
        raise StunError("no fingerprint")
    return StunMessage(
        kind, transaction, username, priority, use_candidate,
        None if role is None else "controlling" if role == _CONTROLLING else "controlled",
        tie_breaker, mapped, error, tuple(unknown), data, integrity_at,
    )  # fmt: skip


def request(
    transaction: bytes, key: bytes, *, username: bytes, priority: int, role: Role, tie_breaker: int, nominate: bool
) -> bytes:
    """A connectivity check (RFC 8445 7.2.2). `key`: the far end's password."""
    body = bytearray(_attribute(_USERNAME, username))
    body += _attribute(_PRIORITY, _WORD.pack(priority))
    kind = _CONTROLLING if role == "controlling" else _CONTROLLED
    body += _attribute(kind, tie_breaker.to_bytes(8, "big"))
    if nominate:
        body += _attribute(_USE_CANDIDATE, b"")
    return _sealed(REQUEST, transaction, body, key)


def success(message: StunMessage, source: Address, key: bytes) -> bytes:
    """The answer that tells the sender where it was seen. `key`: our own password."""
    return _sealed(SUCCESS, message.transaction, _attribute(_XOR_MAPPED, _xored(source, message.transaction)), key)


def failure(message: StunMessage, error: int, key: bytes) -> bytes:
    """An answer that refuses a request whose integrity was right."""
    body = bytearray(
        _attribute(_ERROR_CODE, bytes((0, 0, error // 100, error % 100)) + _REASONS[error].encode("ascii"))
    )
    if error == UNKNOWN_ATTRIBUTE:
        # As many as leave the answer no larger than the request they came in.
        body += _attribute(_UNKNOWN, b"".join(what.to_bytes(2, "big") for what in message.unknown[:2]))
    return _sealed(ERROR, message.transaction, body, key)


def indication(transaction: bytes) -> bytes:
    """A keepalive (RFC 8445 11): nobody answers it."""
    return _sealed(INDICATION, transaction, bytearray(), None)


def _sealed(kind: int, transaction: bytes, body: bytes | bytearray, key: bytes | None) -> bytes:
    """A whole message, with MESSAGE-INTEGRITY (unless there is no key) and FINGERPRINT."""
    length = len(body) + (_SHA1_BLOCK if key is not None else 0)
    message = bytearray(_HEADER.pack(kind, length, _COOKIE, transaction)) + body
    if key is not None:
        message += _attribute(_INTEGRITY, hmac.digest(key, message, "sha1"))
    pack_into("!H", message, 2, length + _TAIL)
    return bytes(message + _attribute(_FINGERPRINT, _WORD.pack(crc32(message) ^ _FINGERPRINT_XOR)))


def _attribute(what: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(what, len(value)) + value + bytes(-len(value) % 4)


@lru_cache(maxsize=4096)
def _packed(address: str) -> bytes:
    return ip_address(address).packed


def _xored(address: Address, transaction: bytes) -> bytes:
    """The value of XOR-MAPPED-ADDRESS (14.2)."""
    host = _packed(address[0])
    pad = (_COOKIE_OCTETS + transaction)[: len(host)]
    hidden = int.from_bytes(host, "big") ^ int.from_bytes(pad, "big")
    family = b"\0\1" if len(host) == 4 else b"\0\2"
    return family + (address[1] ^ (_COOKIE >> 16)).to_bytes(2, "big") + hidden.to_bytes(len(host), "big")


def _read_address(value: bytes, transaction: bytes) -> Address:
    if (value[1:2], len(value)) not in ((b"\1", 8), (b"\2", 20)):
        raise StunError("address")
    pad = (_COOKIE_OCTETS + transaction)[: len(value) - 4]
    host = int.from_bytes(value[4:], "big") ^ int.from_bytes(pad, "big")
    return str(ip_address(host.to_bytes(len(value) - 4, "big"))), int.from_bytes(value[2:4], "big") ^ (_COOKIE >> 16)
