"""The offer/answer model for one dialog with one audio stream (RFC 3264).

The automaton, with its theory: at most one offer is outstanding, and only its answer, its refusal or its withdrawal
makes room for the next (RFC 3264 4). Everything not in the table is somebody's mistake: ours is a LocalError, theirs
an SdpError with the status to answer.

    state          make_offer     receive_answer  receive_offer   make_answer   reject_offer   withdraw_offer
    stable         local offer    SdpError 400    remote offer    LocalError    stable         stable
    local offer    LocalError     stable          SdpError 491    LocalError    local offer    stable
    remote offer   LocalError     SdpError 400    SdpError 500    stable        stable         remote offer
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from softswitch.sdp.agreement import AudioAgreement, AudioOffer
from softswitch.sdp.attributes import Direction
from softswitch.sdp.codec import KNOWN_CODECS, Codec, Format
from softswitch.sdp.crypto import PLAIN, SrtpPolicy
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import INCOMPATIBLE_FORMAT, LocalError, SdpError
from softswitch.sdp.extended_reports import EVERYTHING, NO_XR, XrPolicy
from softswitch.sdp.local_description import LocalDescription
from softswitch.sdp.matching import match, settle
from softswitch.sdp.payload_types import PayloadTypes
from softswitch.sdp.profile import RtpProfile, answered_layout
from softswitch.sdp.rounds import OwnOffer, TheirOffer, agree, first_offer, names, numbered, offered_number, taken_away
from softswitch.sdp.web_profile import WebProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.sdp.browser import LocalSide
    from softswitch.sdp.local_description import Layout
    from softswitch.sdp.profile import Profile
    from softswitch.sdp.remote_audio import RemoteAudio
    from softswitch.sdp.video import VideoOffer

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
    "SrtpPolicy",
]

DEFAULT_PTIME = 20  # milliseconds, RFC 3551 4.2


class NegotiationState(Enum):
    STABLE = "stable"
    LOCAL_OFFER = "local offer"
    REMOTE_OFFER = "remote offer"


def _no_random(octets: int) -> bytes:
    raise LocalError(f"{octets} random octets wanted for a key; give Negotiation a `random`")


class Negotiation:
    """One dialog's offers and answers. Remembers what was last agreed, so that a refused change costs nothing.

    `address` and `port` are where we receive RTP (RTCP on the next port); `session_id` is a fresh number below 2**63.
    `ptime`: milliseconds a packet we would like; None: no wish but theirs, and 20 in an offer.
    `random(n)` gives n octets for the keys of `srtp`. `web`: our transport to a browser; offers then have a browser's
    profile, and an offer with another one is not acceptable.
    """

    __slots__ = (
        "_accept_rtcp_mux",
        "_in_force",
        "_layout",
        "_local",
        "_numbers",
        "_ours",
        "_profile",
        "_ptime",
        "_remote_body",
        "_rtcp_xr",
        "_theirs",
        "agreement",
    )

    def __init__(
        self,
        *,
        address: str,
        port: int,
        session_id: int,
        name: str = "-",
        accept_rtcp_mux: bool = True,
        ptime: int | None = None,
        srtp: SrtpPolicy = PLAIN,
        random: Callable[[int], bytes] = _no_random,
        rtcp_xr: XrPolicy = XrPolicy.ANSWER,
        web: LocalSide | None = None,
    ) -> None:
        self.agreement: AudioAgreement | None = None
        """What was last agreed; None before the first answer."""
        self._accept_rtcp_mux = accept_rtcp_mux
        self._ptime = ptime
        self._local = LocalDescription(address=address, port=port, session_id=session_id, name=name)
        self._numbers = PayloadTypes()
        self._profile: Profile = RtpProfile(srtp, random) if web is None else WebProfile(web, (address, port))
        self._rtcp_xr = rtcp_xr
        self._layout = self._profile.first_layout
        self._remote_body = b""
        self._ours: OwnOffer | None = None
        self._in_force: OwnOffer | None = None
        """What we said last of what was agreed last, as the offer it could be."""
        self._theirs: TheirOffer | None = None

    def follow(self, before: Negotiation) -> None:
        """Go on with a session that another has settled so far, from a port of our own: its o= line and m= lines, and
        what payload types mean in it, stay (RFC 3264 8). Keys are new: no key stream is used twice."""
        self._local.follow(before._local)
        self._layout = before._layout
        self._numbers = before._numbers
        self._profile.follow(before._profile)

    def sibling(self) -> Negotiation:
        """Another early dialog of the INVITE whose offer is open, in which nothing is agreed so far."""
        other = copy(self)
        other.agreement = other._in_force = None
        other._remote_body = b""
        other._local, other._numbers, other._profile = copy(self._local), self._numbers.copy(), self._profile.sibling()
        return other

    @property
    def state(self) -> NegotiationState:
        """Whose offer is outstanding."""
        if self._ours is not None:
            return NegotiationState.LOCAL_OFFER
        return NegotiationState.STABLE if self._theirs is None else NegotiationState.REMOTE_OFFER

    @property
    def local_body(self) -> bytes:
        """The bytes we sent last: what a 200 must repeat after an answer in a 183 (RFC 3261 13.3.1.4)."""
        return self._local.body

    @property
    def local(self) -> SessionDescription | None:
        """The description we sent last, read on demand."""
        return SessionDescription.parse(self._local.body) if self._local.body else None

    @property
    def remote(self) -> SessionDescription | None:
        """Their description in force, read on demand."""
        return SessionDescription.parse(self._remote_body) if self._remote_body else None

    @property
    def offer(self) -> AudioOffer | None:
        """Their offer that waits for our answer."""
        return None if self._theirs is None else self._theirs.offer

    def make_offer(
        self,
        codecs: Sequence[Codec],
        *,
        direction: Direction = Direction.SENDRECV,
        ptime: int | None = None,
        video: VideoOffer | None = None,
    ) -> bytes:
        """Write an offer of `codecs`, best first; later offers keep the m= lines and payload types of the session.

        Events, comfort noise and redundancy whose clock rate no offered audio codec has are left out (RFC 4733 2.1).
        `ptime` is in milliseconds, None: the session's. `video`: to a browser alone, in the words of who sends it; None
        ends what video there was. Raises LocalError when an offer is outstanding or no audio codec is given.
        """
        ptime = ptime or self._ptime or DEFAULT_PTIME
        if self._ours is not None or self._theirs is not None:
            raise LocalError(
                f"an offer while a {self.state.value} is outstanding; answer, reject or withdraw that one first"
            )
        if video is not None:
            self._numbers.leave(format_.payload_type for format_ in video.formats)
        if len(self._numbers) or video is not None:
            offered = numbered(tuple(codecs), self._numbers)
        else:
            offered = first_offer(tuple(codecs))
            self._numbers.for_first_offer(offered)
        agreed = self.agreement
        mux = self._profile.muxes if agreed is None else agreed.rtcp_mux
        xr = EVERYTHING if self._rtcp_xr is XrPolicy.OFFER else NO_XR if agreed is None else agreed.rtcp_xr
        return self._write_offer(OwnOffer(self._layout, offered, direction, ptime, mux, xr, video))

    def restart_ice(self) -> None:
        """Let our next offer start ICE anew (RFC 8839 4.4.1.1.1). Raises LocalError where there is none."""
        self._profile.restart_ice()

    def repeat_offer(self) -> bytes:
        """Offer what is agreed again, under the version it has if nothing else was said since (RFC 3264 8).

        Raises LocalError when an offer is outstanding or nothing is agreed.
        """
        if self._in_force is None or self._ours is not None or self._theirs is not None:
            raise LocalError("what is agreed can be offered again only where something is, and no offer outstanding")
        return self._write_offer(self._in_force._replace(layout=self._layout))

    def _write_offer(self, ours: OwnOffer) -> bytes:
        layout, wording = self._profile.offer(ours.layout, ours.formats, ours.video)
        self._ours = ours if layout is ours.layout else ours._replace(layout=layout)
        return self._local.write(
            layout,
            ours.formats,
            ours.direction,
            ours.ptime,
            rtcp_mux=ours.rtcp_mux,
            wording=wording,
            rtcp_xr=ours.rtcp_xr,
        )

    def receive_answer(self, body: bytes, *, provisional: bool = False) -> AudioAgreement:
        """Read the answer to our offer. A `provisional` one (unreliable 183) leaves the offer open for the final one.

        Raises SdpError (the offer stays outstanding: withdraw it), also when no offer of ours is outstanding.
        """
        ours = self._ours
        if ours is None:
            raise SdpError("an answer without an offer", expected="no description here")
        description = SessionDescription.parse(body)
        audio = self._profile.read_answer(description, ours.layout)
        if audio.section.port == self._local.port:
            self._refuse_ourselves(audio)
        own = [format_.codec for format_ in ours.formats]
        # Audio comes first in an offer of ours, events last.
        events = own[-1].is_telephone_event
        send: list[Format] = []
        receive: list[Format] = []
        for theirs, codec in match(audio.formats, own, prefer_ours=False, telephone_event=events):
            number = offered_number(ours.formats, codec)
            if number is not None:
                outgoing, incoming = settle(theirs.codec, codec)
                send.append(theirs if outgoing is theirs.codec else Format(theirs.payload_type, outgoing))
                receive.append(Format(number, incoming))
        if not send:
            raise SdpError(
                "none of the offered codecs in the answer",
                expected=names(own),
                status=488,
                line=audio.section.line_number,
            )
        carriage = self._profile.take_answer(audio)
        agreement = agree(
            audio,
            send,
            receive,
            ours.direction.within(audio.direction.reversed),
            rtcp_mux=ours.rtcp_mux and audio.attributes.rtcp_mux,
            ptime=audio.ptime(ours.ptime, send[0].codec),
            carriage=carriage,
            rtcp_xr=ours.rtcp_xr.both(audio.rtcp_xr),
        )
        self._layout = answered_layout(ours.layout, audio)
        self.agreement = agreement
        self._in_force = ours
        self._remote_body = body
        if not provisional:
            self.withdraw_offer()
        return agreement

    def receive_offer(self, body: bytes) -> AudioOffer:
        """Read their offer.

        Raises SdpError and changes nothing: 400 unreadable, 488 no usable audio, 491 or 500 untimely.
        """
        if self._ours is not None:
            raise SdpError("an offer before the answer to ours", expected="the answer (RFC 3264 4)", status=491)
        if self._theirs is not None:
            raise SdpError("a second offer before our answer", expected="one at a time (RFC 3264 4)", status=500)
        description = SessionDescription.parse(body)
        layout = self._layout
        if self.agreement is not None and len(description.media) < len(layout.slots):
            raise SdpError(
                f"{len(description.media)} media sections after {len(layout.slots)}",
                expected="every earlier m= line kept, with port 0 if no longer wanted (RFC 3264 8)",
                status=488,
            )
        if self.agreement is not None and self._profile.takes_audio_away(description, layout):
            offer = taken_away(self.agreement, unchanged=body == self._remote_body)
            theirs = self._profile.layout_of(description, layout.position)
            self._theirs = TheirOffer(body, theirs, description.timing, None, offer)
            return offer
        audio = self._profile.read_offer(description, layout)
        if audio.section.port == self._local.port:
            self._refuse_ourselves(audio)
        offer = AudioOffer(
            formats=audio.formats,
            direction=audio.direction,
            remote_address=audio.address,
            remote_port=audio.section.port,
            rtcp_mux=audio.attributes.rtcp_mux,
            ptime=audio.attributes.ptime,
            unchanged=body == self._remote_body,
            secure=bool(audio.crypto),
            web=audio.web,
            video=audio.video,
        )
        theirs = self._profile.layout_of(description, audio.position)
        self._theirs = TheirOffer(body, theirs, description.timing, audio, offer)
        return offer

    def make_answer(
        self,
        codecs: Sequence[Codec],
        *,
        direction: Direction = Direction.SENDRECV,
        prefer_ours: bool = False,
        telephone_event: bool = True,
        video: VideoOffer | None = None,
    ) -> tuple[bytes, AudioAgreement]:
        """Answer their offer with what it and `codecs` have in common, in the offer's order unless `prefer_ours`.

        telephone-event is kept when offered, whatever `codecs` says, unless `telephone_event` is False. `direction`
        is what we want; the answer never exceeds what they offer (RFC 3264 6.1). `video`: what a far browser has chosen
        of what this one offers, in its words; None refuses it. Raises SdpError 488 when no audio codec is common (the
        offer stays open: reject it or try again); LocalError when there is no offer.
        """
        if self._theirs is None:
            raise LocalError("an answer without an offer")
        body, layout, timing, audio, offer = self._theirs
        if audio is None:
            return self._answer_without_audio(body, layout, timing)
        if audio.video is not None:
            self._numbers.leave(format_.payload_type for format_ in audio.video.formats)
        send: list[Format] = []
        receive: list[Format] = []
        for theirs, codec in match(audio.formats, codecs, prefer_ours=prefer_ours, telephone_event=telephone_event):
            outgoing, incoming = settle(theirs.codec, codec)
            number = self._numbers.for_answer(incoming, theirs.payload_type)
            if number is not None:
                send.append(theirs if outgoing is theirs.codec else Format(theirs.payload_type, outgoing))
                receive.append(Format(number, incoming))
        if not send or not send[0].codec.is_audio:
            raise SdpError(
                f"no common codec: {names(offer.codecs)}",
                expected=names(codecs),
                status=488,
                warning=INCOMPATIBLE_FORMAT,
                line=audio.section.line_number,
            )
        mux = offer.rtcp_mux and self._accept_rtcp_mux
        ptime = audio.ptime(self._ptime or DEFAULT_PTIME, send[0].codec)
        ours_now = direction.within(audio.direction.reversed)
        self._local.timing = timing  # RFC 3264 6: the answer's t= line equals the offer's
        carriage, wording = self._profile.answer(audio, layout, receive, video, self.agreement)
        xr = NO_XR if self._rtcp_xr is XrPolicy.OFF else audio.rtcp_xr
        written = self._local.write(
            layout,
            receive,
            ours_now,
            self._ptime or ptime,
            rtcp_mux=mux,
            wording=wording,
            rtcp_xr=xr,
        )
        self.agreement = agreement = agree(
            audio, send, receive, ours_now, rtcp_mux=mux, ptime=ptime, carriage=carriage, rtcp_xr=xr
        )
        video = None if agreement.video is None else agreement.video.local
        self._in_force = OwnOffer(layout, tuple(receive), ours_now, self._ptime or ptime, mux, xr, video)
        self._layout = layout
        self._remote_body = body
        self._theirs = None
        return written, agreement

    def _refuse_ourselves(self, audio: RemoteAudio) -> None:
        """Media from us to us would go round for ever."""
        if audio.address == self._local.address:
            raise SdpError(
                f"media address {audio.address}:{audio.section.port} is ours",
                expected="an address of the far end's own",
                status=488,
                line=audio.section.line_number,
            )

    def _answer_without_audio(self, body: bytes, layout: Layout, timing: str) -> tuple[bytes, AudioAgreement]:
        """The stream is taken away, for good or until a later offer (RFC 3264 8.2)."""
        assert self.agreement is not None
        self._local.timing = timing
        self.agreement = replace(self.agreement, direction=Direction.INACTIVE, remote_direction=Direction.INACTIVE)
        self._layout = layout.with_protocol(self._layout.protocol)
        self._remote_body = body
        self._theirs = None
        return self._local.write_refusal(layout), self.agreement

    def reject_offer(self) -> None:
        """Drop their offer that waits: what was agreed before stands (RFC 3261 14.2). Nothing waiting: no effect."""
        self._theirs = None

    def withdraw_offer(self) -> None:
        """Our offer was refused or will never be answered: what was agreed before stands. None open: no effect."""
        self._ours = None
        self._profile.withdraw()
