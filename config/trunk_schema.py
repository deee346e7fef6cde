"""A trunk, key by key."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated

from pydantic import Field

from config.identity_schema import Anonymization, HeaderRules, Identity, NumberFormat
from config.media_schema import MediaTerms
from config.registration_schema import Registration
from config.session_schema import SessionTerms
from config.sound_schema import Hold
from config.stir_schema import TrunkStir
from config.tls_schema import TrunkTlsOrBoolean
from config.transfer_schema import TrunkTransfer
from config.trunk_use_schema import TrunkUse
from config.values import (
    AnyNumber,
    Boolean,
    Codec,
    Host,
    Line,
    NetworkText,
    NextHopText,
    OneOrMore,
    Redirect,
    SecretText,
    SourceText,
    TrunkType,
)


class Trunk(MediaTerms, SessionTerms, TrunkUse):
    """A carrier or another switch."""

    type: Annotated[
        TrunkType,
        Field(
            description="How the two sides know each other: static (by address), registered (we register there), "
            "authenticated (it proves who it is with username and password)."
        ),
    ] = "static"
    sources: Annotated[
        AnyNumber[SourceText],
        Field(
            description="Addresses or networks its calls come from, optionally address:port. None: it cannot call in."
        ),
    ] = ()
    allow_from: Annotated[
        AnyNumber[NetworkText],
        Field(description="Of type authenticated: networks it may call from; who else is there gets no answer."),
    ] = ()
    destinations: Annotated[
        AnyNumber[NextHopText],
        Field(
            description="[sips:]host[:port][;transport=udp|tcp|tls], tried in this order; a name without port is "
            "looked up as RFC 3263 has it (NAPTR, SRV, then its addresses). None: it cannot be called."
        ),
    ] = ()
    codecs: Annotated[OneOrMore[Codec], Field(description="Codecs offered and accepted, best first.")] = (
        "PCMA",
        "PCMU",
    )
    hold: Annotated[
        Hold | None, Field(description="What a party hears that this trunk's side holds. Not given: the node's hold.")
    ] = None
    transfer: TrunkTransfer = Field(default_factory=TrunkTransfer, description="Its transfers, and ours to it.")
    username: Annotated[
        Line | None, Field(description="For digest challenges from the trunk; of type authenticated: for ours to it.")
    ] = None
    password: Annotated[SecretText | None, Field(description="Belongs to username.")] = None
    realm: Annotated[
        Line | None, Field(description="Answer challenges of this realm only. Not given: the realm asked first.")
    ] = None
    registration: Annotated[
        Registration | None, Field(description="Of type registered: where, as whom, how often.")
    ] = None
    tls: Annotated[
        TrunkTlsOrBoolean,
        Field(description="TLS with this trunk: destinations that name no transport are reached over it."),
    ] = None
    redirect: Annotated[
        Redirect,
        Field(
            description="Its 3xx: refuse, the call has failed; follow, the numbers it names are called over it, one "
            "after the other, at most 5, as far as it may be asked for them."
        ),
    ] = "refuse"
    loop_detection: Annotated[
        Boolean,
        Field(
            description="Calls to it carry a Call-Path header of a few opaque characters, by which a call that comes "
            "back is known. false: it is not sent there; only Max-Forwards ends a loop then."
        ),
    ] = True
    from_domain: Annotated[Host | None, Field(description="Host part of From towards this trunk.")] = None
    number_format: Annotated[
        NumberFormat | None,
        Field(
            description="How it writes numbers with a country code, and gets them: e164 (+4930…), international "
            "(4930…), us_national (2125551234). Not given: read by the dialplan's numbering, written as they came."
        ),
    ] = None
    anonymization: Annotated[
        Anonymization | None,
        Field(
            description="Where it is told the number of a caller who is withheld (From is anonymous): none, "
            "remote_party_id, asserted_identity, preferred_identity. A trunk that is not trusted is told numbers of "
            "ours only. Not given: asserted_identity if it is trusted, else none."
        ),
    ] = None
    identity: Identity = Field(default_factory=Identity, description="Who calls: what it is believed, and told.")
    stir_shaken: TrunkStir = Field(default_factory=TrunkStir, description="Signing and verifying who calls.")
    headers: HeaderRules = Field(
        default_factory=HeaderRules, description="Other headers of INVITEs that cross, and that it gets."
    )
