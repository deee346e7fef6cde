"""The web server from configuration: values and what is made of them, nothing is opened here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from softswitch import parties
from softswitch.admin.visitors import Visitors
from softswitch.admin.visits import Visits
from softswitch.admin.web_server import WebSettings
from softswitch.callflow.link_guests import GuestLimits
from softswitch.endpoints.page_sessions import PageSessions
from softswitch.endpoints.turn import IceServers
from softswitch.transport.listener import Listener
from softswitch.transport.websocket import Origins
from softswitch.transport.websocket_connection import WebSocketLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.load import Settings
    from config.web_schema import Web
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.endpoints.authentication import Authenticator
    from softswitch.endpoints.tokens import TokenSigner


def listener(settings: Settings, section: Web, *, encrypted: bool) -> Listener:
    """The web server's port as one that SIP is heard on."""
    advertised = settings.node.advertised_address or ""
    return Listener("WSS" if encrypted else "WS", section.address, section.port, advertised)


def limits(settings: Settings, section: Web) -> WebSocketLimits:
    """What WebSockets may take."""
    return WebSocketLimits(
        connections=section.connections,
        per_source=section.per_source,
        ping=section.ping,
        reconnect=settings.webrtc.reconnect,
    )


def origins(section: Web) -> Origins:
    """Whose pages may come."""
    return Origins(frozenset({*section.origins, *(() if section.url is None else (section.url,))}))


def ice_servers(settings: Settings) -> IceServers:
    """STUN and TURN servers for pages."""
    section, turn = settings.webrtc, settings.webrtc.turn
    if turn is None:
        return IceServers(stun=section.stun)
    return IceServers(stun=section.stun, turn=turn.urls, secret=turn.secret.reveal(), ttl=turn.ttl)


def visits(
    settings: Settings,
    section: Web,
    *,
    authenticator: Authenticator,
    tokens: TokenSigner,
    on_ended: Callable[[str, str], None],
    clock: Callable[[], float],
) -> Visits:
    """What the pages' API draws on."""
    ice = ice_servers(settings)
    sessions = PageSessions(
        authenticator,
        tokens,
        ice,
        domain=parties.phone_domain(settings),
        names={user: phone.display_name or "" for user, phone in settings.phones.users.items()},
        on_ended=on_ended,
        token_seconds=section.session.token,
        longest_seconds=section.session.longest,
    )
    visitors = Visitors(section.url or "", origins(section), section.proxies)
    return Visits(visitors=visitors, sessions=sessions, clock=clock, ice_servers=ice)


def public_url(settings: Settings, section: Web, *, encrypted: bool) -> str:
    """Where links begin that are sent to guests, as far as anybody has said it."""
    if section.url is not None:
        return section.url
    anywhere = section.address in ("0.0.0.0", "::")  # noqa: S104  compared with
    host = settings.node.advertised_address or ("localhost" if anywhere else section.address)
    scheme = "https" if encrypted else "http"
    return f"{scheme}://[{host}]:{section.port}" if ":" in host else f"{scheme}://{host}:{section.port}"


def guest_limits(settings: Settings) -> GuestLimits:
    """How much guests may do."""
    section = settings.call_links.limits
    return GuestLimits(calls=section.calls, calls_per_source=section.calls_per_source, attempts=section.attempts)


def guest_terms(settings: Settings) -> MediaTerms:
    """What media guests may have: what the phones' browsers have."""
    return replace(parties.terms(settings.phones), web=parties.web_terms(settings))


def server(settings: Settings, section: Web) -> WebSettings:
    """Where the web server listens."""
    token = settings.admin.token.reveal() if section.operator_api else ""
    return WebSettings(host=section.address, port=section.port, token=token, connections=section.connections)
