"""Which codecs a leg may be offered or answered, given what the party at the other end of the call can do.

The engine relays any codec both legs agree on, and makes any codec it can decode into any it can encode. Best is what
can be relayed; then what costs least to convert; then the order of the operator's list.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from audiocodecs.coding import SAMPLE_RATES, why_unavailable
from audiocodecs.registry import codec_by_name

from softswitch.sdp.codec import KNOWN_CODECS, Codec
from softswitch.sdp.opus import relayed as opus_relayed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PCMA: Final = KNOWN_CODECS["pcma"]
PCMU: Final = KNOWN_CODECS["pcmu"]
TELEPHONE_EVENT: Final = KNOWN_CODECS["telephone-event"]
G711: Final = frozenset({PCMA.key, PCMU.key})

_WORK: Final = {"pcma": (1, 1), "pcmu": (1, 1), "l16": (1, 1), "g722": (17, 32), "opus": (37, 66), "g729": (91, 91)}
"""Microseconds of one core for decoding and encoding 20 ms, measured: against a narrowband codec, and a wider one."""
_RESAMPLING: Final = 10
"""Microseconds for both directions of 20 ms."""

_REMEMBERED: Final = 256
"""Decisions: peers have the same codecs in every call. Few enough that what they say cannot fill the memory."""


def why_not_coded(codec: Codec) -> str | None:
    """Why `codec` cannot be decoded and encoded here, which library to install if one would help; None: it can."""
    known = codec_by_name(codec.name)
    if known is None or known.name not in SAMPLE_RATES:
        return "this switch has no coder for it"
    if known.name == "L16":
        fits = codec.channels == 1 and codec.clock_rate in SAMPLE_RATES["L16"]
    else:
        fits = codec.clock_rate == known.clock_rate and codec.channels == (2 if known.name == "opus" else 1)
    return why_unavailable(known.name) if fits else f"not with {codec.rtpmap.partition('/')[2]}"


def convertible(a: Codec, b: Codec) -> bool:
    """Whether packets of one can be delivered as the other."""
    return a.same_format(b) or (why_not_coded(a) is None and why_not_coded(b) is None)


def cost(a: Codec, b: Codec) -> int:
    """What it takes to connect the two, in microseconds of one core for 20 ms both ways; 0: they are relayed."""
    if a.same_format(b):
        return 0
    if a.key in G711 and b.key in G711:
        return 1
    narrow = _is_narrow(a) or _is_narrow(b)
    fixed = {_only_rate(each) for each in (a, b)} - {None}
    column = 0 if narrow else 1
    return sum(_WORK.get(each.name.lower(), (99, 99))[column] for each in (a, b)) + (
        _RESAMPLING if len(fixed) > 1 else 0
    )


def _only_rate(codec: Codec) -> int | None:
    """The one sampling rate of a codec, Hz; None when its coder takes that of the other side."""
    return None if codec.name.lower() in ("opus", "g722") else codec.clock_rate


def _is_narrow(codec: Codec) -> bool:
    return _only_rate(codec) == 8000


def audio(codecs: Iterable[Codec]) -> list[Codec]:
    """Without telephone-event and comfort noise."""
    return [codec for codec in codecs if codec.is_audio]


def common(offered: Iterable[Codec], allowed: Sequence[Codec]) -> list[Codec]:
    """The audio codecs of an offer that are allowed, with the parameters they were offered with."""
    return [codec for codec in audio(offered) if any(codec.same_format(ours) for ours in allowed)]


def towards(allowed: Sequence[Codec], peer: Sequence[Codec] | None) -> tuple[Codec, ...]:
    """What to offer on a leg that allows `allowed`, when the peer does `peer` (None: not known yet, anything).

    Codecs the peer has itself come first, then those cheapest to convert; digits at the clock rate of each (RFC 4733
    2.1). Empty when the two could never hear each other.
    """
    if peer is None:
        return _with_digits(audio(allowed))
    return _towards(tuple(allowed), tuple(peer))


@lru_cache(_REMEMBERED)
def _towards(allowed: tuple[Codec, ...], peer: tuple[Codec, ...]) -> tuple[Codec, ...]:
    wanted, theirs = audio(allowed), audio(peer)
    ranked: list[tuple[int, Codec]] = []
    for ours in wanted:
        heard = [(cost(ours, each), each) for each in theirs if convertible(ours, each)]
        if heard:
            price, nearest = min(heard, key=_price)
            ranked.append((price, ours if price else _relayed(nearest, ours)))
    return _with_digits([codec for _, codec in sorted(ranked, key=_price)])


def answer_like(offered: Sequence[Codec], allowed: Sequence[Codec], peer: Codec) -> tuple[Codec, ...]:
    """What to answer to an offer once the other side of the call uses `peer`: that codec if we can, else the cheapest.

    One audio codec alone, so that the far end cannot change to another in the middle of the call.
    """
    return _answer_like(tuple(offered), tuple(allowed), peer)


@lru_cache(_REMEMBERED)
def _answer_like(offered: tuple[Codec, ...], allowed: tuple[Codec, ...], peer: Codec) -> tuple[Codec, ...]:
    ranked = [
        (cost(ours, peer), ours)
        for ours in audio(allowed)
        if convertible(ours, peer) and any(ours.same_format(theirs) for theirs in offered)
    ]
    if not ranked:
        return ()
    price, best = min(ranked, key=_price)
    return _with_digits([best if price else _relayed(peer, best)])


def answer_alone(offered: Sequence[Codec], allowed: Sequence[Codec]) -> tuple[Codec, ...]:
    """What to answer when we are the other end ourselves (prompts, echo): the first we can encode, if there is any."""
    candidates = [ours for ours in audio(allowed) if any(ours.same_format(theirs) for theirs in offered)]
    chosen = [ours for ours in candidates if why_not_coded(ours) is None] or candidates
    return _with_digits(chosen[:1])


def why_nothing(allowed: Sequence[Codec], peer: Iterable[Codec]) -> str:
    """Why no codec was found for `allowed` on one side and `peer` on the other, in words for the story of the call."""
    theirs = audio(peer)
    why = f"one side has {_names(theirs)}, the other {_names(audio(allowed))}"
    for codec in (*theirs, *audio(allowed)):
        reason = why_not_coded(codec)
        if reason is not None:
            why += f"; {codec.name} cannot be converted: {reason}"
    return why


def acceptable(allowed: Sequence[Codec], peer: Iterable[Codec]) -> str:
    """What could have been offered on a leg that allows `allowed` while the other side has `peer`, in words."""
    theirs = audio(peer)
    heard = [ours for ours in audio(allowed) if any(convertible(ours, each) for each in theirs)]
    return _names(heard or audio(allowed))


def names(codecs: Iterable[Codec]) -> str:
    """Audio codecs as an operator writes them, at most as many as fit in a header."""
    return _names(audio(codecs))


def _names(codecs: Sequence[Codec]) -> str:
    plain = [each.name if each.clock_rate in (8000, 48000) else f"{each.name}/{each.clock_rate}" for each in codecs]
    return ", ".join(plain)[:200] or "none"


def _relayed(peer: Codec, ours: Codec) -> Codec:
    """The peer's own parameters go along: relaying promises the far end exactly what the near end takes."""
    return opus_relayed(peer, ours) if peer.name.lower() == "opus" else peer


def _with_digits(codecs: Sequence[Codec]) -> tuple[Codec, ...]:
    return (*codecs, *map(_digits, dict.fromkeys(codec.clock_rate for codec in codecs)))


@lru_cache(_REMEMBERED)
def _digits(clock_rate: int) -> Codec:
    return Codec(TELEPHONE_EVENT.name, clock_rate, 1, TELEPHONE_EVENT.fmtp)


def _price(ranked: tuple[int, Codec]) -> int:
    return ranked[0]
