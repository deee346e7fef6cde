"""Which sections of a browser's offer or answer are taken up, and what they say: one of audio, at most one of video."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from softswitch.sdp.address import AddressKind, address_kind
from softswitch.sdp.attributes import Direction, read_direction
from softswitch.sdp.browser import Setup
from softswitch.sdp.errors import NO_SUCH_MEDIA, SdpError
from softswitch.sdp.remote_audio import RemoteAudio, read_rtp
from softswitch.sdp.video import in_common, read_video
from softswitch.sdp.web_sections import require_browser_media

if TYPE_CHECKING:
    from softswitch.sdp.browser import RemoteTransport
    from softswitch.sdp.description import SessionDescription
    from softswitch.sdp.local_description import Layout
    from softswitch.sdp.video import VideoOffer
    from softswitch.sdp.web_sections import WebDescription, WebSection


class WebRead(NamedTuple):
    """A description of theirs, read and not yet agreed to."""

    web: WebDescription
    audio: WebSection
    video: WebSection | None
    own: tuple[str, int]
    """Our address and port, which no candidate of theirs may name."""

    def taken(self, *, video: bool) -> tuple[WebSection, ...]:
        """The sections taken up, with or without the video."""
        return (self.audio, self.video) if video and self.video is not None else (self.audio,)

    def transport(self, *, video: bool) -> RemoteTransport:
        """What they say of the transport. Raises SdpError."""
        return self.web.transport(self.taken(video=video), self.own)

    def group(self, *, video: bool) -> list[str]:
        """The mids to bundle, in their order; [] where they do not bundle."""
        mids = {section.mid for section in self.taken(video=video)}
        return [mid for mid in self.web.group if mid in mids] if self.audio.bundled else []

    def tagged_mid(self, *, video: bool) -> str:
        """Of the section that stands for the transport; "": they have no mids."""
        return self.web.tagged(self.taken(video=video)).mid


def read_web_offer(
    description: SessionDescription, web: WebDescription, audio_position: int, video_position: int, own: tuple[str, int]
) -> tuple[WebRead, RemoteAudio]:
    """Choose from an offer: what is in use already, else what comes first. Raises SdpError when there is no audio."""
    audio = _first_usable(web, audio_position)
    video: WebSection | None = None
    said: VideoOffer | None = None
    for section in sorted(web.sections, key=lambda each: each.position != video_position):
        said = _usable_video(description, section, audio)
        if said is not None:
            video = section
            break
    read = WebRead(web, audio, video, own)
    return read, _read_audio(description, audio, read.transport(video=video is not None), said)


def read_web_answer(
    description: SessionDescription,
    web: WebDescription,
    layout: Layout,
    video_position: int,
    offered: VideoOffer | None,
    own: tuple[str, int],
) -> tuple[WebRead, RemoteAudio]:
    """Read an answer to our offer of `layout`. Raises SdpError 488 unless all m= lines are answered in their places."""
    if len(web.sections) != len(layout.slots):
        raise SdpError(
            f"{len(web.sections)} media sections in the answer",
            expected=f"{len(layout.slots)} as in the offer (RFC 3264 6)",
            status=488,
        )
    for section, slot in zip(web.sections, layout.slots, strict=True):
        what, line = section.media.media, section.line
        if what.lower() != slot.media.lower():
            raise SdpError(f"m={what[:40]}", expected=f"m={slot.media} as offered", status=488, line=line)
        if section.mid and slot.mid and section.mid != slot.mid:
            raise SdpError(f"mid {section.mid!r}", expected=f"{slot.mid!r} as offered", status=488, line=line)
        if section.live and section.position not in (layout.position, video_position):
            raise SdpError("a refused stream taken up", expected="port 0", status=488, line=line)
    audio = web.sections[layout.position]
    if not audio.live:
        raise SdpError("audio stream refused (port 0)", expected="an audio stream", status=488, line=audio.line)
    require_browser_media(audio)
    video: WebSection | None = None
    said: VideoOffer | None = None
    if offered is not None:
        section = web.sections[video_position]
        answered = _usable_video(description, section, audio)
        common = None if answered is None else in_common(answered, offered)
        if common is not None:
            video, said = section, common[0]
    read = WebRead(web, audio, video, own)
    remote = read.transport(video=video is not None)
    if remote.setup is Setup.ACTPASS:
        raise SdpError("setup actpass in an answer", expected="active or passive", status=488, line=audio.line)
    return read, _read_audio(description, audio, remote, said)


def ends_audio(web: WebDescription, position: int) -> bool:
    """Whether the stream in use, and every other one of audio, is removed (RFC 3264 8.2)."""
    sections = web.sections
    if position >= len(sections) or sections[position].media.media.lower() != "audio":
        return False
    return not any(section.live for section in sections if section.media.media.lower() == "audio")


def _first_usable(web: WebDescription, preferred: int) -> WebSection:
    first: SdpError | None = None
    for section in sorted(web.sections, key=lambda each: each.position != preferred):
        if section.media.media.lower() != "audio":
            continue
        try:
            if not section.live:
                raise SdpError(
                    "audio stream refused (port 0)", expected="an audio stream", status=488, line=section.line
                )
            require_browser_media(section)
        except SdpError as error:
            first = first or error
        else:
            return section
    try:
        raise first or SdpError("no audio stream", expected="an m=audio section", status=488, warning=NO_SUCH_MEDIA)
    finally:
        del first  # its traceback holds this frame: the circle would wait for the collector


def _usable_video(description: SessionDescription, section: WebSection, audio: WebSection) -> VideoOffer | None:
    """What can be relayed of a section, if it is of video that shares the transport of the audio."""
    shares = section.live and section.bundled and audio.bundled and section.is_browser_media
    if section.media.media.lower() != "video" or not shares or "rtcp-mux" not in section.attributes:
        return None
    return read_video(section, read_direction(description.lines, Direction.SENDRECV))


def _read_audio(
    description: SessionDescription, section: WebSection, remote: RemoteTransport, video: VideoOffer | None
) -> RemoteAudio:
    attributes, formats, rtcp_xr = read_rtp(description, section.media)
    connection = section.media.connection or description.connection
    # The address of the default candidate says where nobody listens yet: 0.0.0.0 is no hold here (RFC 8840 4.1.1).
    address = "0.0.0.0" if connection is None else connection.address  # noqa: S104 - read, not bound
    if address_kind(address) is AddressKind.NAME:
        address = "0.0.0.0"  # noqa: S104
    asked = {
        value.partition(" ")[0] for _, value in section.attributes.get("rtcp-fb", ()) if value.split()[1:] == ["nack"]
    }
    numbers = [format_.payload_type for format_ in formats if format_.codec.is_audio]
    nack = frozenset(number for number in numbers if str(number) in asked or "*" in asked)
    return RemoteAudio(
        section.position,
        section.media,
        attributes,
        address,
        formats,
        attributes.direction,
        rtcp_xr=rtcp_xr,
        web=remote,
        video=video,
        nack=nack,
    )
