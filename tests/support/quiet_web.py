"""The far side of the web door on virtual time: agrees to everything, connects when a test says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.b2bua.web import WebNews, WebState
from softswitch.sdp.browser import Fingerprint, IceCandidate, IceCredentials, LocalTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.events import HandshakeReceived
    from softswitch.sdp.browser import WebAgreement

FINGERPRINT = Fingerprint("sha-256", bytes(range(32)))


def browser_sdp(
    host: str = "198.51.100.1",
    *,
    direction: str = "sendrecv",
    setup: str = "actpass",
    fragment: str = "abcd",
    version: int = 1,
    codecs: tuple[str, ...] = ("8 PCMA/8000", "126 telephone-event/8000"),
) -> bytes:
    """What a browser says of one audio stream, all its candidates known; `setup`: actpass in an offer."""
    numbers = " ".join(codec.partition(" ")[0] for codec in codecs)
    maps = "".join(f"a=rtpmap:{codec}\r\n" for codec in codecs)
    return (
        f"v=0\r\no=- 4611 {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
        f"m=audio 50000 UDP/TLS/RTP/SAVPF {numbers}\r\nc=IN IP4 {host}\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
        f"a=candidate:1 1 udp 2130706431 {host} 50000 typ host\r\na=end-of-candidates\r\n"
        f"a=ice-ufrag:{fragment}\r\na=ice-pwd:0123456789012345678901\r\n{_line(FINGERPRINT.line)}"
        f"a=setup:{setup}\r\na=mid:0\r\na={direction}\r\na=rtcp-mux\r\n{maps}"
    ).encode()


def _line(text: str) -> str:
    return f"a={text}\r\n"


class QuietTransport:
    """One leg's: what it was told, and what a test lets it tell."""

    def __init__(self, leg: int, address: str, port: int, on_state: Callable[[WebNews], None]) -> None:
        self.leg = leg
        self.agreements: list[WebAgreement] = []
        self.candidates: list[str] = []
        self.ends = 0
        self.closed = 0
        self._on_state = on_state
        self._generation = 0
        self._candidate = IceCandidate("1", 1, "udp", 2130706431, address, port, "host")

    def describe(self, *, restart: bool) -> LocalTransport:
        """Fresh credentials with each restart."""
        self._generation += restart
        credentials = IceCredentials(f"us{self.leg:02d}g{self._generation}", "p" * 24)
        return LocalTransport(credentials, (self._candidate,), lite=False, trickle=True, fingerprint=FINGERPRINT)

    def agree(self, agreement: WebAgreement) -> None:
        """Kept."""
        self.agreements.append(agreement)

    def add_candidate(self, text: str) -> None:
        """Kept."""
        self.candidates.append(text)

    def end_of_candidates(self) -> None:
        """Counted."""
        self.ends += 1

    def close(self) -> None:
        """Counted: once is right."""
        self.closed += 1

    def say(self, state: WebState, reason: str = "", **times: float) -> None:
        """As if ICE or DTLS had come so far."""
        assert not self.closed
        self._on_state(WebNews(state, reason, **times))


class QuietWeb:
    """All of a switch's."""

    def __init__(self) -> None:
        self.transports: list[QuietTransport] = []

    def open(
        self, leg: int, *, address: str, port: int, on_state: Callable[[WebNews], None], in_session: bool = False
    ) -> QuietTransport:
        """One more."""
        self.transports.append(QuietTransport(leg, address, port, on_state))
        return self.transports[-1]

    def receive(self, event: HandshakeReceived) -> None:
        """No datagram comes in these tests."""
        raise AssertionError(event)
