"""Answers in JSON, errors included; rendered outside the signalling loop when they can be long."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from softswitch.admin.operation import Json

# ASCII only, and no "</script>": the text stays harmless wherever it is pasted.
_encoder = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _render(value: Json) -> str:
    return _encoder.encode(value).replace("<", "\\u003c").replace(">", "\\u003e")


def answer(value: Json, *, status: int = 200) -> web.Response:
    """A short JSON answer."""
    return web.Response(text=_render(value) + "\n", status=status, content_type="application/json")


async def long_answer(value: Json) -> web.Response:
    """A JSON answer that may be long: rendered by a worker thread while calls go on."""
    text = await asyncio.to_thread(_render, value)
    return web.Response(text=text + "\n", content_type="application/json")


def error(status: int, message: str, *, headers: dict[str, str] | None = None) -> web.Response:
    """An error that says what was expected."""
    response = answer({"error": message}, status=status)
    response.headers.update(headers or {})
    return response
