"""Somebody else's ICE and DTLS at the far end: aiortc's transports on loopback, without its sessions and media."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from unittest import mock

from aiortc import RTCCertificate, RTCIceCandidate, RTCIceGatherer, RTCIceTransport
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceParameters

from softswitch.sdp.browser import Fingerprint, IceCandidate, IceCredentials, RemoteTransport, Setup, WebAgreement
from tests.support.loopback import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.sdp.browser import LocalTransport


class OrtcPeer:
    """One browser's worth. Use `await OrtcPeer.open()`, and `close`."""

    def __init__(self) -> None:
        self.gatherer = RTCIceGatherer(iceServers=[])
        self.ice = RTCIceTransport(self.gatherer)
        self.dtls = RTCDtlsTransport(self.ice, [RTCCertificate.generateCertificate()])
        self.media: list[bytes] = []
        """RTP and RTCP that came, opened."""
        self._tasks: list[asyncio.Task[None]] = []
        vars(self.dtls).update(_handle_rtp_data=self._on_media, _handle_rtcp_data=self._on_media)

    @classmethod
    async def open(cls, host: str = "127.0.0.1") -> OrtcPeer:
        """With its candidates gathered. aioice leaves out loopback otherwise."""
        peer = cls()
        with mock.patch("aioice.ice.get_host_addresses", return_value=[host]):
            await peer.gatherer.gather()
        return peer

    async def _on_media(self, data: bytes, arrival_time_ms: int = 0) -> None:
        self.media.append(data)

    def describe(self, *, complete: bool = True, candidates: bool = True, lies: bool = False) -> RemoteTransport:
        """As its SDP would. `lies`: names another certificate."""
        ours = self.gatherer.getLocalParameters()
        said = self.dtls.getLocalParameters().fingerprints
        fingerprints = [Fingerprint.parse(f"{each.algorithm} {each.value}") for each in said]
        if lies:
            fingerprints = [each._replace(digest=bytes(len(each.digest))) for each in fingerprints]
        return RemoteTransport(
            IceCredentials(ours.usernameFragment or "", ours.password or ""),
            self.candidates() if candidates else (),
            lite=False,
            trickle=not complete,
            complete=complete,
            fingerprints=tuple(fingerprints),
            setup=Setup.ACTPASS,
        )

    def candidates(self) -> tuple[IceCandidate, ...]:
        """All it has."""
        return tuple(
            IceCandidate(each.foundation, each.component, each.protocol, each.priority, each.ip, each.port, each.type)
            for each in self.gatherer.getLocalCandidates()
        )

    def agreement(
        self,
        local: LocalTransport,
        *,
        dtls_client: bool = True,
        controlling: bool = False,
        remote: RemoteTransport | None = None,
    ) -> WebAgreement:
        """What both settle, seen from our side."""
        return WebAgreement(
            local, remote or self.describe(), dtls_client=dtls_client, controlling=controlling, mid="0", restarted=False
        )

    def start(self, local: LocalTransport, *, dtls_client: bool, controlling: bool) -> None:
        """Connect to `local`: its roles are the peer's own."""
        self._tasks.append(asyncio.create_task(self._connect(local, dtls_client=dtls_client, controlling=controlling)))

    async def _connect(self, local: LocalTransport, *, dtls_client: bool, controlling: bool) -> None:
        self.gatherer._connection.ice_controlling = controlling
        self.dtls._set_role("client" if dtls_client else "server")
        await self.offer_candidates(local.candidates)
        credentials = local.credentials
        await self.ice.start(RTCIceParameters(credentials.fragment, credentials.password, iceLite=local.lite))
        hashed = local.fingerprint
        if self.ice.state == "completed":
            await self.dtls.start(
                RTCDtlsParameters([RTCDtlsFingerprint(hashed.algorithm, hashed.digest.hex(":").upper())])
            )

    async def offer_candidates(self, candidates: Sequence[IceCandidate]) -> None:
        """Tell it ours, and that there are no more."""
        for each in candidates:
            await self.ice.addRemoteCandidate(
                RTCIceCandidate(
                    each.component, each.foundation, each.address, each.port, each.priority, each.transport, each.kind
                )
            )
        await self.ice.addRemoteCandidate(None)

    async def connect_ice(self, local: LocalTransport) -> None:
        """ICE alone."""
        await self.ice.start(RTCIceParameters(local.credentials.fragment, local.credentials.password))
        assert self.ice.state == "completed"

    async def connected(self) -> None:
        """Until it says so."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._tasks)
        assert (self.ice.state, self.dtls.state) == ("completed", "connected")

    async def send(self, data: bytes) -> None:
        """RTP or RTCP, sealed."""
        await self.dtls._send_rtp(data)

    def vanish(self) -> None:
        """Be gone without a word: a machine that lost power."""
        for protocol in self.gatherer._connection._protocols:
            protocol.transport.abort()

    async def close(self) -> None:
        """Let go of everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.dtls.stop()
        await self.ice.stop()
