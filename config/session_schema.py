"""What SIP extensions a trunk or the phones may use in a call: keys that mean the same for both."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated

from pydantic import Field

from config.section import Section
from config.values import Boolean, Lasting, Refresher, Reliable


class SessionTimer(Section):
    """Session timers (RFC 4028) with a trunk or the phones."""

    enabled: Annotated[
        Boolean, Field(description="Ask for them and agree to them. false: neither; Require: timer gets 420.")
    ] = True
    expires: Annotated[
        float,
        Lasting("90s", "24h"),
        Field(description="What we ask for: a call not refreshed for as long is ended. A far end may ask for longer."),
    ] = 1800.0
    minimum: Annotated[
        float,
        Lasting("90s", "24h"),
        Field(description="Shorter ones are refused (422), so that not all is refreshing."),
    ] = 90.0
    refresher: Annotated[
        Refresher,
        Field(
            description="Who refreshes where it is for us to say. auto: whom the far end names, else we. us: we, also "
            "where the far end knows no session timers. them: the far end."
        ),
    ] = "auto"


class SessionTerms(Section):
    """What SIP extensions a trunk or the phones may use in a call: keys that mean the same for both."""

    reliable_provisional: Annotated[
        Reliable,
        Field(
            description="Ringing and early media that must be acknowledged (100rel, PRACK: RFC 3262). supported: with "
            "whoever can. required: calls without it fail (420, 421). off: never, and calls that require it get 420."
        ),
    ] = "supported"
    session_timer: SessionTimer = Field(
        default_factory=SessionTimer, description="Calls whose far end is gone without a word end by themselves."
    )
