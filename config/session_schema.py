"""What SIP extensions a trunk or the phones may use in a call: keys that mean the same for both."""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from typing import Annotated

from pydantic import Field

from config.section import Section
from config.values import Reliable


class SessionTerms(Section):
    """What SIP extensions a trunk or the phones may use in a call: keys that mean the same for both."""

    reliable_provisional: Annotated[
        Reliable,
        Field(
            description="Ringing and early media that must be acknowledged (100rel, PRACK: RFC 3262). supported: with "
            "whoever can. required: calls without it fail (420, 421). off: never, and calls that require it get 420."
        ),
    ] = "supported"
