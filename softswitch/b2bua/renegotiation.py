"""An offer within a call that stands: hold, resume, a new address, codec or packet time (RFC 3264 8).

It is settled between the far end and its leg: the other end of the call stays as it is and is told nothing, but for a
browser's video (softswitch.b2bua.video). What cannot be taken is refused, and all stays as it was (RFC 3261 14.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.b2bua.codec_choice import acceptable, answer_like, names, towards
from softswitch.b2bua.video import again, align, answer_at_once, pass_on
from softswitch.sdp.errors import INCOMPATIBLE_FORMAT, LocalError, SdpError

if TYPE_CHECKING:
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.leg_media import LegMedia
    from softswitch.sdp.codec import Codec


def renegotiate(leg: Leg, media: LegMedia, body: bytes) -> bool:
    """Answer a re-INVITE or UPDATE of the leg's far end; b"": with our offer. True: something new is in force."""
    now = leg.switch.clock()
    peer = _peer_codec(leg)
    try:
        if not body:
            codecs = towards(leg.terms.codecs, None if peer is None else [peer])
            leg.session.accept_reinvite(media.offer(codecs, video=again(leg)), now)
            return False
        offer = media.take_offer(body)
        codecs = answer_like(offer.codecs, leg.terms.codecs, peer) if peer is not None else ()
        if peer is not None and not codecs:
            raise SdpError(
                f"no common codec: {names(offer.codecs)}",
                expected=acceptable(leg.terms.codecs, [peer]),
                status=488,
                warning=INCOMPATIBLE_FORMAT,
            )
        if pass_on(leg, offer, codecs):
            return False
        answer = media.answer(codecs, video=answer_at_once(leg, offer))
    except LocalError as error:
        media.negotiation.reject_offer()
        leg.story.tell("offer untimely", leg=leg.name, error=str(error))
        leg.session.reject_reinvite(491, now)
        return False
    except SdpError as error:
        media.negotiation.reject_offer()
        leg.story.tell("offer not acceptable", leg=leg.name, error=str(error))
        leg.session.reject_reinvite(error.status, now, headers=leg.warnings(error))
        return False
    leg.session.accept_reinvite(answer, now)
    align(leg, leg.partner)
    return True


def _peer_codec(leg: Leg) -> Codec | None:
    """What the other end of the call uses, or this one while nobody is there."""
    for each in (leg.partner, leg):
        if each is not None and each.media is not None and each.media.agreement is not None:
            return each.media.agreement.codec
    return None
