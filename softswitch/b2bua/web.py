"""What a leg needs of whoever does ICE and DTLS for browsers; `softswitch.webrtc` implements it."""

from __future__ import annotations

from enum import Enum

from softswitch.sdp.codec import KNOWN_CODECS, Codec
from softswitch.value import value_class


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
