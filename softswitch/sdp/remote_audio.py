"""The remote's audio section: which one is usable, and what it says, once defaults and inheritance are resolved."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from softswitch.sdp.address import AddressKind, address_kind, address_type, is_plausible_media_address
from softswitch.sdp.attributes import Direction, RtpAttributes, direction_of, read_direction
from softswitch.sdp.errors import SdpError
from softswitch.sdp.matching import read_formats

if TYPE_CHECKING:
    from softswitch.sdp.codec import Format
    from softswitch.sdp.description import SessionDescription
    from softswitch.sdp.local_description import Layout
    from softswitch.sdp.media import MediaDescription

SUPPORTED_PROFILES = frozenset({"RTP/AVP", "RTP/AVPF"})
"""Plain RTP. AVPF only permits earlier feedback (RFC 4585 3), which we need not send."""


class RemoteAudio(NamedTuple):
    """Their usable audio section, read."""

    position: int
    section: MediaDescription
    attributes: RtpAttributes
    address: str
    formats: tuple[Format, ...]
    direction: Direction
    """What they want; 0.0.0.0 or :: means that nothing may be sent there (RFC 3264 8.4)."""

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

    def ptime(self, default: int) -> int:
        """Milliseconds a packet they would like, in whole frames of 10 ms and within reason (RFC 4566 6)."""
        wanted = self.attributes.ptime or default
        if self.attributes.maxptime is not None:
            wanted = min(wanted, self.attributes.maxptime)
        return min(max(wanted // 10 * 10, 10), 100)


def answered_audio(description: SessionDescription, layout: Layout) -> RemoteAudio:
    """Read the audio section of an answer. Raises SdpError 488 unless all m= lines are answered in their places."""
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
        if section.protocol.upper() != slot.protocol.upper():
            raise SdpError(f"profile {section.protocol[:40]}", expected=slot.protocol, status=488, line=line)
    return read_audio(description, layout.position)


def find_audio(description: SessionDescription, preferred: int) -> RemoteAudio:
    """Choose the stream to take: the one in use if it still can be, else the first usable one (RFC 3264 6)."""
    sections = description.media
    order = list(range(len(sections)))
    if 0 < preferred < len(order):
        order.insert(0, order.pop(preferred))
    first: SdpError | None = None
    for index in order:
        if sections[index].media.lower() != "audio":
            continue
        try:
            return read_audio(description, index)
        except SdpError as error:
            first = first or error
    raise first or SdpError("no audio stream", expected="an m=audio section", status=488)


def read_audio(description: SessionDescription, index: int) -> RemoteAudio:
    section = description.media[index]
    line = section.line_number
    if not section.port:
        raise SdpError("audio stream refused (port 0)", expected="an audio stream", status=488, line=line)
    if section.protocol.upper() not in SUPPORTED_PROFILES:
        raise SdpError(f"profile {section.protocol[:40]}", expected="RTP/AVP", status=488, line=line)
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
        )
    stated = read_direction(description.lines, Direction.SENDRECV)
    size = len(section.m_line) + sum(map(len, section.lines))
    read = _remembered_rtp if size <= _LONGEST_REMEMBERED else _read_rtp
    attributes, formats = read(section.formats, section.lines, stated)
    if not any(format_.codec.is_audio for format_ in formats):
        raise SdpError("no readable audio format", expected="a static payload type or an rtpmap", status=488, line=line)
    direction = attributes.direction
    if kind is AddressKind.UNSPECIFIED:
        direction = direction_of(send=direction.sends, receive=False)
    return RemoteAudio(index, section, attributes, connection.address, formats, direction)


def _read_rtp(
    formats: tuple[str, ...], lines: tuple[str, ...], default: Direction
) -> tuple[RtpAttributes, tuple[Format, ...]]:
    attributes = RtpAttributes(lines, default)
    return attributes, read_formats(formats, attributes)


# A peer says the same of its codecs in every call. Characters, so that the cache stays small.
_LONGEST_REMEMBERED = 1024
_remembered_rtp = lru_cache(256)(_read_rtp)
