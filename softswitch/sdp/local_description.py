"""Our own description: the o= line with its version, and the m= lines that a session never gives up (RFC 3264 8)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from softswitch.sdp.address import address_type
from softswitch.sdp.extended_reports import NO_XR
from softswitch.sdp.opus import REFERENCE_PTIME, fmtp_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from softswitch.sdp.attributes import Direction
    from softswitch.sdp.codec import Format
    from softswitch.sdp.description import SessionDescription
    from softswitch.sdp.extended_reports import XrTerms


class Slot(NamedTuple):
    """A place among the m= lines."""

    media: str
    protocol: str
    format: str
    """Any one format: a refused m= line must still name one (RFC 3264 6)."""
    mid: str = ""
    """Its `a=mid` (RFC 5888); "": none."""


class Layout(NamedTuple):
    """All m= lines of a session in their order, and which of them is our audio stream."""

    slots: tuple[Slot, ...]
    position: int

    @property
    def protocol(self) -> str:
        """The profile of our audio stream."""
        return self.slots[self.position].protocol

    def with_protocol(self, protocol: str) -> Layout:
        """The same with another profile for our audio stream."""
        slots = list(self.slots)
        slots[self.position] = slots[self.position]._replace(protocol=protocol)
        return Layout(tuple(slots), self.position)


AUDIO_ONLY = Layout((Slot("audio", "RTP/AVP", "0"),), 0)
SECURE_AUDIO_ONLY = Layout((Slot("audio", "RTP/SAVP", "0"),), 0)


def layout_of(description: SessionDescription, position: int) -> Layout:
    """Take the layout over from a description with the audio stream at `position`."""
    return Layout(tuple([Slot(media.media, media.protocol, media.formats[0]) for media in description.media]), position)


class Wording(NamedTuple):
    """What a profile has to say besides formats, direction and packet time; whole lines with their ends."""

    audio: str = ""
    """In the audio section: keys, or ICE and DTLS."""
    session: str = ""
    """Below t=."""
    others: Mapping[int, str] = MappingProxyType({})
    """Whole sections of other streams taken up, by their positions. All else is refused."""
    where: tuple[str, int] | None = None
    """Address and port of the streams, where they are not those of the description."""


PLAIN_WORDING = Wording()


class LocalDescription:
    """Writes our descriptions. Keeps one promise: the same version is never used for different words."""

    __slots__ = ("_session_id", "_tail", "_version", "address", "body", "name", "port", "timing")

    def __init__(self, *, address: str, port: int, session_id: int, name: str) -> None:
        self.address = address
        self.port = port
        self.name = name
        self.timing = "0 0"
        """The value of t=."""
        self.body = b""
        """What was written last."""
        self._session_id = session_id
        self._version = 0
        self._tail = ""

    def follow(self, before: LocalDescription) -> None:
        """Describe the same session as another has so far, at an address and port of our own (RFC 3264 8)."""
        self._session_id, self._version, self._tail = before._session_id, before._version, before._tail
        self.timing = before.timing

    def write(
        self,
        layout: Layout,
        formats: Sequence[Format],
        direction: Direction,
        ptime: int,
        *,
        rtcp_mux: bool,
        wording: Wording = PLAIN_WORDING,
        rtcp_xr: XrTerms = NO_XR,
    ) -> bytes:
        """Write the session with one audio stream of `formats`; all other m= lines are refused with port 0."""
        numbers: list[str] = []
        lines: list[str] = []
        for format_ in formats:
            number = str(format_.payload_type)
            codec = format_.codec
            numbers.append(number)
            lines.append(f"a=rtpmap:{number} {codec.rtpmap}\r\n")
            fmtp = codec.fmtp
            if fmtp:
                if ptime < REFERENCE_PTIME:
                    fmtp = fmtp_for(codec, ptime)
                lines.append(f"a=fmtp:{number} {fmtp}\r\n")
        mux = "a=rtcp-mux\r\n" if rtcp_mux else ""
        address, port = wording.where or (self.address, self.port)
        slots, audio_position = layout
        media = (
            f"m=audio {port} {layout.protocol} {' '.join(numbers)}\r\n{''.join(lines)}"
            f"{wording.audio}a=ptime:{ptime}\r\na={direction.value}\r\n{mux}{rtcp_xr.line}"
        )
        if len(slots) > 1:
            others = wording.others
            media = "".join(
                media if position == audio_position else others.get(position) or _refused(slot)
                for position, slot in enumerate(slots)
            )
        return self._finish(media, wording.session, address)

    def write_refusal(self, layout: Layout) -> bytes:
        """Write the session with every m= line refused."""
        return self._finish("".join([_refused(slot) for slot in layout.slots]))

    def _finish(self, media: str, session: str = "", address: str = "") -> bytes:
        origin = connection = f"IN {address_type(self.address)} {self.address}"
        if address and address != self.address:
            connection = f"IN {address_type(address)} {address}"
        tail = f" {origin}\r\ns={self.name}\r\nc={connection}\r\nt={self.timing}\r\n{session}{media}"
        if tail != self._tail:
            # RFC 3264 8: one more for every change. Compared with what was sent last, agreed or refused: a refused
            # description was still seen under its version.
            self._version += 1
            self._tail = tail
        self.body = f"v=0\r\no=- {self._session_id} {self._version}{tail}".encode("utf-8", "surrogateescape")
        return self.body


def _refused(slot: Slot) -> str:
    mid = f"a=mid:{slot.mid}\r\n" if slot.mid else ""
    return f"m={slot.media} 0 {slot.protocol} {slot.format}\r\n{mid}"
