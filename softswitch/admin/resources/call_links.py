"""/api/call-links: links with which guests call from a page; made, listed, looked at, revoked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pydantic import ValidationError

from softswitch.admin.answers import answer, error, long_answer
from softswitch.admin.forms import CallLinkForm, explain
from softswitch.admin.operation import Operation, Parameter
from softswitch.admin.ports import PARTS
from softswitch.admin.query import limit, moment
from softswitch.contact_center.call_link_wish import CallLinkError
from softswitch.endpoints.call_links import LinksUnavailable
from softswitch.telemetry.log_format import timestamp

if TYPE_CHECKING:
    from aiohttp import web

    from softswitch.admin.operation import Json
    from softswitch.callflow.link_desk import ShownLink
    from softswitch.time_condition import TimeCondition

_log = logging.getLogger(__name__)

LONGEST_ID = 64
MOST = 500
"""Links in one answer."""
DEFAULT_LIMIT = 100
OPEN = "open"
"""The state of a link over which somebody may call now."""
_FLAGS = {"true": True, "false": False}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


async def post(request: web.Request) -> web.StreamResponse:
    """A new link, with the address to share."""
    desk = request.app[PARTS].links
    if desk is None:
        return _no_pages()
    try:
        wish = CallLinkForm.model_validate_json(await request.read()).wish()
        made = await desk.make(wish)
    except ValidationError as wrong:
        return error(400, explain(wrong))
    except CallLinkError as wrong:
        return error(422, str(wrong))
    except LinksUnavailable as away:
        return error(503, str(away))
    _log.info("call link %s made at %s: %s", made.link.id, request.remote, made.link.validity.value)
    return answer(_rendered(made), status=201)


async def get_all(request: web.Request) -> web.StreamResponse:
    """The links made last."""
    desk = request.app[PARTS].links
    if desk is None:
        return _no_pages()
    try:
        count = limit(request.query.get("limit"), default=DEFAULT_LIMIT, most=MOST)
        before = moment("before", request.query.get("before"))
    except ValueError as wrong:
        return error(400, str(wrong))
    try:
        links = await desk.latest(count, before=before, conversation=request.query.get("conversation"))
    except LinksUnavailable as away:
        return error(503, str(away))
    return await long_answer({"call_links": [_rendered(each) for each in links]})


async def get(request: web.Request) -> web.StreamResponse:
    """One link, and what was done with it."""
    desk = request.app[PARTS].links
    if desk is None:
        return _no_pages()
    link_id = request.match_info["id"]
    try:
        found = await desk.find(link_id) if len(link_id) <= LONGEST_ID else None
    except LinksUnavailable as away:
        return error(503, str(away))
    return _missing(link_id) if found is None else answer(_rendered(found))


async def delete(request: web.Request) -> web.StreamResponse:
    """Revoke it. Calls over it go on, unless they shall end."""
    desk = request.app[PARTS].links
    if desk is None:
        return _no_pages()
    link_id = request.match_info["id"]
    end_calls = _FLAGS.get(request.query.get("end_calls", "false"))
    if end_calls is None:
        return error(400, "end_calls: expected true or false")
    try:
        done = await desk.revoke(link_id, end_calls=end_calls) if len(link_id) <= LONGEST_ID else None
    except LinksUnavailable as away:
        return error(503, str(away))
    if done is None:
        return _missing(link_id)
    revoked, ended = done
    _log.warning("operator at %s revokes call link %s, %d calls ended", request.remote, link_id, ended)
    return answer({**_rendered(revoked), "ended_calls": ended})


def _missing(link_id: str) -> web.Response:
    return error(404, f"no call link {link_id[:LONGEST_ID]}")


def _no_pages() -> web.Response:
    return error(409, "guests call from pages of this node: configure the section web")


def _rendered(shown: ShownLink) -> dict[str, Json]:
    link, refusal = shown.link, shown.refusal
    return {
        "id": link.id,
        "url": shown.url,
        "identity": link.identity,
        "kind": link.kind.value,
        "type": link.validity.value,
        "routing": link.routing.value,
        "agent": link.agent or None,
        "destination": link.destination or None,
        "title": shown.title,
        "created_at": timestamp(link.created_at),
        "valid_from": timestamp(link.valid_from),
        "valid_until": timestamp(link.valid_until),
        "hours": None if link.hours is None else _hours(link.hours),
        "max_calls": link.max_calls,
        "conversation": link.conversation or None,
        "calls": shown.calls,
        "running": shown.running,
        "revoked_at": None if shown.revoked_at is None else timestamp(shown.revoked_at),
        "state": OPEN if refusal is None else refusal.code,
        "reason": None if refusal is None else refusal.text,
    }


def _hours(hours: TimeCondition) -> dict[str, Json]:
    return {
        "days": [_DAYS[day] for day in sorted(hours.days)],
        "from": _clock(hours.start),
        "to": _clock(hours.end),
        "timezone": hours.zone.key,
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


_ID = Parameter("id", "path", "The link's id, not what stands in its address.", {"type": "string"})
_NO_LINK = ("There is no such link.", "Error")
_AWAY = ("The database cannot be asked.", "Error")
_NO_PAGES = ("There are no pages to call from.", "Error")

OPERATIONS = (
    Operation(
        method="POST",
        path="/api/call-links",
        name="makeCallLink",
        summary="Make a link with which a guest calls. `identity` is enough, or `conversation`, whose id then "
        "stands for the caller; what else is not said is as the section call_links has it.",
        handler=post,
        body="CallLinkForm",
        responses={
            201: ("The link; `url` is to be shared.", "CallLink"),
            400: ("The body is wrong.", "Error"),
            409: _NO_PAGES,
            422: ("Such a link makes no sense.", "Error"),
            503: _AWAY,
        },
    ),
    Operation(
        method="GET",
        path="/api/call-links",
        name="listCallLinks",
        summary="The links, the last made first.",
        handler=get_all,
        parameters=(
            Parameter(
                "limit",
                "query",
                "Links at most.",
                {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
            ),
            Parameter("before", "query", "Only those made earlier.", {"type": "string", "format": "date-time"}),
            Parameter("conversation", "query", "Only those of this conversation.", {"type": "string"}),
        ),
        responses={
            200: ("The links.", "CallLinkList"),
            400: ("A parameter is wrong.", "Error"),
            409: _NO_PAGES,
            503: _AWAY,
        },
    ),
    Operation(
        method="GET",
        path="/api/call-links/{id}",
        name="getCallLink",
        summary="One link, and what was done with it.",
        handler=get,
        parameters=(_ID,),
        responses={200: ("The link.", "CallLink"), 404: _NO_LINK, 409: _NO_PAGES, 503: _AWAY},
    ),
    Operation(
        method="DELETE",
        path="/api/call-links/{id}",
        name="revokeCallLink",
        summary="Make a link useless for good; calls over it that only ring end, with end_calls=true all of them.",
        handler=delete,
        parameters=(
            _ID,
            Parameter("end_calls", "query", "Hang up on its guests.", {"type": "boolean", "default": False}),
        ),
        responses={
            200: ("It is revoked.", "RevokedCallLink"),
            400: ("The parameter is wrong.", "Error"),
            404: _NO_LINK,
            409: _NO_PAGES,
            503: _AWAY,
        },
    ),
)
