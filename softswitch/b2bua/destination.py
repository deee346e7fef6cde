"""Where a leg is sent: a plain value, so that a call script needs no knowledge of trunks, bindings or health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.b2bua.header_policy import CLOSED, HeaderTable
from softswitch.b2bua.presentation import AS_IT_CAME, Presentation
from softswitch.b2bua.terms import NO_TERMS, MediaTerms
from softswitch.sip.session.terms import PLAIN, SessionTerms
from softswitch.value import value_class

if TYPE_CHECKING:
    from softswitch.b2bua.attestation import Attestor
    from softswitch.b2bua.origin import Origin
    from softswitch.sip.digest import Credentials
    from softswitch.sip.flow import Flow
    from softswitch.sip.headers import NameAddr
    from softswitch.sip.uri import Uri


@value_class(frozen=True, slots=True)
class OutwardPolicy:
    """What a trunk, or the phones, are told of a call beside the call itself."""

    presentation: Presentation = AS_IT_CAME
    """Of the caller."""
    headers: HeaderTable = CLOSED
    """Of the other headers of the caller's INVITE."""
    attestor: Attestor | None = None
    """Signs for the caller; None: nobody does."""


NOTHING_ELSE = OutwardPolicy()
"""The caller as it came, no other headers."""


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
    routes: tuple[NameAddr, ...] = ()
    policy: OutwardPolicy = NOTHING_ELSE
    headers: tuple[tuple[str, str], ...] = ()
    """Of this call alone (Referred-By, Replaces)."""
    number: str = ""
    """Who is called: the canonical number, or the name of a phone."""
    origin: Origin | None = None
    """Who is said to call, when it is not simply the caller: withheld, forwarded, as somebody else."""
    credentials: Credentials | None = None
    """Digest user for this destination's realm only (a callee must not harvest them)."""
    terms: MediaTerms = NO_TERMS
    emergency: bool = False
    """For help: no limit holds it up."""
    call_path: bool = False
    """Whether its INVITE tells where the call has been, so that a loop is found at its second turn."""
    session: SessionTerms = PLAIN
    """The SIP extensions that may be used with it."""
