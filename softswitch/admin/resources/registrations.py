"""GET /api/registrations: the phones that are registered here, contact by contact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.admin.answers import long_answer
from softswitch.admin.operation import Operation
from softswitch.admin.ports import PARTS
from softswitch.admin.render import contact

if TYPE_CHECKING:
    from aiohttp import web


async def get(request: web.Request) -> web.StreamResponse:
    """All contacts, by user; of one user the one that is preferred first."""
    return await long_answer({"registrations": [contact(each) for each in request.app[PARTS].source.contacts()]})


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/registrations",
        name="listRegistrations",
        summary="The phones that are registered here, and where calls to them go.",
        handler=get,
        responses={200: ("The contacts.", "RegistrationList")},
    ),
)
