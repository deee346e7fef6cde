"""One thing the admin interface can do: its route and its part of the OpenAPI document, said once."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Access(Enum):
    """Who may ask."""

    ANYBODY = auto()
    TOKEN = auto()
    METRICS = auto()
    """The token, unless the operator has opened the metrics."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query or path parameter."""

    name: str
    place: str
    """`query` or `path`."""
    description: str
    schema: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path."""

    method: str
    path: str
    name: str
    """operationId."""
    summary: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    access: Access = Access.TOKEN
    parameters: tuple[Parameter, ...] = ()
    body: str | None = None
    """Name of the schema of what is sent; None: nothing, or nothing that is described."""
    responses: Mapping[int, tuple[str, str | None]] = field(default_factory=dict)
    """Status -> description, and the name of the body's schema (None: no JSON body)."""
    media_type: str = "application/json"


OFFERED = web.AppKey("offered", tuple[Operation, ...])
"""All operations of an application, for those that describe them."""
