"""Key material as signalling and the engine hand it over: values whose text never shows what they hold."""

from __future__ import annotations

from typing import Final

from media.value import value_class

SUITES: Final[dict[str, tuple[int, int]]] = {
    "AEAD_AES_256_GCM": (32, 12),
    "AEAD_AES_128_GCM": (16, 12),
    "AES_CM_128_HMAC_SHA1_80": (16, 14),
    "AES_CM_128_HMAC_SHA1_32": (16, 14),
}
"""Crypto suites by their names in SDP, best first, with the octets of their master key and master salt
(RFC 4568 section 6.2, RFC 7714 section 12)."""


def key_length(suite: str) -> int:
    """Octets of master key and salt together, as `inline:` carries them. Raises KeyError for an unknown suite."""
    key, salt = SUITES[suite]
    return key + salt


@value_class(frozen=True, slots=True)
class KeyMaterial:
    """Master key and salt of one direction. `repr` and `str` name the suite alone."""

    suite: str
    key_salt: bytes

    def __post_init__(self) -> None:
        expected = key_length(self.suite)
        if len(self.key_salt) != expected:
            raise ValueError(f"{self.suite} takes {expected} octets of key and salt, got {len(self.key_salt)}")

    def __repr__(self) -> str:
        return f"KeyMaterial({self.suite}, <hidden>)"

    __str__ = __repr__

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("key material is not pickled or copied: it must not leave the process")
