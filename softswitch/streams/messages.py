"""The messages of a media stream, sans-IO: JSON texts both ways, as Twilio's Media Streams and their kin use them.

We send `connected`, `start`, `media` for each party's track, `dtmf`, `mark` (what we were given up to it has been said)
and `stop`. We take `media`, `mark`, `clear` and `stop`. A bot that was written for one of those services works here;
what goes beyond them is that audio may be 16-bit linear, and that the bot may end its part of the call with `stop`.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from audiocodecs.g711 import linear_to_ulaw, ulaw_to_linear

if TYPE_CHECKING:
    from collections.abc import Mapping

Encoding = Literal["mulaw", "l16"]
MIME: dict[Encoding, str] = {"mulaw": "audio/x-mulaw", "l16": "audio/x-l16"}
LONGEST_MESSAGE = 1 << 20
"""Octets of one message: half a minute of 16-bit audio at 8 kHz in base64."""
LONGEST_NAME = 128
MESSAGES = ("media", "mark", "clear", "stop")


class StreamProtocolError(Exception):
    """The far end sent what is no message of this protocol; the text says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How audio lies in a message: 8 kHz µ-law (ITU-T G.711), or 16-bit linear, little-endian, at `rate` Hz."""

    encoding: Encoding = "mulaw"
    rate: int = 8000

    def pack(self, pcm: bytes) -> bytes:
        """From 16-bit samples in native byte order."""
        return linear_to_ulaw(pcm) if self.encoding == "mulaw" else pcm

    def unpack(self, data: bytes) -> bytes:
        """To 16-bit samples in native byte order. Raises StreamProtocolError for half a sample."""
        if self.encoding == "mulaw":
            return ulaw_to_linear(data)
        if len(data) % 2:
            raise StreamProtocolError(f"media: expected whole 16-bit samples, got {len(data)} octets")
        return data


@dataclass(frozen=True, slots=True)
class Start:
    """What the far end is told at the beginning."""

    stream: str
    call: str
    tracks: tuple[str, ...]
    format: AudioFormat
    caller: str = ""
    called: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """Audio to be said; 16-bit samples in native byte order."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """Tell when everything given before this has been said."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Take back what has not been said yet; its marks are told at once."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The far end has nothing more to say in this call."""


class Writer:
    """Writes our messages, numbered as they go out."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._number = 0
        self._chunks: dict[str, int] = dict.fromkeys(start.tracks, 0)

    def connected(self) -> str:
        """The first message, unnumbered."""
        return _text({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self) -> str:
        """Who speaks with whom, and how audio is packed."""
        told = self._start
        return self._numbered(
            "start",
            {
                "streamSid": told.stream,
                "callSid": told.call,
                "tracks": list(told.tracks),
                "customParameters": {"from": told.caller, "to": told.called, **told.parameters},
                "mediaFormat": {"encoding": MIME[told.format.encoding], "sampleRate": told.format.rate, "channels": 1},
            },
        )

    def media(self, track: str, milliseconds: int, pcm: bytes) -> str:
        """A piece of one track that began `milliseconds` after the start of the stream."""
        self._chunks[track] = chunk = self._chunks.get(track, 0) + 1
        payload = base64.b64encode(self._start.format.pack(pcm)).decode()
        return self._numbered(
            "media", {"track": track, "chunk": str(chunk), "timestamp": str(milliseconds), "payload": payload}
        )

    def digit(self, track: str, digit: str) -> str:
        """A key was pressed by the party of this track."""
        return self._numbered("dtmf", {"track": track, "digit": digit})

    def mark(self, name: str) -> str:
        """What was given before this mark has been said, or was cleared."""
        return self._numbered("mark", {"name": name})

    def stop(self) -> str:
        """The last message."""
        return self._numbered("stop", {"callSid": self._start.call})

    def _numbered(self, event: str, content: Mapping[str, object]) -> str:
        self._number += 1
        return _text(
            {"event": event, "sequenceNumber": str(self._number), event: content, "streamSid": self._start.stream}
        )


def read_message(text: str, audio: AudioFormat) -> Media | Mark | Clear | Stop:
    """One message of the far end. Raises StreamProtocolError."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StreamProtocolError(f"expected a JSON object, got {text[:40]!r}") from error
    if not isinstance(message, dict):
        raise StreamProtocolError(f"expected a JSON object, got {text[:40]!r}")
    match message.get("event"):
        case "media":
            return Media(audio.unpack(_payload(_member(message, "media", "payload"))))
        case "mark":
            name = _member(message, "mark", "name")
            if not 0 < len(name) <= LONGEST_NAME:
                raise StreamProtocolError(f"mark.name: expected 1 to {LONGEST_NAME} characters, got {len(name)}")
            return Mark(name)
        case "clear":
            return Clear()
        case "stop":
            return Stop()
        case other:
            raise StreamProtocolError(f"event: expected one of {', '.join(MESSAGES)}, got {str(other)[:40]!r}")


def _member(message: dict[str, object], name: str, key: str) -> str:
    content = message.get(name)
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, str):
        raise StreamProtocolError(f"{name}.{key}: expected text, got {type(value).__name__}")
    return value


def _payload(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise StreamProtocolError(f"media.payload: expected base64, {error}") from error


def _text(message: Mapping[str, object]) -> str:
    return json.dumps(message, separators=(",", ":"))
