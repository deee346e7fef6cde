"""What stands before every resource: the token, errors in JSON, headers that keep browsers from guessing."""

from __future__ import annotations

import hmac
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from softswitch.admin.answers import error
from softswitch.admin.operation import Access

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler, Middleware

_log = logging.getLogger(__name__)

LONGEST_TOKEN = 512
"""Octets; a longer one is refused unread."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "softswitch",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


async def harden(_: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: every answer carries HEADERS, errors too."""
    response.headers.update(HEADERS)


def errors_in_json() -> Middleware:
    """400, 404, 405, 413 and faults of our own as JSON. A fault is logged in full and shown without detail; the path is
    told as we name it, since that of a guest holds the token that opens a link.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as failure:
            allow = {"Allow": failure.headers["Allow"]} if "Allow" in failure.headers else None
            return error(failure.status, failure.reason, headers=allow)
        except web.RequestPayloadError:
            return error(400, "expected a body as Content-Encoding and Transfer-Encoding announce it")
        except Exception:  # noqa: BLE001  the edge of the process: whatever it is, the client gets an answer
            resource = request.match_info.route.resource
            _log.exception("admin: %s %s failed", request.method, "-" if resource is None else resource.canonical)
            return error(500, "Internal Server Error")

    return middleware


def require_token(token: str, access: Mapping[tuple[str, str], Access], *, open_metrics: bool) -> Middleware:
    """Ask for `Authorization: Bearer <token>` wherever the operation does, and wherever there is no operation."""
    expected = token.encode()

    def admitted(request: web.Request) -> bool:
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else ""
        method = "GET" if request.method == "HEAD" else request.method
        needed = access.get((method, path), Access.TOKEN)
        if needed is Access.ANYBODY or (needed is Access.METRICS and open_metrics):
            return True
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        presented = given.strip().encode("utf-8", "surrogateescape")
        return (
            scheme.lower() == "bearer" and len(presented) <= LONGEST_TOKEN and hmac.compare_digest(presented, expected)
        )

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if admitted(request):
            return await handler(request)
        return error(401, "expected Authorization: Bearer <token>", headers={"WWW-Authenticate": "Bearer"})

    return middleware
