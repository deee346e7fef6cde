"""Browsers as legs, key by key: ICE, DTLS-SRTP, the ports they reach us at, TURN."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from config.section import Section
from config.values import (
    Address,
    AnyCase,
    AnyNumber,
    Codec,
    Lasting,
    Line,
    OneOrMore,
    OpusBandwidth,
    SecretText,
    SrtpSuite,
    Whole,
    host,
)


def _server_url(*schemes: str) -> AfterValidator:
    """`stun:host[:port]`, `turn:host[:port][?transport=udp|tcp]` (RFC 7064, RFC 7065)."""

    def check(value: str) -> str:
        scheme, _, rest = value.partition(":")
        where, asks, query = rest.partition("?")
        known = scheme.lower() in schemes and where and not where.startswith("//")
        if not known or (asks and query not in {"transport=udp", "transport=tcp"}):
            raise ValueError(f"expected {schemes[0]}:host[:port], got {value!r}")
        name, colon, port = where.rpartition(":") if where.count(":") == 1 or "]:" in where else (where, "", "")
        if colon and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
            raise ValueError(f"expected a port from 1 to 65535, got {value!r}")
        host(name.removeprefix("[").removesuffix("]"))
        return value

    return AfterValidator(check)


StunUrl = Annotated[Line, _server_url("stun", "stuns")]
TurnUrl = Annotated[Line, _server_url("turn", "turns")]


class BrowserPorts(Section):
    """A range of UDP ports, both ends included."""

    first: Annotated[int, Whole(1024, 65534), Field(description="First port.")]
    last: Annotated[int, Whole(1025, 65535), Field(description="Last port. A leg takes one.")]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.last <= self.first:
            raise ValueError(f"last: expected more than first ({self.first}), got {self.last}")
        return self


class Turn(Section):
    """TURN servers that pages are told of; their credentials are made here, as coturn's use-auth-secret checks them."""

    urls: Annotated[
        OneOrMore[TurnUrl], Field(description="turn:host[:port][?transport=udp|tcp], or turns: for TLS; best first.")
    ]
    secret: Annotated[SecretText, Field(description="static-auth-secret of the TURN servers.")]
    ttl: Annotated[
        float, Lasting("1m", "24h"), Field(description="How long credentials are good for, from the page's request on.")
    ] = 3600.0


class Consent(Section):
    """How a browser that is gone is noticed (RFC 7675)."""

    interval: Annotated[
        float, Lasting("500ms", "5s"), Field(description="Between two checks, give or take a fifth.")
    ] = 1.0
    timeout: Annotated[
        float,
        Lasting("2s", "30s"),
        Field(description="Without an answer for as long nothing is sent any more, and the call is told."),
    ] = 5.0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.timeout < 2 * self.interval:
            raise ValueError(
                f"timeout: expected at least twice the interval ({self.interval:g}s), got {self.timeout:g}s"
            )
        return self


class WebRtc(Section):
    """Browsers as legs of calls."""

    ice: Annotated[
        Literal["full", "lite"],
        AnyCase(),
        Field(
            description="full: we check the way to the browser as it checks the way to us. lite: we only answer its "
            "checks (RFC 8445 2.5); only for a node that every browser can reach."
        ),
    ] = "full"
    addresses: Annotated[
        AnyNumber[Address],
        Field(
            description="Addresses in our candidates: with 1:1 NAT the outer one; one of IPv4 and one of IPv6 where "
            "media.address is `::`. Not given: that in the SDP of other calls."
        ),
    ] = ()
    port: Annotated[
        Annotated[int, Whole(1024, 65535)] | None,
        Field(
            description="One UDP port for all browser legs; with more than one of media.workers, the next ones as "
            "well. Not given: one of `ports` for each."
        ),
    ] = None
    ports: Annotated[
        BrowserPorts | None, Field(description="Ports for browser legs. Not given: those of media.ports.")
    ] = None
    codecs: Annotated[OneOrMore[Codec], Field(description="Codecs offered and accepted, best first.")] = (
        "opus",
        "G722",
        "PCMA",
        "PCMU",
    )
    bandwidth: Annotated[
        OpusBandwidth,
        Field(
            description="What an Opus stream may take with all its headers, in both directions. "
            "standard: 50 kbit/s. high: 100 kbit/s."
        ),
    ] = "standard"
    video_kbit: Annotated[
        Annotated[int, Whole(100, 100_000)] | None,
        Field(
            description="Most video a browser may send, kbit/s with all headers. It is told so (b=AS), and what is "
            "more than half above that is dropped. Not given: it is told nothing, and what is above 12000 is dropped."
        ),
    ] = None
    srtp_suites: Annotated[
        OneOrMore[SrtpSuite], Field(description="SRTP protection profiles offered and accepted (RFC 5764), best first.")
    ] = ("AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")
    connect_timeout: Annotated[
        float, Lasting("2s", "2m"), Field(description="How long ICE and DTLS may take together, or again after a loss.")
    ] = 20.0
    consent: Consent = Field(default_factory=Consent, description="How a browser that is gone is noticed.")
    reconnect: Annotated[
        float,
        Lasting("0s", "5m"),
        Field(description="How long a call waits for a browser that was lost; 0s: not at all."),
    ] = 30.0
    stun: Annotated[AnyNumber[StunUrl], Field(description="STUN servers that pages are told of: stun:host.")] = ()
    turn: Annotated[Turn | None, Field(description="TURN servers that pages are told of.")] = None
