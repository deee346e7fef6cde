"""What one round of offer/answer comes to: plain values for call control and the media engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.sdp.address import is_plausible_media_address
from softswitch.sdp.extended_reports import NO_XR, XrTerms
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.sdp.attributes import Direction
    from softswitch.sdp.browser import RemoteTransport, WebAgreement
    from softswitch.sdp.codec import Codec, Format
    from softswitch.sdp.keying import SrtpKeys
    from softswitch.sdp.video import VideoAgreement, VideoOffer


@value_class(frozen=True, slots=True)
class AudioOffer:
    """The remote's offer for the one audio stream we would take."""

    formats: tuple[Format, ...]
    """Every readable format in their order, payload types as they offer them."""
    direction: Direction
    """Theirs; the unspecified address of an RFC 2543 hold already counts as "do not send to me"."""
    remote_address: str
    remote_port: int
    rtcp_mux: bool
    """They offer RTP and RTCP on one port (RFC 5761)."""
    ptime: int | None
    """Milliseconds a packet they would like to receive; None: not said."""
    unchanged: bool
    """Word for word their last description: a refresh, nothing needs doing to the media (RFC 3264 8)."""
    secure: bool = False
    """They offer SRTP with keys that can be used."""
    web: RemoteTransport | None = None
    """A browser's ICE and DTLS; None: a plain leg. Media then goes where ICE says, whatever the address above."""
    video: VideoOffer | None = None
    """What a browser offers of video; None: nothing that could be relayed."""

    @property
    def codecs(self) -> tuple[Codec, ...]:
        """The offered codecs in their order, telephone-event and CN included."""
        return tuple(format_.codec for format_ in self.formats)

    @property
    def on_hold(self) -> bool:
        """Whether they ask us to be quiet."""
        return not self.direction.receives

    @property
    def plausible(self) -> bool:
        """Whether media may be sent to their address at all; an unspecified address is a hold and harms nobody."""
        return self.web is not None or self.on_hold or is_plausible_media_address(self.remote_address)


@value_class(frozen=True, slots=True)
class AudioAgreement:
    """What both sides settled for the audio stream, from our point of view."""

    remote_address: str
    """A literal IPv4 or IPv6 address; see `plausible` before sending anything there."""
    remote_port: int
    remote_rtcp: tuple[str, int]
    """Where their RTCP goes: RFC 3605, else the next port, else the RTP port under rtcp-mux."""
    rtcp_mux: bool
    send: tuple[Format, ...]
    """Payload types to use towards them, best first: audio, then comfort noise and telephone-event."""
    receive: tuple[Format, ...]
    """Payload types they will use towards us, in the same order of codecs."""
    direction: Direction
    """Ours: SENDRECV is a normal call."""
    ptime: int
    """Milliseconds of audio a packet to send, 10 to 60."""
    remote_direction: Direction
    """What they declared for themselves, the unspecified address counted as "do not send to me"."""
    keys: SrtpKeys | None = None
    """SRTP with these; None: plain RTP."""
    rtcp_xr: XrTerms = NO_XR
    """The extended reports both sides asked for (RFC 3611 5)."""
    web: WebAgreement | None = None
    """A browser's transport; None: a plain leg. Media then goes where ICE says, whatever the address above."""
    video: VideoAgreement | None = None
    """None: no video in this session, or it was refused."""
    nack: bool = False
    """Both take requests for lost audio packets: RTCP generic NACK (RFC 4585 6.2.1)."""

    @property
    def codec(self) -> Codec:
        """The codec to send."""
        return self.send[0].codec

    @property
    def telephone_event(self) -> Format | None:
        """How to send digits: the telephone-event of the sent codec's clock rate (RFC 4733 2.1); None: not agreed."""
        rate = self.send[0].codec.clock_rate
        for format_ in self.send:
            if format_.codec.is_telephone_event and format_.codec.clock_rate == rate:
                return format_
        return None

    @property
    def on_hold(self) -> bool:
        """Whether they asked us to be quiet."""
        return not self.remote_direction.receives

    @property
    def plausible(self) -> bool:
        """Whether media may be sent to their address at all; an unspecified address is a hold and harms nobody."""
        return self.web is not None or self.on_hold or is_plausible_media_address(self.remote_address)
