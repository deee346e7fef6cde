"""GET /api/trunks: the trunks, and which of their next hops are avoided at present."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.admin.answers import long_answer
from softswitch.admin.operation import Operation
from softswitch.admin.ports import PARTS
from softswitch.admin.render import trunk

if TYPE_CHECKING:
    from aiohttp import web


async def get(request: web.Request) -> web.StreamResponse:
    """All trunks, in the order of the configuration."""
    return await long_answer({"trunks": [trunk(each) for each in request.app[PARTS].source.trunks()]})


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/trunks",
        name="listTrunks",
        summary="The trunks and the health of their next hops.",
        handler=get,
        responses={200: ("The trunks.", "TrunkList")},
    ),
)
