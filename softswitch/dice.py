"""Randomness for the sans-IO parts: tokens from the kernel's generator, fetched by the block."""

from __future__ import annotations

import os

BLOCK = 3072
"""Octets fetched at a time: a system call for each of the dozen tokens of a call would cost more than all of them."""


class Tokens:
    """Gives fresh random hexadecimal text of `octets` octets each time it is called."""

    __slots__ = ("_at", "_block", "_size")

    def __init__(self, octets: int) -> None:
        self._size = 2 * octets
        self._block = ""
        self._at = 0

    def __call__(self) -> str:
        at = self._at
        end = at + self._size
        if end > len(self._block):
            self._block = os.urandom(BLOCK).hex()
            at, end = 0, self._size
        self._at = end
        return self._block[at:end]


class Numbers:
    """1, 2, 3, ... for recordings, playbacks and SDP sessions, from a random start."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = int.from_bytes(os.urandom(4), "big") >> 2

    def __call__(self) -> int:
        self._last += 1
        return self._last
