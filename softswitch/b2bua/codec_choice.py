"""Which codecs a leg may be offered, given what the party at the other end of the call can do.

The engine relays any codec both legs agree on and converts between A-law and µ-law; nothing else is transcoded in this
release, so offering more than that would promise audio that cannot be delivered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from softswitch.sdp.codec import KNOWN_CODECS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from softswitch.sdp.codec import Codec

PCMA: Final = KNOWN_CODECS["pcma"]
PCMU: Final = KNOWN_CODECS["pcmu"]
TELEPHONE_EVENT: Final = KNOWN_CODECS["telephone-event"]
PLAYABLE: Final = (PCMA, PCMU)
"""What prompts and tones can be encoded to."""
G711: Final = frozenset({PCMA.key, PCMU.key})


def convertible(a: Codec, b: Codec) -> bool:
    """Whether packets of one can be delivered as the other."""
    return a.same_format(b) or (a.key in G711 and b.key in G711)


def audio(codecs: Iterable[Codec]) -> list[Codec]:
    """Without telephone-event and comfort noise."""
    return [codec for codec in codecs if codec.is_audio]


def towards(allowed: Sequence[Codec], peer: Sequence[Codec] | None) -> tuple[Codec, ...]:
    """What to offer on a leg that allows `allowed`, when the peer does `peer` (None: not known yet, anything).

    Codecs the peer has itself come first in `allowed`'s order, then those we would convert to; digits always.
    Empty when the two could never hear each other.
    """
    wanted = audio(allowed)
    if peer is None:
        chosen = wanted
    else:
        peer = audio(peer)
        # The peer's own fmtp goes along: relaying promises the far end exactly what the near end sends.
        chosen = [theirs for ours in wanted for theirs in peer if ours.wire == theirs.wire]
        if any(theirs.key in G711 for theirs in peer):
            direct = [codec.wire for codec in chosen]
            chosen += [ours for ours in wanted if ours.key in G711 and ours.wire not in direct]
    return (*chosen, TELEPHONE_EVENT) if chosen else ()


def answer_like(offered: Sequence[Codec], allowed: Sequence[Codec], peer: Codec) -> tuple[Codec, ...]:
    """What to answer to an offer once the other side of the call uses `peer`: that codec if we can, else its like."""
    candidates = [codec for codec in audio(offered) if any(codec.same_format(ours) for ours in allowed)]
    best = next((codec for codec in candidates if codec.same_format(peer)), None)
    best = best or next((codec for codec in candidates if convertible(codec, peer)), None)
    return (best, TELEPHONE_EVENT) if best is not None else ()


def answer_alone(offered: Sequence[Codec], allowed: Sequence[Codec]) -> tuple[Codec, ...]:
    """What to answer when we are the other end ourselves (prompts, echo): something we can encode, if there is any."""
    candidates = [codec for codec in audio(offered) if any(codec.same_format(ours) for ours in allowed)]
    playable = [codec for codec in candidates if codec.key in G711]
    chosen = playable or candidates
    return (chosen[0], TELEPHONE_EVENT) if chosen else ()
