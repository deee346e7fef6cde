"""Keys pressed for a party by the switch itself: whether it can be told them now, and in its own kind."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from media.commands import SendDigits
from softswitch.b2bua.codec_choice import why_not_coded
from softswitch.b2bua.leg import LegState
from softswitch.sip.dtmf import KeyPress

if TYPE_CHECKING:
    from softswitch.b2bua.leg import Leg
    from softswitch.b2bua.terms import Dtmf

KEYS: Final = "0123456789*#ABCD"
MOST_KEYS: Final = 32
"""At a time: what the media engine takes."""
SHORTEST_MS: Final = 40
LONGEST_MS: Final = 10_000


class Refusal(Enum):
    """Why a party is not told digits: a code for programs, a sentence for operators."""

    NOT_ANSWERED = "not_answered", "there is no such party in the call, or it has not answered"
    WEBRTC_PARTY = "webrtc_party", "the party is a browser (WebRTC): digits are for phone calls only"
    ON_HOLD = "on_hold", "the party holds the call and hears nothing"
    NO_TONES = "no_tones", "the party takes no telephone-event, and its codec cannot be encoded here for tones"

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text


class DigitsRefusedError(Exception):
    """The party is told nothing."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


def refusal(leg: Leg | None) -> Refusal | None:
    """Why the far end of `leg` cannot be told digits now; None: it can."""
    if leg is None or leg.state is not LegState.ANSWERED or leg.media is None or leg.media.agreement is None:
        return Refusal.NOT_ANSWERED
    if leg.terms.is_browser:
        return Refusal.WEBRTC_PARTY
    if leg.media.dtmf == "info":
        return None
    if leg.media.on_hold:
        return Refusal.ON_HOLD
    if leg.media.dtmf == "inband" and why_not_coded(leg.media.agreement.codec) is not None:
        return Refusal.NO_TONES
    return None


def press(leg: Leg | None, digits: str, duration_ms: int, gap_ms: int) -> Dtmf:
    """Tell the far end of `leg` these keys, behind those that still wait; how it is told. Raises DigitsRefusedError."""
    why = refusal(leg)
    if why is not None:
        raise DigitsRefusedError(why)
    assert leg is not None
    assert leg.media is not None
    media = leg.media
    if media.dtmf == "info":
        with leg.switch.driver.turn():
            for digit in digits:
                leg.session.send_key(KeyPress(digit, duration_ms), leg.switch.clock())
    else:
        media.post(SendDigits(media.leg, digits, duration_ms, gap_ms))
    shown = {} if leg.switch.mask_digits else {"digits": digits}
    leg.story.tell("digits sent", leg=leg.name, **shown, count=len(digits), by=media.dtmf)
    return media.dtmf
