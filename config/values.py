"""The kinds of value that configuration is made of, each with the words for getting it wrong.

Every kind takes what YAML gives (`yaml12.Tree`) and raises ValueError saying what was expected and what came.
"""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
import ipaddress
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from config.problem import did_you_mean
from config.secrets import HIDDEN, Secret, SecretReader

T = TypeVar("T")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Transport = Literal["udp", "tcp", "tls"]
Digest = Literal["SHA-256", "MD5"]
ExtendedReports = Literal["off", "answer", "offer"]
Codec = Literal["PCMA", "PCMU", "G722", "G729", "opus", "L16", "L16/16000"]
OpusBandwidth = Literal["standard", "high"]
Srtp = Literal["off", "optional", "mandatory"]
SrtpSuite = Literal["AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]

COUNTRIES = (
    "AT",
        "AU",
        "BE",
        "BG",
        "BR",
        "CA",
        "CH",
        "CL",
        "CN",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GB",
        "GR",
    "HU",
        "IE",
        "IL",
        "IN",
        "IT",
        "JP",
        "KR",
        "LT",
        "MX",
        "MY",
        "NL",
        "NO",
        "NZ",
        "PH",
        "PL",
        "PT",
        "RU",
        "SE",
        "SG",
        "TH",
        "TR",
        "TW",
        "US",
        "VE",
        "ZA",
)  # fmt: skip
"""Those of media.play.countries, by ISO 3166."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h)")
_PASSWORD_IN_URL = re.compile(r":[^:@/]*@")
_HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


def shown(value: object) -> str:
    """What was written, short enough for one line."""
    text = getattr(value, "text", None)
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return "a section of keys"
        case list():
            return "a list"
        case _:
            pass
    if text is None:
        text = repr(_PASSWORD_IN_URL.sub(":***@", value)) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    typed = getattr(value, "text", None)
    if typed is not None:
        return str(typed)
    hint = f": quote it, as in '{shown(value)}'" if isinstance(value, bool) else ""
    raise ValueError(f"expected text, got {shown(value)}{hint}")


@dataclass(frozen=True, slots=True)
class AnyCase:
    """Annotation of a Literal of lower-case words: each may be written in any case.

    `told`: the words of which editors are told the upper-case spelling as well; None: of all.
    """

    told: tuple[str, ...] | None = None

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_lower, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        words = handler(schema)["enum"]
        return {"enum": [*words, *(word.upper() for word in (words if self.told is None else self.told))]}


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Direction = Annotated[Literal["inbound", "outbound", "both"], AnyCase()]
Reliable = Annotated[Literal["off", "supported", "required"], AnyCase()]
ReferPolicy = Annotated[Literal["accept", "refuse"], AnyCase()]
FailedTransfer = Annotated[Literal["return", "end"], AnyCase()]
TrunkType = Annotated[Literal["static", "registered", "authenticated"], AnyCase()]
Refresher = Annotated[Literal["auto", "us", "them"], AnyCase()]
Redirect = Annotated[Literal["refuse", "follow"], AnyCase(told=())]
HopStrategy = Annotated[Literal["failover", "round_robin", "weighted"], AnyCase(told=("failover", "round_robin"))]
TrunkChoice = Annotated[Literal["in_order", "round_robin", "weighted", "least_cost"], AnyCase(told=())]


def _dtmf(value: object) -> object:
    """Any case, and the name telephone events had before RFC 4733."""
    if not isinstance(value, str):
        return value
    name = value.lower()
    return "rfc4733" if name == "rfc2833" else name


Dtmf = Annotated[
    Literal["rfc4733", "inband", "info"],
    BeforeValidator(_dtmf),
    WithJsonSchema({"enum": ["rfc4733", "inband", "info", "RFC2833", "INBAND"]}),
]
Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "number"]})]
"""Text; a number is taken as it was typed."""


def _one_line(value: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("line breaks and control characters are not allowed here")
    if not value.strip() or len(value) > 128:
        raise ValueError(f"expected 1 to 128 characters, got {len(value.strip())}")
    return value


Line = Annotated[Text, AfterValidator(_one_line)]
"""One line of 1..128 characters, safe to appear in a header or log."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}|[*+#][0-9*#]{1,63}")


def _name(value: str) -> str:
    if _NAME.fullmatch(value) is None:
        raise ValueError(f"expected a name of letters, digits, '_', '.', '-' (at most 64), got {shown(value)}")
    return value


Name = Annotated[Text, AfterValidator(_name)]


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"expected true or false, got {shown(value)}")


Boolean = Annotated[bool, BeforeValidator(_boolean)]


@dataclass(frozen=True, slots=True)
class Whole:
    """Annotation of an int within bounds: `Annotated[int, Whole(1, 9)]`."""

    low: int
    high: int

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def check(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ValueError(f"expected a whole number from {self.low} to {self.high}, got {shown(value)}")
        return int(value)


Port = Annotated[int, Whole(1, 65535)]


_RATED_CODEC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,31}(/(8000|12000|16000|24000|32000|44100|48000))?")


def _rated_codec(value: str) -> str:
    if _RATED_CODEC.fullmatch(value) is None:
        raise ValueError(
            "expected the name of a codec, if need be with the sample rate of its audio (opus/16000), "
            f"got {shown(value)}"
        )
    return value.lower()


RatedCodec = Annotated[Text, AfterValidator(_rated_codec)]
"""A codec as impairment values are given for it."""


def seconds(value: object) -> float:
    """Read `20s`, `500ms`, `2m`, `1h`. Raises ValueError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(
            f"expected a duration with its unit, got {shown(value)}: write {shown(value)}s or {shown(value)}ms"
        )
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected a duration such as 20s, 500ms, 2m or 1h, got {shown(value)}")
    return float(found[1]) * _UNITS[found[2]]


def lasting(time: float) -> str:
    """Seconds in the longest unit that takes a whole number: 0.5 is `500ms`, 3600 is `1h`."""
    for unit, length in (("h", 3600), ("m", 60), ("s", 1)):
        if time >= length and time % length == 0:
            return f"{time / length:.0f}{unit}"
    return f"{time * 1000:g}ms"


@dataclass(frozen=True, slots=True)
class Lasting:
    """Annotation of a float of seconds, written with a unit, within bounds."""

    low: str
    high: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(ms|s|m|h)$", "examples": ["20s", "500ms", "2m"]}

    def check(self, value: object) -> float:
        time = seconds(value)
        if not seconds(self.low) <= time <= seconds(self.high):
            raise ValueError(f"expected {self.low} to {self.high}, got {shown(value)}")
        return time


@dataclass(frozen=True, slots=True)
class PacketTime(Lasting):
    """Annotation of a float of seconds: how much audio goes into a packet, in whole 10 ms."""

    low: str = "10ms"
    high: str = "60ms"

    def check(self, value: object) -> float:
        time = Lasting.check(self, value)
        if round(time * 1000, 6) % 10:
            raise ValueError(f"expected whole 10 ms (10ms, 20ms, 30ms, 40ms, 50ms or 60ms), got {shown(value)}")
        return time


@dataclass(frozen=True, slots=True)
class Between:
    """Annotation of a float within bounds: `Annotated[float, Between(0.5, 2.0)]`."""

    low: float
    high: float

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "number", "minimum": self.low, "maximum": self.high}

    def check(self, value: object) -> float:
        number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else -1.0
        if not self.low <= number <= self.high:
            raise ValueError(f"expected a number from {self.low:g} to {self.high:g}, got {shown(value)}")
        return number


def _country(value: str) -> str:
    code = value.upper()
    if code not in COUNTRIES:
        raise ValueError(f"expected a country whose tones are known, one of {' '.join(COUNTRIES)}, got {shown(value)}")
    return code


Country = Annotated[str, BeforeValidator(_text), AfterValidator(_country), WithJsonSchema({"enum": list(COUNTRIES)})]


def _as_list(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else [value]


def _some(value: tuple[T, ...]) -> tuple[T, ...]:
    if not value:
        raise ValueError("expected at least one, got an empty list")
    return value


class _OrSingle:
    """Says in the JSON Schema that one item may stand without its list."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        array = handler(schema)
        return {"anyOf": [array["items"], array]}


AnyNumber = Annotated[tuple[T, ...], BeforeValidator(_as_list), _OrSingle()]
OneOrMore = Annotated[tuple[T, ...], BeforeValidator(_as_list), AfterValidator(_some), _OrSingle()]
"""A list; a single value counts as a list of one."""


def _expect_list(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return value
    raise ValueError(f"expected a list, got {shown(value)}")


Several = Annotated[tuple[T, ...], BeforeValidator(_expect_list)]


def _network(value: object) -> Network:
    if isinstance(value, Network):
        return value
    text = _text(value)
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        hint = _host_bits(text)
        raise ValueError(f"expected an address or network such as 192.0.2.0/24, got {shown(text)}{hint}") from None


def _host_bits(text: str) -> str:
    try:
        return f": did you mean {ipaddress.ip_network(text, strict=False)}?"
    except ValueError:
        return ""


_STRING = WithJsonSchema({"type": "string"})
_AS_TEXT = PlainSerializer(str, when_used="json")
NetworkText = Annotated[Network, PlainValidator(_network), _AS_TEXT, _STRING]


def _address(value: object) -> str:
    text = _text(value)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"expected an IP address, got {shown(text)}") from None


Address = Annotated[str, BeforeValidator(_address)]


def host(text: str) -> str:
    """An IP address or a DNS name. Raises ValueError."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        labels = text.rstrip(".").split(".")
        numeric = labels[-1].isdigit()
        if numeric or len(text) > 253 or not all(_HOST_LABEL.fullmatch(label) for label in labels):
            raise ValueError(f"expected an IP address or a DNS name, got {shown(text)}") from None
    return text


Host = Annotated[Text, AfterValidator(host)]


def _split_port(text: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `[v6]`, `[v6]:port`, `v6` to host and port."""
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"expected [address]:port, got {shown(text)}")
        digits = rest[1:] if rest else None
    elif text.count(":") == 1:
        name, _, digits = text.partition(":")
    else:
        name, digits = text, None
    if digits is None:
        return name, None
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits) <= 65535):
        raise ValueError(f"expected a port from 1 to 65535 after ':', got {shown(text)}")
    return name, int(digits)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a trunk's calls come from: a network, or one port of one host."""

    network: Network
    port: int | None = None

    def __str__(self) -> str:
        if self.port is None:
            return str(self.network)
        address = self.network.network_address
        return f"[{address}]:{self.port}" if self.network.version == 6 else f"{address}:{self.port}"


def _source(value: object) -> Source:
    if isinstance(value, Source):
        return value
    text = _text(value)
    if "/" in text:
        return Source(_network(text))
    address, port = _split_port(text)
    return Source(_network(address), port)


def _server(value: object) -> tuple[str, int]:
    text = _text(value)
    name, port = _split_port(text)
    return _address(name), 53 if port is None else port


ServerText = Annotated[tuple[str, int], BeforeValidator(_server), _STRING]
"""A DNS server: `address[:port]`."""


SourceText = Annotated[Source, PlainValidator(_source), _AS_TEXT, _STRING]


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where a trunk is reached: `[sips:]host[:port][;transport=udp|tcp|tls]`.

    No port: SRV; no transport either: NAPTR. `secure`: a `sips:` URI, over TLS all the way.
    """

    host: str
    port: int | None = None
    transport: Transport | None = None
    secure: bool = False
    priority: int = 0
    """Lower is tried first."""
    weight: int = 1
    """Share among those of the same priority."""

    def __str__(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        place = name if self.port is None else f"{name}:{self.port}"
        if self.secure:
            return f"sips:{place}"
        return place if self.transport is None else f"{place};transport={self.transport}"


_TRANSPORTS: dict[str, Transport] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}


def _next_hop(value: object) -> NextHop:
    if isinstance(value, NextHop):
        return value
    if isinstance(value, dict):
        return _ranked_hop(value)
    text = _text(value)
    place, semicolon, parameter = text.partition(";")
    transport = _TRANSPORTS.get(parameter.strip().lower().removeprefix("transport=")) if semicolon else None
    if semicolon and transport is None:
        raise ValueError(f"expected ;transport=udp, tcp or tls after the host, got {shown(parameter)}")
    place = place.strip().removeprefix("sip:")
    secure = place.startswith("sips:")
    place = place.removeprefix("sips:")
    if secure and transport in ("udp", "tcp"):
        raise ValueError(f"sips: is TLS all the way, {shown(parameter)} is not")
    # Port 0 is how some carriers' forms write "by SRV".
    name, port = _split_port(place.strip().removesuffix(":0"))
    return NextHop(host(name), port, "tls" if secure else transport, secure)


def _ranked_hop(value: dict[object, object]) -> NextHop:
    keys = ("host", "priority", "weight")
    for key in value:
        if key not in keys:
            hint = did_you_mean(str(key), keys)
            raise ValueError(f"unknown key {str(key)!r}{hint}")
    if "host" not in value:
        raise ValueError("host is missing: expected {host: host[:port][;transport=udp|tcp], priority: …, weight: …}")
    try:
        priority, weight = (
            Whole(0, 65535).check(value.get(key, usual)) for key, usual in (("priority", 0), ("weight", 1))
        )
    except ValueError as error:
        raise ValueError(f"priority and weight: {error}") from None
    return replace(_next_hop(value["host"]), priority=priority, weight=weight)


NextHopText = Annotated[
    NextHop,
    PlainValidator(_next_hop),
    _AS_TEXT,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {
                        "host": {"type": "string", "description": "host[:port][;transport=udp|tcp]"},
                        "priority": {"type": "integer", "minimum": 0, "maximum": 65535},
                        "weight": {"type": "integer", "minimum": 0, "maximum": 65535},
                    },
                    "required": ["host"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What validation needs to know beside the text: where relative paths count from, and how secrets are read."""

    root: Path
    secrets: SecretReader


def surroundings(info: ValidationInfo) -> Surroundings:
    if not isinstance(info.context, Surroundings):
        raise TypeError("configuration is validated by config.load only")
    return info.context


def _file_path(value: object, info: ValidationInfo) -> Path:
    text = _text(value)
    if not text or "\0" in text:
        raise ValueError(f"expected a path, got {shown(text)}")
    return surroundings(info).root / Path(text).expanduser()


FilePath = Annotated[Path, PlainValidator(_file_path), _AS_TEXT, _STRING]
"""A path; relative ones are resolved against the configuration's root."""


def _secret(value: object, info: ValidationInfo) -> Secret:
    return surroundings(info).secrets.read(value)


def _pem(value: object, info: ValidationInfo) -> Secret:
    return surroundings(info).secrets.read_pem(value)


PemSecret = Annotated[
    Secret,
    PlainValidator(_pem),
    PlainSerializer(lambda _: HIDDEN, when_used="always"),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {kind: {"type": "string"}},
                    "required": [kind],
                    "additionalProperties": False,
                }
                for kind in ("env", "file")
            ]
        }
    ),
]
"""A private key in PEM, in a file or an environment variable."""

SecretText = Annotated[
    Secret,
    PlainValidator(_secret),
    PlainSerializer(lambda _: HIDDEN, when_used="always"),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"env": {"type": "string", "description": "Name of an environment variable"}},
                    "required": ["env"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "description": "File that holds the secret on one line"},
                        "create": {"type": "boolean", "description": "Make it with a random secret when it is missing"},
                    },
                    "required": ["file"],
                    "additionalProperties": False,
                },
                {"type": "string", "description": "Plain text: works, with a warning"},
            ]
        }
    ),
]


def _database_url(value: object, info: ValidationInfo) -> str:
    text = _text(value)
    kind, separator, rest = text.partition("://")
    if kind == "sqlite" and separator and rest.startswith("/") and len(rest) > 1:
        return f"sqlite:///{surroundings(info).root / rest[1:]}"
    raise ValueError("expected sqlite:///path/to/file")


DatabaseUrl = Annotated[
    str, PlainValidator(_database_url), WithJsonSchema({"type": "string", "pattern": "^sqlite:///."})
]
"""A database; the path of SQLite is made absolute."""
