"""All operations there are, in the order they are described."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.admin.resources import (
    call,
    call_links,
    calls,
    description,
    digits,
    guest_links,
    health,
    metrics,
    prompts,
    ready,
    registrations,
    session,
    supervision,
    transfer,
    trunks,
)

if TYPE_CHECKING:
    from softswitch.admin.operation import Operation


def operations() -> tuple[Operation, ...]:
    """Every operation of every resource."""
    resources = (
        health, ready, calls, call, supervision, transfer, digits, trunks, registrations, session, call_links, prompts,
        metrics, description,
    )  # fmt: skip
    return tuple(operation for resource in resources for operation in resource.OPERATIONS)


def page_operations() -> tuple[Operation, ...]:
    """What pages may ask, on the web server alone."""
    return (*session.PAGE_OPERATIONS, *guest_links.PAGE_OPERATIONS)
