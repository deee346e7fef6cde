"""`a=crypto`: the keys of SRTP in SDP (RFC 4568, RFC 7714), read with suspicion and written plainly.

Nothing here, error texts included, ever shows a key.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final, Literal

from media.srtp.material import SUITES, KeyMaterial, key_length
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PLAIN_PROFILES: Final = frozenset({"RTP/AVP", "RTP/AVPF"})
SECURE_PROFILES: Final = frozenset({"RTP/SAVP", "RTP/SAVPF"})
"""AVPF and SAVPF only permit earlier feedback (RFC 4585 3, RFC 5124), which we need not send."""

_PREFIX = "a=crypto:"
_LEAST_LIFETIME = 1 << 20
"""Packets under one key we insist on: nearly six hours of 20 ms. No new key is offered in the middle of a call."""
_MOST_LIFETIME = 1 << 48  # RFC 3711 9.2
_PARAMETERS = frozenset(
    {"KDR", "UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP", "FEC_ORDER", "FEC_KEY"}
)


@value_class(frozen=True, slots=True)
class SrtpPolicy:
    """What one side of us does about SRTP. `suites`: offered and accepted, best first."""

    mode: Literal["off", "optional", "mandatory"] = "off"
    suites: tuple[str, ...] = tuple(SUITES)

    @property
    def wanted(self) -> bool:
        """Whether keys are offered and taken at all."""
        return self.mode != "off"

    @property
    def mandatory(self) -> bool:
        """Whether plain RTP is refused."""
        return self.mode == "mandatory"


PLAIN: Final = SrtpPolicy()


@value_class(frozen=True, slots=True)
class Crypto:
    """One crypto attribute: its author's key to send with. `repr` names tag and suite alone."""

    tag: int
    material: KeyMaterial

    @property
    def suite(self) -> str:
        """The crypto suite's name."""
        return self.material.suite

    @property
    def line(self) -> str:
        """As SDP carries it. No lifetime and no MKI: neither is needed for one key, and not all can read them."""
        return f"{_PREFIX}{self.tag} {self.suite} inline:{b64encode(self.material.key_salt).decode()}"


def has_crypto(lines: Iterable[str]) -> bool:
    """Whether a section carries keys."""
    return any(line.startswith(_PREFIX) for line in lines)


def read_crypto(lines: Iterable[str], suites: Sequence[str]) -> tuple[list[Crypto], list[str]]:
    """Give the attributes that can be used, in their order, and why each of the others cannot (RFC 4568 6, 7.1.2).

    An attribute with anything in it that is not understood is not used, unless the unknown is marked optional by `-`
    (6.3.7): leaving out an UNENCRYPTED_SRTP, say, would send what the far end does not expect.
    """
    found: list[Crypto] = []
    refused: list[str] = []
    tags: set[int] = set()
    for line in lines:
        if not line.startswith(_PREFIX):
            continue
        try:
            crypto = _read(line[len(_PREFIX) :], suites)
            if crypto.tag in tags:
                raise _Unusable("tag used twice")
        except _Unusable as why:
            refused.append(str(why))
        else:
            tags.add(crypto.tag)
            found.append(crypto)
    return found, refused


class _Unusable(Exception):
    """Why an attribute cannot be used, in words that never quote its key."""


def _read(value: str, suites: Sequence[str]) -> Crypto:
    words = value.split()
    if len(words) < 3:
        raise _Unusable("no tag, suite and key")
    tag, suite, keys, *parameters = words
    if not (tag.isascii() and tag.isdigit() and len(tag) <= 9):
        raise _Unusable("tag is no number")
    suite = suite.upper()
    if suite not in suites or suite not in SUITES:
        # Shown only what cannot be a key that stands in the wrong place.
        looks_like_one = "_" in suite and suite.replace("_", "").isalnum()
        raise _Unusable(f"suite {suite[:40]}" if looks_like_one else "suite unreadable")
    for parameter in parameters:
        name = parameter.partition("=")[0]
        if not parameter.startswith("-") and name.upper() != "WSH":
            # WSH is a hint for the replay list (6.3.6); ours is longer than any packet is late.
            raise _Unusable(f"{suite} with {name if name in _PARAMETERS else 'a parameter unknown here'}")
    return Crypto(int(tag), KeyMaterial(suite, _key(keys, suite)))


def _key(keys: str, suite: str) -> bytes:
    method, _, info = keys.partition(":")
    if method.lower() != "inline":
        raise _Unusable(f"{suite} with another key method than inline")
    if ";" in info:
        raise _Unusable(f"{suite} with several keys")
    text, *rest = info.split("|")
    for each in rest:
        if ":" in each:
            raise _Unusable(f"{suite} with an MKI")
        if not _LEAST_LIFETIME <= _lifetime(each) <= _MOST_LIFETIME:
            raise _Unusable(f"{suite} with a lifetime of less than 2^20 packets, or none that can be read")
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _Unusable(f"{suite} with a key that is no base64") from None
    if len(key) != key_length(suite):
        raise _Unusable(f"{suite} with a key of {len(key)} octets, not {key_length(suite)}")
    return key


def _lifetime(text: str) -> int:
    """`2^31` or a number of packets; 0 when it is neither."""
    base, power, exponent = text.partition("^")
    number = exponent if power else base
    if (power and base != "2") or not (number.isascii() and number.isdigit() and len(number) <= 20):
        return 0
    return (1 << int(number) if int(number) < 64 else 0) if power else int(number)
