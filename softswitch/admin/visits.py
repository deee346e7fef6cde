"""What the pages' part of the API draws on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from softswitch.telemetry.seldom import Seldom

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.admin.visitors import Visitors
    from softswitch.endpoints.page_sessions import PageSessions
    from softswitch.endpoints.turn import IceServers


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """Who comes, and what they may become."""

    visitors: Visitors
    sessions: PageSessions
    clock: Callable[[], float]
    """Monotonic seconds."""
    ice_servers: IceServers
    """For guests; sessions have theirs."""
    refusals: Seldom = field(default_factory=Seldom)
    """When a refused sign-in is told again, by source."""


VISITS = web.AppKey("visits", Visits)
