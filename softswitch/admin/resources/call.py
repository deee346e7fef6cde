"""GET and DELETE /api/calls/{id}: one call with its story, and its end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from softswitch.admin import render
from softswitch.admin.answers import answer, error, long_answer
from softswitch.admin.operation import Operation, Parameter
from softswitch.admin.ports import PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from softswitch.admin.operation import Json
    from softswitch.admin.ports import AdminParts
    from softswitch.telemetry.cdr import CallRecord, LegRecord
    from softswitch.telemetry.story import Message, StoryLine

_log = logging.getLogger(__name__)

LONGEST_ID = 64


async def get(request: web.Request) -> web.StreamResponse:
    """Wherever the call is: running, just ended, or in the database (there without its story)."""
    parts = request.app[PARTS]
    call_id = request.match_info["id"]
    found = _running(parts, call_id) or _recent(parts, call_id)
    if found is None and len(call_id) <= LONGEST_ID:
        stored = await asyncio.to_thread(parts.history.get, call_id)
        found = None if stored is None else _finished(*stored, None, ())
    return _missing(call_id) if found is None else await long_answer(found)


async def delete(request: web.Request) -> web.StreamResponse:
    """Hanging up is an intent: the call ends on its own time, and says so in its story."""
    call_id = request.match_info["id"]
    if not request.app[PARTS].commands.hang_up(call_id):
        return _missing(call_id)
    _log.warning("operator at %s hangs up call %s", request.remote, call_id)
    return answer({"id": call_id, "state": "ending"}, status=202)


def _missing(call_id: str) -> web.Response:
    return error(404, f"no call {call_id[:LONGEST_ID]}")


def _running(parts: AdminParts, call_id: str) -> dict[str, Json] | None:
    call = parts.source.call(call_id)
    story = parts.source.story(call_id)
    if call is None or story is None:
        return None
    lines, messages = story
    return {
        **render.running_call(call),
        "legs": [render.running_leg(leg) for leg in call.legs],
        "story": render.story(lines),
        "ladder": render.ladder(messages),
    }


def _recent(parts: AdminParts, call_id: str) -> dict[str, Json] | None:
    call = parts.recent.get(call_id)
    return None if call is None else _finished(call.record, call.legs, call.story, call.messages)


def _finished(
    record: CallRecord,
    legs: Sequence[LegRecord],
    lines: Sequence[StoryLine] | None,
    messages: Sequence[Message],
) -> dict[str, Json]:
    return {
        **render.finished_call(record),
        "legs": [render.finished_leg(leg) for leg in legs],
        "story": None if lines is None else render.story(lines),
        "ladder": render.ladder(messages),
    }


_ID = Parameter("id", "path", "The call id.", {"type": "string"})

OPERATIONS = (
    Operation(
        method="GET",
        path="/api/calls/{id}",
        name="getCall",
        summary="One call: its story in order, its legs, how they sound. Older calls come without a story.",
        handler=get,
        parameters=(_ID,),
        responses={200: ("The call.", "CallDetail"), 404: ("There is no such call.", "Error")},
    ),
    Operation(
        method="DELETE",
        path="/api/calls/{id}",
        name="hangUpCall",
        summary="Hang up a running call.",
        handler=delete,
        parameters=(_ID,),
        responses={202: ("It is being ended.", "Ending"), 404: ("There is no such running call.", "Error")},
    ),
)
