"""The signatures of calls that come in: judged once, told wherever the caller is told (RFC 8224, ATIS-1000074 5.3)."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.b2bua.origin import Origin
    from softswitch.sip.message import Request
    from softswitch.stir.errors import StirError
    from softswitch.stir.verify import Verifier


class Verification:
    """Judges the callers of trunks that are to be judged."""

    def __init__(self, verifier: Verifier, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds."""
        self._verifier = verifier
        self._clock = clock

    def judge(
        self, request: Request, origin: Origin, called: str, canonical: Callable[[str], str]
    ) -> tuple[Origin, StirError | None]:
        """The caller with the verdict, and why it did not pass. `called`: as it came; `canonical` normalises."""
        caller = canonical(origin.number.raw) if origin.known else ""
        numbers = [canonical(called), canonical(request.to.uri.user or "")]
        verdict = self._verifier.verify(
            request.headers.get_all("Identity"), caller, numbers, self._clock(), _date(request)
        )
        refusal = verdict.refusal
        return (
            replace(
                origin,
                verstat=verdict.verstat,
                attestation=verdict.attest,
                doubt="" if refusal is None else str(refusal)[:200],
                signed=(verdict.identity, numbers[0]) if verdict.identity else None,
            ),
            refusal,
        )


def _date(request: Request) -> float | None:
    text = request.headers.get("Date")
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
