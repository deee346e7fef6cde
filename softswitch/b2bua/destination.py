"""Where a leg is sent: a plain value, so that a call script needs no knowledge of trunks, bindings or health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.b2bua.terms import NO_TERMS, MediaTerms
from softswitch.sip.session.terms import PLAIN, SessionTerms
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.sip.digest import Credentials
    from softswitch.sip.flow import Flow
    from softswitch.sip.headers import NameAddr
    from softswitch.sip.uri import Uri


@value_class(frozen=True, slots=True)
class Destination:
    """One place a call can be sent to, complete: nothing has to be looked up while it rings."""

    name: str
    """Who this is for logs, story and CDR: `trunk:carrier` or `phone:1001`."""
    uri: Uri
    """The Request-URI (RFC 3261 8.1.1.1)."""
    flow: Flow
    """Transport and address the INVITE goes to."""
    to: NameAddr
    from_: NameAddr | None = None
    """None: the caller's own number and name at our address."""
    routes: tuple[NameAddr, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    credentials: Credentials | None = None
    """Digest user for this destination's realm only (a callee must not harvest them)."""
    terms: MediaTerms = NO_TERMS
    emergency: bool = False
    """For help: no limit holds it up."""
    session: SessionTerms = PLAIN
    """The SIP extensions that may be used with it."""
