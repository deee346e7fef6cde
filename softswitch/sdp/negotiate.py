"""The offer/answer model for one dialog with one audio stream (RFC 3264).

The automaton, with its theory: at most one offer is outstanding, and only its answer, its refusal or its withdrawal
makes room for the next (RFC 3264 4). Everything not in the table is somebody's mistake.

    state          make_offer    receive_answer  receive_offer  make_answer   reject / withdraw
    stable         local offer   -               remote offer   -             stable
    local offer    -             stable          - (491)        -             stable
    remote offer   -             -               - (500)        stable        stable
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from softswitch.sdp.address import address_type
from softswitch.sdp.agreement import AudioAgreement, AudioOffer
from softswitch.sdp.attributes import Direction
from softswitch.sdp.codec import KNOWN_CODECS, Codec, Format
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import LocalError, SdpError
from softswitch.sdp.matching import match, settle
from softswitch.sdp.payload_types import PayloadTypes
from softswitch.sdp.remote_audio import RemoteAudio, find_audio, read_audio

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = [
    "KNOWN_CODECS",
    "AudioAgreement",
    "AudioOffer",
    "Codec",
    "Direction",
    "Format",
    "LocalError",
    "Negotiation",
    "NegotiationState",
    "SdpError",
]

DEFAULT_PTIME = 20  # milliseconds, RFC 3551 4.2


class NegotiationState(Enum):
    STABLE = "stable"
    LOCAL_OFFER = "local offer"
    REMOTE_OFFER = "remote offer"


class _Slot(NamedTuple):
    """A place among the m= lines, which is never given up again (RFC 3264 8)."""

    media: str
    protocol: str
    format: str


class _Exchange(NamedTuple):
    """An agreed state of the session, kept to roll back to."""

    agreement: AudioAgreement | None
    remote_body: bytes
    slots: tuple[_Slot, ...]
    position: int
    """Of the audio stream among the m= lines."""


class Negotiation:
    """One dialog's offers and answers. Owns our o= line and remembers what was last agreed.

    `address` and `port` are where we receive RTP (RTCP on the next port); `session_id` is a fresh number below 2**63.
    """

    __slots__ = (
        "_accept_rtcp_mux",
        "_agreed",
        "_local_body",
        "_numbers",
        "_offered",
        "_offered_direction",
        "_offered_ptime",
        "_pending",
        "_pending_body",
        "_session_id",
        "_tail",
        "_timing",
        "_version",
        "address",
        "name",
        "port",
        "state",
    )

    def __init__(
        self, *, address: str, port: int, session_id: int, name: str = "-", accept_rtcp_mux: bool = True
    ) -> None:
        self.address = address
        self.port = port
        self.name = name
        self.state = NegotiationState.STABLE
        self._accept_rtcp_mux = accept_rtcp_mux
        self._session_id = session_id
        self._version = 0
        self._tail = ""
        self._timing = "0 0"
        self._numbers = PayloadTypes()
        self._agreed = _Exchange(None, b"", (), 0)
        self._local_body = b""
        self._offered: tuple[Format, ...] = ()
        self._offered_direction = Direction.SENDRECV
        self._offered_ptime = DEFAULT_PTIME
        self._pending: tuple[SessionDescription, RemoteAudio, AudioOffer] | None = None
        self._pending_body = b""

    @property
    def agreement(self) -> AudioAgreement | None:
        """What was last agreed; None before the first answer."""
        return self._agreed.agreement

    @property
    def local(self) -> SessionDescription | None:
        """The description we sent last."""
        return SessionDescription.parse(self._local_body) if self._local_body else None

    @property
    def local_body(self) -> bytes:
        """The bytes we sent last: what a 200 must repeat after an answer in a 183 (RFC 3261 13.3.1.4)."""
        return self._local_body

    @property
    def remote(self) -> SessionDescription | None:
        """Their description in force."""
        return SessionDescription.parse(self._agreed.remote_body) if self._agreed.remote_body else None

    @property
    def offer(self) -> AudioOffer | None:
        """Their offer that waits for our answer."""
        return None if self._pending is None else self._pending[2]

    def make_offer(
        self, codecs: Sequence[Codec], *, direction: Direction = Direction.SENDRECV, ptime: int = DEFAULT_PTIME
    ) -> bytes:
        """Write an offer of `codecs`, best first; later offers keep the m= lines and payload types of the session.

        Events and comfort noise whose clock rate no offered audio codec has are left out (RFC 4733 2.1). Raises
        LocalError when an offer is outstanding or no audio codec is given.
        """
        self._require(NegotiationState.STABLE, "offer")
        rates = {codec.clock_rate for codec in codecs if codec.is_audio}
        formats: list[Format] = []
        for codec in sorted(codecs, key=_audio_first):
            if codec.clock_rate in rates:
                number = self._numbers.for_offer(codec)
                if number is not None and all(number != taken.payload_type for taken in formats):
                    formats.append(Format(number, codec))
        if not formats or not formats[0].codec.is_audio:
            raise LocalError("an offer needs at least one audio codec")
        agreed = self._agreed
        slots = agreed.slots or (_Slot("audio", "RTP/AVP", "0"),)
        mux = agreed.agreement is not None and agreed.agreement.rtcp_mux
        body = self._write(slots, agreed.position, formats, direction, ptime, rtcp_mux=mux)
        self._offered = tuple(formats)
        self._offered_direction = direction
        self._offered_ptime = ptime
        self.state = NegotiationState.LOCAL_OFFER
        return body

    def receive_answer(self, body: bytes, *, provisional: bool = False) -> AudioAgreement:
        """Read the answer to our offer. A `provisional` one (unreliable 183) leaves the offer open for the final one.

        Raises SdpError (the offer stays outstanding: withdraw it), also when no offer of ours is outstanding.
        """
        if self.state is not NegotiationState.LOCAL_OFFER:
            raise SdpError("an answer without an offer", expected="no description here")
        description = SessionDescription.parse(body)
        agreed = self._agreed
        slots = agreed.slots or (_Slot("audio", "RTP/AVP", "0"),)
        audio = self._read_answer(description, slots, agreed.position)
        pairs = match(
            audio.formats,
            [offered.codec for offered in self._offered],
            prefer_ours=False,
            telephone_event=any(offered.codec.is_telephone_event for offered in self._offered),
        )
        send: list[Format] = []
        receive: list[Format] = []
        for theirs, ours in pairs:
            number = self._offered_number(ours)
            if number is None:
                continue
            outgoing, incoming = settle(theirs.codec, ours)
            send.append(Format(theirs.payload_type, outgoing))
            receive.append(Format(number, incoming))
        if not send:
            raise SdpError(
                "none of the offered codecs in the answer",
                expected=_names([offered.codec for offered in self._offered]),
                status=488,
                line=audio.section.line_number,
            )
        offered_mux = agreed.agreement is not None and agreed.agreement.rtcp_mux
        agreement = _agree(
            audio,
            send=tuple(send),
            receive=tuple(receive),
            direction=self._offered_direction.within(audio.direction.reversed),
            rtcp_mux=offered_mux and audio.attributes.rtcp_mux,
            ptime=audio.ptime(self._offered_ptime),
        )
        self._agreed = _Exchange(agreement, body, slots, agreed.position)
        if not provisional:
            self.state = NegotiationState.STABLE
        return agreement

    def receive_offer(self, body: bytes) -> AudioOffer:
        """Read their offer.

        Raises SdpError and changes nothing: 400 unreadable, 488 no usable audio, 491 or 500 untimely.
        """
        if self.state is not NegotiationState.STABLE:
            ours = self.state is NegotiationState.LOCAL_OFFER
            raise SdpError(
                "an offer while another one is outstanding",
                expected="the answer to ours first (RFC 3264 4)" if ours else "no second offer before our answer",
                status=491 if ours else 500,
            )
        description = SessionDescription.parse(body)
        agreed = self._agreed
        if len(description.media) < len(agreed.slots):
            raise SdpError(
                f"{len(description.media)} media sections after {len(agreed.slots)}",
                expected="every earlier m= line kept, with port 0 if no longer wanted (RFC 3264 8)",
                status=488,
            )
        audio = find_audio(description, agreed.position)
        attributes = audio.attributes
        offer = AudioOffer(
            formats=audio.formats,
            direction=audio.direction,
            remote_address=audio.address,
            remote_port=audio.section.port,
            rtcp_mux=attributes.rtcp_mux,
            ptime=attributes.ptime,
            unchanged=body == agreed.remote_body,
        )
        self._pending = (description, audio, offer)
        self._pending_body = body
        self.state = NegotiationState.REMOTE_OFFER
        return offer

    def make_answer(
        self,
        codecs: Sequence[Codec],
        *,
        direction: Direction = Direction.SENDRECV,
        prefer_ours: bool = False,
        telephone_event: bool = True,
    ) -> tuple[bytes, AudioAgreement]:
        """Answer their offer with what it and `codecs` have in common, in the offer's order unless `prefer_ours`.

        telephone-event is kept when offered, whatever `codecs` says, unless `telephone_event` is False. `direction`
        is what we want; the answer never exceeds what they offer (RFC 3264 6.1). Raises SdpError 488 when no audio
        codec is common (the offer stays open: reject it or try again); LocalError when there is no offer.
        """
        if self._pending is None:
            raise LocalError("an answer without an offer")
        description, audio, offer = self._pending
        pairs = match(audio.formats, codecs, prefer_ours=prefer_ours, telephone_event=telephone_event)
        send: list[Format] = []
        receive: list[Format] = []
        for theirs, ours in pairs:
            outgoing, incoming = settle(theirs.codec, ours)
            number = self._numbers.for_answer(incoming, theirs.payload_type)
            if number is not None:
                send.append(Format(theirs.payload_type, outgoing))
                receive.append(Format(number, incoming))
        if not send or not send[0].codec.is_audio:
            raise SdpError(
                f"no common codec: {_names(offer.codecs)}",
                expected=_names(codecs),
                status=488,
                line=audio.section.line_number,
            )
        slots = tuple(_Slot(media.media, media.protocol, media.formats[0]) for media in description.media)
        mux = offer.rtcp_mux and self._accept_rtcp_mux
        ptime = audio.ptime(DEFAULT_PTIME)
        ours_now = direction.within(audio.direction.reversed)
        self._timing = description.timing  # RFC 3264 6: the answer's t= line equals the offer's
        body = self._write(slots, audio.position, receive, ours_now, ptime, rtcp_mux=mux)
        agreement = _agree(
            audio, send=tuple(send), receive=tuple(receive), direction=ours_now, rtcp_mux=mux, ptime=ptime
        )
        self._agreed = _Exchange(agreement, self._pending_body, slots, audio.position)
        self._forget_pending()
        self.state = NegotiationState.STABLE
        return body, agreement

    def reject_offer(self) -> None:
        """Drop their offer that waits: what was agreed before stands (RFC 3261 14.2). Nothing waiting: no effect."""
        if self.state is NegotiationState.REMOTE_OFFER:
            self._forget_pending()
            self.state = NegotiationState.STABLE

    def withdraw_offer(self) -> None:
        """Our offer was refused or will never be answered: what was agreed before stands. None open: no effect."""
        if self.state is NegotiationState.LOCAL_OFFER:
            self.state = NegotiationState.STABLE

    def _forget_pending(self) -> None:
        self._pending = None
        self._pending_body = b""

    def _require(self, state: NegotiationState, what: str) -> None:
        if self.state is not state:
            raise LocalError(f"{what} in state '{self.state.value}': only allowed when '{state.value}'")

    def _offered_number(self, codec: Codec) -> int | None:
        for offered in self._offered:
            if offered.codec.key == codec.key:
                return offered.payload_type
        return None

    def _read_answer(self, description: SessionDescription, slots: tuple[_Slot, ...], index: int) -> RemoteAudio:
        if len(description.media) != len(slots):
            raise SdpError(
                f"{len(description.media)} media sections in the answer",
                expected=f"{len(slots)} as in the offer (RFC 3264 6)",
                status=488,
            )
        for position, (section, slot) in enumerate(zip(description.media, slots, strict=True)):
            if section.media.lower() != slot.media.lower():
                raise SdpError(
                    f"m={section.media}", expected=f"m={slot.media} as offered", status=488, line=section.line_number
                )
            if position != index and section.port:
                raise SdpError("a refused stream taken up", expected="port 0", status=488, line=section.line_number)
        section = description.media[index]
        if section.port and section.protocol.upper() != slots[index].protocol.upper():
            raise SdpError(
                f"profile {section.protocol}", expected=slots[index].protocol, status=488, line=section.line_number
            )
        return read_audio(description, index)

    def _write(
        self,
        slots: tuple[_Slot, ...],
        index: int,
        formats: Sequence[Format],
        direction: Direction,
        ptime: int,
        *,
        rtcp_mux: bool,
    ) -> bytes:
        numbers: list[str] = []
        lines: list[str] = []
        for format_ in formats:
            number = str(format_.payload_type)
            codec = format_.codec
            numbers.append(number)
            lines.append(f"a=rtpmap:{number} {codec.rtpmap}\r\n")
            if codec.fmtp:
                lines.append(f"a=fmtp:{number} {codec.fmtp}\r\n")
        mux = "a=rtcp-mux\r\n" if rtcp_mux else ""
        audio = (
            f"m=audio {self.port} {slots[index].protocol} {' '.join(numbers)}\r\n{''.join(lines)}"
            f"a=ptime:{ptime}\r\na={direction.value}\r\n{mux}"
        )
        family = address_type(self.address)
        tail = f" IN {family} {self.address}\r\ns={self.name}\r\nc=IN {family} {self.address}\r\nt={self._timing}\r\n"
        if len(slots) == 1:
            tail += audio
        else:
            tail += "".join(
                audio if position == index else f"m={slot.media} 0 {slot.protocol} {slot.format}\r\n"
                for position, slot in enumerate(slots)
            )
        if tail != self._tail:
            # RFC 3264 8: one more for every change, the same number for the same words.
            self._version += 1
            self._tail = tail
        self._local_body = f"v=0\r\no=- {self._session_id} {self._version}{tail}".encode("utf-8", "surrogateescape")
        return self._local_body


def _agree(
    audio: RemoteAudio,
    *,
    send: tuple[Format, ...],
    receive: tuple[Format, ...],
    direction: Direction,
    rtcp_mux: bool,
    ptime: int,
) -> AudioAgreement:
    return AudioAgreement(
        remote_address=audio.address,
        remote_port=audio.section.port,
        remote_rtcp=audio.rtcp(mux=rtcp_mux),
        rtcp_mux=rtcp_mux,
        send=send,
        receive=receive,
        direction=direction,
        ptime=ptime,
        remote_direction=audio.direction,
    )


def _audio_first(codec: Codec) -> int:
    return 0 if codec.is_audio else 2 if codec.is_telephone_event else 1


def _names(codecs: Sequence[Codec]) -> str:
    return ", ".join(codec.rtpmap for codec in codecs)[:200]
