"""Video between two browsers of one call: each is told what the other says of it, in the other's own words.

The far ends agree with each other, and we with both: the same formats, extensions and sources on both legs, so that the
engine relays packets as they are (softswitch.sdp.video). Audio stays a leg's own affair.

- A call begins: the callee is offered what the caller offers, the caller is answered with what the callee chose.
- A camera, or a screen, comes or goes (re-INVITE): the offer waits while the other browser is offered the same; then it
  is answered with that answer. Who holds is answered at once: that is nothing to the other one.
- Nobody is at the other end who has pictures, or nobody yet (an announcement, a queue, a phone): the video rests. Its
  section is kept, inactive (RFC 3264 6.1), for one that is refused has its camera taken off (RFC 9429 5.11), and only
  the page could offer it again. Only who begins with a phone is refused it at once.
- Somebody else is at the other end now: `align` offers each browser what it has not been told yet.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from softswitch.b2bua.codec_choice import towards
from softswitch.sdp.attributes import Direction
from softswitch.sdp.errors import LocalError, SdpError
from softswitch.sip.errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.terms import MediaTerms
    from softswitch.sdp.agreement import AudioOffer
    from softswitch.sdp.codec import Codec
    from softswitch.sdp.video import VideoAgreement, VideoOffer

PATIENCE: Final = 20.0
"""Seconds the other browser has to answer: a page may ask somebody first. Then the offer is answered without video."""


class _Waiting(NamedTuple):
    """An offer of a far end that is answered when its partner has answered the same."""

    codecs: Sequence[Codec]
    timer: asyncio.TimerHandle


class Showing:
    """What is going on about the video of one browser leg."""

    __slots__ = ("_waiting", "asked_by", "offering", "resting")

    def __init__(self) -> None:
        self._waiting: _Waiting | None = None
        """Its far end's offer."""
        self.asked_by: Leg | None = None
        """Whose far end's offer ours to this one passes on."""
        self.offering = False
        """The open offer of ours is about video: a refusal leaves all as it was."""
        self.resting: VideoOffer | None = None
        """What its far end said of the video that rests; None: it does not, or there is none."""

    def wait(self, leg: Leg, codecs: Sequence[Codec]) -> None:
        timer = asyncio.get_running_loop().call_later(PATIENCE, _tell, leg)
        self._waiting = _Waiting(codecs, timer)

    def wait_no_longer(self) -> Sequence[Codec] | None:
        """What to answer with; None: no offer waits."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return None
        waiting.timer.cancel()
        return waiting.codecs

    def close(self) -> None:
        """The leg is over."""
        self.wait_no_longer()
        self.asked_by = None


def said(leg: Leg | None) -> VideoOffer | None:
    """What the leg's far end says of its video; None: it has none, or none with us."""
    video = _agreed(leg)
    return None if video is None else video.remote


def told(leg: Leg) -> VideoOffer | None:
    """What it was told of the video at the other end."""
    video = _agreed(leg)
    return None if video is None else video.local


def shown(leg: Leg) -> VideoOffer | None:
    """What a party that calls somebody, or is to talk to somebody else, would show there."""
    if not pictured(leg.terms):
        return None
    if leg.audible or leg.media is None:
        return _wish(leg)
    offer = leg.media.negotiation.offer
    return None if offer is None else offer.video


def pictured(terms: MediaTerms) -> bool:
    """Whether a browser is there that may have pictures."""
    return terms.is_browser and (terms.web is None or terms.web.video)


def takes_video(leg: Leg) -> bool:
    """Whether it may be offered any."""
    return _showing(leg) is not None


def answering(leg: Leg, offer: AudioOffer, like: Leg | None) -> VideoOffer | None:
    """What the call's first offer is answered with, `like` being at the other end; why there is nothing is told."""
    return _answer(leg, offer, like)


# -- an offer within the call -------------------------------------------------------------------------------------


def pass_on(leg: Leg, offer: AudioOffer, codecs: Sequence[Codec]) -> bool:
    """Let the leg's offer wait until its partner's browser has answered the same. False: it can be answered at once.

    Raises LocalError while an offer of that one is open.
    """
    showing, other = _showing(leg), leg.partner
    if showing is None or other is None or not _is_news(other, offer):
        return False
    theirs = _showing(other)
    if theirs is None or other.media is None or other.answered_at is None or not other.audible:
        return False
    _offer(other, offer.video)
    theirs.asked_by = leg
    showing.wait(leg, codecs)
    leg.story.tell("video offered", leg=other.name, formats=_formats(offer.video), direction=_direction(offer.video))
    return True


def answer_at_once(leg: Leg, offer: AudioOffer) -> VideoOffer | None:
    """What an offer within the call is answered with where nothing has to be asked."""
    return _answer(leg, offer, leg.partner)


def again(leg: Leg) -> VideoOffer | None:
    """What an offer of ours says of video where it is not about that: all there is (RFC 6337 5.3), be they on hold."""
    now = told(leg)
    showing = _showing(leg)
    if now is None or showing is None or showing.resting is not None:
        return now
    return said(leg.partner) or now


def answered(leg: Leg) -> None:
    """The far end has answered an offer of ours: who waits for that is answered, or told if it differs."""
    showing = _showing(leg)
    if showing is None:
        return
    showing.offering = False
    asker, showing.asked_by = showing.asked_by, None
    if asker is not None and not asker.ended:
        _tell(asker)
    align(leg, leg.partner)


def refused(leg: Leg, status: int) -> bool:
    """The far end has refused an offer of ours. True: it was about video alone, and all stays as it was."""
    showing = _showing(leg)
    if showing is None or leg.media is None or not showing.offering:
        return False
    showing.offering = False
    leg.media.negotiation.withdraw_offer()
    leg.story.tell("video refused", leg=leg.name, status=status)
    asker, showing.asked_by = showing.asked_by, None
    if asker is not None and not asker.ended:
        _tell(asker)
    if leg.partner is not None and _together(leg, leg.partner):
        _catch_up(leg.partner, leg)
    return True


def align(one: Leg, other: Leg | None) -> None:
    """Offer each of two browsers that talk what the other one says, where it has not been told so yet.

    One after the other: each could answer in the numbers the other one has just given up. Who has no video is offered
    none here: a camera is asked for by its own page.
    """
    if other is not None and _together(one, other):
        _ = _catch_up(one, other) or _catch_up(other, one)


# -- inside -------------------------------------------------------------------------------------------------------


def _answer(leg: Leg, offer: AudioOffer, other: Leg | None) -> VideoOffer | None:
    """What an offer of the leg's is answered with, `other` being there; why there is nothing is told."""
    showing = _showing(leg)
    if showing is not None:
        showing.resting = None
    if offer.video is None:
        return None
    words = said(other)
    if words is not None:
        return words
    if other is None or other.answered_at is None or (_agreed(leg) is not None and not takes_video(other)):
        return _rest(leg, offer.video)
    _refused(leg, other)
    return None


def _rest(leg: Leg, wish: VideoOffer) -> VideoOffer | None:
    """What keeps a section until there is somebody to see it; None: there may be no pictures."""
    showing = _showing(leg)
    if showing is None:
        _refused(leg, None)
        return None
    if showing.resting is None:
        leg.story.tell("video rests", leg=leg.name, formats=_formats(wish))
    showing.resting = wish
    return replace(wish, direction=Direction.INACTIVE, sources=(), bandwidth=())


def _wish(leg: Leg) -> VideoOffer | None:
    """What the leg's far end says of its video, or said of it before it was put to rest."""
    showing = _showing(leg)
    return said(leg) if showing is None or showing.resting is None else showing.resting


def _catch_up(leg: Leg, partner: Leg) -> bool:
    """Offer a browser what it has not been told yet of the other one's video. False: there was nothing, or no way."""
    showing, now, words = _showing(leg), told(leg), _wish(partner)
    if showing is None or now is None:
        return False
    resting = showing.resting
    if resting is not None if words is None else resting is None and _same(now, words):
        return False
    leg.story.tell("video changed", leg=leg.name, to=_formats(words), direction=_direction(words))
    wish = said(leg)
    showing.resting = None
    if words is None and wish is not None and not takes_video(partner):
        words = _rest(leg, wish)
    try:
        _offer(leg, words)
    except LocalError as error:
        showing.resting = resting
        leg.story.tell("offer untimely", leg=leg.name, error=str(error))
        return False
    return True


def _tell(leg: Leg) -> None:
    """Answer the offer that waits with what the other end says by now."""
    showing, media = _showing(leg), leg.media
    codecs = None if showing is None else showing.wait_no_longer()
    if codecs is None or media is None or leg.ended:
        return
    if not leg.session.has_open_offer:
        media.negotiation.reject_offer()  # cancelled meanwhile
        return
    offer = media.negotiation.offer
    words = None if offer is None else _answer(leg, offer, leg.partner)
    now = leg.switch.clock()
    with leg.switch.driver.turn():
        try:
            answer = media.answer(codecs, video=words)
        except (LocalError, SdpError) as error:
            media.negotiation.reject_offer()
            leg.story.tell("offer not acceptable", leg=leg.name, error=str(error))
            leg.session.reject_reinvite(488, now)
            return
        leg.session.accept_reinvite(answer, now)
    leg.on_change()


def _offer(leg: Leg, video: VideoOffer | None) -> None:
    """The audio as it is, and this. Raises LocalError while another offer is open."""
    media, showing = leg.media, _showing(leg)
    assert media is not None
    assert showing is not None
    assert media.agreement is not None
    with leg.switch.driver.turn():
        body = media.offer(towards(leg.terms.codecs, [media.agreement.codec]), video=video)
        try:
            leg.session.reinvite(body, leg.switch.clock())
        except LocalProtocolError as error:
            media.negotiation.withdraw_offer()
            raise LocalError(str(error)) from error
    showing.offering = True


def _is_news(other: Leg, offer: AudioOffer) -> bool:
    """Whether this offer says of video what the other end has to agree to. A hold needs nobody's, an end neither."""
    if offer.video is None or offer.direction is not Direction.SENDRECV:
        return False
    before = told(other)
    return before is None or before.direction is not offer.video.direction or not _same(before, offer.video)


def _same(before: VideoOffer, now: VideoOffer) -> bool:
    """Whether who was told the one knows the other: its sources, and all formats there may be."""
    known = {each.payload_type: each.rtpmap for each in now.formats}
    return before.sources == now.sources and all(known.get(each.payload_type) == each.rtpmap for each in before.formats)


def _together(one: Leg, other: Leg) -> bool:
    """Whether they talk, and may be offered anything."""
    return one.partner is other and _settled(one) and _settled(other)


def _settled(leg: Leg) -> bool:
    """Whether it is answered, and no offer is open."""
    return leg.answered_at is not None and leg.media is not None and leg.media.can_repeat and not leg.ended


def _agreed(leg: Leg | None) -> VideoAgreement | None:
    if leg is None or leg.media is None or leg.media.agreement is None:
        return None
    return leg.media.agreement.video


def _showing(leg: Leg) -> Showing | None:
    if leg.media is None or leg.media.browser is None or not pictured(leg.terms):
        return None
    return leg.media.browser.showing


def _refused(leg: Leg, other: Leg | None) -> None:
    if other is None:
        why = "nobody else is there"
    elif not other.terms.is_browser:
        why = f"{other.name} is no browser"
    elif not (pictured(leg.terms) and pictured(other.terms)):
        why = f"{(other if pictured(leg.terms) else leg).name} is there for voices alone"
    else:
        why = f"{other.name} has none, or none of the same formats"
    leg.story.tell("audio only", leg=leg.name, why=why)


def _formats(video: VideoOffer | None) -> str | None:
    """For the story."""
    if video is None:
        return None
    return ", ".join(dict.fromkeys(each.name for each in video.formats if each.repairs is None))[:100]


def _direction(video: VideoOffer | None) -> str | None:
    return None if video is None else video.direction.value
