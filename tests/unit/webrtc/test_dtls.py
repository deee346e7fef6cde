"""Keys by DTLS: agreed with the certificate that SDP named, and with nobody else."""

from __future__ import annotations

import asyncio
import time
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL.crypto import FILETYPE_ASN1, X509, dump_certificate

from softswitch.sdp.browser import Fingerprint
from softswitch.webrtc.dtls import DATAGRAM, DtlsAssociation, DtlsClosed, DtlsFailed, DtlsNews, KeysAgreed
from softswitch.webrtc.identity import HASHES, PROFILES, DtlsIdentity


@cache
def identity(*suites: str, number: int = 0) -> DtlsIdentity:
    """Made once; `number` tells apart who has the same suites."""
    return DtlsIdentity(suites or tuple(PROFILES), time.time())


class Side:
    """One end, and what it told."""

    def __init__(self, ours: DtlsIdentity, theirs: DtlsIdentity | tuple[Fingerprint, ...], *, client: bool) -> None:
        fingerprints = (theirs.fingerprint,) if isinstance(theirs, DtlsIdentity) else theirs
        self.dtls = DtlsAssociation(ours, client=client, fingerprints=fingerprints)
        self.news: list[DtlsNews] = []
        self.sent: list[bytes] = []

    def out(self) -> list[bytes]:
        """What is to be sent now, after what is to be told."""
        while (news := self.dtls.next_news()) is not None:
            self.news.append(news)
        fresh = list(self.dtls.to_send())
        self.sent += fresh
        return fresh


def talk(a: Side, b: Side) -> None:
    """Carry datagrams until nobody has more to say."""
    while True:
        to_b, to_a = a.out(), b.out()
        if not to_b and not to_a:
            return
        for data in to_b:
            b.dtls.receive(data)
        for data in to_a:
            a.dtls.receive(data)


def pair(ours: DtlsIdentity | None = None, theirs: DtlsIdentity | None = None) -> tuple[Side, Side]:
    one, other = ours or identity(), theirs or identity(number=1)
    client, server = Side(one, other, client=True), Side(other, one, client=False)
    client.dtls.start()
    server.dtls.start()
    return client, server


@pytest.mark.parametrize("suite", list(PROFILES))
def test_keys_of_every_profile(suite: str) -> None:
    client, server = pair(identity(suite), identity())
    talk(client, server)
    ((agreed,), (theirs,)) = client.news, server.news
    assert isinstance(agreed, KeysAgreed)
    assert isinstance(theirs, KeysAgreed)
    assert agreed.send.suite == suite
    assert agreed.send == theirs.receive
    assert agreed.receive == theirs.send
    assert agreed.send.key_salt != agreed.receive.key_salt
    assert all(len(data) <= DATAGRAM for data in client.sent + server.sent)


def test_the_server_chooses_by_its_own_order() -> None:
    client, server = pair(
        identity("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"), identity("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")
    )
    talk(client, server)
    assert isinstance(server.news[0], KeysAgreed)
    assert server.news[0].send.suite == "AEAD_AES_256_GCM"


def test_the_keys_are_told_before_the_last_flight_is_sent() -> None:
    client, server = pair()
    for data in client.out():
        server.dtls.receive(data)
    for data in server.out():
        client.dtls.receive(data)
    for data in client.out():
        server.dtls.receive(data)
    assert isinstance(server.dtls.next_news(), KeysAgreed)
    assert list(server.dtls.to_send()), "its last flight, without which the client cannot be done"


def test_no_profile_in_common() -> None:
    client, server = pair(identity("AEAD_AES_128_GCM"), identity("AES_CM_128_HMAC_SHA1_80"))
    talk(client, server)
    failures = [news for news in client.news + server.news if isinstance(news, DtlsFailed)]
    assert any("no SRTP protection profile in common" in each.reason for each in failures)
    assert not any(isinstance(news, KeysAgreed) for news in client.news + server.news)


@pytest.mark.parametrize("algorithm", list(HASHES))
def test_every_hash(algorithm: str) -> None:
    """A longer one, made of the certificate that is shown."""
    ours, theirs = identity(), identity(number=1)
    client = Side(ours, theirs, client=True)
    shown: list[Fingerprint] = []
    accepts = client.dtls._accepts

    def note(certificate: X509) -> bool:
        shown.append(Fingerprint(algorithm, HASHES[algorithm](dump_certificate(FILETYPE_ASN1, certificate)).digest()))
        return accepts(certificate)

    client.dtls._ssl.set_app_data(note)
    server = Side(theirs, ours, client=False)
    client.dtls.start()
    talk(client, server)
    again = Side(ours, (Fingerprint("sha-1", b"x"), shown[0]), client=True)
    server = Side(theirs, ours, client=False)
    again.dtls.start()
    talk(again, server)
    assert isinstance(again.news[0], KeysAgreed)


@pytest.mark.parametrize("deceived", ["client", "server"])
@pytest.mark.parametrize("fingerprints", [(), (Fingerprint("sha-256", bytes(32)),), (Fingerprint("sha-1", b"1" * 20),)])
def test_another_certificate_than_sdp_named(deceived: str, fingerprints: tuple[Fingerprint, ...]) -> None:
    ours, theirs = identity(), identity(number=1)
    client = Side(ours, fingerprints if deceived == "client" else theirs, client=True)
    server = Side(theirs, fingerprints if deceived == "server" else ours, client=False)
    client.dtls.start()
    talk(client, server)
    who, other = (client, server) if deceived == "client" else (server, client)
    assert who.news == [DtlsFailed("the browser's certificate is not the one its session description names")]
    assert not any(isinstance(news, KeysAgreed) for news in who.news)
    assert any(isinstance(news, DtlsFailed) for news in other.news), "it is told by an alert"
    assert not list(who.dtls.to_send())


def test_goodbye() -> None:
    client, server = pair()
    talk(client, server)
    client.dtls.close()
    talk(client, server)
    assert server.news[-1] == DtlsClosed()
    assert server.dtls.is_over


def test_nothing_more_after_the_end() -> None:
    client, server = pair()
    talk(client, server)
    client.dtls.close()
    list(client.dtls.to_send())
    client.dtls.receive(b"\x16\xfe\xfd" + bytes(20))
    client.dtls.handle_timer()
    assert not client.out()
    assert client.dtls.next_timer() is None


async def test_a_lost_flight_is_sent_again() -> None:
    """On OpenSSL's own clock: its first timer runs a second."""
    client, server = pair()
    assert client.out()
    due = client.dtls.next_timer()
    assert due is not None
    assert 0 < due <= 1.0
    client.dtls.handle_timer()
    assert not client.out(), "not yet"
    async with asyncio.timeout(120):
        while not (again := client.out()):
            await asyncio.sleep(0.05)
            client.dtls.handle_timer()
    for data in again:
        server.dtls.receive(data)
    talk(client, server)
    assert isinstance(client.news[0], KeysAgreed)
    assert client.dtls.next_timer() is None


@given(st.lists(st.binary(max_size=200), max_size=5), st.booleans())
@settings(deadline=None, max_examples=60)
def test_noise_is_passed_over(noise: list[bytes], client_hears: bool) -> None:
    """Nothing that is not of this handshake stops it, however it begins."""
    client, server = pair()
    hears = client if client_hears else server
    for data in noise:
        hears.dtls.receive(b"\x16" + data)
    talk(client, server)
    told = [type(news) for news in client.news + server.news]
    assert told in ([KeysAgreed, KeysAgreed], [DtlsFailed], [DtlsFailed, DtlsFailed])


@given(flight=st.integers(0, 3), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(deadline=None, max_examples=60)
def test_a_handshake_with_a_bit_turned(flight: int, place: float, bit: int) -> None:
    """Keys that both have, or none at all: never different ones."""
    client, server = pair()
    for number in range(4):
        side, other = (server, client) if number % 2 else (client, server)
        for datagram in side.out():
            altered = bytearray(datagram)
            if number == flight:
                altered[int(place * len(altered))] ^= 1 << bit
            other.dtls.receive(bytes(altered))
    client.out()
    server.out()
    agreed = [news for news in client.news + server.news if isinstance(news, KeysAgreed)]
    if len(agreed) == 2:
        assert agreed[0].send == agreed[1].receive
        assert agreed[0].receive == agreed[1].send


def test_the_certificate_lives_a_month() -> None:
    one, other = DtlsIdentity(("AEAD_AES_128_GCM",), 1_900_000_000), DtlsIdentity(("AEAD_AES_128_GCM",), 1_900_000_000)
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint.algorithm == "sha-256"
