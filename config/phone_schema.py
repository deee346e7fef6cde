"""The phones that register here, key by key."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from config.identity_schema import HeaderRules
from config.media_schema import MediaTerms
from config.section import Section
from config.session_schema import SessionTerms
from config.sound_schema import Hold
from config.transfer_schema import PhoneTransfer
from config.values import (
    AnyNumber,
    Boolean,
    Codec,
    Digest,
    Lasting,
    Line,
    Name,
    NetworkText,
    OneOrMore,
    SecretText,
    Srtp,
)


class Ha1(Section):
    """H(A1) of RFC 7616: the hash of `user:realm:password` in hexadecimal. One for each algorithm of phones.digest."""

    sha256: Annotated[SecretText | None, Field(description="With SHA-256: 64 digits.")] = None
    md5: Annotated[SecretText | None, Field(description="With MD5: 32 digits.")] = None


class Phone(Section):
    """One SIP phone that registers here. Its key is its user name, extension and digest user."""

    password: Annotated[SecretText | None, Field(description="Digest password. Or ha1.")] = None
    ha1: Annotated[
        Ha1 | None,
        Field(description="Hashes in place of the password: whoever reads them still cannot use it elsewhere."),
    ] = None
    display_name: Annotated[Line | None, Field(description="Name shown to whom it calls.")] = None
    caller_id: Annotated[
        Line | None, Field(description="Number shown to trunks it calls. Not given: its user name.")
    ] = None
    srtp: Annotated[Srtp | None, Field(description="Encrypted media with this one. Not given: phones.srtp.")] = None


class Phones(MediaTerms, SessionTerms):
    """Phones that register with this node."""

    realm: Annotated[Line, Field(description="Digest realm; changing it asks every phone anew.")] = "softswitch"
    allow_from: Annotated[
        AnyNumber[NetworkText], Field(description="Networks phones may register and call from; others get no answer.")
    ] = ()
    codecs: Annotated[OneOrMore[Codec], Field(description="Codecs offered and accepted, best first.")] = (
        "PCMA",
        "PCMU",
        "G722",
        "opus",
    )
    hold: Annotated[
        Hold | None, Field(description="What a party hears that a phone holds. Not given: the node's hold.")
    ] = None
    transfer: PhoneTransfer = Field(default_factory=PhoneTransfer, description="Their transfers.")
    minimum_expires: Annotated[
        float, Lasting("10s", "24h"), Field(description="Shortest registration granted (423 below it).")
    ] = 60.0
    maximum_expires: Annotated[float, Lasting("10s", "24h"), Field(description="Longest registration granted.")] = (
        3600.0
    )
    headers: HeaderRules = Field(
        default_factory=HeaderRules, description="Headers of INVITEs that cross from and to phones, and that they get."
    )
    digest: Annotated[
        OneOrMore[Digest],
        Field(description="Digest algorithms offered, best first. [MD5] for phones that give up on others."),
    ] = ("SHA-256", "MD5")
    outbound: Annotated[
        Boolean,
        Field(
            description="Let phones keep several connections (RFC 5626). false where a proxy in front cannot, and "
            "phones give up on 439."
        ),
    ] = True
    users: Annotated[Mapping[Name, Phone], Field(description="The phones, by user name.")] = {}
