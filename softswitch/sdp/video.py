"""Video between two browsers, in the words of its authors: what is relayed unread must mean the same on both legs.

The far leg is offered what the near one offers, with its payload types, extension ids and sources, and the near one is
answered with what the far one chose. So nothing in a packet has to be rewritten.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from softswitch.sdp.attributes import read_direction
from softswitch.sdp.codec import LAST_PAYLOAD_TYPE
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from softswitch.sdp.attributes import Direction
    from softswitch.sdp.web_sections import Attributes, WebSection


class VideoFormat(NamedTuple):
    """One payload type of an m=video line."""

    payload_type: int
    rtpmap: str
    """As written: `VP8/90000`, `rtx/90000`."""
    fmtp: str = ""
    """As written, "" when there is none."""
    feedback: tuple[str, ...] = ()
    """The values of its `a=rtcp-fb`, those for `*` included: `nack pli`, `transport-cc` (RFC 4585 4.2)."""

    @property
    def name(self) -> str:
        """The encoding name in capitals: VP8, VP9, H264, AV1, RTX."""
        return self.rtpmap.partition("/")[0].upper()

    @property
    def repairs(self) -> int | None:
        """The payload type that an rtx format retransmits (RFC 4588 8.6); None for every other format."""
        if self.name != "RTX":
            return None
        for item in self.fmtp.split(";"):
            key, _, value = item.partition("=")
            value = value.strip()
            if key.strip().lower() == "apt" and value.isascii() and value.isdigit() and len(value) <= 3:
                return int(value)
        return None


class Extension(NamedTuple):
    """One `a=extmap` (RFC 8285 8): a header extension's number in packets, and what it is."""

    id: int
    uri: str
    """With its attributes, as written."""


@value_class(frozen=True, slots=True)
class VideoOffer:
    """What one side says of its video: an offer, or as much of one as the other side has chosen.

    Filtered to what can be relayed: VP8, VP9, H264, AV1 and their rtx; extensions that mean something end to end.
    """

    formats: tuple[VideoFormat, ...]
    """Best first. Never empty, and never rtx alone."""
    direction: Direction
    """Its author's: recvonly is a camera that is off, inactive a hold."""
    extensions: tuple[Extension, ...] = ()
    sources: tuple[str, ...] = ()
    """Lines to hand on as they are: `a=msid`, `a=ssrc-group`, `a=ssrc` (RFC 8830, RFC 5576)."""
    bandwidth: tuple[str, ...] = ()
    """`b=` lines as written (RFC 8866 5.8)."""


@value_class(frozen=True, slots=True)
class VideoAgreement:
    """What both sides settled for the video stream, from our point of view. It shares the transport of the audio."""

    remote: VideoOffer
    """What they said, with the formats and extensions both sides have."""
    local: VideoOffer
    """What we said, with the same formats and extensions."""
    direction: Direction
    """Ours: `sends` is from us to them."""
    mid: str


_CODECS: Final = frozenset({"VP8", "VP9", "H264", "AV1"})
_FEEDBACK: Final = frozenset({"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"})
"""What is forwarded from leg to leg."""
_HOP_BY_HOP: Final = (
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:encrypt",
)
"""Header extensions that mean something in one session alone: what section a packet is of, or one leg's keys."""


def read_video(section: WebSection, direction: Direction) -> VideoOffer | None:
    """What an m=video section offers of what can be relayed; None: nothing. `direction`: the session's.

    Of simulcast (RFC 8853) and of its forerunner in `a=ssrc-group:SIM` nothing is kept: the answer is without it, and
    one encoding is sent.
    """
    attributes = section.attributes
    maps, parameters = _by_number(attributes.get("rtpmap", ())), _by_number(attributes.get("fmtp", ()))
    feedback: dict[str, list[str]] = {}
    for _, value in attributes.get("rtcp-fb", ()):
        number, _, what = value.partition(" ")
        what = " ".join(what.split()).lower()
        if what in _FEEDBACK:
            feedback.setdefault(number, []).append(what)
    everywhere = feedback.get("*", [])
    formats: dict[int, VideoFormat] = {}
    for text in section.media.formats:
        rtpmap = maps.get(text, "")
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= LAST_PAYLOAD_TYPE):
            continue
        name, _, rate = rtpmap.partition("/")
        if rate.strip() == "90000" and (name.upper() in _CODECS or name.upper() == "RTX"):
            said = tuple(dict.fromkeys([*feedback.get(text, ()), *everywhere]))
            formats.setdefault(int(text), VideoFormat(int(text), rtpmap.strip(), parameters.get(text, ""), said))
    kept = _with_their_repairs(formats.values())
    if not kept:
        return None
    return VideoOffer(
        formats=kept,
        direction=read_direction(section.media.lines, direction),
        extensions=tuple(_extensions(attributes)),
        sources=_sources(attributes),
        bandwidth=tuple(line for line in section.media.lines if line.startswith(("b=AS:", "b=TIAS:"))),
    )


def write_video(video: VideoOffer, port: int, protocol: str, further: str) -> str:
    """The whole m=video section; `further`: more lines of it with their ends, ICE and DTLS among them."""
    lines = [
        f"m=video {port} {protocol} {' '.join([str(format_.payload_type) for format_ in video.formats])}",
        *video.bandwidth,
    ]
    for format_ in video.formats:
        number = format_.payload_type
        lines.append(f"a=rtpmap:{number} {format_.rtpmap}")
        lines.extend([f"a=rtcp-fb:{number} {what}" for what in format_.feedback])
        if format_.fmtp:
            lines.append(f"a=fmtp:{number} {format_.fmtp}")
    lines.extend([f"a=extmap:{extension.id} {extension.uri}" for extension in video.extensions])
    lines.extend((f"a={video.direction.value}", "a=rtcp-mux", *video.sources, further))
    return "\r\n".join(lines)


def held_to(video: VideoOffer, kbit: int | None) -> VideoOffer:
    """The same, asking for no more than so many kbit/s with all headers (`b=AS`, RFC 8866 5.8); None: no limit of ours.

    What its author wants less of stays as it was said.
    """
    if kbit is None or any(_kbit(line) <= kbit for line in video.bandwidth):
        return video
    return replace(video, bandwidth=(f"b=AS:{kbit}",))


def _kbit(line: str) -> float:
    """Of a `b=` line; what cannot be read is no limit."""
    kind, _, value = line.partition(":")
    if not (value.isascii() and value.isdigit()):
        return math.inf
    return int(value[:15]) / (1000 if kind == "b=TIAS" else 1)


def in_common(chosen: VideoOffer, offered: VideoOffer) -> tuple[VideoOffer, VideoOffer] | None:
    """What two sides have in common, each in its own words, in the order of `chosen`; None: nothing.

    The same payload type must mean the same: the far leg was offered the near one's, and no packet is rewritten.
    """
    theirs = {format_.payload_type: format_ for format_ in offered.formats}
    pairs: list[tuple[VideoFormat, VideoFormat]] = []
    for format_ in chosen.formats:
        other = theirs.get(format_.payload_type)
        if other is not None and (other.name, other.repairs) == (format_.name, format_.repairs):
            feedback = tuple(what for what in format_.feedback if what in other.feedback)
            pairs.append((format_._replace(feedback=feedback), other._replace(feedback=feedback)))
    mine = _with_their_repairs([each for each, _ in pairs])
    if not mine:
        return None
    numbers = {format_.payload_type for format_ in mine}
    extensions = tuple(each for each in chosen.extensions if each in offered.extensions)
    return (
        replace(chosen, formats=mine, extensions=extensions),
        replace(
            offered, formats=tuple(each for _, each in pairs if each.payload_type in numbers), extensions=extensions
        ),
    )


def without_numbers(video: VideoOffer, taken: Container[int]) -> VideoOffer | None:
    """The same without payload types that mean something else in this session; None: nothing is left."""
    kept = _with_their_repairs([format_ for format_ in video.formats if format_.payload_type not in taken])
    return replace(video, formats=kept) if kept else None


def _with_their_repairs(formats: Iterable[VideoFormat]) -> tuple[VideoFormat, ...]:
    """Retransmissions only of what is there itself."""
    listed = list(formats)
    numbers = {format_.payload_type for format_ in listed if format_.name in _CODECS}
    return tuple(each for each in listed if each.payload_type in numbers or each.repairs in numbers)


def _by_number(values: Iterable[tuple[int, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for _, value in values:
        number, _, text = value.partition(" ")
        found.setdefault(number, text.strip())
    return found


def _extensions(attributes: Attributes) -> Iterator[Extension]:
    """Each id and each extension once; ids above 14 need two-octet headers, which are relayed as well."""
    seen: set[int] = set()
    for _, value in attributes.get("extmap", ()):
        number, _, uri = value.strip().partition(" ")
        uri = uri.strip()
        if not (number.isascii() and number.isdigit() and len(number) <= 3) or not uri:
            continue  # `4/sendonly` as well: what one side alone may send is not worth the words
        if 1 <= int(number) <= 255 and int(number) not in seen and not uri.startswith(_HOP_BY_HOP):
            seen.add(int(number))
            yield Extension(int(number), uri)


def _sources(attributes: Attributes) -> tuple[str, ...]:
    """Who sends: the stream's name and its numbers; of several encodings the first, with its retransmissions."""
    groups = [words for _, value in attributes.get("ssrc-group", ()) if (words := value.split())]
    dropped = {ssrc for semantics, *members in groups if semantics.upper() == "SIM" for ssrc in members[1:]}
    dropped |= {ssrc for _, *members in groups if members and members[0] in dropped for ssrc in members}
    return tuple(
        [f"a=msid:{value}" for _, value in attributes.get("msid", ())[:1]]
        + [
            f"a=ssrc-group:{' '.join(words)}"
            for words in groups
            if words[0].upper() == "FID" and not dropped.intersection(words[1:])
        ]
        + [f"a=ssrc:{value}" for _, value in attributes.get("ssrc", ()) if value.partition(" ")[0] not in dropped]
    )
