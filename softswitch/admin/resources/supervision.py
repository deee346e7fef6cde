"""POST /api/calls/{id}/listen, whisper, barge: a supervisor's phone rings and takes part; DELETE sends it away."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from softswitch.admin.answers import answer, error
from softswitch.admin.operation import Operation, Parameter
from softswitch.admin.ports import PARTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

_log = logging.getLogger(__name__)

LONGEST_ID = 64
LONGEST_NAME = 128
MODES = {
    "listen": "Hear both parties of a call, and be heard by nobody.",
    "whisper": "Hear both parties, and be heard by the agent alone (our phone; of two, the one that was called).",
    "barge": "Hear both parties, and be heard by both.",
}


def _begin(mode: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def post(request: web.Request) -> web.StreamResponse:
        try:
            phone = _phone(await request.read())
        except ValueError as wrong:
            return error(400, str(wrong))
        call_id = request.match_info["id"]
        status, why = request.app[PARTS].commands.supervise(call_id, phone, mode)
        if status >= 400:
            return error(status, why)
        _log.warning("operator at %s: phone %s, %s to call %s", request.remote, phone, mode, call_id)
        return answer({"id": call_id, "phone": phone, "mode": mode}, status=202)

    return post


async def delete(request: web.Request) -> web.StreamResponse:
    """Hang up on the supervisor; the call goes on."""
    call_id, phone = request.match_info["id"], request.match_info["phone"]
    if not request.app[PARTS].commands.end_supervision(call_id, phone):
        return error(404, f"no supervisor {phone[:LONGEST_NAME]} in call {call_id[:LONGEST_ID]}")
    return answer({"id": call_id, "state": "ending"}, status=202)


def _phone(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    phone = found.get("phone") if isinstance(found, dict) and found.keys() == {"phone"} else None
    if not isinstance(phone, str) or not 0 < len(phone) <= LONGEST_NAME:
        raise ValueError('body: expected {"phone": "<name of a registered phone>"}')
    return phone


_ID = Parameter("id", "path", "The call id.", {"type": "string"})
_PHONE = Parameter("phone", "path", "The supervisor's phone.", {"type": "string"})

OPERATIONS = (
    *(
        Operation(
            method="POST",
            path=f"/api/calls/{{id}}/{mode}",
            name=f"{mode}ToCall" if mode != "barge" else "bargeIntoCall",
            summary=f'{summary} The body names the phone to ring: {{"phone": "1001"}}; again: changes the way.',
            handler=_begin(mode),
            parameters=(_ID,),
            responses={
                202: ("The phone is being rung, or takes part already.", "Supervision"),
                400: ("The body is wrong.", "Error"),
                404: ("There is no such running call.", "Error"),
                409: ("Nobody talks in the call, or the phone cannot be reached.", "Error"),
            },
        )
        for mode, summary in MODES.items()
    ),
    Operation(
        method="DELETE",
        path="/api/calls/{id}/supervisors/{phone}",
        name="endSupervision",
        summary="Hang up on a supervisor; the call goes on.",
        handler=delete,
        parameters=(_ID, _PHONE),
        responses={202: ("It is being ended.", "Ending"), 404: ("There is none.", "Error")},
    ),
)
