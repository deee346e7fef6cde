"""GET /api/openapi.json: what can be asked here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.admin.answers import long_answer
from softswitch.admin.openapi import document
from softswitch.admin.operation import OFFERED, Operation
from softswitch.admin.ports import PARTS

if TYPE_CHECKING:
    from aiohttp import web


async def get(request: web.Request) -> web.StreamResponse:
    """The OpenAPI document of exactly the operations that are routed."""
    offered = request.app[OFFERED]
    return await long_answer(document(offered, request.app[PARTS].version))


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/openapi.json",
        name="getDescription",
        summary="This document.",
        handler=get,
        responses={200: ("The OpenAPI document.", None)},
    ),
)
