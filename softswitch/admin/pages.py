"""The pages: files that were built beforehand, and what browsers are told to do and not to do with them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from softswitch.telemetry.seldom import Seldom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.typedefs import Handler, Middleware

_log = logging.getLogger(__name__)

BUILT = Path(__file__).parent / "web" / "dist"
"""Made by `scripts/setup run`, and part of every wheel."""
FILES = "/web"
"""Where all of them are; names under `assets/` have a hash of the content in them."""
PAGES: Mapping[str, str] = {"/phone": "phone.html", "/call/{token}": "call.html"}
NOT_BUILT = "The pages are not built: run `scripts/setup run`, or install a released package.\n"

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(self), display-capture=(self), geolocation=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "Server": "softswitch",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def policy(host: str) -> str:
    """Content-Security-Policy of a page at `host[:port]`: everything from here, nothing inline, frames nowhere.

    The WebSocket is named, because older Safari does not count it to 'self'.
    """
    sockets = f" ws://{host} wss://{host}" if host else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        f"media-src 'self' blob: data:; worker-src 'self'; manifest-src 'self'; connect-src 'self'{sockets}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class Pages:
    """Serves one folder."""

    def __init__(self, folder: Path = BUILT) -> None:
        self._folder = folder
        self._unreadable = Seldom()

    def routes(self) -> list[web.RouteDef]:
        """Everything that is a page or belongs to one."""
        return [
            web.get("/", self._start),
            *(web.get(path, self._page(name)) for path, name in PAGES.items()),
            web.get(FILES + "/{name:[A-Za-z0-9._/-]+}", self._file),
        ]

    async def _start(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/phone")

    def _page(self, name: str) -> Handler:
        async def handler(_: web.Request) -> web.StreamResponse:
            return self._sent(self._folder / name)

        return handler

    async def _file(self, request: web.Request) -> web.StreamResponse:
        folder = self._folder.resolve()
        file = (folder / request.match_info["name"]).resolve()
        if folder not in file.parents:
            raise web.HTTPNotFound
        return self._sent(file)

    def _sent(self, file: Path) -> web.StreamResponse:
        if not _is_file(file):
            raise web.HTTPNotFound(text=NOT_BUILT if not self._folder.is_dir() else "There is no such page.\n")
        response = _PageFile(file, self._unreadable)
        lasting = file.parent.name == "assets"
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        return response


class _PageFile(web.FileResponse):
    """Says why it cannot be sent: aiohttp would turn that into an answer nobody but the browser sees."""

    def __init__(self, file: Path, unreadable: Seldom) -> None:
        super().__init__(file)
        self._file = file
        self._unreadable = unreadable

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send it. 403 and 404: it is there, or was a moment ago, but cannot be read."""
        try:
            return await super().prepare(request)
        except ConnectionError:  # the browser has gone
            raise
        except Exception:
            _log.exception("web: %s cannot be sent", self._file)
            raise
        finally:
            if self.status in (403, 404) and self._is_due():
                _log.error("web: %s cannot be read: the node's user must be allowed to", self._file)

    def _is_due(self) -> bool:
        return self._unreadable.due(str(self._file), asyncio.get_running_loop().time()) is not None


def faults_told() -> Middleware:
    """Faults of our own go to the log in full, and without detail to the browser. The path is told as we name it: that
    of a guest's page holds the token that opens a link.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:  # noqa: BLE001  the edge of the process: whatever it is, the browser gets an answer
            resource = request.match_info.route.resource
            _log.exception("web: %s %s failed", request.method, "-" if resource is None else resource.canonical)
            return web.Response(status=500, text="Internal Server Error\n")

    return middleware


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than names may be
        return False
