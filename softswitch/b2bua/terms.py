"""What media a trunk or a phone may have: one value that goes with its legs, from the configuration to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from softswitch.sdp.crypto import PLAIN
from softswitch.sdp.extended_reports import XrPolicy
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.b2bua.web import WebTerms
    from softswitch.sdp.codec import Codec
    from softswitch.sdp.crypto import SrtpPolicy

Dtmf = Literal["rfc4733", "inband", "info"]
"""Digits. rfc4733: telephone events if they are agreed on, else tones. inband: tones. info: SIP INFO."""

NOISE_REDUCTION_DB = 25
"""Enough for a fan or a street; voices keep their colour."""


@value_class(frozen=True, slots=True)
class MediaTerms:
    """Immutable; a reload makes new ones and running calls keep theirs."""

    codecs: tuple[Codec, ...] = ()
    """What is offered and accepted there, best first."""
    ptime: int | None = None
    """Milliseconds a packet we would like from there, and send unless they want another; None: their wish, or 20."""
    srtp: SrtpPolicy = PLAIN
    """Whether media is encrypted there."""
    rtcp_xr: XrPolicy = XrPolicy.ANSWER
    """Whether extended reports (RFC 3611) are agreed to, or asked for, there."""
    reduce_noise: int = 0
    """dB by which steady noise in what comes from there is lowered."""
    dtmf: Dtmf = "rfc4733"
    """How digits go there and come from there."""
    web: WebTerms | None = None
    """What holds for the endpoint's browsers; None: it has none."""
    is_browser: bool = False
    """These are the terms of a leg with a browser at its far end."""


NO_TERMS = MediaTerms()
