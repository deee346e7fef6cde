"""STIR/SHAKEN, key by key: what this node signs with and trusts, and what becomes of each trunk's calls."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from config.section import Section
from config.values import Boolean, FilePath, Lasting, PemSecret, Text, shown


def _url(value: str) -> str:
    if re.fullmatch(r"https?://[!#-;=?-~]{3,500}", value) is None:
        raise ValueError(f"expected an https URL, got {shown(value)}")
    return value


Url = Annotated[Text, AfterValidator(_url)]


def _uuid(value: str) -> str:
    if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value) is None:
        raise ValueError(f"expected a UUID, got {shown(value)}")
    return value.lower()


Uuid = Annotated[Text, AfterValidator(_uuid)]


class StirShaken(Section):
    """The right to telephone numbers: certificates and keys of this node."""

    anchors: Annotated[
        FilePath | None, Field(description="PEM file with the authorities that certificates of callers must come from.")
    ] = None
    certificates: Annotated[
        Mapping[Url, FilePath],
        Field(
            description="PEM files (certificate, then its chain) by the URL that signatures name (x5u). Nothing is "
            "fetched: a URL that is not here is an unknown certificate."
        ),
    ] = {}
    fresh_for: Annotated[
        float, Lasting("5s", "10m"), Field(description="How old a signature may be, and how far in the future.")
    ] = 60.0
    key: Annotated[PemSecret | None, Field(description="Private key (PEM, P-256) that calls are signed with.")] = None
    certificate: Annotated[Url | None, Field(description="URL where others find the certificate of the key (x5u).")] = (
        None
    )
    origid: Annotated[
        Uuid | None,
        Field(description="UUID of the part of our network that signs. Not given: made at each start."),
    ] = None


def _policy(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class TrunkStir(Section):
    """STIR/SHAKEN of one trunk."""

    sign: Annotated[Boolean, Field(description="Sign calls sent there, with stir_shaken.key.")] = False
    verify: Annotated[
        Literal["ignore", "tag", "reject"],
        BeforeValidator(_policy),
        Field(
            description="Signatures of its calls. ignore: not looked at. tag: the result is told (verstat). reject: "
            "calls without a good one are refused."
        ),
    ] = "ignore"
    attest: Annotated[
        Literal["A", "B", "C"] | None,
        Field(
            description="What is attested of its callers when their calls go on and their number is not ours. Not "
            "given: B if it authenticates itself, else C."
        ),
    ] = None
