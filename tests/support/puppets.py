"""Phones moved by hand, one act at a time, and the INVITEs that reached them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from softswitch.sip.message import Request, Response, parse_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.phone import Phone
    from tests.support.switch_world import World


def act(phone: Phone, verb: Callable[[float], object]) -> None:
    """Let the phone's stack do something now."""
    with phone.driver.turn():
        verb(phone.driver.now())


async def a_moment() -> None:
    """Time for messages to arrive and scripts to run: half a second, less than any timer."""
    await asyncio.sleep(0.4)


def bodies(phone: Phone, kind: type) -> list[bytes]:
    """The SDP of the phone's events of one kind."""
    return [getattr(event, "body", b"") for event in phone.events if isinstance(event, kind)]


def requests_to(world: World, phone: Phone, method: str) -> list[Request]:
    """Requests that were sent to the phone, in order."""
    found = (parse_message(data) for _, _, remote, data in world.wire.log if remote == phone.address)
    return [message for message in found if isinstance(message, Request) and message.method == method]


def responses_to(world: World, phone: Phone, method: str) -> list[int]:
    """Statuses the phone was answered to this method, in order, 100 left out."""
    found = (parse_message(data) for _, _, remote, data in world.wire.log if remote == phone.address)
    return [
        message.status
        for message in found
        if isinstance(message, Response) and message.cseq.method == method and message.status != 100
    ]
