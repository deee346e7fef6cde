"""Starting and stopping the admin endpoint."""

from __future__ import annotations

import errno
import logging
import socket
from dataclasses import dataclass, field

from aiohttp import web

from softswitch.admin.idle import IdleReaper
from softswitch.admin.operation import OFFERED
from softswitch.admin.ports import PARTS, AdminParts
from softswitch.admin.protection import errors_in_json, harden, require_token
from softswitch.admin.resources.metrics import RENDERER, Renderer
from softswitch.admin.routes import operations

# aiohttp writes a traceback for every request it cannot read: a stranger's garbage must not fill the log.
silent = logging.Logger("aiohttp", logging.CRITICAL)

LARGEST_BODY = 16 * 1024
LARGEST_LINE = 4096
LARGEST_HEADER = 4096
SHORTEST_TOKEN = 16


class AdminStartError(Exception):
    """The endpoint cannot be opened; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSettings:
    """Where to listen, and who may ask."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0: any free port."""
    token: str = field(repr=False)
    open_metrics: bool = False
    """Whether /metrics is answered without the token."""


class AdminServer:
    """The running endpoint."""

    def __init__(self, runner: web.AppRunner, reaper: IdleReaper, host: str, port: int) -> None:
        self._runner = runner
        self._reaper = reaper
        self.host = host
        self.port = port

    @property
    def url(self) -> str:
        """Where it is reached, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def stop(self) -> None:
        """Close the port and all connections."""
        await self._reaper.stop()
        await self._runner.cleanup()


def make_admin(parts: AdminParts, settings: AdminSettings, reaper: IdleReaper | None = None) -> web.Application:
    """The application alone. Raises AdminStartError for a token too short to keep anybody out."""
    if len(settings.token) < SHORTEST_TOKEN:
        raise AdminStartError(f"admin.token: expected at least {SHORTEST_TOKEN} characters")
    offered = operations()
    access = {(operation.method, operation.path): operation.access for operation in offered}
    middlewares = [
        *((reaper.middleware(),) if reaper is not None else ()),
        errors_in_json(),
        require_token(settings.token, access, open_metrics=settings.open_metrics),
    ]
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=middlewares)
    app[PARTS] = parts
    app[OFFERED] = offered
    app[RENDERER] = Renderer(parts)
    app.on_response_prepare.append(harden)
    app.add_routes([web.route(each.method, each.path, each.handler) for each in offered])
    return app


async def start_admin(parts: AdminParts, settings: AdminSettings) -> AdminServer:
    """Listen. Raises AdminStartError when the address cannot be bound; nothing is left open then."""
    reaper = IdleReaper()
    runner = web.AppRunner(
        make_admin(parts, settings, reaper),
        access_log=None,
        handle_signals=False,
        max_line_size=LARGEST_LINE,
        max_field_size=LARGEST_HEADER,
        keepalive_timeout=15.0,
        shutdown_timeout=1.0,
        lingering_time=1.0,
        logger=silent,
    )
    listener = bind("admin", settings.host, settings.port)
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
    except BaseException:
        listener.close()
        await runner.cleanup()
        raise
    if runner.server is not None:
        reaper.start(runner.server)
    return AdminServer(runner, reaper, settings.host, listener.getsockname()[1])


def bind(section: str, host: str, port: int) -> socket.socket:
    """A listening socket for a section of the configuration. Raises AdminStartError."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(64)
        listener.setblocking(False)
    except OSError as failure:
        listener.close()
        if failure.errno == errno.EADDRINUSE:
            raise AdminStartError(
                f"{section}: port {port} of {host} is already in use; stop whoever has it or configure another "
                f"{section}.port"
            ) from failure
        raise AdminStartError(
            f"{section}: cannot listen on {host} port {port}: {failure.strerror}; check {section}.address and "
            f"{section}.port"
        ) from failure
    return listener
