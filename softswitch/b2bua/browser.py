"""What is different about a leg whose far end is a browser: where its media goes is found out by ICE, its keys by DTLS.

Signalling and media come and go apart there. A page may lose its WebSocket and be heard all the while; a browser that
nothing is heard of any more (its consent is gone) may be back in a moment, on another network: the call waits for it,
and whoever it talks to is as if held.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from softswitch.b2bua.cause import BROWSER_LOST, BROWSER_UNREACHABLE
from softswitch.b2bua.video import Showing
from softswitch.b2bua.web import WebState
from softswitch.sdp.browser import offers_browser_media
from softswitch.sdp.crypto import PLAIN
from softswitch.sdp.trickle import read_fragment
from softswitch.sip.session.info import Notice

if TYPE_CHECKING:
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.b2bua.web import WebMedia, WebNews
    from softswitch.sdp.browser import WebAgreement
    from softswitch.sip.flow import Flow

_WEB: Final = frozenset({"WS", "WSS"})
"""Transports only browsers use (RFC 7118)."""
QUALITY: Final = "application/vnd.softswitch.quality+json"
"""The body that tells a page of ours how connections are: `{"party": "near" or "far", "weak": true or false}`."""


def offered(terms: MediaTerms, offer: bytes, flow: Flow) -> MediaTerms:
    """The terms for a leg that begins with this offer; b"": with none, and then the way it came tells."""
    is_browser = offers_browser_media(offer) if offer else flow.transport in _WEB
    return _of_browser(terms) if is_browser and terms.web is not None else terms


def reached(terms: MediaTerms, flow: Flow) -> MediaTerms:
    """The terms for a leg that is called over this flow."""
    return _of_browser(terms) if flow.transport in _WEB and terms.web is not None else terms


@lru_cache(64)
def _of_browser(terms: MediaTerms) -> MediaTerms:
    assert terms.web is not None
    return replace(terms, codecs=terms.web.codecs, ptime=None, srtp=PLAIN, dtmf="rfc4733", is_browser=True)


def tell_of_connection(leg: Leg) -> None:
    """The connection of this leg has turned weak, or recovered: tell the pages that show it.

    Its own page of `near`; the other party's, where it is in a call with a browser, of `far`: a customer on a telephone
    line is not somebody one could ask to move closer to the router.
    """
    if leg.media is None or leg.media.browser is None:
        return
    _notify(leg, "near", weak=leg.connection.weak)
    other = leg.partner
    if other is not None and other.partner is leg and other.media is not None and other.media.browser is not None:
        _notify(other, "far", weak=leg.connection.weak)


def _notify(leg: Leg, party: str, *, weak: bool) -> None:
    body = json.dumps({"party": party, "weak": weak}).encode()
    with leg.switch.driver.turn():
        leg.session.notify(Notice(QUALITY, body), leg.switch.clock())


class Browser:
    """The browser at the far end of one leg. It knows no leg: whoever has news of it brings the leg along."""

    __slots__ = ("_fragment", "_given_up", "_lost_at", "showing", "state", "web")

    def __init__(self, web: WebMedia) -> None:
        self.web = web
        """ICE and DTLS, which also say of themselves what goes into SDP."""
        self.showing = Showing()
        """What goes on about its video."""
        self._fragment = ""
        self._given_up: asyncio.TimerHandle | None = None
        self._lost_at: float | None = None
        self.state = WebState.CONNECTING

    @property
    def is_lost(self) -> bool:
        """Whether it was there, and nothing confirms that it still is."""
        return self._lost_at is not None

    def agree(self, agreement: WebAgreement) -> None:
        """Go there, or stay, or look for another way when it has restarted ICE."""
        self._fragment = agreement.remote.credentials.fragment
        self.web.agree(agreement)

    def take_candidates(self, fragment: bytes) -> None:
        """What came in an INFO (RFC 8840 9): candidates of the generation in use; those of another are too late.

        Raises SdpError for what cannot be read.
        """
        said = read_fragment(fragment)
        if said.credentials.fragment != self._fragment:
            return
        for candidate in said.candidates:
            self.web.add_candidate(candidate.line)
        if said.complete:
            self.web.end_of_candidates()

    def take(self, leg: Leg, news: WebNews) -> None:
        """A turn in the life of its transport."""
        self.state = news.state
        match news.state:
            case WebState.CONNECTING:
                pass
            case WebState.CONNECTED:
                self._connected(leg, news)
            case WebState.LOST:
                self._lost(leg, news.reason)
            case WebState.FAILED if self.is_lost:
                leg.story.tell("browser not found again", leg=leg.name, reason=news.reason)
            case WebState.FAILED:
                leg.story.warn("browser unreachable", leg=leg.name, reason=news.reason)
                leg.hangup(BROWSER_UNREACHABLE)

    def close(self) -> None:
        """The leg is over."""
        if self._given_up is not None:
            self._given_up.cancel()
            self._given_up = None
        self.showing.close()
        self.web.close()

    def _connected(self, leg: Leg, news: WebNews) -> None:
        away, self._lost_at = self._lost_at, None
        if self._given_up is not None:
            self._given_up.cancel()
            self._given_up = None
        ice, dtls = (None if each is None else round(each, 1) for each in (news.ice_ms, news.dtls_ms))
        if away is None:
            leg.story.tell("browser connected", leg=leg.name, ice_ms=ice, dtls_ms=dtls)
        else:
            seconds = round(leg.switch.clock() - away, 1)
            leg.story.tell("browser is back", leg=leg.name, seconds=seconds, ice_ms=ice, dtls_ms=dtls)
        leg.on_change()

    def _lost(self, leg: Leg, reason: str) -> None:
        if self._lost_at is not None:
            return
        self._lost_at = leg.switch.clock()
        waits = leg.terms.web.reconnect if leg.terms.web is not None else 0.0
        leg.story.warn("browser lost", leg=leg.name, reason=reason, waits=waits)
        self._given_up = asyncio.get_running_loop().call_later(waits, leg.hangup, BROWSER_LOST)
        leg.on_change()
