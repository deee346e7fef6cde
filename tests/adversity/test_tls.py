"""The real daemon over TLS: trunks known by certificates and found by SRV, and certificates that change meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from typing import TYPE_CHECKING

from softswitch.transport.certificates import Terms
from tests.support.certificates import DAY, Authority
from tests.support.daemon import CONFIG, STRANGER, Daemon
from tests.support.dns_server import DnsServer
from tests.support.loopback import HOST, TcpPeer, free_port, options
from tests.support.phone import sdp
from tests.support.tls_peers import CARRIER, Side, TlsPeer, client, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TLS = CONFIG.replace(
    "  timers:",
    """\
    - {{transport: tls, address: 127.0.0.1, port: {tls}}}
  tls: {{certificate: switch.crt, key: switch.key, ca: authority.pem}}
  dns: {{servers: "{dns}"}}
  timers:""",
).replace(
    "trunks:\n",
    """\
trunks:
  pbx: {{tls: {{identities: pbx.test, required: true}}}}
  secure: {{tls: true, destinations: sip.carrier.test}}
""",
)
DIALPLAN = """\
timezone: UTC
routes:
  - name: through
    when: {from: trunk:pbx}
    do: [{dial: {trunk: secure, ring_for: 30s}}]
"""


@contextlib.asynccontextmanager
async def running(folder: Path, authority: Authority) -> AsyncIterator[tuple[Daemon, Side]]:
    """The daemon, and the carrier it finds by SRV."""
    authority.vouch("switch", dns=("switch.test",))
    carrier = Terms(authority.vouch("carrier", uris=(f"sip:{CARRIER}",)), authority.file, "1.2", "required")
    async with listening(carrier, None, "switch.test") as far:
        zone = DnsServer(
            f"_sips._tcp.sip.carrier.test. 60 IN SRV 1 1 {far.at[1]} a.carrier.test.",
            "a.carrier.test. 60 IN A 127.0.0.1",
        )
        async with zone, Daemon(folder) as daemon:
            daemon.values["tls"] = free_port(socket.SOCK_STREAM)
            daemon.values["dns"] = "{}:{}".format(*zone.address)
            daemon.write(TLS, DIALPLAN)
            await daemon.start()
            yield daemon, far


def invite(peer: TlsPeer) -> bytes:
    """A call to somebody."""
    host, port = peer.address
    body = sdp(40_000, host=HOST)
    return (
        f"INVITE sips:123@switch.test SIP/2.0\r\nVia: SIP/2.0/TLS {host}:{port};branch=z9hG4bKcall{port}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sips:pbx@pbx.test>;tag=1\r\nTo: <sips:123@switch.test>\r\nCall-ID: call{port}\r\n"
        f"CSeq: 1 INVITE\r\nContact: <sips:pbx@{host}:{port}>\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def refused(peer: TlsPeer) -> bytes:
    """Call, and give the first line of the final answer."""
    await peer.send(invite(peer))
    while (answer := await peer.hear()).startswith(b"SIP/2.0 1"):
        pass
    return answer.partition(b"\r\n")[0]


def side(daemon: Daemon) -> tuple[str, int]:
    """Where it hears TLS."""
    return HOST, int(str(daemon.values["tls"]))


async def calling(daemon: Daemon, authority: Authority, name: str, source: str = STRANGER) -> TlsPeer:
    """A peer with a certificate of that name, from an address nobody knows."""
    peer = await TlsPeer.connect(side(daemon), source)
    await peer.shake_hands(client(authority, authority.vouch(name.partition(".")[0], dns=(name,))))
    return peer


async def test_calls_between_trunks_that_are_known_by_their_certificates(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    async with running(tmp_path, authority) as (daemon, far):
        pbx = await calling(daemon, authority, "pbx.test")
        assert await refused(pbx) == b"SIP/2.0 486 Busy Here", "the carrier's own answer"
        assert {flow.peer for flow in far.near.flows} == {"carrier switch.test"}, "the switch showed its certificate"
        impostor = await calling(daemon, authority, "other.test")
        assert await impostor.read() == b""
        impostor.close()
        pbx.close()
        trunks = (await daemon.get("/api/trunks"))["trunks"]
        (secure,) = [trunk for trunk in trunks if trunk["name"] == "secure"]
        assert secure["next_hops"][0]["address"] == "sip.carrier.test"


async def test_certificates_change_and_connections_do_not(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    async with running(tmp_path, authority) as (daemon, _):
        old = await calling(daemon, authority, "pbx.test")
        certificate = old.layer.getpeercert()
        expires = await daemon.metric("softswitch_tls_certificate_expires_timestamp_seconds")

        authority.vouch("switch", dns=("switch.test",), lasts=5 * DAY)
        daemon.signal(signal.SIGHUP)
        await daemon.said("certificates read anew")
        await daemon.said("expires on")
        assert await daemon.metric("softswitch_tls_certificate_expires_timestamp_seconds") < expires
        new = await calling(daemon, authority, "pbx.test")
        assert new.layer.getpeercert() != certificate

        (tmp_path / "switch.key").write_text("nonsense")
        daemon.signal(signal.SIGHUP)
        await daemon.said("the certificates in use stay")
        assert await daemon.metric("softswitch_tls_certificate_failures_total") == 1
        newest = await calling(daemon, authority, "pbx.test")
        assert newest.layer.getpeercert() == new.layer.getpeercert()
        for peer in (old, new, newest):
            await peer.send(options(peer.address, transport="TLS"))
            assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
            peer.close()


async def test_a_call_gets_through_while_others_wear_out_the_listener(tmp_path: Path) -> None:
    """THREATS S8: half a handshake, rubbish, silence, one octet at a time, and a flood of CRLF."""
    authority = Authority.make(tmp_path)
    async with running(tmp_path, authority) as (daemon, _):
        flood = await calling(daemon, authority, "pbx.test")
        slow = await calling(daemon, authority, "pbx.test")
        before = daemon.resident
        stop = asyncio.Event()

        async def hammer(number: int) -> None:
            hello = (
                b"\x16\x03\x01\x02\x00\x01\x00",
                b"GET / HTTP/1.1\r\n\r\n",
                b"",
                b"\x16\x03\x01\xff\xff" + b"x" * 999,
            )
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    peer = await TcpPeer.connect(side(daemon), STRANGER)
                    with contextlib.closing(peer):
                        await peer.send(hello[number % 4])
                        await asyncio.sleep(0.05)

        async def drip() -> None:
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    await flood.send(b"\r\n\r\n" * 500)
                    await slow.send(b"O")
                    await asyncio.sleep(0.01)

        tasks = [asyncio.ensure_future(hammer(number)) for number in range(40)] + [asyncio.ensure_future(drip())]
        try:
            for _ in range(3):
                pbx = await calling(daemon, authority, "pbx.test")
                assert await refused(pbx) == b"SIP/2.0 486 Busy Here"
                pbx.close()
        finally:
            stop.set()
            await asyncio.gather(*tasks)
        assert daemon.resident - before < 20 << 20
        flood.close()
        slow.close()


async def test_a_node_whose_certificate_cannot_be_used_does_not_start(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    authority.vouch("switch")
    (tmp_path / "switch.key").write_text("nonsense")
    async with Daemon(tmp_path) as daemon:
        daemon.values |= {"tls": free_port(socket.SOCK_STREAM), "dns": HOST}
        daemon.write(TLS, DIALPLAN)
        await daemon.spawn()
        assert await daemon.ended() == 2
        assert any("softswitch.yaml:7:" in line and "sip.tls.key" in line for line in daemon.log)


async def test_an_advertised_name_nobody_can_resolve(tmp_path: Path) -> None:
    async with Daemon(tmp_path) as daemon:
        daemon.write(CONFIG.replace("{{name: test}}", "{{name: test, advertised_address: nobody.invalid}}"))
        await daemon.spawn()
        assert await daemon.ended() == 2
        assert any("'nobody.invalid' cannot be resolved" in line for line in daemon.log)
