"""What one round of offer and answer is made of: the formats we offer, the pairs both have, and what waits."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from softswitch.sdp.agreement import AudioAgreement, AudioOffer
from softswitch.sdp.attributes import Direction
from softswitch.sdp.codec import Format
from softswitch.sdp.errors import LocalError
from softswitch.sdp.payload_types import PayloadTypes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.sdp.codec import Codec
    from softswitch.sdp.extended_reports import XrTerms
    from softswitch.sdp.local_description import Layout
    from softswitch.sdp.profile import Carriage
    from softswitch.sdp.remote_audio import RemoteAudio
    from softswitch.sdp.video import VideoOffer


class OwnOffer(NamedTuple):
    """Our offer that waits for its answer."""

    layout: Layout
    formats: tuple[Format, ...]
    direction: Direction
    ptime: int
    rtcp_mux: bool
    rtcp_xr: XrTerms
    video: VideoOffer | None = None


class TheirOffer(NamedTuple):
    """Their offer that waits for ours."""

    body: bytes
    layout: Layout
    timing: str
    audio: RemoteAudio | None
    """None: the stream is taken away."""
    offer: AudioOffer


def numbered(codecs: tuple[Codec, ...], numbers: PayloadTypes) -> tuple[Format, ...]:
    """Give the formats to offer, audio first. Raises LocalError when there is no audio among them."""
    rates = {codec.clock_rate for codec in codecs if codec.is_audio}
    formats: dict[int, Format] = {}
    for codec in sorted(codecs, key=_audio_first):
        if codec.clock_rate in rates:
            number = numbers.for_offer(codec)
            if number is not None and number not in formats:
                formats[number] = Format(number, codec)
    if not rates or not formats:
        raise LocalError("an offer needs at least one audio codec")
    return tuple(formats.values())


@lru_cache(64)
def first_offer(codecs: tuple[Codec, ...]) -> tuple[Format, ...]:
    """The same in a session that has bound no number yet: what every call to one trunk offers."""
    return numbered(codecs, PayloadTypes())


def taken_away(agreement: AudioAgreement, *, unchanged: bool) -> AudioOffer:
    return AudioOffer(
        formats=agreement.send,
        direction=Direction.INACTIVE,
        remote_address=agreement.remote_address,
        remote_port=0,
        rtcp_mux=agreement.rtcp_mux,
        ptime=agreement.ptime,
        unchanged=unchanged,
    )


def agree(
    audio: RemoteAudio,
    send: list[Format],
    receive: list[Format],
    direction: Direction,
    *,
    rtcp_mux: bool,
    ptime: int,
    carriage: Carriage,
    rtcp_xr: XrTerms,
) -> AudioAgreement:
    return AudioAgreement(
        audio.address,
        audio.section.port,
        audio.rtcp(mux=rtcp_mux),
        rtcp_mux,
        tuple(send),
        tuple(receive),
        direction,
        ptime,
        audio.direction,
        carriage.keys,
        rtcp_xr,
        carriage.web,
        carriage.video,
        carriage.nack,
    )


def offered_number(offered: tuple[Format, ...], codec: Codec) -> int | None:
    """The number we offered `codec` with; an event of theirs is ours too when the clock rate is."""
    for format_ in offered:
        if format_.codec.same_format(codec):
            return format_.payload_type
    return None


def _audio_first(codec: Codec) -> int:
    return 0 if codec.is_audio else 2 if codec.is_telephone_event else 1


def names(codecs: Sequence[Codec]) -> str:
    return ", ".join(codec.rtpmap for codec in codecs)[:200]
