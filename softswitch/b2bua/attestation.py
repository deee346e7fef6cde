"""Signing the calls we send: what we know of a caller, said in the Identity header (ATIS-1000074 5.2)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.b2bua.origin import Origin
    from softswitch.b2bua.presentation import Shown
    from softswitch.stir.sign import Signer


class Attestor:
    """Signs for one trunk."""

    def __init__(self, signer: Signer, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds."""
        self._signer = signer
        self._clock = clock

    def headers(self, origin: Origin, shown: Shown, called: str) -> tuple[tuple[str, str], ...]:
        """Identity for a call to `called` (canonical); none for a caller who is not told.

        A: the number is ours. Else B or C, by what we know of the caller. A signature that came with the call goes on
        as it is where both numbers do: whoever made it knows more than we do.
        """
        if not shown.number:
            return ()
        if not shown.ours and origin.signed is not None:
            identity, signed_for = origin.signed
            if (shown.number, called) == (origin.number.canonical, signed_for):
                return (("Identity", identity),)
        value = self._signer.sign(shown.number, called, "A" if shown.ours else origin.standing, self._clock())
        return () if value is None else (("Identity", value),)
