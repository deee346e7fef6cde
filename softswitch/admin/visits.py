"""What the pages' part of the API draws on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

    from softswitch.admin.visitors import Visitors
    from softswitch.endpoints.page_sessions import PageSessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """Who comes, and what they may become."""

    visitors: Visitors
    sessions: PageSessions
    clock: Callable[[], float]
    """Monotonic seconds."""


VISITS = web.AppKey("visits", Visits)
