"""What media a trunk or the phones may have: keys that mean the same for both."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated

from pydantic import Field

from config.section import Section
from config.values import (
    Boolean,
    Dtmf,
    ExtendedReports,
    OneOrMore,
    OpusBandwidth,
    PacketTime,
    Srtp,
    SrtpSuite,
)


class Opus(Section):
    """Opus on a trunk or with phones."""

    bandwidth: Annotated[
        OpusBandwidth,
        Field(
            description="What a stream may take with all its headers, in both directions. "
            "standard: 50 kbit/s, wideband. high: 100 kbit/s, fullband."
        ),
    ] = "standard"
    fec: Annotated[Boolean, Field(description="Repeat speech in the next packet while packets are lost.")] = True
    dtx: Annotated[Boolean, Field(description="Send next to nothing in silence, and ask for the same.")] = False
    cbr: Annotated[Boolean, Field(description="Packets of one size, whatever is said.")] = False


class MediaTerms(Section):
    """What media a trunk or the phones may have: keys that mean the same for both."""

    ptime: Annotated[
        Annotated[float, PacketTime()] | None,
        Field(
            description="Audio in a packet, 10ms to 60ms: asked for in our SDP, and sent to whoever asks for nothing "
            "else. Not given: what the far end asks for, or 20ms."
        ),
    ] = None
    opus: Opus = Field(default_factory=Opus, description="What Opus is used for.")
    noise_reduction: Annotated[
        Boolean,
        Field(description="Lower steady noise in what comes from there; its audio is decoded and encoded again."),
    ] = False
    dtmf: Annotated[
        Dtmf,
        Field(
            description="Digits. rfc4733 (or its old name, RFC2833): telephone events in RTP, offered at the clock of "
            "every codec; who does not take them is sent tones. inband: tones (G.711), both ways. "
            "info: SIP INFO, application/dtmf-relay or application/dtmf."
        ),
    ] = "rfc4733"
    srtp: Annotated[
        Srtp,
        Field(
            description="Encrypted media (SRTP, keys in SDP: RFC 4568). mandatory: RTP/SAVP offered, plain RTP refused "
            "(488). optional: RTP/AVP with keys offered (RFC 8643), either accepted. off: plain RTP alone."
        ),
    ] = "off"
    srtp_suites: Annotated[
        OneOrMore[SrtpSuite], Field(description="Crypto suites offered and accepted, best first.")
    ] = (
        "AEAD_AES_256_GCM",
        "AEAD_AES_128_GCM",
        "AES_CM_128_HMAC_SHA1_80",
        "AES_CM_128_HMAC_SHA1_32",
    )
    rtcp_xr: Annotated[
        ExtendedReports,
        Field(
            description="RTCP extended reports (RFC 3611): a round trip for a side that only receives, and what each "
            "side makes of what it hears. answer: where the far end offers them; offer: offered as well; off: neither."
        ),
    ] = "answer"
