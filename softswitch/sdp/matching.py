"""Which offered formats both sides can do, and in what order: RFC 3264 6.1 without any state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from softswitch.sdp.codec import LAST_PAYLOAD_TYPE, TELEPHONE_EVENT, read_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.sdp.attributes import RtpAttributes
    from softswitch.sdp.codec import Codec, Format


def read_formats(numbers: tuple[str, ...], attributes: RtpAttributes) -> tuple[Format, ...]:
    """Give the readable formats of an m= line in its order; unknown and repeated payload types are left out."""
    found: dict[int, Format] = {}
    for text in numbers:
        if not (text.isascii() and text.isdigit() and len(text) <= 3):
            continue
        number = int(text)
        if number > LAST_PAYLOAD_TYPE or number in found:
            continue
        format_ = read_format(number, attributes.rtpmap.get(text), attributes.fmtp.get(text, ""))
        if format_ is not None:
            found[number] = format_
    return tuple(found.values())


def match(
    offered: Sequence[Format], ours: Sequence[Codec], *, prefer_ours: bool, telephone_event: bool
) -> list[tuple[Format, Codec]]:
    """Pair each offered format that we accept with our own codec: audio first, then comfort noise, then events.

    The offer's order stands unless `prefer_ours`. Comfort noise and events need an accepted audio codec of their clock
    rate (RFC 3389 4, RFC 4733 2.1), redundancy one of the payload types it carries (RFC 2198 5). Empty when no audio
    codec is common.
    """
    audio = _match_audio(offered, ours)
    if not audio:
        return []
    if prefer_ours:
        rank = {id(codec): position for position, codec in enumerate(ours)}
        audio.sort(key=lambda pair: rank[id(pair[1])])
    rates = [format_.codec.clock_rate for format_, _ in audio]
    noise: dict[str, tuple[Format, Codec]] = {}
    events: dict[int, tuple[Format, Codec]] = {}
    for format_ in offered:
        codec = format_.codec
        if codec.is_audio or codec.clock_rate not in rates:
            continue
        if codec.is_telephone_event:
            if telephone_event:
                events.setdefault(codec.clock_rate, (format_, codec))
        else:
            own = _find(codec, ours)
            if own is not None and (codec.is_comfort_noise or _carries(codec, audio)):
                noise.setdefault(codec.key, (format_, own))
    return [*audio, *noise.values(), *sorted(events.values(), key=lambda pair: rates.index(pair[1].clock_rate))]


def _carries(red: Codec, audio: Sequence[tuple[Format, Codec]]) -> bool:
    """Whether redundancy is of one accepted codec alone: `111/111` (RFC 2198 5)."""
    numbers = set(red.fmtp.split("/"))
    return len(numbers) == 1 and any(str(format_.payload_type) in numbers for format_, _ in audio)


def _match_audio(offered: Sequence[Format], ours: Sequence[Codec]) -> list[tuple[Format, Codec]]:
    audio: list[tuple[Format, Codec]] = []
    for format_ in offered:
        if format_.codec.is_audio:
            own = _find(format_.codec, ours)
            if own is not None and not any(own is taken for _, taken in audio):
                audio.append((format_, own))
    return audio


def _find(codec: Codec, among: Sequence[Codec]) -> Codec | None:
    for own in among:
        if own.wire == codec.wire:
            return own
    return None


def settle(theirs: Codec, ours: Codec) -> tuple[Codec, Codec]:
    """Give the codec as we send it and as we receive it, with the parameters both sides must respect."""
    name = theirs.name.lower()
    if name == "g729":
        # RFC 4856 2.1.9: annexb defaults to yes, and "no" from either side binds both.
        no = theirs.parameter("annexb", "yes") == "no" or ours.parameter("annexb", "yes") == "no"
        fmtp = "annexb=no" if no else ""
        return _with_fmtp(theirs, fmtp), _with_fmtp(ours, fmtp)
    if name == TELEPHONE_EVENT:
        # What we take is never more than they asked about, nor more than DTMF and flash (RFC 4733 2.4.1, 3.2).
        return theirs, _with_fmtp(ours, "0-16" if theirs.fmtp == "0-16" else "0-15")
    return theirs, ours


def _with_fmtp(codec: Codec, fmtp: str) -> Codec:
    return codec if codec.fmtp == fmtp else replace(codec, fmtp=fmtp)
