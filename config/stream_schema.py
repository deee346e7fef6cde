"""Media streams key by key: the WebSocket servers a call may be streamed to."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from config.section import Section
from config.values import Lasting, Line, SecretText, Whole

RATES = (8000, 16000, 24000, 48000)


def _url(value: str) -> str:
    problem = f"expected ws://host/… or wss://host/…, got {value!r}"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(problem) from error
    if parts.scheme not in {"ws", "wss"} or not parts.hostname or port == 0:
        raise ValueError(problem)
    if parts.username is not None or parts.password is not None:
        raise ValueError("a user or password in a URL ends up in logs: give `token`")
    return value


class Stream(Section):
    """A WebSocket server that takes part in calls: a voice bot, a transcriber."""

    url: Annotated[Line, AfterValidator(_url), Field(description="ws://host/path or wss://host/path.")]
    token: Annotated[SecretText | None, Field(description="Sent as `Authorization: Bearer`.")] = None
    encoding: Annotated[
        Literal["mulaw", "l16"], Field(description="mulaw: G.711 at 8 kHz. l16: 16-bit linear, little-endian.")
    ] = "mulaw"
    rate: Annotated[
        int, Whole(8000, 48000), Field(description="Samples a second of l16: 8000, 16000, 24000 or 48000.")
    ] = 8000
    connect_timeout: Annotated[
        float, Lasting("100ms", "1m"), Field(description="How long the server may take to be there.")
    ] = 5.0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.rate not in RATES:
            raise ValueError(f"rate: expected one of {', '.join(map(str, RATES))}, got {self.rate}")
        if self.encoding == "mulaw" and self.rate != RATES[0]:
            raise ValueError(f"rate: mulaw has {RATES[0]} samples a second, got {self.rate}")
        return self
