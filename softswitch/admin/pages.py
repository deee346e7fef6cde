"""The pages: files that were built beforehand, and what browsers are told to do and not to do with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

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
        response = web.FileResponse(file)
        lasting = file.parent.name == "assets"
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        return response


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than names may be
        return False
