"""POST /api/calls/{id}/transfer: hand one party of a call over to a number, or to somebody in another call."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from softswitch.admin.answers import answer, error
from softswitch.admin.operation import Operation, Parameter
from softswitch.admin.ports import PARTS

if TYPE_CHECKING:
    from aiohttp import web

_log = logging.getLogger(__name__)

LONGEST = 64
PARTIES = ("caller", "callee")


async def post(request: web.Request) -> web.StreamResponse:
    """Begin it; how it goes is told in the call's story."""
    try:
        party, to, consulted = _read(await request.read())
    except ValueError as wrong:
        return error(400, str(wrong))
    call_id = request.match_info["id"]
    status, why = request.app[PARTS].commands.transfer(call_id, party, to, consulted)
    if status >= 400:
        return error(status, why)
    _log.warning("operator at %s: call %s, %s transferred to %s", request.remote, call_id, party, to or consulted)
    return answer({"id": call_id, "party": party, "state": "transferring"}, status=202)


def _read(body: bytes) -> tuple[str, str, str]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found.keys() <= {"party", "to", "call"}:
        raise ValueError('body: expected {"to": "<number>"} or {"call": "<id of another call>"}, and "party"')
    party, to, consulted = found.get("party", "caller"), found.get("to", ""), found.get("call", "")
    if party not in PARTIES:
        raise ValueError(f"party: expected one of {', '.join(PARTIES)}")
    for name, value in (("to", to), ("call", consulted)):
        if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
            raise ValueError(f"{name}: expected text of at most {LONGEST} characters")
    if bool(to.strip()) == bool(consulted):
        raise ValueError("body: expected either to, a number, or call, the id of another call")
    return party, to.strip(), consulted


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/calls/{id}/transfer",
        name="transferCall",
        summary='Hand a party over: {"party": "caller", "to": "+4930123"}, by the rules for whoever it talks to; or '
        '{"party": "caller", "call": "<id>"}: to the callee of that call. The other parties are hung up on; when '
        "nobody answers, the call is as it was.",
        handler=post,
        parameters=(Parameter("id", "path", "The call id.", {"type": "string"}),),
        responses={
            202: ("It is being transferred.", "Transfer"),
            400: ("The body is wrong.", "Error"),
            404: ("There is no such running call.", "Error"),
            409: ("Nobody talks in the call, or in the other one.", "Error"),
        },
    ),
)
