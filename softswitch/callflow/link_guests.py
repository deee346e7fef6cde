"""Guests: whoever comes with a call link may look at it, get a credential for it, and call its one destination.

A guest proves nothing but to hold the link. So whatever is asked is answered by the link's rules, asked anew each time;
the credential is good for nothing but an INVITE to the link itself, which says neither number nor name of who is rung.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from softswitch.b2bua.leg import LegState
from softswitch.b2bua.origin import Number, Origin
from softswitch.callflow.guests import GuestCall
from softswitch.contact_center.call_link import Kind, Refusal, Routing, Traffic, refusal
from softswitch.dialplan.match import canonical
from softswitch.dialplan.route import Dial, PhoneTarget, Route
from softswitch.endpoints.authentication import GUEST_TOKEN, Refused
from softswitch.endpoints.call_links import LinksUnavailable
from softswitch.endpoints.claims import TokenError
from softswitch.endpoints.throttle import TokenBuckets
from softswitch.household import household
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import Uri, escape_user
from softswitch.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.contact_center.call_link import CallLink
    from softswitch.dialplan.rules import Dialplan
    from softswitch.endpoints.call_links import CallLinks
    from softswitch.endpoints.claims import Claim
    from softswitch.endpoints.tokens import TokenSigner
    from softswitch.sip.message import Request
    from softswitch.sip.session.terms import SessionTerms
    from softswitch.store.link_store import StoredLink

log = logging.getLogger(__name__)

LINK_TOKEN = "call-link"  # noqa: S105 - a purpose
"""Purpose of tokens that are links: whoever has one may ask for a guest's credential."""
GRACE = 86_400.0
"""Seconds after its end in which a link is still read: to say that it is over, and for calls that go on past it."""
_STATUS: Mapping[Refusal, int] = {
    Refusal.IN_USE: 486,
    Refusal.BUSY: 486,
    Refusal.TOO_MANY_ATTEMPTS: 503,
}
"""What SIP says; 403 for all others."""
RETRY_AFTER = "60"
"""Seconds, with a 503."""


@value_class(frozen=True, slots=True, kw_only=True)
class GuestLimits:
    """How much guests may do."""

    calls: int = 10
    """Over one link at once."""
    calls_per_source: int = 10
    """From one address at once."""
    attempts: int = 60
    """A minute, over one link and from one address."""


class LinkRefused(Exception):
    """A guest is sent away."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


class Credential(NamedTuple):
    """What a guest's page calls with."""

    user: str
    """Of From and, should it register, of To."""
    token: str
    expires_in: float
    """Seconds."""
    target: str
    """The user part of the one URI it may call."""


class LinkGuests:
    """The door for guests."""

    def __init__(
        self,
        links: CallLinks,
        tokens: TokenSigner,
        *,
        limits: GuestLimits,
        plan: Dialplan,
        names: Mapping[str, str],
        domain: str,
        terms: MediaTerms,
        session: SessionTerms,
        ring_for: float,
        token_seconds: float,
        clock: Callable[[], float],
        callers: Callable[[], Iterable[Leg]],
        used: Callable[[str], int],
    ) -> None:
        """`names`: of the phones links may lead to, for people. `clock`: monotonic seconds. `callers`: the callers'
        legs of all calls; `used`: how many legs an endpoint has.
        """
        self.links = links
        self._terms = terms
        self._voices = terms if terms.web is None else replace(terms, web=replace(terms.web, video=False))
        self._session = session
        self._tokens = tokens
        self._limits = limits
        self._plan = plan
        self._names = names
        self._domain = domain
        self._ring_for = ring_for
        self._token_seconds = token_seconds
        self._clock = clock
        self._callers = callers
        self._used = used
        rate = limits.attempts / 60
        self._of_links = TokenBuckets(rate=rate, burst=limits.attempts)
        self._of_sources = TokenBuckets(rate=rate, burst=limits.attempts)
        self._of_guesses = TokenBuckets(rate=rate, burst=limits.attempts)
        """By source as well: whoever guesses takes nothing from those with links who share his address."""
        self.refused: dict[str, int] = dict.fromkeys((each.code for each in Refusal), 0)
        """Guests sent away since start, by reason."""

    # -- for pages --------------------------------------------------------------------------------------------------

    def token(self, link: CallLink) -> str:
        """What stands at the end of the address that is shared."""
        return self._tokens.sign(LINK_TOKEN, {"sub": link.id}, ttl=link.valid_until - self.links.clock() + GRACE)

    async def look(self, token: str, source: str) -> StoredLink:
        """The link a page was opened with, whether it may be used or not.

        Raises LinkRefused when there is none, or somebody at the address `source` looks too often.
        """
        link_id = self._named(token, source)
        try:
            found = await self.links.find(link_id)
        except LinksUnavailable as away:
            raise self._refused(Refusal.UNAVAILABLE) from away
        if found is None:
            raise self._refused(Refusal.UNKNOWN)
        return found

    def title(self, link: CallLink) -> str:
        """Who is called, in words."""
        return link.title or self._names.get(link.agent, "") or link.agent

    def running(self, link_id: str) -> int:
        """Calls over it at present, transferred ones included."""
        return self._used(label(link_id))

    def judge(self, found: StoredLink) -> Refusal | None:
        """Why nobody may begin a call over it now."""
        return refusal(found.link, found.use, self._traffic(found.link), self.links.clock())

    async def admit(self, token: str, source: str, nonce: str, renewed: str = "") -> Credential:
        """A credential for a guest who is about to call. Raises LinkRefused.

        `renewed`: the guest's last one; while its call goes on it is replaced whatever has become of the link, so that
        a page that lost its connection comes back to its call.
        """
        found = await self.look(token, source)
        user = self._renewing(renewed, found.link)
        if not user:
            refused = self.judge(found)
            if refused is not None:
                raise self._refused(refused)
            user = f"guest.{found.link.id}.{nonce}"
        claims = {"sub": user, "link": found.link.id}
        signed = self._tokens.sign(GUEST_TOKEN, claims, ttl=self._token_seconds)
        return Credential(user, signed, self._token_seconds, target(found.link))

    def _renewing(self, token: str, link: CallLink) -> str:
        """The guest of this link whose credential that is, while calls go on over the link; "" for anybody else."""
        try:
            claims = self._tokens.read(token, GUEST_TOKEN) if token else {}
        except TokenError:
            return ""
        return str(claims["sub"]) if claims.get("link") == link.id and self.running(link.id) else ""

    # -- for calls --------------------------------------------------------------------------------------------------

    def call(self, claims: Mapping[str, Claim], request: Request, source: str) -> GuestCall | Refused:
        """What becomes of an INVITE of a guest at the address `source` who has proven to be `claims`. Never waits."""
        try:
            return self._let_in(claims, request, source)
        except LinkRefused as refused:
            link_id, refusal = str(claims.get("link")), refused.refusal
            if refusal is not Refusal.TOO_MANY_ATTEMPTS:  # which would be a line for each
                log.info("guest of call link %s at %s may not call: %s", link_id, source, refusal.code)
            status = _STATUS.get(refusal, 403)
            return Refused(status, refusal.text, (("Retry-After", RETRY_AFTER),) if status == 503 else ())

    def _let_in(self, claims: Mapping[str, Claim], request: Request, source: str) -> GuestCall:
        link_id = str(claims.get("link"))
        found = self.links.known(link_id)
        if found is None:
            raise self._refused(Refusal.UNKNOWN)
        link = found.link
        if not self._within_rate(link_id, source):
            raise self._refused(Refusal.TOO_MANY_ATTEMPTS)
        if request.uri.user != target(link) or request.headers.lines("Replaces"):
            log.warning("guest of call link %s at %s tried to call somebody else", link_id, source)
            raise self._refused(Refusal.UNKNOWN)
        refused = self.judge(found)
        if refused is None and self._calls_from(source) >= self._limits.calls_per_source:
            refused = Refusal.BUSY
        if refused is not None:
            raise self._refused(refused)
        return GuestCall(
            source=label(link_id),
            origin=self._origin(link),
            called=link.agent if link.routing is Routing.ROUTE_TO_SHARING_AGENT else link.destination,
            terms=self._terms if link.kind is Kind.VIDEO else self._voices,
            session=self._session,
            route=self._route(link),
            answered=partial(self.links.count, link_id),
            facts={
                "link": link_id,
                "identity": link.identity,
                "type": link.validity.value,
                "conversation": link.conversation or None,
            },
        )

    def _route(self, link: CallLink) -> Route | None:
        if link.routing is Routing.EXISTING_RULES:
            return None
        return Route("call link", (Dial((PhoneTarget(link.agent),), ring_for=self._ring_for, called=link.agent),))

    def _origin(self, link: CallLink) -> Origin:
        """The link's identity calls; a telephone number in its canonical form, anything else by its name, too."""
        number = canonical(self._plan, link.identity)
        is_telephone = number.startswith("+")
        user = number if is_telephone else escape_user(link.identity)
        party = NameAddr("" if is_telephone else link.identity, Uri("sip", user, self._domain))
        return Origin(party=party, number=Number(user, ""))

    def _traffic(self, link: CallLink) -> Traffic:
        name, running = label(link.id), self.running(link.id)
        ringing = 0
        if running:
            ringing = sum(leg.name == name and leg.state is LegState.CALLING for leg in self._callers())
        return Traffic(running, ringing, self._limits.calls)

    def _calls_from(self, source: str) -> int:
        at = household(source)
        return sum(
            leg.name.startswith("guest:") and household(leg.session.flow.remote[0]) == at and not leg.ended
            for leg in self._callers()
        )

    def _named(self, token: str, source: str) -> str:
        """The id of the link that a token is for. Raises LinkRefused."""
        try:
            link_id = str(self._tokens.read(token, LINK_TOKEN)["sub"])
        except (TokenError, KeyError) as error:
            is_old = isinstance(error, TokenError) and error.expired
            buckets = self._of_sources if is_old else self._of_guesses
            if not buckets.take(household(source), self._clock()):
                raise self._refused(Refusal.TOO_MANY_ATTEMPTS) from error
            raise self._refused(Refusal.EXPIRED if is_old else Refusal.UNKNOWN) from error
        if not self._within_rate(link_id, source):
            raise self._refused(Refusal.TOO_MANY_ATTEMPTS)
        return link_id

    def _refused(self, refusal: Refusal) -> LinkRefused:
        """To be raised; counted."""
        self.refused[refusal.code] += 1
        return LinkRefused(refusal)

    def _within_rate(self, link_id: str, source: str) -> bool:
        now = self._clock()
        return self._of_sources.take(household(source), now) and self._of_links.take(link_id, now)


def label(link_id: str) -> str:
    """The name of a link's guests as an endpoint, in stories, records and rules."""
    return f"guest:{link_id}"


def target(link: CallLink) -> str:
    """The user part of the URI its guests may call."""
    return f"link.{link.id}"
