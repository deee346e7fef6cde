"""A browser's video by hand: RTP with extensions, the RTCP that goes with it, and two legs that have agreed on it."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from media.commands import Connect, PayloadFormat, SetDirection, SetFormats, SetKeys, SetPath, SetVideo
from media.srtp.material import KeyMaterial, key_length
from media.srtp.session import SrtpDirection
from tests.support.media_world import PCMA, Rtp

if TYPE_CHECKING:
    from media.legs import OpenedLeg
    from media.snapshots import LegStatistics, VideoStatistics
    from tests.support.media_world import FarEnd, MediaWorld

VP8 = PayloadFormat(96, "VP8", 90000)
RTX = PayloadFormat(97, "rtx", 90000)
FORMATS = (VP8, RTX)
SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206


@dataclass(frozen=True, slots=True)
class Picture:
    """One packet of video, with a header extension as browsers send it (RFC 8285)."""

    sequence: int
    timestamp: int = 0
    payload: bytes = b"\x90\x80\x00" + bytes(1100)
    payload_type: int = VP8.payload_type
    ssrc: int = 0xAAAA
    marker: bool = False

    def __bytes__(self) -> bytes:
        second = self.payload_type | (0x80 if self.marker else 0)
        head = struct.pack("!BBHII", 0x90, second, self.sequence & 0xFFFF, self.timestamp, self.ssrc)
        return head + b"\xbe\xde\x00\x01\x51\x00\x07\x00" + self.payload


def packet(kind: int, count: int, body: bytes) -> bytes:
    """One RTCP packet (RFC 3550 6.4)."""
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def sender_report(ssrc: int, ntp: int, timestamp: int, blocks: bytes = b"") -> bytes:
    return packet(SR, len(blocks) // 24, struct.pack("!IQIII", ssrc, ntp, timestamp, 10, 1000) + blocks)


def receiver_report(ssrc: int, blocks: bytes = b"") -> bytes:
    return packet(RR, len(blocks) // 24, struct.pack("!I", ssrc) + blocks)


def block(about: int, *, last_sr: int = 0, delay: int = 0) -> bytes:
    return struct.pack("!IIIIII", about, 0x05000003, 77, 12, last_sr, delay)


def feedback(kind: int, form: int, sender: int, about: int, body: bytes = b"") -> bytes:
    return packet(kind, form, struct.pack("!II", sender, about) + body)


def pli(sender: int, about: int) -> bytes:
    return feedback(PSFB, 1, sender, about)


def parts(compound: bytes) -> list[bytes]:
    """The packets of a compound."""
    found = []
    while compound:
        size = 4 + 4 * int.from_bytes(compound[2:4], "big")
        found.append(compound[:size])
        compound = compound[size:]
    return found


class Watched:
    """A browser with audio and video, and its leg, which has been told where it is and its keys."""

    def __init__(
        self, world: MediaWorld, *, audio: int, video: int, group: str = "call", suite: str = "AEAD_AES_128_GCM"
    ) -> None:
        self.world, self.audio, self.video = world, audio, video
        self.far: FarEnd = world.far_end()
        self.leg: OpenedLeg = world.engine.open_leg(label="browser", group=group, browser=True)
        self.sequence = 0
        self.audio_sequence = 0
        world.engine.post(
            SetFormats(self.leg.leg, (PCMA,), (PCMA,)),
            SetDirection(self.leg.leg, send=True, receive=True),
            SetPath(self.leg.leg, self.far.host, self.far.port),
        )
        self.protect(suite, audio)
        self.agree()

    def protect(self, suite: str, seed: int) -> None:
        """Keys from now on."""
        dice = random.Random(seed)
        theirs, ours = (KeyMaterial(suite, dice.randbytes(key_length(suite))) for _ in range(2))
        self.world.engine.post(SetKeys(self.leg.leg, theirs, ours))
        self.sealing = SrtpDirection(theirs, sends=True, any_source=True)
        self.opening = SrtpDirection(ours, sends=False, any_source=True)

    def agree(self, *, send: bool = True, receive: bool = True, formats: tuple[PayloadFormat, ...] = FORMATS) -> None:
        self.world.engine.post(SetVideo(self.leg.leg, formats, send, receive))

    def say(self, data: bytes, *, rtcp: bool = False) -> bytes:
        """One packet, sealed."""
        sealed = self.sealing.seal(data, rtcp=rtcp)
        assert isinstance(sealed, bytes), sealed
        self.far.send(self.leg, sealed)
        return data

    def talk(self, count: int = 1) -> None:
        """The next packets of its microphone."""
        for _ in range(count):
            self.say(bytes(Rtp(self.audio_sequence, self.audio_sequence * 160, ssrc=self.audio)))
            self.audio_sequence += 1

    def show(self, count: int = 1, **changes: object) -> list[bytes]:
        """The next packets of the camera."""
        sent = []
        for _ in range(count):
            picture = Picture(self.sequence, self.sequence * 3000, ssrc=self.video, **changes)  # type: ignore[arg-type]
            sent.append(self.say(bytes(picture)))
            self.sequence += 1
        return sent

    def tell(self, *packets: bytes) -> None:
        """One RTCP compound."""
        self.say(b"".join(packets), rtcp=True)

    async def hear(self) -> bytes:
        """The next packet of any kind, opened."""
        data = await self.far._take(self.far.rtp)
        opened = self.opening.open(data, rtcp=192 <= data[1] <= 223)
        assert isinstance(opened, bytes), opened
        return opened

    async def see(self) -> bytes:
        """The next packet of video."""
        while True:
            data = await self.hear()
            if data[1] & 0x7F in (VP8.payload_type, RTX.payload_type):
                return data

    async def told(self) -> list[bytes]:
        """The next RTCP compound that is about video: our own reports of audio have a CNAME in their second place."""
        while True:
            data = await self.hear()
            if 192 <= data[1] <= 223:
                found = parts(data)
                if len(found) < 2 or found[1][1] != SDES:
                    return found

    def statistics(self) -> LegStatistics:
        found = self.world.engine.statistics(self.leg.leg)
        assert found is not None
        return found

    def counted(self) -> VideoStatistics:
        found = self.statistics().video
        assert found is not None
        return found

    async def arrived(self, packets: int) -> None:
        """So many packets of the camera have been counted."""
        await self.world.until(lambda: self.counted().packets == packets)

    def our_ssrc(self) -> int:
        return self.statistics().ssrc_sent


async def two_watching(
    world: MediaWorld, *, connected: bool = True, suite: str = "AEAD_AES_128_GCM"
) -> tuple[Watched, Watched]:
    """Two browsers that have agreed on video with us."""
    alice = Watched(world, audio=0xA0, video=0xA1, suite=suite)
    bob = Watched(world, audio=0xB0, video=0xB1, suite=suite)
    if connected:
        world.engine.post(Connect(alice.leg.leg, bob.leg.leg))
    await world.settled()
    return alice, bob
