"""Our transport against somebody else's ICE and DTLS, over the real engine."""

from __future__ import annotations

import pytest

from media.events import MediaStarted
from softswitch.b2bua.web import WebState
from softswitch.webrtc.settings import WebSettings
from tests.support.loopback import until
from tests.support.media_world import Rtp
from tests.support.ortc_peer import OrtcPeer
from tests.support.web_world import BrowserLeg, web_world


@pytest.mark.parametrize(
    ("lite", "controlling"), [(False, False), (False, True), (True, False)], ids=["controlled", "controlling", "lite"]
)
@pytest.mark.parametrize("client", [False, True], ids=["server", "client"])
async def test_a_call_is_connected(lite: bool, controlling: bool, client: bool) -> None:
    async with web_world(WebSettings(lite=lite)) as world:
        leg = BrowserLeg(world)
        peer = await OrtcPeer.open()
        try:
            local = leg.transport.describe(restart=False)
            leg.transport.agree(peer.agreement(local, dtls_client=client, controlling=controlling))
            peer.start(local, dtls_client=not client, controlling=not controlling)
            news = await leg.told(WebState.CONNECTED)
            await peer.connected()
            assert news.ice_ms is not None
            assert news.dtls_ms is not None
            for number in range(20):
                await peer.send(bytes(Rtp(number, 160 * number)))
            await until(lambda: any(isinstance(each, MediaStarted) for each in world.events))
        finally:
            await peer.close()
