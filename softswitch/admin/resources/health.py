"""GET /health: the process lives and its loop turns. Says nothing else, so that it needs no token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.admin.answers import answer
from softswitch.admin.operation import Access, Operation

if TYPE_CHECKING:
    from aiohttp import web


async def get(_: web.Request) -> web.StreamResponse:
    """Answering at all is the answer."""
    return answer({"status": "ok"})


OPERATIONS = (
    Operation(
        method="GET",
        path="/health",
        name="getHealth",
        summary="Liveness: the process answers.",
        handler=get,
        access=Access.ANYBODY,
        responses={200: ("It lives.", "Health")},
    ),
)
