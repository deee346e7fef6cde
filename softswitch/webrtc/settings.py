"""What the composition root decides about browsers' transports."""

from __future__ import annotations

from dataclasses import dataclass, field

from softswitch.webrtc.ice.state import Pace


@dataclass(frozen=True, slots=True)
class WebSettings:
    """`addresses`: in our candidates; none: the one SDP would name. `suites`: SRTP, best first."""

    lite: bool = False
    addresses: tuple[str, ...] = ()
    suites: tuple[str, ...] = ("AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")
    pace: Pace = field(default_factory=Pace)
