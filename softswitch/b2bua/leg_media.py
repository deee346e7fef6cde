"""The media side of one leg: a port of the engine, and what SDP has settled about it (RFC 3264).

This is the only place where an `AudioAgreement` becomes engine commands.
"""

from __future__ import annotations

from secrets import token_bytes
from typing import TYPE_CHECKING, Protocol

from media.commands import (
    PLAIN_ENCODING,
    CloseLeg,
    Connect,
    Disconnect,
    Encoding,
    PayloadFormat,
    ReduceNoise,
    SetDigits,
    SetDirection,
    SetExtendedReports,
    SetFormats,
    SetKeys,
    SetNack,
    SetRemote,
    SetVideo,
)
from softswitch.sdp.address import AddressKind, address_kind
from softswitch.sdp.extended_reports import NO_XR
from softswitch.sdp.negotiate import Direction, Negotiation, NegotiationState, SdpError
from softswitch.sdp.opus import OpusParameters, sending
from softswitch.sdp.video import held_to

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from media.commands import Command
    from media.legs import OpenedLeg
    from media.mix.stream import StreamRings
    from media.quality.verdict import QualitySummary
    from media.snapshots import LegStatistics
    from softswitch.b2bua.browser import Browser
    from softswitch.b2bua.terms import Dtmf, MediaTerms
    from softswitch.sdp.negotiate import AudioAgreement, AudioOffer, Codec, Format
    from softswitch.sdp.video import VideoAgreement, VideoOffer

VIDEO_CLOCK = 90_000
"""Hz, of every video format that is relayed (RFC 6184, 7741, 9628; AV1)."""


class MediaDoor(Protocol):
    """What legs need of the media plane. The engine in this process, a worker process or a relay can stand behind."""

    def open_leg(self, *, label: str, group: str = "", browser: bool = False) -> OpenedLeg:
        """A port pair, now; `browser`: media waits for path and keys there. Raises media.ports.PortsExhausted."""

    def post(self, *commands: Command) -> None:
        """Carry these out in order, soon; never blocks."""

    def open_stream(self, room: int, *, rate: int, speaks: bool) -> StreamRings:
        """A party without a socket in an open room. Raises ValueError when the room is full."""

    def close_stream(self, stream: StreamRings) -> None:
        """It leaves its room."""

    def statistics(self, leg: int) -> LegStatistics | None:
        """The leg's counters now; None when it is gone."""

    def quality(self, leg: int) -> QualitySummary | None:
        """How the leg sounded so far; None when it is gone or never had a codec."""


class LegMedia:
    """One leg's port and negotiation. Created with the port open; `close()` gives it back, once."""

    __slots__ = (
        "_dtmf",
        "_engine",
        "_ipv6",
        "_is_owed",
        "_last_answer",
        "_peer",
        "_video_kbit",
        "address",
        "agreement",
        "browser",
        "leg",
        "negotiation",
        "port",
    )

    def __init__(
        self,
        engine: MediaDoor,
        *,
        label: str,
        group: str,
        advertised: str,
        session_id: int,
        peer: str,
        terms: MediaTerms,
        browser: Callable[[int, str, int], Browser] | None = None,
    ) -> None:
        """Open a port; `peer` is the address signalling talks to. Raises media.ports.PortsExhausted.

        `browser`: makes what is known of the far end where that is one, for the engine's leg and the address and port
        that SDP would name.
        """
        opened = engine.open_leg(label=label, group=group, browser=browser is not None)
        self._engine = engine
        self._dtmf = terms.dtmf
        self._ipv6 = ":" in opened.address
        self._peer = peer
        self._video_kbit = None if terms.web is None else terms.web.video_kbit
        self._is_owed = False
        self.leg: int = opened.leg
        self.address = advertised
        self.port: int = opened.port
        self.browser = None if browser is None else browser(opened.leg, advertised, opened.port)
        """What is known of the browser at the far end; None: it is none."""
        self.negotiation = Negotiation(
            address=self.address,
            port=self.port,
            session_id=session_id,
            ptime=terms.ptime,
            srtp=terms.srtp,
            random=token_bytes,
            rtcp_xr=terms.rtcp_xr,
            web=None if self.browser is None else self.browser.web,
        )
        self.agreement: AudioAgreement | None = None
        self._last_answer = b""
        engine.post(SetDirection(self.leg, send=True, receive=True, expected=False))
        if terms.reduce_noise:
            engine.post(ReduceNoise(self.leg, terms.reduce_noise))

    @property
    def dtmf(self) -> Dtmf:
        """How digits come and go as agreed: tones where telephone events were wanted and not agreed on."""
        if self._dtmf == "rfc4733" and self.agreement is not None:
            agreed = any(each.codec.is_telephone_event for each in self.agreement.send)
            return "rfc4733" if agreed else "inband"
        return self._dtmf

    @property
    def on_hold(self) -> bool:
        """Whether its far end does not listen at present: it holds us, or is a browser that was lost."""
        if self.browser is not None and self.browser.is_lost:
            return True
        return self.agreement is not None and self.agreement.on_hold

    @property
    def offering(self) -> bool:
        """Whether an offer of ours waits for its answer."""
        return self.negotiation.state is NegotiationState.LOCAL_OFFER

    # -- offers we make -----------------------------------------------------------------------------------------

    def offer(
        self, codecs: Sequence[Codec], direction: Direction = Direction.SENDRECV, video: VideoOffer | None = None
    ) -> bytes:
        """Our offer as SDP; `video` to a browser alone."""
        self._last_answer = b""
        return self.negotiation.make_offer(self._with_digits(codecs), direction=direction, video=self._held(video))

    @property
    def can_repeat(self) -> bool:
        """Whether there is something agreed, and no offer open, so that it can be offered again."""
        return self.agreement is not None and self.negotiation.state is NegotiationState.STABLE

    def offer_again(self) -> bytes:
        """What is agreed, as an offer in the words it was said in last (RFC 4028 7.4)."""
        return self.negotiation.repeat_offer()

    def take_answer(self, body: bytes, *, provisional: bool = False) -> bool:
        """Their answer to our offer; False when it is the one already in force (183 and 200 often repeat it).

        A `provisional` one is in force, but leaves the offer open: the final answer may come from another branch of a
        fork (RFC 3261 13.2.2.4). Raises SdpError.
        """
        repeated = body == self._last_answer
        if repeated and provisional:
            return False
        agreement = self.negotiation.receive_answer(body, provisional=provisional)
        if not (agreement.on_hold or agreement.web is not None or self._may_send_to(agreement.remote_address)):
            raise _implausible(agreement.remote_address)
        self._last_answer = body
        repeated = repeated or agreement == self.agreement
        if not repeated:
            self._apply(agreement)
        return not repeated

    def answered_without_body(self) -> None:
        """The final answer said nothing new: what a provisional one said is in force (RFC 3261 13.2.1)."""
        self.negotiation.withdraw_offer()

    def go_on(self, negotiation: Negotiation) -> bool:
        """With another early dialog of our INVITE, and what was agreed there. True: something else is in force."""
        if negotiation is self.negotiation:
            return False
        self.negotiation = negotiation
        self._last_answer = b""
        agreement = negotiation.agreement
        if agreement is None or agreement == self.agreement:
            return False
        self._apply(agreement)
        return True

    # -- offers they make ---------------------------------------------------------------------------------------

    def take_offer(self, body: bytes) -> AudioOffer:
        """Their offer, checked and held until `answer`. Raises SdpError, also for an address nothing may be sent to."""
        offer = self.negotiation.receive_offer(body)
        if not (offer.on_hold or self.browser is not None or self._may_send_to(offer.remote_address)):
            self.negotiation.reject_offer()
            raise _implausible(offer.remote_address)
        return offer

    def answer(
        self, codecs: Sequence[Codec], direction: Direction = Direction.SENDRECV, video: VideoOffer | None = None
    ) -> bytes:
        """Our answer as SDP; from here on it is in force. Raises SdpError(488) when nothing in `codecs` was offered."""
        body, agreement = self.negotiation.make_answer(
            self._with_digits(codecs),
            direction=direction,
            telephone_event=self._dtmf == "rfc4733",
            video=self._held(video),
        )
        self._last_answer = b""
        self._apply(agreement)
        return body

    # -- the engine ---------------------------------------------------------------------------------------------

    def expect_media(self) -> None:
        """From now on the far end owes us media: before the answer it may be silent for as long as it rings."""
        if not self._is_owed:
            self._is_owed = True
            if self.agreement is not None:
                self._engine.post(self._direction(self.agreement))

    def expect_media_anew(self) -> None:
        """The far end has its whole time-out again to be heard."""
        if self._is_owed and self.agreement is not None:
            direction = self._direction(self.agreement)
            self._engine.post(SetDirection(self.leg, direction.send, direction.receive, expected=False), direction)

    def connect(self, other: LegMedia) -> None:
        """Relay between this leg and the other."""
        self._engine.post(Connect(self.leg, other.leg))

    def disconnect(self, other: LegMedia) -> None:
        """Undo `connect`."""
        self._engine.post(Disconnect(self.leg, other.leg))

    def post(self, command: Command) -> None:
        """Any other command for this leg (play, echo, tap)."""
        self._engine.post(command)

    def statistics(self) -> LegStatistics | None:
        """The engine's counters of this leg now; None when it is gone."""
        return self._engine.statistics(self.leg)

    def quality(self) -> QualitySummary | None:
        """The engine's verdict on this leg so far; None when it is gone or never had a codec."""
        return self._engine.quality(self.leg)

    def close(self) -> None:
        """Give the port back."""
        if self.browser is not None:
            self.browser.close()
        self._engine.post(CloseLeg(self.leg))

    def _apply(self, agreement: AudioAgreement) -> None:
        formats = SetFormats(self.leg, _payloads(agreement.receive), _sent(agreement), agreement.ptime)
        if self.browser is not None and agreement.web is not None:
            self._engine.post(SetNack(self.leg, agreement.nack), formats, self._direction(agreement))
            self._show(agreement.video)
            self.browser.agree(agreement.web)
        else:
            self._secure(agreement)
            self._engine.post(formats, self._remote(agreement), self._direction(agreement))
        before = NO_XR if self.agreement is None else self.agreement.rtcp_xr
        if agreement.rtcp_xr != before:
            self._engine.post(SetExtendedReports(self.leg, *agreement.rtcp_xr))
        self.agreement = agreement
        self._engine.post(SetDigits(self.leg, sends=self.dtmf != "info", listens=self._dtmf == "inband"))

    def _show(self, video: VideoAgreement | None) -> None:
        if video == (None if self.agreement is None else self.agreement.video):
            return
        if video is None:
            self._engine.post(SetVideo(self.leg, ()))
            return
        formats = tuple(PayloadFormat(each.payload_type, each.name, VIDEO_CLOCK) for each in video.remote.formats)
        self._engine.post(SetVideo(self.leg, formats, send=video.direction.sends, receive=video.direction.receives))

    def _secure(self, agreement: AudioAgreement) -> None:
        """First of all: nothing that comes or goes under the new agreement may pass unprotected."""
        keys = agreement.keys
        if keys is not None or (self.agreement is not None and self.agreement.keys is not None):
            self._engine.post(SetKeys(self.leg, *(keys or (None, None))))

    def _remote(self, agreement: AudioAgreement) -> SetRemote:
        """Where it is, as SDP says."""
        rtcp_address, rtcp_port = agreement.remote_rtcp
        if not self._may_send_to(rtcp_address):
            rtcp_address, rtcp_port = agreement.remote_address, min(agreement.remote_port + 1, 65_535)
        return SetRemote(
            self.leg,
            agreement.remote_address,
            agreement.remote_port,
            rtcp_address,
            rtcp_port,
            agreement.rtcp_mux,
        )

    def _with_digits(self, codecs: Sequence[Codec]) -> Sequence[Codec]:
        """Telephone events only where digits are meant to be them."""
        if self._dtmf == "rfc4733":
            return codecs
        return [codec for codec in codecs if not codec.is_telephone_event]

    def _held(self, video: VideoOffer | None) -> VideoOffer | None:
        """What the far end is told of the pictures it may send."""
        return None if video is None else held_to(video, self._video_kbit)

    def _direction(self, agreement: AudioAgreement) -> SetDirection:
        """Who holds us often sends nothing, whatever its SDP says (sendonly without music): no time-out then.

        Of a browser its consent tells whether it is there: it may be muted for hours.
        """
        direction = agreement.direction
        expected = self._is_owed and direction.receives and not agreement.on_hold and self.browser is None
        return SetDirection(self.leg, send=direction.sends, receive=direction.receives, expected=expected)

    def _may_send_to(self, address: str) -> bool:
        """Unicast we have a socket for; loopback only when signalling comes from there, too (THREATS M8)."""
        kind = address_kind(address)
        if ":" in address and not self._ipv6:
            return False
        if kind is AddressKind.LOOPBACK:
            return address_kind(self._peer) is AddressKind.LOOPBACK
        return kind is AddressKind.UNICAST


def _implausible(address: str) -> SdpError:
    return SdpError(f"media address {address}", expected="a unicast address this peer can have", status=488)


def _payloads(formats: tuple[Format, ...]) -> tuple[PayloadFormat, ...]:
    return tuple(PayloadFormat(each.payload_type, each.codec.name, each.codec.clock_rate) for each in formats)


def _sent(agreement: AudioAgreement) -> tuple[PayloadFormat, ...]:
    """What we send: their parameters limit it, and our own, which stand in the same place of what we receive."""
    return tuple(
        PayloadFormat(
            theirs.payload_type,
            theirs.codec.name,
            theirs.codec.clock_rate,
            _encoding(theirs.codec, ours.codec, agreement.ptime),
        )
        for theirs, ours in zip(agreement.send, agreement.receive, strict=True)
    )


def _encoding(theirs: Codec, ours: Codec, ptime: int) -> Encoding:
    if theirs.name.lower() != "opus":
        return PLAIN_ENCODING
    settled = sending(OpusParameters.read(theirs.fmtp), OpusParameters.read(ours.fmtp), ptime)
    return Encoding(settled.highest_rate, settled.bitrate, settled.fec, settled.dtx, settled.cbr)
