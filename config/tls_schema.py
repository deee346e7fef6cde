"""TLS for signalling, key by key: what this node shows and asks for, and what it expects of a trunk."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from config.section import Section
from config.values import AnyNumber, Boolean, FilePath, Text, host, shown


def _version(value: object) -> str:
    """1.2 may be written as a number or as text."""
    text = str(getattr(value, "text", value))
    if text not in ("1.2", "1.3"):
        raise ValueError(f"expected 1.2 or 1.3, got {shown(value)}")
    return text


TlsVersion = Annotated[
    Literal["1.2", "1.3"], BeforeValidator(_version), WithJsonSchema({"enum": [1.2, 1.3, "1.2", "1.3"]})
]


def _certificate_name(value: str) -> str:
    """A host, or `*.` and one: what a certificate may say."""
    host(value.removeprefix("*."))
    return value.lower()


CertificateName = Annotated[Text, AfterValidator(_certificate_name)]


class Tls(Section):
    """TLS of this node's own listeners."""

    certificate: Annotated[
        FilePath | None, Field(description="PEM file with this node's certificate and its chain; needed to listen.")
    ] = None
    key: Annotated[FilePath | None, Field(description="PEM file with its key. Not given: it is in the same file.")] = (
        None
    )
    ca: Annotated[
        FilePath | None,
        Field(description="Authorities that peers' certificates may come from. Not given: those of the system."),
    ] = None
    client_certificate: Annotated[
        Literal["none", "optional", "required"] | None,
        Field(
            description="Whether those who connect must show a certificate. Not given: optional where a trunk has "
            "tls.identities, none where not."
        ),
    ] = None
    minimum_version: Annotated[TlsVersion, Field(description="1.2 or 1.3.")] = "1.2"


class TrunkTls(Section):
    """TLS towards and from one trunk. `tls: true` is this section with its defaults."""

    verify: Annotated[
        Boolean,
        Field(description="Its certificate must be valid, and be that of the host it is reached at (RFC 5922)."),
    ] = True
    server_name: Annotated[
        CertificateName | None,
        Field(description="Name in its certificate, when it is not the destination's host; *.host is taken literally."),
    ] = None
    ca: Annotated[
        FilePath | None, Field(description="Authorities its certificate may come from. Not given: sip.tls.ca.")
    ] = None
    certificate: Annotated[
        FilePath | None, Field(description="PEM file with what we show it. Not given: sip.tls.certificate.")
    ] = None
    key: Annotated[FilePath | None, Field(description="PEM file with its key. Not given: in the same file.")] = None
    identities: Annotated[
        AnyNumber[CertificateName],
        Field(description="Names in its certificate by which it is known when it connects, from wherever."),
    ] = ()
    required: Annotated[
        Boolean,
        Field(
            description="Take its calls only over TLS, and with a certificate of its `identities` where it has some."
        ),
    ] = False


def _section(value: object) -> object:
    """`true` is the section as it is when nothing is in it; `false` is none."""
    if value is True:
        return {}
    return None if value is False else value


class _OrBoolean:
    """Says in the JSON Schema that `true` or `false` may stand for the section."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler(schema)
        return {**found, "anyOf": [*found["anyOf"], {"type": "boolean"}]}


TrunkTlsOrBoolean = Annotated[TrunkTls | None, BeforeValidator(_section), _OrBoolean()]
