"""TLS: who is believed to be whom, certificates renewed in passing, and peers that wear the handshake out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from softswitch.transport.certificates import Terms
from softswitch.transport.connection import TcpLimits
from tests.support.certificates import DAY, Authority
from tests.support.loopback import HOST, PATIENCE, TcpPeer, options, until
from tests.support.tls_peers import CARRIER, SWITCH, TlsPeer, client, connected, listening

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path)


@pytest.fixture
def switch(authority: Authority) -> Terms:
    """How a listener shows itself, asking for no certificate."""
    return Terms(authority.vouch("switch", dns=(SWITCH,)), authority.file, "1.2", "none")


@pytest.fixture
def carrier(authority: Authority) -> Terms:
    """How the carrier listens."""
    return Terms(authority.vouch("carrier", uris=(f"sip:{CARRIER}",)), authority.file, "1.2", "optional")


# Being a server.


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_messages_however_they_are_cut(authority: Authority, switch: Terms, version: ssl.TLSVersion) -> None:
    async with listening(switch) as side:
        peer = await connected(side, client(authority, minimum=version, maximum=version))
        first, second = (options(peer.address, transport="TLS", body=b"x" * 60_000) for _ in range(2))
        await peer.send(first + second[:70])
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        for octet in second[70:200]:
            await peer.send(bytes((octet,)))
        await peer.send(second[200:])
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        assert {flow.transport for flow in side.near.flows} == {"TLS"}
        peer.close()


async def test_octets_of_the_handshake_one_by_one(authority: Authority, switch: Terms) -> None:
    """TCP may cut TLS records anywhere."""
    async with listening(switch) as side:
        peer = await TlsPeer.connect(side.at)
        whole = TcpPeer.send

        async def dribble(data: bytes) -> None:
            for octet in data:
                await whole(peer, bytes((octet,)))

        peer.outward.write(b"")
        layer = peer.layer = client(authority).wrap_bio(peer.inward, peer.outward)
        while True:
            try:
                layer.do_handshake()
                break
            except ssl.SSLWantReadError:
                await dribble(peer.outward.read())
                await peer._more()
        layer.write(options(peer.address, transport="TLS"))
        await dribble(peer.outward.read())
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        peer.close()


async def test_old_versions_are_refused(authority: Authority, switch: Terms) -> None:
    strict = Terms(switch.own, switch.ca, "1.3", "none")
    async with listening(strict) as side:
        with pytest.raises(ssl.SSLError):
            await connected(side, client(authority, maximum=ssl.TLSVersion.TLSv1_2))
        peer = await connected(side, client(authority))
        assert peer.layer.version() == "TLSv1.3"
        peer.close()


async def test_what_is_not_tls_is_cut(switch: Terms, caplog: pytest.LogCaptureFixture) -> None:
    async with listening(switch) as side:
        for rubbish in (b"OPTIONS sip:x SIP/2.0\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 70_000, os.urandom(5000)):
            peer = await TcpPeer.connect(side.at)
            with contextlib.suppress(OSError):
                await peer.send(rubbish)
            await peer.closed_by_far_end()
        assert side.near.flows == []
    assert caplog.text.count("closed: TLS:") == 1, "one line a source, however often it tries"


async def test_a_goodbye_is_answered(authority: Authority, switch: Terms) -> None:
    async with listening(switch) as side:
        peer = await connected(side, client(authority))
        await peer.send(options(peer.address, transport="TLS"))
        await peer.hear()
        with contextlib.suppress(ssl.SSLWantReadError):
            peer.layer.unwrap()
        await peer.flush()
        await until(lambda: not side.carrier._connections)
        peer.close()


# Who connects to us.


async def test_a_certificate_is_asked_for_and_may_be_missing(authority: Authority, carrier: Terms) -> None:
    async with listening(carrier, None, "pbx.test") as side:
        nobody = await connected(side, client(authority))
        await nobody.send(options(nobody.address, transport="TLS"))
        await nobody.hear()
        own = authority.vouch("pbx", dns=("other.test", "pbx.test"))
        somebody = await connected(side, client(authority, own))
        await somebody.send(options(somebody.address, transport="TLS"))
        await somebody.hear()
        assert [flow.peer for flow in side.near.flows] == ["", "carrier pbx.test"]
        nobody.close()
        somebody.close()


async def test_a_required_certificate(authority: Authority, carrier: Terms, tmp_path: Path) -> None:
    strict = Terms(carrier.own, carrier.ca, "1.2", "required")
    other = Authority.make(tmp_path, "other")
    async with listening(strict) as side:
        for own in (None, other.vouch("forged", dns=("pbx.test",)), authority.vouch("old", lasts=-DAY)):
            peer = await TlsPeer.connect(side.at)
            with contextlib.suppress(ssl.SSLError):  # TLS 1.3: the client learns of it when it reads
                await peer.shake_hands(client(authority, own))
                await peer.send(options(peer.address, transport="TLS"))
                assert await peer.read() == b""
            peer.close()
        await until(lambda: not side.carrier._connections)
        assert side.near.flows == []
        peer = await connected(side, client(authority, authority.vouch("good", dns=("pbx.test",))))
        await peer.send(options(peer.address, transport="TLS"))
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        peer.close()


async def test_strangers_never_come_as_far_as_a_handshake(switch: Terms) -> None:
    async with listening(switch) as side:
        side.near.strangers = {"127.0.0.2"}
        peer = await TcpPeer.connect(side.at, "127.0.0.2")
        assert await peer.closed_by_far_end() == b""


async def test_a_trunk_with_a_certificate_comes_from_anywhere_and_strangers_do_not(
    authority: Authority, carrier: Terms, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(carrier, None, "pbx.test") as side:
        near = side.near
        near.strangers = {"127.0.0.2"}
        near.proven = {"carrier pbx.test"}
        for own in (None, authority.vouch("else", dns=("else.test",))):
            peer = await connected(side, client(authority, own), "127.0.0.2")
            assert await peer.closed_by_far_end() == b""
        assert "neither its address nor its certificate" in caplog.text
        trunk = await connected(side, client(authority, authority.vouch("pbx", dns=("pbx.test",))), "127.0.0.2")
        await trunk.send(options(trunk.address, transport="TLS"))
        assert (await trunk.hear()).startswith(b"SIP/2.0 200 ")
        assert [flow.peer for flow in near.flows] == ["carrier pbx.test"]
        trunk.close()


async def test_few_strangers_at_once(authority: Authority, carrier: Terms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.transport.tls.MOST_STRANGERS", 2)
    async with listening(carrier, None, "pbx.test") as side:
        side.near.strangers = {"127.0.0.2"}
        waiting = [await TcpPeer.connect(side.at, "127.0.0.2") for _ in range(2)]
        await until(lambda: len(side.carrier._strangers) == 2)
        late = await TcpPeer.connect(side.at, "127.0.0.2")
        assert await late.closed_by_far_end() == b""
        for peer in waiting:
            peer.close()


# Whom we connect to.


async def test_a_call_to_who_it_should_be(authority: Authority, switch: Terms, carrier: Terms) -> None:
    ours = Terms(switch.own, authority.file)
    async with listening(switch, ours) as near, listening(carrier, None, SWITCH) as far:
        near.call(far.at)
        assert await near.outcomes() == [486]
        near.call(far.at)
        assert await near.outcomes(2) == [486, 486]
        assert near.carrier._next == 2, "the second call took the connection of the first"
        assert {flow.peer for flow in far.near.flows} == {f"carrier {SWITCH}"}, "our certificate was shown"


@pytest.mark.parametrize(
    ("names", "lasts", "complaint"),
    [
        ({"uris": ("sip:other.test",), "dns": (CARRIER,)}, 1, "got one of other.test"),
        ({"dns": ("*.carrier.test",)}, 1, "got one of *.carrier.test"),
        ({"dns": (CARRIER,)}, -1, "certificate has expired"),
    ],
)
async def test_a_call_to_somebody_else_fails(
    authority: Authority,
    switch: Terms,
    names: dict[str, tuple[str, ...]],
    lasts: int,
    complaint: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    impostor = Terms(authority.vouch("impostor", lasts=lasts * DAY, **names), authority.file, "1.2", "none")
    async with listening(switch, Terms(None, authority.file)) as near, listening(impostor) as far:
        near.call(far.at)
        assert await near.outcomes() == [503]
        assert far.near.flows == []
    assert complaint in caplog.text


async def test_an_authority_nobody_trusts(authority: Authority, switch: Terms, tmp_path: Path) -> None:
    other = Authority.make(tmp_path, "other")
    forged = Terms(other.vouch("forged", dns=(CARRIER,)), other.file, "1.2", "none")
    async with listening(switch, Terms(None, authority.file)) as near, listening(forged) as far:
        near.call(far.at)
        assert await near.outcomes() == [503]


async def test_a_wildcard_that_was_asked_for_letter_by_letter(authority: Authority, switch: Terms) -> None:
    wild = Terms(authority.vouch("wild", dns=("*.carrier.test",)), authority.file, "1.2", "none")
    async with listening(switch, Terms(None, authority.file)) as near, listening(wild) as far:
        near.call(far.at, "carrier *.carrier.test")
        assert await near.outcomes() == [486]


async def test_an_operator_who_wants_no_proof(authority: Authority, switch: Terms, tmp_path: Path) -> None:
    other = Authority.make(tmp_path, "other")
    forged = Terms(other.vouch("forged", dns=("x.test",)), other.file, "1.2", "none")
    async with listening(switch, Terms(None, authority.file, "1.2", "none")) as near, listening(forged) as far:
        near.call(far.at, f"carrier ?{CARRIER}")
        assert await near.outcomes() == [486]


async def test_an_address_in_the_certificate(authority: Authority, switch: Terms) -> None:
    numbered = Terms(authority.vouch("numbered", dns=("x.test",), addresses=(HOST,)), authority.file, "1.2", "none")
    async with listening(switch, Terms(None, authority.file)) as near, listening(numbered) as far:
        near.call(far.at, f"carrier {HOST}")
        assert await near.outcomes() == [486]


async def test_nobody_knows_whose_certificate_to_expect(switch: Terms, carrier: Terms) -> None:
    async with listening(switch) as near, listening(carrier) as far:
        near.call(far.at, "")
        assert await near.outcomes() == [503]


async def test_a_far_end_that_never_shakes_hands(authority: Authority, switch: Terms) -> None:
    with socket.socket() as deaf:
        deaf.bind((HOST, 0))
        deaf.listen()  # the kernel accepts, nobody reads
        async with listening(switch, Terms(None, authority.file), limits=TcpLimits(message_seconds=0.1)) as near:
            near.call(deaf.getsockname())
            assert await near.outcomes() == [503]


# Connections of one are not another's.


async def test_connections_are_shared_by_those_who_expect_the_same_certificate(
    authority: Authority, switch: Terms
) -> None:
    both = Terms(authority.vouch("both", dns=(CARRIER, "second.test")), authority.file, "1.2", "none")
    async with listening(switch, Terms(None, authority.file)) as near, listening(both) as far:
        for peer in (f"carrier {CARRIER}", "carrier second.test", f"carrier {CARRIER}"):
            near.call(far.at, peer)
        assert await near.outcomes(3) == [486] * 3
        assert len({flow.connection for flow in far.near.flows}) == 2


async def test_an_alias_is_reused_by_calls_to_its_owner_alone(authority: Authority, carrier: Terms) -> None:
    """RFC 5923 8.2: who has proven a name gets the calls to that name back on the same connection."""
    ours = Terms(carrier.own, authority.file)
    async with listening(carrier, ours, "pbx.test") as side:
        own = authority.vouch("pbx", dns=("pbx.test",))
        peer = await connected(side, client(authority, own))
        request = options((HOST, 5099), transport="TLS").replace(b";rport", b";alias")
        await peer.send(request)
        await peer.hear()
        side.call((HOST, 5099), "carrier pbx.test")
        assert (await peer.hear()).startswith(b"INVITE ")
        opened = side.carrier._next
        side.call((HOST, 5099), "carrier other.test")
        await until(lambda: side.carrier._next > opened)
        peer.close()


async def test_an_alias_of_nobody_is_no_alias(authority: Authority, carrier: Terms) -> None:
    async with listening(carrier, Terms(None, authority.file), "pbx.test") as side:
        peer = await connected(side, client(authority))
        await peer.send(options((HOST, 5099), transport="TLS").replace(b";rport", b";alias"))
        await peer.hear()
        assert ((HOST, 5099), "") not in side.carrier._by_place
        peer.close()


# Renewal.


async def test_a_renewed_certificate_is_shown_to_new_connections_and_old_ones_go_on(
    authority: Authority, switch: Terms
) -> None:
    async with listening(switch) as side:
        old = await connected(side, client(authority))
        serial = old.layer.getpeercert()["serialNumber"]  # type: ignore[index]
        side.keys.renew()
        same = await connected(side, client(authority))
        assert same.layer.getpeercert()["serialNumber"] == serial  # type: ignore[index]
        authority.vouch("switch", dns=(SWITCH,))
        side.keys.renew()
        new = await connected(side, client(authority))
        assert new.layer.getpeercert()["serialNumber"] != serial  # type: ignore[index]
        for peer in (old, same, new):
            await peer.send(options(peer.address, transport="TLS"))
            assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
            peer.close()


async def test_a_certificate_that_cannot_be_used_changes_nothing(
    authority: Authority, switch: Terms, caplog: pytest.LogCaptureFixture
) -> None:
    assert switch.own is not None
    async with listening(switch) as side:
        switch.own.key.write_text("nonsense")
        side.keys.renew()
        side.keys.renew()
        assert caplog.text.count("the certificates in use stay") == 1, "told once, until it changes again"
        assert side.keys.failures == 1
        peer = await connected(side, client(authority))
        await peer.send(options(peer.address, transport="TLS"))
        assert (await peer.hear()).startswith(b"SIP/2.0 200 ")
        peer.close()


# Wearing it out (THREATS S8).


async def test_renegotiation_is_refused(authority: Authority, switch: Terms) -> None:
    """openssl s_client asks for it at a line `R`; what it does not get, it ends over."""
    async with listening(switch) as side:
        process = await asyncio.create_subprocess_exec(
            "openssl", "s_client", "-connect", f"{HOST}:{side.at[1]}", "-tls1_2", "-CAfile", str(authority.file),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            await process.stdout.readuntil(b"Verify return code: 0 (ok)")
            process.stdin.write(b"R\n")
            heard = await process.stdout.read()
            await process.wait()
        assert b"no renegotiation" in heard
        await until(lambda: not side.carrier._connections)


async def test_tls_without_end_and_without_sip_is_cut(
    authority: Authority, switch: Terms, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever TLS has to say besides what it carries may not go on for ever; here, a record that never ends."""
    monkeypatch.setattr("softswitch.transport.tls_layer.MOST_IDLE", 3_000)
    async with listening(switch) as side:
        peer = await connected(side, client(authority))
        peer.layer.write(b"x" * 10_000)
        await TcpPeer.send(peer, peer.outward.read()[:5_000])
        await peer.closed_by_far_end()
        assert "so much TLS and no SIP" in caplog.text


async def test_a_handshake_that_never_ends(switch: Terms) -> None:
    async with listening(switch, limits=TcpLimits(message_seconds=0.1)) as side:
        peer = await TcpPeer.connect(side.at)
        await peer.send(b"\x16\x03\x01\x02\x00\x01\x00")
        assert await peer.closed_by_far_end() == b""


async def test_over_ipv6(authority: Authority, switch: Terms, carrier: Terms) -> None:
    async with (
        listening(switch, Terms(None, authority.file), address="::1") as near,
        listening(carrier, address="::1") as far,
    ):
        near.call(far.at)
        assert await near.outcomes() == [486]
        assert far.near.flows[0].remote[0] == "::1"
