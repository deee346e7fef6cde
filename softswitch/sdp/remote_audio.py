"""The remote's audio section: which one is usable, and what it says, once defaults and inheritance are resolved."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from softswitch.sdp.address import AddressKind, address_kind, address_type, is_plausible_media_address
from softswitch.sdp.attributes import Direction, RtpAttributes, direction_of, read_direction
from softswitch.sdp.crypto import PLAIN, PLAIN_PROFILES, SECURE_PROFILES, has_crypto, read_crypto
from softswitch.sdp.errors import (
    INCOMPATIBLE_ADDRESS,
    INCOMPATIBLE_FORMAT,
    INCOMPATIBLE_TRANSPORT,
    NO_SUCH_MEDIA,
    SdpError,
)
from softswitch.sdp.extended_reports import NO_XR, XrTerms, read_xr
from softswitch.sdp.matching import read_formats
from softswitch.sdp.media import find_attribute
from softswitch.sdp.packet_time import packet_time

if TYPE_CHECKING:
    from softswitch.sdp.browser import RemoteTransport
    from softswitch.sdp.codec import Codec, Format
    from softswitch.sdp.crypto import Crypto, SrtpPolicy
    from softswitch.sdp.description import SessionDescription
    from softswitch.sdp.local_description import Layout
    from softswitch.sdp.media import MediaDescription
    from softswitch.sdp.video import VideoOffer


class RemoteAudio(NamedTuple):
    """Their usable audio section, read."""

    position: int
    section: MediaDescription
    attributes: RtpAttributes
    address: str
    formats: tuple[Format, ...]
    direction: Direction
    """What they want; 0.0.0.0 or :: means that nothing may be sent there (RFC 3264 8.4)."""
    crypto: tuple[Crypto, ...] = ()
    """Their keys that can be used; (): plain RTP."""
    rtcp_xr: XrTerms = NO_XR
    """The extended reports they ask for."""
    web: RemoteTransport | None = None
    """A browser's transport."""
    video: VideoOffer | None = None
    """A browser's video."""
    nack: frozenset[int] = frozenset()
    """Payload types that lost packets may be asked for again of (RFC 4585 6.2.1)."""

    def rtcp(self, *, mux: bool) -> tuple[str, int]:
        """Where their RTCP goes: the RTP port under rtcp-mux, else as RFC 3605 says, else the next port."""
        port = self.section.port
        if mux:
            return self.address, port
        stated = self.attributes.rtcp
        if stated is None:
            return self.address, min(port + 1, 65535)
        other = stated[1]
        # Another address is only followed when somebody could be there: reports must not become a weapon.
        return (other if other is not None and is_plausible_media_address(other) else self.address), stated[0]

    def ptime(self, default: int, codec: Codec) -> int:
        """Milliseconds a packet to send them: what they would like and can take (RFC 4566 6), as `codec` has it."""
        wanted = self.attributes.ptime or default
        if self.attributes.maxptime is not None:
            wanted = min(wanted, self.attributes.maxptime)
        return packet_time(codec, wanted)


def answered_audio(
    description: SessionDescription, layout: Layout, srtp: SrtpPolicy = PLAIN, *, keys_offered: bool = False
) -> RemoteAudio:
    """Read the audio section of an answer. Raises SdpError 488 unless all m= lines are answered in their places.

    `keys_offered`: with keys in a plain profile, the secure one is an answer as well (some read RFC 8643 so).
    """
    slots = layout.slots
    if len(description.media) != len(slots):
        raise SdpError(
            f"{len(description.media)} media sections in the answer",
            expected=f"{len(slots)} as in the offer (RFC 3264 6)",
            status=488,
        )
    for position, (section, slot) in enumerate(zip(description.media, slots, strict=True)):
        line = section.line_number
        if section.media.lower() != slot.media.lower():
            raise SdpError(f"m={section.media[:40]}", expected=f"m={slot.media} as offered", status=488, line=line)
        if not section.port:
            continue
        if position != layout.position:
            raise SdpError("a refused stream taken up", expected="port 0", status=488, line=line)
        answered, offered = section.protocol.upper(), slot.protocol.upper()
        if answered != offered and not (keys_offered and answered == offered.replace("RTP/AVP", "RTP/SAVP")):
            raise SdpError(f"profile {section.protocol[:40]}", expected=slot.protocol, status=488, line=line)
    return read_audio(description, layout.position, srtp)


def takes_audio_away(description: SessionDescription, position: int) -> bool:
    """Whether the stream in use, and every other one of audio, is on port 0 (RFC 3264 8.2)."""
    sections = description.media
    if position >= len(sections) or sections[position].media.lower() != "audio":
        return False
    return not any(section.port for section in sections if section.media.lower() == "audio")


def find_audio(description: SessionDescription, preferred: int, srtp: SrtpPolicy = PLAIN) -> RemoteAudio:
    """Choose the stream to take: the one in use if it still can be, else the first usable one (RFC 3264 6).

    Some offer the same stream twice, secure and plain: a secure one is taken first where SRTP is wanted.
    """
    sections = description.media
    order = list(range(len(sections)))
    if 0 < preferred < len(order):
        order.insert(0, order.pop(preferred))
    first: SdpError | None = None
    plain: RemoteAudio | None = None
    for index in order:
        if sections[index].media.lower() != "audio":
            continue
        try:
            audio = read_audio(description, index, srtp)
        except SdpError as error:
            first = first or error
            continue
        if audio.crypto or not srtp.wanted:
            return audio
        plain = plain or audio
    if plain is not None:
        return plain
    try:
        raise first or SdpError("no audio stream", expected="an m=audio section", status=488, warning=NO_SUCH_MEDIA)
    finally:
        del first  # its traceback holds this frame, with the whole call: the circle would wait for the collector


def read_audio(description: SessionDescription, index: int, srtp: SrtpPolicy = PLAIN) -> RemoteAudio:
    """Read one section. Raises SdpError: 400 unreadable, 488 not usable, or not by what `srtp` permits."""
    section = description.media[index]
    line = section.line_number
    if not section.port:
        raise SdpError("audio stream refused (port 0)", expected="an audio stream", status=488, line=line)
    crypto = _keys(section, srtp)
    connection = section.connection or description.connection
    if connection is None:
        raise SdpError("no connection address", expected="a c= line in the session or the section", line=line)
    kind = address_kind(connection.address)
    if kind is AddressKind.NAME or address_type(connection.address) != connection.address_type:
        raise SdpError(
            f"address {connection.address[:60]!r}",
            expected=f"a literal {connection.address_type} address",
            status=488,
            line=line,
            warning=INCOMPATIBLE_ADDRESS,
        )
    attributes, formats, rtcp_xr = read_rtp(description, section)
    direction = attributes.direction
    if kind is AddressKind.UNSPECIFIED:
        direction = direction_of(send=direction.sends, receive=False)
    return RemoteAudio(index, section, attributes, connection.address, formats, direction, crypto, rtcp_xr)


def read_rtp(
    description: SessionDescription, section: MediaDescription
) -> tuple[RtpAttributes, tuple[Format, ...], XrTerms]:
    """What a section of audio says of its streams, whatever carries them. Raises SdpError 488 without audio in it."""
    stated = read_direction(description.lines, Direction.SENDRECV)
    size = len(section.m_line) + sum(map(len, section.lines))
    read = _remembered_rtp if size <= _LONGEST_REMEMBERED and not has_crypto(section.lines) else _read_rtp
    attributes, formats = read(section.formats, section.lines, stated)
    if not any(format_.codec.is_audio for format_ in formats):
        raise SdpError(
            "no readable audio format",
            expected="a static payload type or an rtpmap",
            status=488,
            line=section.line_number,
            warning=INCOMPATIBLE_FORMAT,
        )
    stated_xr = attributes.rtcp_xr
    if stated_xr is None:
        stated_xr = find_attribute(description.lines, "rtcp-xr")
    return attributes, formats, NO_XR if stated_xr is None else read_xr(stated_xr)


def _keys(section: MediaDescription, srtp: SrtpPolicy) -> tuple[Crypto, ...]:
    """Their keys, () for plain RTP. Raises SdpError 488 for a profile we do not speak or `srtp` does not permit."""
    profile, line = section.protocol.upper(), section.line_number
    secure = profile in SECURE_PROFILES
    if not srtp.wanted:
        if profile not in PLAIN_PROFILES:
            raise _incompatible(f"profile {section.protocol[:40]}", "RTP/AVP", line)
        return ()
    if not secure and profile not in PLAIN_PROFILES:
        expected = "RTP/SAVP" if srtp.mandatory else "RTP/SAVP or RTP/AVP"
        raise _incompatible(f"profile {section.protocol[:40]}", expected, line)
    crypto, refused = read_crypto(section.lines, srtp.suites)
    if not crypto and (secure or srtp.mandatory):
        what = f"{profile} without a usable crypto attribute"
        if refused:
            what += f" ({', '.join(refused)[:200]})"
        raise _incompatible(what, f"RTP/SAVP with a=crypto of {', '.join(srtp.suites)}", line)
    return tuple(crypto)


def _incompatible(what: str, expected: str, line: int) -> SdpError:
    return SdpError(what, expected=expected, status=488, line=line, warning=INCOMPATIBLE_TRANSPORT)


def _read_rtp(
    formats: tuple[str, ...], lines: tuple[str, ...], default: Direction
) -> tuple[RtpAttributes, tuple[Format, ...]]:
    attributes = RtpAttributes(lines, default)
    return attributes, read_formats(formats, attributes)


# A peer says the same of its codecs in every call. Characters, so that the cache stays small.
_LONGEST_REMEMBERED = 1024
_remembered_rtp = lru_cache(256)(_read_rtp)
