"""GET /api/calls: what runs now and what ended last."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from softswitch.admin import query
from softswitch.admin.answers import error, long_answer
from softswitch.admin.operation import Operation, Parameter
from softswitch.admin.ports import PARTS
from softswitch.admin.render import finished_call, running_call

if TYPE_CHECKING:
    from aiohttp import web

    from softswitch.admin.operation import Json

DEFAULT_LIMIT = 100
MOST = 500
"""Calls in one answer."""
STATES = ("all", "running", "ended")


async def get(request: web.Request) -> web.StreamResponse:
    """Running calls first, the oldest first; then those that ended, the last first."""
    parts = request.app[PARTS]
    state = request.query.get("state", "all")
    if state not in STATES:
        return error(400, f"state: expected one of {', '.join(STATES)}")
    try:
        limit = query.limit(request.query.get("limit"), default=DEFAULT_LIMIT, most=MOST)
        before = query.moment("before", request.query.get("before"))
    except ValueError as wrong:
        return error(400, str(wrong))
    running = parts.source.readings().calls
    calls: list[Json] = []
    if state != "ended" and before is None:
        calls += [running_call(call) for call in islice(parts.source.calls(), limit)]
    left = limit - len(calls)
    if state != "running" and left:
        ended = [] if before is not None else [call.record for call in parts.recent.latest(left)]
        if len(ended) < left:
            # What ended a moment ago may not be stored yet; what is stored may be in the recent list as well.
            known = {record.call_id for record in ended}
            stored = await asyncio.to_thread(parts.history.latest, left, before=before)
            ended += [record for record in stored if record.call_id not in known][: left - len(ended)]
        calls += [finished_call(record) for record in ended]
    return await long_answer({"running": running, "calls": calls})


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/calls",
        name="listCalls",
        summary="Running calls, the oldest first, then calls that ended, the last first.",
        handler=get,
        parameters=(
            Parameter("state", "query", "Which calls.", {"type": "string", "enum": list(STATES), "default": "all"}),
            Parameter(
                "limit",
                "query",
                "Calls at most.",
                {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
            ),
            Parameter(
                "before", "query", "Only ended calls that started earlier.", {"type": "string", "format": "date-time"}
            ),
        ),
        responses={200: ("The calls.", "CallList"), 400: ("A parameter is wrong.", "Error")},
    ),
)
