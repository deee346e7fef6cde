"""How a session's streams are carried and protected: the profile of its m= lines, and all that goes with it in SDP."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, NamedTuple, Protocol

from softswitch.sdp.crypto import SECURE_PROFILES
from softswitch.sdp.errors import LocalError
from softswitch.sdp.keying import Keying
from softswitch.sdp.local_description import (
    AUDIO_ONLY,
    PLAIN_WORDING,
    SECURE_AUDIO_ONLY,
    Layout,
    Wording,
    layout_of,
)
from softswitch.sdp.remote_audio import answered_audio, find_audio, takes_audio_away

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from softswitch.sdp.agreement import AudioAgreement
    from softswitch.sdp.browser import WebAgreement
    from softswitch.sdp.codec import Format
    from softswitch.sdp.crypto import Crypto, SrtpPolicy
    from softswitch.sdp.description import SessionDescription
    from softswitch.sdp.keying import SrtpKeys
    from softswitch.sdp.remote_audio import RemoteAudio
    from softswitch.sdp.video import VideoAgreement, VideoOffer


class Carriage(NamedTuple):
    """What a profile adds to an agreement about audio; see AudioAgreement."""

    keys: SrtpKeys | None = None
    web: WebAgreement | None = None
    video: VideoAgreement | None = None
    nack: bool = False


PLAIN_CARRIAGE = Carriage()


class Profile(Protocol):
    """One dialog's, over all its offers and answers. The order of calls is the negotiation's to keep."""

    first_layout: Layout
    """The m= lines of a first offer."""
    muxes: bool
    """RTP and RTCP share a port already in a first offer."""

    def follow(self, before: Profile) -> None:
        """Go on with a dialog that another has led so far, with keys or a transport of our own."""

    def sibling(self) -> Profile:
        """For another early dialog of the same INVITE, with the same offer."""

    def restart_ice(self) -> None:
        """From the next offer of ours on. Raises LocalError where there is no ICE."""

    def offer(self, layout: Layout, formats: Sequence[Format], video: VideoOffer | None) -> tuple[Layout, Wording]:
        """In which m= lines to make an offer in a session that has `layout`, and what else it says.

        From here on it is outstanding.
        """

    def withdraw(self) -> None:
        """Our offer is void, or answered for good."""

    def read_answer(self, description: SessionDescription, layout: Layout) -> RemoteAudio:
        """The audio of an answer to our offer of `layout`. Raises SdpError."""

    def take_answer(self, audio: RemoteAudio) -> Carriage:
        """The answer read last is agreed to. Raises SdpError."""

    def takes_audio_away(self, description: SessionDescription, layout: Layout) -> bool:
        """Whether their offer ends the stream in use without another in its place."""

    def read_offer(self, description: SessionDescription, layout: Layout) -> RemoteAudio:
        """The audio we would take of an offer in a session that has `layout`. Raises SdpError."""

    def layout_of(self, description: SessionDescription, position: int) -> Layout:
        """The m= lines of their offer, with our audio stream at `position`."""

    def answer(
        self,
        audio: RemoteAudio,
        layout: Layout,
        formats: Sequence[Format],
        video: VideoOffer | None,
        before: AudioAgreement | None,
    ) -> tuple[Carriage, Wording]:
        """What our answer to the offer read last settles and says, in its `layout`. From here on it is in force.

        `before`: what was agreed so far.
        """


class RtpProfile:
    """RTP/AVP and RTP/SAVP and their feedback variants, keys by SDES (RFC 4568): trunks and phones. No video."""

    __slots__ = ("_keying", "first_layout")

    muxes = False

    def __init__(self, srtp: SrtpPolicy, random: Callable[[int], bytes]) -> None:
        self._keying = Keying(srtp, random)
        self.first_layout = SECURE_AUDIO_ONLY if srtp.mandatory else AUDIO_ONLY

    def follow(self, before: Profile) -> None:
        """Keys are new: no key stream is used twice."""

    def sibling(self) -> RtpProfile:
        other = copy(self)
        other._keying = copy(self._keying)
        return other

    def restart_ice(self) -> None:
        raise LocalError("ICE starts anew only where a browser is")

    def offer(self, layout: Layout, formats: Sequence[Format], video: VideoOffer | None) -> tuple[Layout, Wording]:
        return layout, _wording(self._keying.offer())

    def withdraw(self) -> None:
        self._keying.withdraw()

    def read_answer(self, description: SessionDescription, layout: Layout) -> RemoteAudio:
        return answered_audio(description, layout, self._keying.policy, keys_offered=self._keying.offering)

    def take_answer(self, audio: RemoteAudio) -> Carriage:
        keys = self._keying.take_answer(audio.crypto, line=audio.section.line_number)
        return PLAIN_CARRIAGE if keys is None else Carriage(keys)

    def takes_audio_away(self, description: SessionDescription, layout: Layout) -> bool:
        return takes_audio_away(description, layout.position)

    def read_offer(self, description: SessionDescription, layout: Layout) -> RemoteAudio:
        return find_audio(description, layout.position, self._keying.policy)

    def layout_of(self, description: SessionDescription, position: int) -> Layout:
        return layout_of(description, position)

    def answer(
        self,
        audio: RemoteAudio,
        layout: Layout,
        formats: Sequence[Format],
        video: VideoOffer | None,
        before: AudioAgreement | None,
    ) -> tuple[Carriage, Wording]:
        moved = before is not None and (before.remote_address, before.remote_port) != (
            audio.address,
            audio.section.port,
        )
        crypto = self._keying.answer(audio.crypto, moved=moved)
        if crypto is None:
            return PLAIN_CARRIAGE, PLAIN_WORDING
        return Carriage(self._keying.agreed), _wording((crypto,))


def _wording(crypto: Sequence[Crypto]) -> Wording:
    if not crypto:
        return PLAIN_WORDING
    return Wording(audio="".join([f"{each.line}\r\n" for each in crypto]))


def answered_layout(layout: Layout, audio: RemoteAudio) -> Layout:
    """What stands once `layout` was answered: a plain offer with keys may be answered with the secure profile."""
    protocol = audio.section.protocol
    return layout.with_protocol(protocol) if protocol.upper() in SECURE_PROFILES else layout
