"""Pages of a running node: SIP over their WebSockets, their API, and the links that guests come with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch import web_settings
from softswitch.admin.web_server import start_web
from softswitch.link_service import open_links
from softswitch.transport.websocket import WebSocketTransport

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable

    from sqlalchemy import Engine

    from config.load import Settings
    from config.web_schema import Web
    from softswitch.admin.ports import AdminParts
    from softswitch.admin.web_server import WebServer
    from softswitch.b2bua.channels import Channels
    from softswitch.callflow.link_desk import LinkDesk
    from softswitch.callflow.link_guests import LinkGuests
    from softswitch.callflow.supervisor import CallSupervisor
    from softswitch.endpoints.access_control import Gate
    from softswitch.endpoints.authentication import Authenticator
    from softswitch.endpoints.tokens import TokenSigner
    from softswitch.transport.certificates import Keyring
    from softswitch.transport.driver import SipDriver


class WebService:
    """What the web server is made of. Nothing listens before `open`."""

    def __init__(
        self,
        settings: Settings,
        section: Web,
        *,
        tokens: TokenSigner,
        driver: SipDriver,
        gate: Gate,
        keys: Keyring,
        authenticator: Authenticator,
        on_ended: Callable[[str, str], None],
    ) -> None:
        """`on_ended(user, session)` is told who signed out of which session."""
        self._settings, self._section, self._tokens = settings, section, tokens
        self._context = keys.web
        self.sip = WebSocketTransport(
            driver,
            web_settings.listener(settings, section, encrypted=self._context is not None),
            web_settings.limits(settings, section),
            web_settings.origins(section),
        )
        gate.let_pages_in(self.sip.party)
        self.visits = web_settings.visits(
            settings, section, authenticator=authenticator, tokens=tokens, on_ended=on_ended, clock=driver.now
        )

    async def open_links(
        self, database: Engine, *, supervisor: CallSupervisor, channels: Channels, closing: contextlib.AsyncExitStack
    ) -> tuple[LinkGuests, LinkDesk]:
        """Where pages may come, guests come as well."""
        return await open_links(
            self._settings,
            self._section,
            database=database,
            tokens=self._tokens,
            supervisor=supervisor,
            channels=channels,
            encrypted=self._context is not None,
            closing=closing,
        )

    async def open(self, parts: AdminParts, closing: contextlib.AsyncExitStack) -> WebServer:
        """The port of pages; what carries SIP there closes with the driver, after everything has been said."""
        server = web_settings.server(self._settings, self._section)
        opened = await start_web(parts, self.visits, self.sip, server, self._context)
        closing.push_async_callback(opened.stop)
        closing.push_async_callback(self.sip.close)
        return opened
