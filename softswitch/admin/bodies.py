"""Bodies of requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import web


async def json_object(request: web.Request) -> dict[str, Any]:
    """The object that the body is; {} for an empty body. Raises ValueError saying what was expected.

    JSON is what its octets say (RFC 8259 8.1): a charset that the request names, known or not, changes nothing.
    """
    try:
        found = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        raise ValueError("expected JSON") from None
    if not isinstance(found, dict):
        raise ValueError("expected a JSON object")
    return found
