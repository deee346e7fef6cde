"""How the far end of a leg does digits, and how they get to the leg it talks to.

Between two legs that do them in media (RFC 4733 or tones) the engine passes them on, packet by packet. As soon as one
of the two uses SIP INFO, signalling does: what one leg tells goes out on the other in its own kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from media.commands import SendDigits
from softswitch.sip.dtmf import KeyPress
from softswitch.sip.events import InfoReceived, InfoRefused

if TYPE_CHECKING:
    from softswitch.b2bua.leg import Leg

FLASH: Final = "!"
_GAP_MS: Final = 60


def told_by_info(leg: Leg, event: InfoReceived | InfoRefused) -> None:
    """An INFO of the far end, or what became of ours."""
    if isinstance(event, InfoRefused):
        leg.story.warn("digit refused", leg=leg.name, status=event.status)
    elif event.key is not None:
        pressed(leg, event.key.digit, event.key.duration_ms, by_info=True)


def pressed(leg: Leg, digit: str, duration_ms: int, *, by_info: bool) -> None:
    """The far end of `leg` has pressed a key: tell the story, and the leg it is connected to.

    A phone that tells every key twice, in media and by INFO, is believed in the way it told the first.
    """
    if leg.keys_by_info is None:
        leg.keys_by_info = by_info
    if leg.keys_by_info is not by_info:
        return
    leg.press(digit)
    shown = {} if leg.switch.mask_digits else {"digit": digit}
    leg.story.tell("digit", leg=leg.name, **shown, duration_ms=duration_ms)
    other = leg.partner
    if other is None or other.partner is not leg or other.ended or other.media is None or digit == FLASH:
        return
    if other.media.dtmf == "info":
        with leg.switch.driver.turn():
            other.session.send_key(KeyPress(digit, duration_ms), leg.switch.clock())
    elif by_info:
        other.media.post(SendDigits(other.media.leg, digit, max(duration_ms, 40), _GAP_MS))
