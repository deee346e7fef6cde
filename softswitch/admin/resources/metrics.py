"""GET /metrics: Prometheus text. Read on the signalling loop, rendered by a worker thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from softswitch.admin.operation import Access, Operation
from softswitch.admin.ports import PARTS

if TYPE_CHECKING:
    from softswitch.admin.ports import AdminParts
    from softswitch.telemetry.exposition import Exposition
    from softswitch.telemetry.metrics import Readings


class Renderer:
    """Makes the exposition at the first scrape: until somebody asks, the Prometheus client stays unloaded."""

    def __init__(self, parts: AdminParts) -> None:
        self._parts = parts
        self._exposition: Exposition | None = None

    def render(self, readings: Readings) -> bytes:
        """Blocking; for a worker thread."""
        from softswitch.telemetry.exposition import Exposition

        if self._exposition is None:
            self._exposition = Exposition(self._parts.metrics, version=self._parts.version)
        return self._exposition.render(readings)


RENDERER = web.AppKey("renderer", Renderer)


async def get(request: web.Request) -> web.StreamResponse:
    """All metrics of this moment."""
    readings = request.app[PARTS].source.readings()
    text = await asyncio.to_thread(request.app[RENDERER].render, readings)
    return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


OPERATIONS = (
    Operation(
        method="GET",
        path="/metrics",
        name="getMetrics",
        summary="Metrics in the Prometheus text format.",
        handler=get,
        access=Access.METRICS,
        responses={200: ("The metrics.", None)},
        media_type="text/plain",
    ),
)
