"""What a leg needs of whoever does ICE and DTLS for browsers; `softswitch.webrtc` implements it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

from softswitch.sdp.codec import KNOWN_CODECS, Codec
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from media.events import HandshakeReceived
    from softswitch.sdp.browser import LocalTransport, WebAgreement


class WebState(Enum):
    """How the way to a browser is doing."""

    CONNECTING = "connecting"
    """ICE or DTLS is at it; also after a restart that found the old way closed."""
    CONNECTED = "connected"
    """Media may pass."""
    LOST = "lost"
    """Nothing confirms any more that it is there (RFC 7675); an ICE restart may bring it back."""
    FAILED = "failed"
    """It will never come: no pair of candidates, a wrong fingerprint, no handshake in time."""


@value_class(frozen=True, slots=True)
class WebNews:
    """A turn in the life of a browser's transport."""

    state: WebState
    reason: str = ""
    """Of a failure or a loss, for the story."""
    ice_ms: float | None = None
    """Connected: milliseconds from the agreement to the first valid pair."""
    dtls_ms: float | None = None
    """Connected: milliseconds the DTLS handshake took; None when the keys are those of before."""


@value_class(frozen=True, slots=True)
class WebTerms:
    """What browsers may have at an endpoint that has any."""

    codecs: tuple[Codec, ...] = (KNOWN_CODECS["opus"], KNOWN_CODECS["g722"], KNOWN_CODECS["pcma"], KNOWN_CODECS["pcmu"])
    """Best first."""
    reconnect: float = 30.0
    """Seconds a call waits for a browser that was lost."""
    video: bool = True
    """Whether pictures may go there and come from there."""
    video_kbit: int | None = None
    """Most that browsers there may send of them, with all headers; None: they are told of no limit."""


class WebMedia(Protocol):
    """ICE and DTLS of one leg. As a `sdp.browser.LocalSide` it says of itself what goes into SDP."""

    def describe(self, *, restart: bool) -> LocalTransport:
        """What SDP says of us; `restart`: with fresh credentials of ICE (RFC 8839 4.4.1.1.1)."""

    def agree(self, agreement: WebAgreement) -> None:
        """Begin, go on, or begin anew: what SDP has settled."""

    def add_candidate(self, text: str) -> None:
        """One more of theirs: `candidate:...`; one that cannot be read counts for nothing."""

    def end_of_candidates(self) -> None:
        """They have no more."""

    def close(self) -> None:
        """Tell nothing more, and let go."""


class WebDoor(Protocol):
    """All browsers of the node."""

    def open(
        self, leg: int, *, address: str, port: int, on_state: Callable[[WebNews], None], in_session: bool = False
    ) -> WebMedia:
        """For a leg of the engine that SDP would name `address` and `port`. News come from the loop, never from within
        a call of ours, and none after `close`. `in_session`: the browser has been in contact with another transport of
        ours in this session, and is to begin anew with this one."""

    def receive(self, event: HandshakeReceived) -> None:
        """A datagram of ICE or DTLS that came to a leg's port."""
