"""Call links of a running node, opened: whom guests ask, and whom operators."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from softswitch import assembly, parties, web_settings
from softswitch.callflow.link_desk import LinkDesk
from softswitch.callflow.link_guests import LinkGuests
from softswitch.dice import Tokens
from softswitch.endpoints.call_links import CallLinks
from softswitch.store.link_store import LinkStore

if TYPE_CHECKING:
    import contextlib

    from sqlalchemy import Engine

    from config.load import Settings
    from config.web_schema import Web
    from softswitch.b2bua.channels import Channels
    from softswitch.callflow.supervisor import CallSupervisor
    from softswitch.endpoints.tokens import TokenSigner


async def open_links(
    settings: Settings,
    section: Web,
    *,
    database: Engine,
    tokens: TokenSigner,
    supervisor: CallSupervisor,
    channels: Channels,
    encrypted: bool,
    closing: contextlib.AsyncExitStack,
) -> tuple[LinkGuests, LinkDesk]:
    """Read the links that are alive, and count from now on. Raises SQLAlchemyError."""
    phones = settings.phones.users
    links = CallLinks(LinkStore(database), assembly.call_link_defaults(settings), agents=phones, new_id=Tokens(8))
    await links.open()
    closing.push_async_callback(links.close)
    ring_for = settings.call_links.ring_for
    guests = LinkGuests(
        links,
        tokens,
        limits=web_settings.guest_limits(settings),
        plan=supervisor.resources.dialplan,
        names={user: phone.display_name or "" for user, phone in phones.items()},
        domain=parties.phone_domain(settings),
        terms=web_settings.guest_terms(settings),
        session=parties.session_terms(settings.phones),
        ring_for=settings.limits.ring_for if ring_for is None else ring_for,
        token_seconds=section.session.token,
        clock=asyncio.get_running_loop().time,
        callers=lambda: (running.call.caller for running in supervisor.calls.values()),
        used=channels.used,
    )
    public_url = web_settings.public_url(settings, section, encrypted=encrypted)
    return guests, LinkDesk(guests, public_url, supervisor.hang_up_on)
