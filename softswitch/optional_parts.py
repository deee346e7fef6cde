"""Parts of a node that many nodes do without, each imported where configuration has a use for it, and only here.

Together they bring half a dozen libraries (OpenSSL, cryptography, JWT, ...): 13 MB and a fifth of a second that a node
between trunks would spend on nothing. Whoever asks gets None for what is not there.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from softswitch import assembly

if TYPE_CHECKING:
    import asyncio
    import contextlib
    from collections.abc import Callable

    from config.load import Settings
    from media.control import MediaEngine
    from softswitch.endpoints.access_control import Gate
    from softswitch.endpoints.authentication import Authenticator
    from softswitch.endpoints.tokens import TokenSigner
    from softswitch.transport.certificates import Keyring
    from softswitch.transport.driver import SipDriver
    from softswitch.web_service import WebService
    from softswitch.webrtc.transports import WebTransports


def browsers(
    settings: Settings, engine: MediaEngine, loop: asyncio.AbstractEventLoop, closing: contextlib.AsyncExitStack
) -> WebTransports | None:
    """ICE and DTLS, where some far end may be a browser: a page of ours, or a phone, which may be one behind a proxy
    that speaks SIP over UDP to us."""
    if settings.web is None and not settings.phones.users:
        return None
    from softswitch.webrtc.transports import WebTransports

    opened = WebTransports(engine, loop, settings=assembly.browsers(settings), wall_clock=time.time)
    closing.callback(opened.close)
    return opened


def token_signer(settings: Settings) -> TokenSigner | None:
    """Who signs the pages' tokens."""
    if settings.web is None:
        return None
    from softswitch.endpoints.tokens import TokenSigner

    return TokenSigner(settings.web.token_key.reveal())


def web_service(
    settings: Settings,
    tokens: TokenSigner | None,
    *,
    driver: SipDriver,
    gate: Gate,
    keys: Keyring,
    authenticator: Authenticator,
    on_ended: Callable[[str, str], None],
) -> WebService | None:
    """What serves pages. `tokens`: of `token_signer`; `on_ended(user, session)`: who signed out of which session."""
    if settings.web is None or tokens is None:
        return None
    from softswitch.web_service import WebService

    return WebService(
        settings,
        settings.web,
        tokens=tokens,
        driver=driver,
        gate=gate,
        keys=keys,
        authenticator=authenticator,
        on_ended=on_ended,
    )
