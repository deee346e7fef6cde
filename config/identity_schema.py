"""Who calls, and which headers cross: the keys of a trunk, and of the phones, that say so."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.section import Section
from config.values import AnyCase, AnyNumber, Boolean, Line, OneOrMore, Text, shown

NumberFormat = Annotated[Literal["e164", "international", "us_national"], AnyCase()]
Anonymization = Annotated[Literal["none", "remote_party_id", "asserted_identity", "preferred_identity"], AnyCase()]
IdentitySource = Literal["from", "pai", "ppi", "rpid"]
IdentityHeader = Literal["pai", "ppi", "rpid"]
DiversionReason = Literal[
    "unknown", "user-busy", "no-answer", "unavailable", "unconditional", "time-of-day", "do-not-disturb", "deflection",
    "follow-me", "out-of-service", "away",
]  # fmt: skip


def _own_number(value: str) -> str:
    digits = re.sub(r"[ ().-]", "", value)
    if re.fullmatch(r"\+?[0-9]{2,15}\*?", digits) is None:
        raise ValueError(f"expected a telephone number, or the beginning of numbers and *, got {shown(value)}")
    return digits


OwnNumber = Annotated[Text, AfterValidator(_own_number)]
"""A number of ours, `*` at its end standing for any rest."""

_HEADER = re.compile(r"[A-Za-z0-9.!%_+`'~-]{1,64}")


def _header_name(value: str) -> str:
    if _HEADER.fullmatch(value) is None:
        raise ValueError(f"expected the name of a header, got {shown(value)}")
    return value


def _header_pattern(value: str) -> str:
    _header_name(value.removesuffix("*"))
    return value


HeaderName = Annotated[Text, AfterValidator(_header_name)]
HeaderPattern = Annotated[Text, AfterValidator(_header_pattern)]
"""The name of a header, `*` at its end standing for any rest."""


class Identity(Section):
    """Who calls: what a trunk is believed, and what it is told."""

    trusted: Annotated[
        Boolean,
        Field(
            description="It belongs to our trust domain (RFC 3325): its identity, Diversion and History-Info headers "
            "are believed, and it is told who calls even when the caller is withheld."
        ),
    ] = False
    caller_from: Annotated[
        OneOrMore[IdentitySource] | None,
        Field(
            description="Where the caller of its calls is looked for: from, pai, ppi, rpid, in this order. Not given: "
            "pai, then from if it is trusted; others are only ever asked for from."
        ),
    ] = None
    present: Annotated[
        AnyNumber[Literal["from", "pai", "ppi", "rpid"]],
        Field(description="Where it is told the caller: From, which it always gets, pai, ppi, rpid."),
    ] = ("from",)
    diversion: Annotated[
        Literal["off", "diversion", "history_info", "both"],
        Field(description="Headers that tell it who a forwarded call was for before."),
    ] = "off"
    numbers: Annotated[
        AnyNumber[OwnNumber],
        Field(
            description="The numbers that are ours there, as in the dialplan; * at the end stands for any rest. No "
            "other is shown to it. Not given: any may be."
        ),
    ] = ()
    default_caller_id: Annotated[
        OwnNumber | None,
        Field(
            description="Shown in place of a number that is not ours, and for callers without a telephone number. Not "
            "given: the first of numbers."
        ),
    ] = None


class HeaderRules(Section):
    """Headers of INVITEs. One crosses when the side it comes from and the side it goes to both pass it."""

    pass_: Annotated[
        AnyNumber[HeaderPattern],
        Field(alias="pass", description="Headers that cross, both ways: X-Customer, or X-* for all that begin so."),
    ] = ()
    drop: Annotated[AnyNumber[HeaderName], Field(description="Exceptions to pass.")] = ()
    add: Annotated[Mapping[HeaderName, Line], Field(description="Headers on every INVITE sent there.")] = {}
