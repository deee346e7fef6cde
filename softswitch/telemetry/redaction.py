"""Secrets never leave the process in text: credentials are cut out of everything that is logged or shown."""

from __future__ import annotations

import re
from functools import lru_cache

HIDDEN = "<hidden>"

_SECRET_NAMES = (
    "password",
    "passwd",
    "secret",
    "token",
    "authorization",
    "credential",
    "ha1",
    "private_key",
    "api_key",
    "key_salt",
)
# The header name may be met in the middle of a quoted message, in JSON or behind a line break written as \r\n.
_HEADER = re.compile(r"((?:proxy-|www-)?authorization[\"']?\s*[:=]\s*)(?:[^\\\r\n]|\\(?![rn]))+", re.IGNORECASE)
_DIGEST_FIELD = re.compile(
    r"\b(response|cnonce|nonce|ha1|password|passwd|secret)(\s*=\s*)(\"[^\"]*\"|[^\s,;&\"']+)", re.IGNORECASE
)
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{6,}", re.IGNORECASE)
# The key of SRTP in SDP (RFC 4568): whatever follows "inline:", wherever it is quoted.
_INLINE_KEY = re.compile(r"(inline:)[A-Za-z0-9+/=_-]+", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(\w+://[^\s:/@]+:)[^\s/@]+@")


@lru_cache(1024)
def is_secret_name(name: str) -> bool:
    """True when a fact of this name must not be shown whatever its value is."""
    lowered = name.lower()
    return any(secret in lowered for secret in _SECRET_NAMES)


def redact(text: str) -> str:
    """`text` without credentials: Authorization headers, digest fields, bearer tokens, passwords in URLs, SRTP keys."""
    # Called for every text in the log: what cannot match any expression is let through after a few searches.
    if "=" not in text and " " not in text and "://" not in text and ":" not in text:
        return text
    lowered = text.lower()
    if not (
        "authorization" in lowered
        or "response" in lowered
        or "nonce" in lowered
        or "passw" in lowered
        or "secret" in lowered
        or "bearer" in lowered
        or "basic" in lowered
        or "ha1" in lowered
        or "inline:" in lowered
        or "://" in lowered
    ):
        return text
    text = _HEADER.sub(rf"\1{HIDDEN}", text)
    text = _DIGEST_FIELD.sub(rf"\1\2{HIDDEN}", text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    text = _INLINE_KEY.sub(rf"\1{HIDDEN}", text)
    return _URL_PASSWORD.sub(rf"\1{HIDDEN}@", text)
