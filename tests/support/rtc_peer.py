"""A browser's media without a browser: aiortc behind one of our SIP phones, cheaper than Chromium, and obedient.

It says a tone and listens for one. aiortc is the yardstick here, nothing of it runs in the switch.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from softswitch.sip.client_request import ClientRequest
from softswitch.sip.digest import Credentials
from softswitch.sip.events import Answered
from tests.support.daemon import real_phone
from tests.support.puppets import bodies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from softswitch.sip.session.session import InviteSession
    from tests.support.phone import Phone

ADDRESS = "127.0.0.3"
RATE = 48000
FRAME = RATE // 50
SAID_HZ = 600
PATIENCE = 120.0
TRICKLED = re.compile(r"a=candidate:[^\r\n]*\r\n|a=end-of-candidates\r\n")


class Tone(MediaStreamTrack):
    """Says SAID_HZ, at the pace of the loop's clock."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._frames = 0
        self._began = 0.0

    async def recv(self) -> AudioFrame:
        """The next 20 ms."""
        now = asyncio.get_running_loop().time()
        self._began = self._began or now
        await asyncio.sleep(max(0.0, self._began + self._frames * 0.02 - now))
        at = (np.arange(FRAME) + self._frames * FRAME) / RATE
        samples = (8000 * np.sin(2 * np.pi * SAID_HZ * at)).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._frames * FRAME, Fraction(1, RATE)
        self._frames += 1
        return frame


class RtcPeer:
    """One peer connection, and the phone that speaks SIP for it over UDP."""

    def __init__(self, phone: Phone, switch: tuple[str, int], credentials: Credentials) -> None:
        self.phone = phone
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._switch = switch
        self._credentials = credentials
        self.session: InviteSession | None = None
        self._heard = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self.connection.addTrack(Tone())
        self.connection.on("track", self._listen)

    async def offer(self, *, codecs: tuple[str, ...] = (), setup: str = "") -> str:
        """Our offer, candidates in it; `codecs` (names) alone if given, `setup` instead of actpass."""
        offer = await self.connection.createOffer()
        await self.connection.setLocalDescription(offer)
        sdp: str = self.connection.localDescription.sdp
        if codecs:
            sdp = _only(sdp, codecs)
        return sdp.replace("a=setup:actpass", f"a=setup:{setup}") if setup else sdp

    async def call(self, number: str, offer: str) -> str:
        """Call; the answer, not taken yet."""
        self.session = self.phone.call(
            number, self._switch, body=offer.encode(), caller="<sip:1001@phones.invalid>", credentials=self._credentials
        )
        async with asyncio.timeout(PATIENCE):
            while not (answers := bodies(self.phone, Answered)):
                assert not self.phone.refused, self.phone.refused
                await asyncio.sleep(0.01)
        return answers[0].decode()

    async def take(self, answer: str) -> None:
        """Go where the answer says."""
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def trickle(self, candidates: list[str]) -> None:
        """Tell them one by one, by INFO (RFC 8840)."""
        session = self.session
        assert session is not None
        dialog = session.dialog
        assert dialog is not None
        lines = "Content-Type: application/trickle-ice-sdpfrag\r\nInfo-Package: trickle-ice\r\n"
        description: str = self.connection.localDescription.sdp
        credentials = "".join(f"{line}\r\n" for line in description.split("\r\n") if line.startswith("a=ice-"))
        for candidate in [*candidates, "a=end-of-candidates"]:
            with self.phone.driver.turn():
                now, body = (
                    self.phone.driver.now(),
                    f"{credentials}m=audio 9 RTP/AVP 0\r\na=mid:0\r\n{candidate}\r\n".encode(),
                )
                info = dialog.request("INFO", session.next_cseq(), session.core.branch(), headers=lines, body=body)
                ClientRequest(session.core, session, info, dialog.flow, session.authorizer, now)

    async def heard(self) -> None:
        """Wait until its own tone came back."""
        async with asyncio.timeout(PATIENCE):
            await self._heard.wait()

    @property
    def profile(self) -> str:
        """What DTLS has chosen for SRTP."""
        (transceiver,) = self.connection.getTransceivers()
        ssl: Any = transceiver.sender.transport._ssl
        name: bytes = ssl.get_selected_srtp_profile()
        return name.decode()

    @property
    def dtls_role(self) -> str:
        """`client` or `server`."""
        (transceiver,) = self.connection.getTransceivers()
        role: str = transceiver.sender.transport._role
        return role

    async def close(self) -> None:
        """Hang up."""
        if self.session is not None:
            self.phone.hang_up(self.session)
        if self._listening is not None:
            self._listening.cancel()
        await self.connection.close()

    def _listen(self, track: Any) -> None:
        self._listening = asyncio.ensure_future(self._hear(track))

    async def _hear(self, track: Any) -> None:
        try:
            while True:
                frame = await track.recv()
                samples = frame.to_ndarray().astype(float).reshape(-1, len(frame.layout.channels))[:, 0]
                spectrum = np.abs(np.fft.rfft(samples))
                loudest = int(np.argmax(spectrum)) * frame.sample_rate / len(samples)
                if abs(loudest - SAID_HZ) <= frame.sample_rate / len(samples) and np.abs(samples).max() > 2000:
                    self._heard.set()
        except MediaStreamError:
            pass


@asynccontextmanager
async def rtc_peer(
    switch: tuple[str, int], password: str, *, profiles: tuple[bytes, ...] = ()
) -> AsyncIterator[RtcPeer]:
    """User 1001, on loopback; `profiles`: of SRTP, by OpenSSL's names, all it knows if not given."""
    from aiortc import rtcdtlstransport

    known = rtcdtlstransport.SRTP_PROFILES
    chosen = [each for each in known if not profiles or each.openssl_profile in profiles]
    with (
        patch("aioice.ice.get_host_addresses", lambda **_: [ADDRESS]),
        patch.object(rtcdtlstransport, "SRTP_PROFILES", chosen),
    ):
        async with real_phone(ADDRESS) as phone:
            phone.media_host = ADDRESS
            peer = RtcPeer(phone, switch, Credentials("1001", password))
            try:
                yield peer
            finally:
                await peer.close()


def without_candidates(sdp: str) -> tuple[str, list[str]]:
    """A description that trickles, and the candidates it left out."""
    found = [line.strip() for line in TRICKLED.findall(sdp) if line.startswith("a=candidate")]
    bare = TRICKLED.sub("", sdp)
    return bare.replace("a=ice-ufrag", "a=ice-options:trickle\r\na=ice-ufrag", 1), found


def _only(sdp: str, codecs: tuple[str, ...]) -> str:
    """Without the formats of other names."""
    kept = [
        number
        for number, name in re.findall(r"a=rtpmap:(\d+) ([^/\r\n]+)", sdp)
        if name.lower() in {each.lower() for each in codecs}
    ]
    lines = []
    for line in sdp.split("\r\n"):
        number = re.match(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d+)", line)
        if number is None or number[1] in kept:
            lines.append(re.sub(r"^(m=audio \d+ \S+).*", rf"\1 {' '.join(kept)}", line))
    return "\r\n".join(lines)
