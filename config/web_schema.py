"""The web server, key by key: pages, their API and SIP over WebSocket on one port."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from config.secrets import Secret
from config.section import Section
from config.values import Address, AnyNumber, Boolean, FilePath, Lasting, Line, NetworkText, Port, SecretText, Whole

TOKEN_KEY = "var/secrets/web-token-key"  # noqa: S105 - a path
"""The file of `web.token_key` when it is not given."""
LEAST_KEY = 16
ANY = "0.0.0.0"  # noqa: S104 - pages are for everybody; who may call is decided by credentials


def _url(value: str) -> str:
    """`https://host[:port]` as browsers write origins (RFC 6454 6.2): no path, no default port, lower case."""
    try:
        parts = urlsplit(value.lower())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.path not in {"", "/"}
        or "@" in parts.netloc
    ):
        raise ValueError(f"expected https://host or https://host:port, got {value!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if port in (None, usual) else f"{parts.scheme}://{host}:{port}"


def _origin(value: str) -> str:
    try:
        return value if value == "*" else _url(value)
    except ValueError:
        raise ValueError(f"expected https://host, https://host:port or *, got {value!r}") from None


class WebTls(Section):
    """The certificate browsers see."""

    certificate: Annotated[FilePath, Field(description="PEM file with the certificate and its chain.")]
    key: Annotated[FilePath | None, Field(description="PEM file with its key. Not given: it is in the same file.")] = (
        None
    )


class WebSession(Section):
    """How long somebody who has signed in stays so."""

    token: Annotated[
        float,
        Lasting("1m", "24h"),
        Field(description="How long a token opens SIP; pages fetch a new one before it ends."),
    ] = 900.0
    longest: Annotated[
        float, Lasting("1m", "720h"), Field(description="After this long the password is asked for again.")
    ] = 43_200.0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.longest < self.token:
            raise ValueError(f"longest: expected at least `token` ({self.token:g}s), got {self.longest:g}s")
        return self


class Web(Section):
    """Pages, their API and SIP over WebSocket (RFC 7118). There where the section is."""

    address: Annotated[Address, Field(description="Address to bind; 0.0.0.0 or :: for every interface.")] = ANY
    port: Annotated[Port, Field(description="Port to bind, for everything.")] = 8443
    url: Annotated[
        Annotated[Line, AfterValidator(_url)] | None,
        Field(
            description="Where browsers reach it: https://phone.example.com. Not given: where a request says it went. "
            "Links that are sent to customers need it."
        ),
    ] = None
    https: Annotated[
        Boolean | None,
        Field(
            description="Not given: where there is a certificate, here or in sip.tls. false: plain HTTP behind a "
            "reverse proxy. Browsers give a page no microphone without HTTPS, localhost apart."
        ),
    ] = None
    tls: Annotated[WebTls | None, Field(description="The certificate browsers see. Not given: that of sip.tls.")] = None
    origins: Annotated[
        AnyNumber[Annotated[Line, AfterValidator(_origin)]],
        Field(
            description="Sites whose pages may use the API and SIP: https://desk.example.com; * for any. Not given: "
            "those of this server alone."
        ),
    ] = ()
    proxies: Annotated[
        AnyNumber[NetworkText],
        Field(description="Reverse proxies in front, whose X-Forwarded-For is believed."),
    ] = ()
    operator_api: Annotated[Boolean, Field(description="Serve the admin API here, too, with the same token.")] = False
    token_key: SecretText = Field(
        default_factory=lambda: Secret("", "created", TOKEN_KEY),
        description="What tokens are signed with; nodes that share it believe each other's. Not given: made at first "
        "start in var/secrets/web-token-key.",
    )
    session: WebSession = Field(default_factory=WebSession, description="Signing in.")
    ping: Annotated[
        float,
        Lasting("1s", "5m"),
        Field(description="Between two pings of a WebSocket; one that answers none within as long again is closed."),
    ] = 15.0
    connections: Annotated[int, Whole(1, 100_000), Field(description="Most WebSockets at once.")] = 4096
    per_source: Annotated[
        int, Whole(1, 100_000), Field(description="Most WebSockets of one address; offices share one.")
    ] = 256
