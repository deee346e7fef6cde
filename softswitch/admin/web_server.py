"""The web server for browsers: pages, their API and SIP over WebSocket on one port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from softswitch.admin.answers import error
from softswitch.admin.idle import IdleReaper
from softswitch.admin.operation import OFFERED, Access
from softswitch.admin.pages import HEADERS as PAGE_HEADERS
from softswitch.admin.pages import Pages, faults_told, policy
from softswitch.admin.ports import PARTS, AdminParts
from softswitch.admin.protection import HEADERS as API_HEADERS
from softswitch.admin.protection import errors_in_json, require_token
from softswitch.admin.resources.metrics import RENDERER, Renderer
from softswitch.admin.routes import operations, page_operations
from softswitch.admin.server import (
    LARGEST_BODY,
    LARGEST_HEADER,
    LARGEST_LINE,
    bind,
    silent,
)
from softswitch.admin.visits import VISITS, Visits

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler, Middleware

    from softswitch.admin.visitors import Visitors
    from softswitch.transport.websocket import WebSocketTransport

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0
SPARE_CONNECTIONS = 512
"""Of HTTP, beside the WebSockets."""
SIP = "/sip"
_CORS = "Content-Type, Authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Where to listen."""

    host: str
    port: int
    token: str = field(repr=False, default="")
    """Of the operators' API, where it is served; "": it is not."""
    connections: int = 4096
    """WebSockets."""


def make_web(
    parts: AdminParts,
    visits: Visits,
    sip: WebSocketTransport,
    settings: WebSettings,
    *,
    pages: Pages | None = None,
    reaper: IdleReaper | None = None,
) -> web.Application:
    """The application alone."""
    offered = (*page_operations(), *(operations() if settings.token else ()))
    access = {(each.method, each.path): each.access for each in offered}
    app = web.Application(
        client_max_size=LARGEST_BODY,
        middlewares=[
            *((reaper.middleware(),) if reaper is not None else ()),
            faults_told(),
            _api_only(errors_in_json()),
            _only_from(visits.visitors),
            _api_only(_guarded(settings.token, access)),
        ],
    )
    app[PARTS], app[VISITS], app[OFFERED], app[RENDERER] = parts, visits, offered, Renderer(parts)
    app.on_response_prepare.append(_harden)
    app.add_routes([web.route(each.method, each.path, each.handler) for each in offered])

    async def serve_sip(request: web.Request) -> web.StreamResponse:
        return await sip.serve(request, visits.visitors.address(request))

    app.add_routes([web.get(SIP, serve_sip), *(pages or Pages()).routes()])
    return app


def _guarded(token: str, access: Mapping[tuple[str, str], Access]) -> Middleware:
    """The operators' token wherever an operation asks for it; without that API, what is not for pages is not here."""
    if token:
        return require_token(token, access, open_metrics=False)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(request)

    return middleware


def _is_api(request: web.Request) -> bool:
    resource = request.match_info.route.resource
    path = request.path
    known = resource is not None and (path.startswith("/api/") or path in ("/health", "/ready", "/metrics"))
    return known or path.startswith("/api/")


def _api_only(inner: Middleware) -> Middleware:
    """What holds for the API and not for pages."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await inner(request, handler) if _is_api(request) else await handler(request)

    return middleware


def _only_from(visitors: Visitors) -> Middleware:
    """The API answers pages of this server and of `web.origins` alone (CORS: Fetch 3.2); pages elsewhere get 403."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is None or not _is_api(request):
            return await handler(request)
        if not visitors.admits_page(request):
            return error(403, "expected a page of this server, or of one of web.origins")
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            answer: web.StreamResponse = web.Response(status=204)
            answer.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
            answer.headers["Access-Control-Allow-Headers"] = _CORS
            answer.headers["Access-Control-Max-Age"] = "600"
        else:
            answer = await handler(request)
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Vary"] = "Origin"
        return answer

    return middleware


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    if _is_api(request):
        response.headers.update(API_HEADERS)
        return
    response.headers.update(PAGE_HEADERS)
    response.headers["Content-Security-Policy"] = policy(request.app[VISITS].visitors.host(request))
    response.headers.setdefault("Cache-Control", "no-store")


class WebServer:
    """The running server."""

    def __init__(self, runner: web.AppRunner, server: asyncio.Server, reaper: IdleReaper, url: str) -> None:
        self._runner = runner
        self._server = server
        self._reaper = reaper
        self.url = url
        """Where it listens, without a slash at the end."""

    async def stop(self) -> None:
        """Close the port and all connections; whoever carries SIP closes its own before."""
        await self._reaper.stop()
        self._server.close()
        await self._runner.cleanup()


async def start_web(
    parts: AdminParts,
    visits: Visits,
    sip: WebSocketTransport,
    settings: WebSettings,
    context: ssl.SSLContext | None,
) -> WebServer:
    """Listen, over TLS with a context. Raises AdminStartError when the address cannot be bound."""
    reaper = IdleReaper(most=settings.connections + SPARE_CONNECTIONS)
    runner = web.AppRunner(
        make_web(parts, visits, sip, settings, reaper=reaper),
        access_log=None,
        handle_signals=False,
        max_line_size=LARGEST_LINE,
        max_field_size=LARGEST_HEADER,
        keepalive_timeout=15.0,
        shutdown_timeout=1.0,
        lingering_time=1.0,
        logger=silent,
    )
    listener = bind("web", settings.host, settings.port)
    try:
        await runner.setup()
        assert runner.server is not None
        server = await asyncio.get_running_loop().create_server(
            runner.server,
            sock=listener,
            backlog=1024,
            ssl=context,
            ssl_handshake_timeout=None if context is None else HANDSHAKE_SECONDS,
        )
    except BaseException:
        listener.close()
        with contextlib.suppress(Exception):
            await runner.cleanup()
        raise
    reaper.start(runner.server)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return WebServer(runner, server, reaper, f"{'http' if context is None else 'https'}://{host}:{settings.port}")
