"""POST and DELETE /api/session: a page signs in, goes on, signs out; POST /api/browser-tokens: for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from softswitch.admin.answers import answer, error
from softswitch.admin.bodies import json_object
from softswitch.admin.operation import Access, Operation
from softswitch.admin.ports import PARTS
from softswitch.admin.visits import VISITS
from softswitch.endpoints.authentication import Refused
from softswitch.household import household

if TYPE_CHECKING:
    from aiohttp import web

    from softswitch.admin.operation import Json
    from softswitch.admin.visits import Visits
    from softswitch.endpoints.page_sessions import PageSession
    from softswitch.endpoints.turn import IceServer

_log = logging.getLogger(__name__)

LONGEST = 256
"""Characters of a user or password."""


async def post(request: web.Request) -> web.StreamResponse:
    """`{user, password}`, or a token as `Authorization: Bearer` or `{token}`."""
    visits = request.app[VISITS]
    source, now = visits.visitors.address(request)[0], visits.clock()
    try:
        wanted = await json_object(request)
    except ValueError as wrong:
        return error(400, str(wrong))
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    match wanted:
        case {"user": str(user), "password": str(password), **rest} if not rest:
            if len(user) > LONGEST or len(password) > LONGEST:
                return error(400, f"user, password: at most {LONGEST} characters")
            opened = visits.sessions.sign_in(user, password, source, now)
        case {"token": str(token), **rest} if not rest:
            opened = visits.sessions.renew(token, source, now)
        case {**rest} if not rest and scheme.lower() == "bearer":
            opened = visits.sessions.renew(bearer.strip(), source, now)
        case _:
            return error(400, "expected {user, password}, {token}, or {} with Authorization: Bearer <token>")
    if isinstance(opened, Refused):
        return _refused(visits, opened, source, now)
    return answer(rendered(opened, visits.visitors.base(request)))


async def delete(request: web.Request) -> web.StreamResponse:
    """The token as `Authorization: Bearer`."""
    visits = request.app[VISITS]
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return error(401, "expected Authorization: Bearer <token of the session>")
    source, now = visits.visitors.address(request)[0], visits.clock()
    ended = visits.sessions.sign_out(bearer.strip(), source, now)
    if isinstance(ended, Refused):
        return _refused(visits, ended, source, now)
    _log.info("web: %s signed out from %s", ended, source)
    return answer({"user": ended})


def _refused(visits: Visits, refused: Refused, source: str, now: float) -> web.Response:
    """Told seldom: an attacker could make lines flow."""
    untold = visits.refusals.due(household(source), now)
    if untold is not None:
        more = f"; {untold} more since the last line" if untold else ""
        _log.info("web: sign-in from %s refused: %d %s%s", source, refused.status, refused.reason or "", more)
    message = refused.reason or ("too many attempts" if refused.status == 429 else "user or password is wrong")
    return error(refused.status, message, headers=dict(refused.headers))


async def grant(request: web.Request) -> web.StreamResponse:
    """`{user}`: what `POST /api/session` would answer to that user."""
    pages = request.app[PARTS].pages
    if pages is None:
        return error(409, "web: there is no such section in the configuration, so that there are no pages")
    try:
        wanted = await json_object(request)
    except ValueError as wrong:
        return error(400, str(wrong))
    match wanted:
        case {"user": str(user), **rest} if not rest:
            pass
        case _:
            return error(400, "expected {user}")
    if not pages.sessions.is_phone(user):
        return error(404, f"no phone {user[:LONGEST]}")
    base = pages.visitors.url or (pages.visitors.base(request) if VISITS in request.app else "")
    return answer(rendered(pages.sessions.open(user), base))


def rendered(session: PageSession, base: str) -> Json:
    """`base`: where browsers reach this server; "": nobody has said, and `websocket` is relative to the page."""
    return {
        "token": session.token,
        "expires_in": session.expires_in,
        "user": session.user,
        "uri": session.uri,
        "websocket": f"ws{base.removeprefix('http')}/sip" if base else "/sip",
        "ice_servers": [ice_server(each) for each in session.ice_servers],
        "display_name": session.display_name,
    }


def ice_server(server: IceServer) -> Json:
    """An RTCIceServer of W3C WebRTC 4.2.4."""
    found: dict[str, Json] = {"urls": list(server.urls)}
    if server.username:
        found |= {"username": server.username, "credential": server.credential}
    return found


PAGE_OPERATIONS = (
    Operation(
        method="POST",
        path="/api/session",
        name="openSession",
        summary="A page signs in with user and password, or goes on with a token; what it needs to be a phone.",
        handler=post,
        access=Access.ANYBODY,
        responses={
            200: ("The session.", "PageSession"),
            400: ("Not what was expected.", "Error"),
            401: ("User or password is wrong, or the token is not good any more.", "Error"),
            403: ("The page is of a site that may not ask.", "Error"),
            429: ("Too many attempts from this address: Retry-After says how long to wait.", "Error"),
        },
    ),
    Operation(
        method="DELETE",
        path="/api/session",
        name="closeSession",
        summary="A page signs out: no token of its session is good any more.",
        handler=delete,
        access=Access.ANYBODY,
        responses={
            200: ("The session has ended.", "ClosedSession"),
            401: ("There is no good token of a session.", "Error"),
            403: ("The page is of a site that may not ask.", "Error"),
            429: ("Too many attempts from this address: Retry-After says how long to wait.", "Error"),
        },
    ),
)
OPERATIONS = (
    Operation(
        method="POST",
        path="/api/browser-tokens",
        name="grantBrowserToken",
        summary="Sign a phone's user in without a password, for a page of an application that knows who that is.",
        handler=grant,
        responses={
            200: ("The session, to be handed to the page.", "PageSession"),
            400: ("Not what was expected.", "Error"),
            404: ("No phone has this user name.", "Error"),
            409: ("There are no pages on this node.", "Error"),
        },
    ),
)
