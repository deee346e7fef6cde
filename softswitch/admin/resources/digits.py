"""POST /api/calls/{id}/digits: press keys for one party of a call."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pydantic import ValidationError

from softswitch.admin.answers import answer, error
from softswitch.admin.forms import DigitsForm, explain
from softswitch.admin.operation import Operation, Parameter
from softswitch.admin.ports import PARTS
from softswitch.b2bua.keypad import DigitsRefusedError

if TYPE_CHECKING:
    from aiohttp import web

_log = logging.getLogger(__name__)

LONGEST_ID = 64


async def post(request: web.Request) -> web.StreamResponse:
    """They wait behind those that are being sent. Which they are is not logged: they may be card data."""
    try:
        form = DigitsForm.model_validate_json(await request.read())
    except ValidationError as wrong:
        return error(400, explain(wrong))
    call_id = request.match_info["id"]
    try:
        by = request.app[PARTS].commands.send_digits(call_id, form.party, form.digits, form.duration_ms, form.gap_ms)
    except DigitsRefusedError as refused:
        return answer({"error": refused.refusal.text, "code": refused.refusal.code}, status=409)
    if by is None:
        return error(404, f"no call {call_id[:LONGEST_ID]}")
    _log.info("operator at %s: call %s, %d digits for the %s", request.remote, call_id, len(form.digits), form.party)
    return answer({"id": call_id, "party": form.party, "count": len(form.digits), "by": by}, status=202)


OPERATIONS = (
    Operation(
        method="POST",
        path="/api/calls/{id}/digits",
        name="sendDigits",
        summary='Press keys for a party, such as the menu of a company that was called: {"digits": "12#"}. It is told '
        "them in its own kind (`dtmf` of its trunk, or of the phones).",
        handler=post,
        parameters=(Parameter("id", "path", "The call id.", {"type": "string"}),),
        body="DigitsForm",
        responses={
            202: ("They are being sent.", "Digits"),
            400: ("The body is wrong.", "Error"),
            404: ("There is no such running call.", "Error"),
            409: ("The party cannot be told digits now; `code` says why.", "DigitsRefusal"),
        },
    ),
)
