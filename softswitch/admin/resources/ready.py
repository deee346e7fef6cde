"""GET /ready: whether new calls are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.admin.answers import answer
from softswitch.admin.operation import Operation
from softswitch.admin.ports import PARTS

if TYPE_CHECKING:
    from aiohttp import web


async def get(request: web.Request) -> web.StreamResponse:
    """200 when calls are taken, 503 with the reasons when not."""
    readiness = request.app[PARTS].source.readiness()
    status = 200 if readiness.ready else 503
    return answer({"ready": readiness.ready, "reasons": list(readiness.reasons)}, status=status)


OPERATIONS = (
    Operation(
        method="GET",
        path="/ready",
        name="getReadiness",
        summary="Readiness: whether new calls are taken.",
        handler=get,
        responses={200: ("New calls are taken.", "Readiness"), 503: ("They are not.", "Readiness")},
    ),
)
