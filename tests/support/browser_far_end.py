"""A browser's media, without the browser: one socket from which STUN, DTLS and sealed RTP and RTCP come."""

from __future__ import annotations

import contextlib
import secrets
import socket
from typing import TYPE_CHECKING

from media.commands import SetDirection, SetFormats, SetKeys, SetPath
from media.srtp.material import KeyMaterial, key_length
from tests.support.media_world import DTMF, LOOPBACK, PCMA, FarEnd, Rtp
from tests.support.srtp import ReferenceSrtp

if TYPE_CHECKING:
    from media.commands import PayloadFormat
    from media.legs import OpenedLeg
    from tests.support.media_world import MediaWorld

SUITE = "AEAD_AES_256_GCM"
STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
"""A Binding request without attributes."""
CLIENT_HELLO = b"\x16\xfe\xff" + bytes(100)
"""How a DTLS handshake begins."""


def free_port() -> int:
    """A UDP port that nobody has, nor the one behind it."""
    while True:
        with _socket() as one, _socket() as two:
            one.bind((LOOPBACK, 0))
            found: int = one.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                two.bind((LOOPBACK, found + 1))
                return found


def _socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


class BrowserFarEnd(FarEnd):
    """Keys of both directions, and what they seal and open."""

    def __init__(self, host: str = LOOPBACK, suite: str = SUITE) -> None:
        super().__init__(host)
        self.keys = tuple(KeyMaterial(suite, secrets.token_bytes(key_length(suite))) for _ in range(2))
        self.sealing, self.opening = (ReferenceSrtp(suite, each.key_salt) for each in self.keys)

    def say(self, leg: OpenedLeg, packet: Rtp | bytes) -> None:
        """Sealed, to the leg's port."""
        self.rtp.sendto(self.sealing.seal(bytes(packet)), (LOOPBACK, leg.port))

    def report(self, leg: OpenedLeg, packet: bytes) -> None:
        """RTCP, sealed, to the same port."""
        self.rtp.sendto(self.sealing.seal_rtcp(packet), (LOOPBACK, leg.port))

    def raw(self, leg: OpenedLeg, data: bytes) -> None:
        """As it is, to the leg's port."""
        self.rtp.sendto(data, (LOOPBACK, leg.port))

    def say_many(self, leg: OpenedLeg, count: int) -> None:
        """The next packets of this browser's own stream."""
        for _ in range(count):
            self.raw(leg, self.sealed())

    def sealed(self) -> bytes:
        """The next packet of this browser's own stream."""
        packet = Rtp(self.sequence & 0xFFFF, self.sequence * 160, ssrc=self.ssrc)
        self.sequence += 1
        return self.sealing.seal(bytes(packet))

    async def take(self) -> bytes:
        """The next datagram, whatever it is."""
        return await self._take(self.rtp)

    async def hear(self) -> Rtp:
        """The next RTP packet, opened; reports before it are passed over."""
        while True:
            data = await self.take()
            if not 192 <= data[1] <= 223:
                return Rtp.parse(self.opening.open(data))

    async def hear_rtcp(self) -> bytes:
        """The next RTCP packet, opened; audio before it is passed over."""
        while True:
            data = await self.take()
            if 192 <= data[1] <= 223:
                return self.opening.open_rtcp(data)


def browser_leg(
    world: MediaWorld,
    far: BrowserFarEnd,
    formats: tuple[PayloadFormat, ...] = (PCMA, DTMF),
    *,
    group: str = "call",
    settled: bool = True,
) -> OpenedLeg:
    """A leg for this browser; `settled`: ICE and DTLS are done."""
    opened = world.engine.open_leg(label="browser", group=group, browser=True)
    world.engine.post(SetFormats(opened.leg, formats, formats), SetDirection(opened.leg, send=True, receive=True))
    if settled:
        settle(world, far, opened)
    return opened


def settle(world: MediaWorld, far: BrowserFarEnd, leg: OpenedLeg) -> None:
    """What ICE and DTLS come to."""
    world.engine.post(SetPath(leg.leg, far.host, far.port), SetKeys(leg.leg, *far.keys))
