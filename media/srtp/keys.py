"""What control keeps of one leg's SRTP: its sessions by key, so that a key that stays goes on where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.srtp.session import SrtpDirection

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.engine import EngineCore
    from media.srtp.material import KeyMaterial

MOST_KEPT = 8
"""Sessions of a direction: a fork may answer one offer several ways, each with its own key, and any may come back."""


_ANY = 0
"""In place of a synchronization source."""


class LegKeys:
    """The sessions of one leg. They are freed when the worker has let go of them, or with the leg.

    A sending session is never made twice for one key: it would number, and so encrypt, from the beginning again
    (RFC 3711 9.1). A receiving one keeps its rollover counter and replay list.
    """

    __slots__ = ("_current", "_receiving", "_retired", "_sending", "_ssrc")

    def __init__(self) -> None:
        self._receiving: dict[KeyMaterial, SrtpDirection] = {}
        self._sending: dict[tuple[KeyMaterial, int], SrtpDirection] = {}
        self._retired: dict[int, SrtpDirection] = {}
        self._current: tuple[KeyMaterial | None, KeyMaterial | None] = (None, None)
        self._ssrc = 0
        """The newest source given to the stream, which the worker may not have taken yet; 0: still its first."""

    def set(
        self,
        core: EngineCore,
        leg: int,
        receive: KeyMaterial | None,
        send: KeyMaterial | None,
        random32: Callable[[], int],
        *,
        any_source: bool = False,
    ) -> None:
        """Use these keys from now on, None for plain packets. The keys in use already change nothing.

        `random32` gives a synchronization source for a stream that must begin anew. `any_source`: a key new from now on
        also seals what others than our own source sent (video that is relayed). Raises MemoryError.
        """
        if (receive, send) == self._current:
            return
        numbers = core.stream_numbers(leg)
        if numbers is None:
            return
        ssrc, sent_roc, their_ssrc, their_roc, their_sequence = numbers
        ssrc = self._ssrc or ssrc
        opening, sealing, new_ssrc = None, None, 0
        if receive is not None:
            opening = self._receiving.get(receive)
            if opening is None:
                opening = self._receiving[receive] = SrtpDirection(receive, sends=False, any_source=any_source)
                if self._current[0] is not None:
                    opening.carry_over(receive, their_ssrc, their_roc, their_sequence)
        if send is not None:
            if send != self._current[1] and sent_roc:
                # A new key in the middle: some far ends expect our rollover counter to go on (RFC 3711 3.3.1), some to
                # begin at zero (RFC 4568 6.4). For a new source it is zero by either.
                new_ssrc = ssrc = self._ssrc = random32()
            # A session for any source has the key to itself: in a second one its sources would begin again.
            sealing = self._sending.get((send, ssrc)) or self._sending.get((send, _ANY))
            if sealing is None:
                sealing = self._sending[send, _ANY if any_source else ssrc] = SrtpDirection(
                    send, sends=True, ssrc=ssrc, any_source=any_source
                )
        core.set_keys(leg, opening.address if opening else 0, sealing.address if sealing else 0, new_ssrc)
        self._current = (receive, send)
        self._evict(core, leg, opening, sealing)

    def released(self, address: int) -> None:
        """The worker has let go of a session that was retired."""
        self._retired.pop(address, None)

    def _evict(self, core: EngineCore, leg: int, *in_use: SrtpDirection | None) -> None:
        kept: dict[KeyMaterial, SrtpDirection] | dict[tuple[KeyMaterial, int], SrtpDirection]
        for kept in (self._receiving, self._sending):
            if len(kept) > MOST_KEPT:
                oldest = next(key for key, each in kept.items() if each not in in_use)
                session = kept.pop(oldest)  # type: ignore[arg-type]  # a key of this very dict
                self._retired[session.address] = session
                core.retire_keys(leg, session.address)
