"""/api/links/{token}: what a call link is, for the page it opens, and a guest's credential in exchange for it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from softswitch.admin.answers import answer
from softswitch.admin.bodies import json_object
from softswitch.admin.operation import Access, Operation, Parameter
from softswitch.admin.ports import PARTS
from softswitch.admin.resources.session import ice_server
from softswitch.admin.visits import VISITS
from softswitch.callflow.link_guests import RETRY_AFTER, LinkRefused
from softswitch.contact_center.call_link import Refusal
from softswitch.telemetry.log_format import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

OPEN = "open"
"""The state of a link over which somebody may call now."""
_STATUS: Mapping[Refusal, int] = {
    Refusal.UNKNOWN: 404,
    Refusal.REVOKED: 410,
    Refusal.USED: 410,
    Refusal.USED_UP: 410,
    Refusal.EXPIRED: 410,
    Refusal.NOT_YET_VALID: 403,
    Refusal.OUTSIDE_HOURS: 403,
    Refusal.IN_USE: 409,
    Refusal.BUSY: 409,
    Refusal.TOO_MANY_ATTEMPTS: 429,
}


async def get(request: web.Request) -> web.StreamResponse:
    """What the page shows before anybody calls."""
    guests, visits = request.app[PARTS].guests, request.app[VISITS]
    if guests is None:
        return _refused(Refusal.UNKNOWN)
    try:
        found = await guests.look(request.match_info["token"], visits.visitors.address(request)[0])
    except LinkRefused as refused:
        return _refused(refused.refusal)
    link, refusal = found.link, guests.judge(found)
    return answer(
        {
            "title": guests.title(link),
            "kind": link.kind.value,
            "valid_from": timestamp(link.valid_from),
            "valid_until": timestamp(link.valid_until),
            "state": OPEN if refusal is None else refusal.code,
            "reason": None if refusal is None else refusal.text,
        }
    )


async def post(request: web.Request) -> web.StreamResponse:
    """What the page calls with: `{}` for a call to come, `{token}`, the last one, while a call goes on."""
    guests, visits = request.app[PARTS].guests, request.app[VISITS]
    if guests is None:
        return _refused(Refusal.UNKNOWN)
    source = visits.visitors.address(request)[0]
    renewed = await _last_token(request)
    try:
        credential = await guests.admit(request.match_info["token"], source, secrets.token_hex(8), renewed)
    except LinkRefused as refused:
        return _refused(refused.refusal)
    base = visits.visitors.base(request)
    domain = visits.sessions.domain
    return answer(
        {
            "token": credential.token,
            "expires_in": int(credential.expires_in),
            "user": credential.user,
            "uri": f"sip:{credential.user}@{domain}",
            "websocket": f"ws{base.removeprefix('http')}/sip",
            "ice_servers": [ice_server(each) for each in visits.ice_servers.for_user(credential.user)],
            "display_name": "",
            "call": f"sip:{credential.target}@{domain}",
        }
    )


async def _last_token(request: web.Request) -> str:
    """ "" when there is none: whatever else stands in the body was not asked for."""
    try:
        token = (await json_object(request)).get("token")
    except ValueError:
        return ""
    return token if isinstance(token, str) else ""


def _refused(refusal: Refusal) -> web.Response:
    response = answer({"error": refusal.text, "code": refusal.code}, status=_STATUS.get(refusal, 503))
    if response.status in (429, 503):
        response.headers["Retry-After"] = RETRY_AFTER
    return response


_TOKEN = Parameter("token", "path", "What stands at the end of the link.", {"type": "string"})
_GONE = ("The link is over for good; the reason.", "LinkRefusal")
_UNKNOWN = ("There is no such link.", "LinkRefusal")
_TOO_MANY = ("Too many attempts, of this address or over this link.", "LinkRefusal")

PAGE_OPERATIONS = (
    Operation(
        method="GET",
        path="/api/links/{token}",
        name="lookAtCallLink",
        summary="What a call link is, for the page it opens: whom it calls, and whether it may be used now.",
        handler=get,
        access=Access.ANYBODY,
        parameters=(_TOKEN,),
        responses={200: ("The link.", "GuestLink"), 404: _UNKNOWN, 410: _GONE, 429: _TOO_MANY},
    ),
    Operation(
        method="POST",
        path="/api/links/{token}/session",
        name="openGuestSession",
        summary="What a guest's page calls with. While its call goes on, {token} with the last one gets a new one.",
        handler=post,
        access=Access.ANYBODY,
        parameters=(_TOKEN,),
        responses={
            200: ("The session.", "GuestSession"),
            403: ("Not at this time; the reason.", "LinkRefusal"),
            404: _UNKNOWN,
            409: ("Others are calling over it; the reason.", "LinkRefusal"),
            410: _GONE,
            429: _TOO_MANY,
        },
    ),
)
