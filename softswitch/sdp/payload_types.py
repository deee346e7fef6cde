"""Which payload type numbers we receive, bound for the life of a session (RFC 3264 8.3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sdp.codec import FIRST_DYNAMIC, LAST_PAYLOAD_TYPE, STATIC_PAYLOAD_TYPES, TELEPHONE_EVENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from softswitch.sdp.codec import Codec, Format

# Numbers most equipment uses unasked; devices that ignore rtpmap then still understand us.
_CUSTOMARY = {f"{TELEPHONE_EVENT}/8000/1": 101, "opus/48000/2": 111, f"{TELEPHONE_EVENT}/48000/1": 110}
_CUSTOMARY_NUMBERS = frozenset(_CUSTOMARY.values())


class PayloadTypes:
    """Keeps one promise: a number that we once bound to a codec never means another one in this session."""

    __slots__ = ("_bound", "_taken")

    def __init__(self) -> None:
        self._bound: dict[int, Codec] = {}
        self._taken: frozenset[int] = frozenset()

    def copy(self) -> PayloadTypes:
        """The same numbers, for another session that begins where this one is."""
        other = PayloadTypes()
        other._bound.update(self._bound)
        other._taken = self._taken
        return other

    def leave(self, numbers: Iterable[int]) -> None:
        """Bind none of these from now on: they mean something in another stream of the bundle (RFC 9143 9.1)."""
        self._taken = self._taken.union(numbers)

    def for_offer(self, codec: Codec) -> int | None:
        """Give the number to offer `codec` with and bind it; None when no number is left."""
        number = self._existing(codec)
        if number is None:
            number = self._fresh(codec)
        return None if number is None else self._bind(number, codec)

    def for_first_offer(self, formats: Iterable[Format]) -> None:
        """Bind the numbers that a session without any would give these codecs."""
        self._bound.update([(format_.payload_type, format_.codec) for format_ in formats])

    def for_answer(self, codec: Codec, offered: int) -> int | None:
        """Give the number to answer with: the offered one (RFC 3264 6.1) unless it means something else to us."""
        bound = self._bound.get(offered)
        if bound is None or bound.same_format(codec):
            return self._bind(offered, codec)
        return self.for_offer(codec)

    def __len__(self) -> int:
        return len(self._bound)

    def _existing(self, codec: Codec) -> int | None:
        for number, bound in reversed(self._bound.items()):
            if bound.same_format(codec):
                return number
        return None

    def _fresh(self, codec: Codec) -> int | None:
        static = STATIC_PAYLOAD_TYPES.get(codec.key)
        if static is not None and static not in self._bound:
            return static
        customary = _CUSTOMARY.get(codec.key)
        used = self._taken.union(self._bound) if self._taken else self._bound
        if customary is not None and customary not in used:
            return customary
        free = [number for number in range(FIRST_DYNAMIC, LAST_PAYLOAD_TYPE + 1) if number not in used]
        for number in free:
            if number not in _CUSTOMARY_NUMBERS:
                return number
        return free[0] if free else None

    def _bind(self, number: int, codec: Codec) -> int:
        self._bound[number] = codec
        return number
