"""UDP/TLS/RTP/SAVPF: one dialog with a browser over its offers and answers (JSEP, RFC 9429).

One transport carries everything: RTP and RTCP on one port, audio and video bundled (RFC 9143), found by ICE (RFC 8839)
and keyed by DTLS (RFC 8842). We describe ours completely and at once, so that nothing here ever waits.

    who             DTLS                                         ICE
    their offer     actpass, passive: we are the client;         we are controlled, unless only they are lite
                    active: they are
    our offer       actpass; their answer says                   we are controlling, unless only we are lite
    later offers    the same roles while their certificate       the same roles (RFC 8445 6.1.1)
                    is the same (RFC 8842 5.5)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from softswitch.sdp.browser import BROWSER_PROFILE, Setup, WebAgreement
from softswitch.sdp.local_description import Layout, Slot, layout_of
from softswitch.sdp.profile import Carriage
from softswitch.sdp.video import VideoAgreement, in_common, without_numbers
from softswitch.sdp.web_reading import WebRead, ends_audio, read_web_answer, read_web_offer
from softswitch.sdp.web_sections import WebDescription
from softswitch.sdp.web_wording import VideoWords, web_wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.sdp.agreement import AudioAgreement
    from softswitch.sdp.browser import LocalSide, LocalTransport, RemoteTransport
    from softswitch.sdp.codec import Format
    from softswitch.sdp.description import SessionDescription
    from softswitch.sdp.local_description import Wording
    from softswitch.sdp.profile import Profile
    from softswitch.sdp.remote_audio import RemoteAudio
    from softswitch.sdp.video import VideoOffer

_AUDIO_ONLY: Final = Layout((Slot("audio", BROWSER_PROFILE, "0", "0"),), 0)


class _Offered(NamedTuple):
    """What we said that waits for its answer."""

    local: LocalTransport
    video: VideoOffer | None
    position: int
    """Of the m=video line, -1: none."""


class WebProfile:
    """See Profile. `own`: our address and port, which no candidate of theirs may name."""

    __slots__ = ("_agreed", "_controlling", "_offered", "_own", "_read", "_restart", "_side", "_video", "first_layout")

    muxes = True

    def __init__(self, side: LocalSide, own: tuple[str, int]) -> None:
        self.first_layout = _AUDIO_ONLY
        self._side = side
        self._own = own
        self._agreed: WebAgreement | None = None
        self._controlling: bool | None = None
        """Settled with the first agreement."""
        self._restart = False
        """Our next offer starts ICE anew."""
        self._offered: _Offered | None = None
        self._read: WebRead | None = None
        """Theirs that was read last."""
        self._video = -1
        """The position of the m=video line in use."""

    def follow(self, before: Profile) -> None:
        """Their ICE agent keeps its role though ours is another one from here on, and their video its section."""
        if isinstance(before, WebProfile):
            self._controlling = before._controlling
            self._video = before._video

    def sibling(self) -> WebProfile:
        """Whoever answers first has the one transport: no proxy stands before a browser."""
        return self

    def restart_ice(self) -> None:
        """From the next offer of ours on that is answered."""
        self._restart = True

    # -- our offers ---------------------------------------------------------------------------------------------

    def offer(self, layout: Layout, formats: Sequence[Format], video: VideoOffer | None) -> tuple[Layout, Wording]:
        local = self._side.describe(restart=self._restart)
        position = -1
        group = [mid] if (mid := layout.slots[layout.position].mid) else []
        if video is not None:
            video = without_numbers(video, {each.payload_type for each in formats}) if group else None
        words: VideoWords | None = None
        if video is not None:
            layout, position = self._with_video(layout, video)
            group.append(layout.slots[position].mid)
            words = VideoWords(video, position, reduced=True)
        self._offered = _Offered(local, video, position)
        nack = {each.payload_type for each in formats if each.codec.is_audio}
        return layout, web_wording(
            layout, formats, local, Setup.ACTPASS, where=self._own, group=group, nack=nack, reduced=True, video=words
        )

    def _with_video(self, layout: Layout, video: VideoOffer) -> tuple[Layout, int]:
        """In the m=video line in use, in a refused one with a new mid (RFC 9429 5.2.2), or behind all others."""
        slots = list(layout.slots)
        position = self._video
        if position < 0:
            refused = (n for n, slot in enumerate(slots) if (slot.media, slot.protocol) == ("video", BROWSER_PROFILE))
            position = next(refused, len(slots))
            used = {slot.mid for slot in slots}
            mid = next(text for text in map(str, range(len(slots) + 1)) if text not in used)
        else:
            mid = slots[position].mid
        slots[position : position + 1] = [Slot("video", BROWSER_PROFILE, str(video.formats[0].payload_type), mid)]
        return Layout(tuple(slots), layout.position), position

    def withdraw(self) -> None:
        self._offered = None

    def read_answer(self, description: SessionDescription, layout: Layout) -> RemoteAudio:
        assert self._offered is not None
        _, video, position = self._offered
        web = WebDescription(description)
        self._read, audio = read_web_answer(description, web, layout, position, video, self._own)
        return audio

    def take_answer(self, audio: RemoteAudio) -> Carriage:
        offered, read, remote, theirs = self._offered, self._read, audio.web, audio.video
        assert offered is not None
        assert read is not None
        assert remote is not None
        common = None if theirs is None or offered.video is None else in_common(theirs, offered.video)
        video: VideoAgreement | None = None
        if common is not None and read.video is not None:
            said, ours = common
            video = VideoAgreement(said, ours, ours.direction.within(said.direction.reversed), read.video.mid)
        self._video = -1 if video is None else offered.position
        self._restart = False
        self._settle(
            offered.local,
            remote,
            client=remote.setup is Setup.PASSIVE,
            offerer=True,
            mid=read.tagged_mid(video=video is not None),
        )
        return Carriage(web=self._agreed, video=video, nack=bool(audio.nack))

    # -- their offers -------------------------------------------------------------------------------------------

    def takes_audio_away(self, description: SessionDescription, layout: Layout) -> bool:
        return ends_audio(WebDescription(description), layout.position)

    def read_offer(self, description: SessionDescription, layout: Layout) -> RemoteAudio:
        web = WebDescription(description)
        self._read, audio = read_web_offer(description, web, layout.position, self._video, self._own)
        return audio

    def layout_of(self, description: SessionDescription, position: int) -> Layout:
        slots, _ = layout_of(description, position)
        mids = [section.mid for section in WebDescription(description).sections]
        return Layout(tuple(slot._replace(mid=mid) for slot, mid in zip(slots, mids, strict=True)), position)

    def answer(
        self,
        audio: RemoteAudio,
        layout: Layout,
        formats: Sequence[Format],
        video: VideoOffer | None,
        before: AudioAgreement | None,
    ) -> tuple[Carriage, Wording]:
        read, remote = self._read, audio.web
        assert read is not None
        assert remote is not None
        agreed: VideoAgreement | None = None
        words: VideoWords | None = None
        if video is not None:
            # A number of theirs that has had another meaning here is answered with one of ours (RFC 3264 8.3.2).
            video = without_numbers(video, {each.payload_type for each in formats})
        common = None if video is None or audio.video is None else in_common(video, audio.video)
        if common is not None and read.video is not None:
            ours, theirs = common
            direction = ours.direction.within(theirs.direction.reversed)
            agreed = VideoAgreement(theirs, replace(ours, direction=direction), direction, read.video.mid)
            words = VideoWords(agreed.local, read.video.position, reduced="rtcp-rsize" in read.video.attributes)
        elif read.video is not None:
            remote = read.transport(video=False)
        with_video = agreed is not None
        restart = self._agreed is not None and self._agreed.remote.credentials != remote.credentials
        local = self._side.describe(restart=restart)
        client = self._is_client(remote)
        self._settle(local, remote, client=client, offerer=False, mid=read.tagged_mid(video=with_video))
        self._video = -1 if words is None else words.position
        nack = {each.payload_type for each in formats if each.payload_type in audio.nack}
        return Carriage(web=self._agreed, video=agreed, nack=bool(nack)), web_wording(
            layout,
            formats,
            local,
            Setup.ACTIVE if client else Setup.PASSIVE,
            where=self._own,
            group=read.group(video=with_video),
            nack=nack,
            reduced="rtcp-rsize" in read.audio.attributes,
            video=words,
        )

    # -- both ---------------------------------------------------------------------------------------------------

    def _is_client(self, remote: RemoteTransport) -> bool:
        """Our DTLS role in answer to theirs; another certificate makes a new association with new roles."""
        if remote.setup is not Setup.ACTPASS:
            return remote.setup is Setup.PASSIVE
        before = self._agreed
        return before is None or before.dtls_client or before.remote.fingerprints != remote.fingerprints

    def _settle(self, local: LocalTransport, remote: RemoteTransport, *, client: bool, offerer: bool, mid: str) -> None:
        if self._controlling is None:
            self._controlling = offerer if local.lite == remote.lite else remote.lite
        before = self._agreed
        restarted = before is not None and (before.local.credentials, before.remote.credentials) != (
            local.credentials,
            remote.credentials,
        )
        self._agreed = WebAgreement(local, remote, client, self._controlling, mid, restarted)
