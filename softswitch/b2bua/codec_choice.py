"""Which codecs a leg may be offered, given what the party at the other end of the call can do.

The engine relays any codec both legs agree on and converts between A-law and µ-law; nothing else is transcoded in this
release, so offering more than that would promise audio that cannot be delivered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from softswitch.sdp.negotiate import Codec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PCMA: Final = Codec("PCMA", 8000)
PCMU: Final = Codec("PCMU", 8000)
TELEPHONE_EVENT: Final = Codec("telephone-event", 8000, 1, "0-16")
PLAYABLE: Final = (PCMA, PCMU)
"""What prompts and tones can be encoded to."""
NOT_AUDIO: Final = frozenset({"TELEPHONE-EVENT", "CN"})


def same(a: Codec, b: Codec) -> bool:
    """Whether two entries name the same coding, whatever their parameters."""
    return a.clock_rate == b.clock_rate and a.channels == b.channels and a.name.upper() == b.name.upper()


def convertible(a: Codec, b: Codec) -> bool:
    """Whether packets of one can be delivered as the other."""
    return same(a, b) or (a.name.upper() in ("PCMA", "PCMU") and b.name.upper() in ("PCMA", "PCMU"))


def audio(codecs: Iterable[Codec]) -> list[Codec]:
    """Without telephone-event and comfort noise."""
    return [codec for codec in codecs if codec.name.upper() not in NOT_AUDIO]


def towards(allowed: Sequence[Codec], peer: Sequence[Codec] | None) -> tuple[Codec, ...]:
    """What to offer on a leg that allows `allowed`, when the peer does `peer` (None: not known yet, anything).

    Codecs the peer has itself come first in `allowed`'s order, then those we would convert to; digits always.
    Empty when the two could never hear each other.
    """
    wanted = audio(allowed)
    if peer is None:
        direct, converted = wanted, []
    else:
        peer = audio(peer)
        # The peer's own fmtp goes along: relaying promises the far end exactly what the near end sends.
        direct = [theirs for ours in wanted for theirs in peer if same(ours, theirs)]
        converted = [
            ours
            for ours in wanted
            if not any(same(ours, theirs) for theirs in peer) and any(convertible(ours, theirs) for theirs in peer)
        ]
    chosen = (*direct, *converted)
    return (*chosen, TELEPHONE_EVENT) if chosen else ()


def answer_like(offered: Sequence[Codec], allowed: Sequence[Codec], peer: Codec) -> tuple[Codec, ...]:
    """What to answer to an offer once the other side of the call uses `peer`: that codec if we can, else its like."""
    candidates = [codec for codec in audio(offered) if any(same(codec, ours) for ours in allowed)]
    for fits in (same, convertible):
        for codec in candidates:
            if fits(codec, peer):
                return (codec, TELEPHONE_EVENT)
    return ()


def answer_alone(offered: Sequence[Codec], allowed: Sequence[Codec]) -> tuple[Codec, ...]:
    """What to answer when we are the other end ourselves (prompts, echo): something we can encode, if there is any."""
    candidates = [codec for codec in audio(offered) if any(same(codec, ours) for ours in allowed)]
    playable = [codec for codec in candidates if any(same(codec, ours) for ours in PLAYABLE)]
    chosen = playable or candidates
    return (chosen[0], TELEPHONE_EVENT) if chosen else ()
