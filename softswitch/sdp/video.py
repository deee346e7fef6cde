"""Video between two browsers, in the words of its authors: what is relayed unread must mean the same on both legs.

The far leg is offered what the near one offers, with its payload types, extension ids and sources, and the near one is
answered with what the far one chose. So nothing in a packet has to be rewritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.sdp.attributes import Direction


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
