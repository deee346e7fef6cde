"""ICE and DTLS as descriptions carry them: read with suspicion, written so that it reads the same (RFC 8839, 8122)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp.browser import Fingerprint, IceCandidate, offers_browser_media, read_credentials
from softswitch.sdp.errors import SdpError

DIGEST = bytes(range(32))


class TestCandidates:
    @pytest.mark.parametrize(
        ("text", "read"),
        [
            (
                "candidate:1 1 udp 2113937151 1f4712db.local 54400 typ host generation 0 ufrag e79U network-cost 9",
                IceCandidate("1", 1, "udp", 2113937151, "1f4712db.local", 54400, "host", None, "e79U"),
            ),
            (
                "a=candidate:842163049 1 UDP 1677729535 203.0.113.5 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0",
                IceCandidate("842163049", 1, "udp", 1677729535, "203.0.113.5", 46154, "srflx", ("0.0.0.0", 0)),
            ),
            (
                "candidate:2 1 TCP 2105524479 2001:db8::7 9 typ host tcptype active",
                IceCandidate("2", 1, "tcp", 2105524479, "2001:db8::7", 9, "host"),
            ),
            (
                "candidate:a+/9 2 udp 1 192.0.2.1 1 typ relay raddr 203.0.113.1 rport 7 ",
                IceCandidate("a+/9", 2, "udp", 1, "192.0.2.1", 1, "relay", ("203.0.113.1", 7)),
            ),
        ],
    )
    def test_of_browsers_are_read(self, text: str, read: IceCandidate) -> None:
        assert IceCandidate.parse(text) == read
        assert IceCandidate.parse(read.line) == read

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "candidate:",
            "candidate:1 1 udp 2113937151 192.0.2.1 54400",
            "candidate:1 0 udp 2113937151 192.0.2.1 54400 typ host",
            "candidate:1 1 udp 0 192.0.2.1 54400 typ host",
            "candidate:1 1 udp 9999999999 192.0.2.1 54400 typ host",
            "candidate:1 1 udp 2113937151 192.0.2.1 65536 typ host",
            "candidate:1 1 udp 2113937151 192.0.2.1 -1 typ host",
            "candidate:1 1 udp 2113937151 192.0.2.1 ٣ typ host",
            "candidate:1 1 udp 2113937151 192.0.2.1 54400 typ host\r\na=setup:active",
            "candidate:! 1 udp 2113937151 192.0.2.1 54400 typ host",
            "candidate:1 1 udp 2113937151 192.0.2.1 54400 typ host" + " x y" * 1000,
        ],
    )
    def test_of_nobody_are_refused(self, text: str) -> None:
        with pytest.raises(SdpError) as error:
            IceCandidate.parse(text)
        assert error.value.status == 400

    @given(st.text(max_size=200))
    def test_anything_else_is_a_fault_of_theirs(self, text: str) -> None:
        with pytest.raises(SdpError):
            IceCandidate.parse("candidate:" + text + "\n")


class TestFingerprints:
    def test_a_fingerprint_reads_as_it_is_written(self) -> None:
        mine = Fingerprint("sha-256", DIGEST)
        assert mine.line.startswith("fingerprint:sha-256 00:01:02:")
        assert mine.line.endswith(":1E:1F")
        assert Fingerprint.parse(mine.line.partition(":")[2]) == mine
        assert Fingerprint.parse("SHA-256  " + DIGEST.hex(":")) == mine

    @pytest.mark.parametrize("value", ["", "sha-256", "sha-256 AA", "sha-256 zz:00", "sha-256 " + "A:" * 32, "AA:BB"])
    def test_what_is_none_is_refused(self, value: str) -> None:
        with pytest.raises(SdpError) as error:
            Fingerprint.parse(value)
        assert error.value.status == 400

    def test_an_unknown_hash_can_be_read(self) -> None:
        assert Fingerprint.parse("sha3-8 AB") == ("sha3-8", b"\xab")


class TestCredentials:
    def test_credentials_do_not_show_their_password(self) -> None:
        read = read_credentials("e79U", "eJXZS7zdLLqSa9nUiSTywDNV")
        assert read == ("e79U", "eJXZS7zdLLqSa9nUiSTywDNV")
        assert "eJXZ" not in repr(read)

    @pytest.mark.parametrize(
        ("fragment", "password"),
        [("abc", "x" * 22), ("abcd", "x" * 21), ("abcd", "x" * 257), ("ab d", "x" * 22), ("abcd\n", "x" * 22)],
    )
    def test_short_long_or_strange_ones_are_refused(self, fragment: str, password: str) -> None:
        with pytest.raises(SdpError) as error:
            read_credentials(fragment, password)
        assert password not in str(error.value)


@pytest.mark.parametrize(
    ("body", "browser"),
    [
        (b"v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", True),
        (b"v=0\nm=audio 9 udp/tls/rtp/savpf 111\n", True),
        (b"v=0\r\nm=audio 9 RTP/AVP 0\r\na=x:\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", False),
        (b"v=0\r\ns=m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", False),
        (b"", False),
    ],
)
def test_a_browsers_offer_is_known_by_its_profile(body: bytes, browser: bool) -> None:
    assert offers_browser_media(body) is browser
