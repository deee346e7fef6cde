"""Extended reports in SDP: `a=rtcp-xr` (RFC 3611 section 5), as far as we speak it.

`rcvr-rtt` is collaborative: reference times go both ways when both sides have said it. `voip-metrics` is unilateral:
who says it wants to be told. An answer says nothing the offer did not.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class XrPolicy(Enum):
    """What a trunk, or the phones, are to be asked for."""

    OFF = "off"
    """Extended reports are neither offered nor agreed to."""
    ANSWER = "answer"
    """Agreed to where the far end offers them."""
    OFFER = "offer"
    """Offered as well."""


class XrTerms(NamedTuple):
    """What one description asks for, or what two have in common."""

    reference_time: bool = False
    """Receiver Reference Time and DLRR (RFC 3611 4.4, 4.5)."""
    metrics: bool = False
    """VoIP Metrics (4.7)."""

    def both(self, other: XrTerms) -> XrTerms:
        """What this and the other have in common."""
        return XrTerms(self.reference_time and other.reference_time, self.metrics and other.metrics)

    @property
    def line(self) -> str:
        """The attribute with its line end; "" when nothing is asked for."""
        formats = [*(["rcvr-rtt=all"] if self.reference_time else ()), *(["voip-metrics"] if self.metrics else ())]
        return f"a=rtcp-xr:{' '.join(formats)}\r\n" if formats else ""


NO_XR = XrTerms()
EVERYTHING = XrTerms(reference_time=True, metrics=True)


def read_xr(value: str | None) -> XrTerms:
    """Read the value of an `a=rtcp-xr`; formats we do not speak are passed over.

    `rcvr-rtt=sender` lets only those send reference times who also send media; ours are answered by anybody, so that it
    is taken like `all`. A number behind a colon bounds the size of the blocks (5.1): ours are as small as they can be.
    """
    if value is None:
        return NO_XR
    names = {each.partition(":")[0].lower() for each in value.split()}
    return XrTerms(
        reference_time="rcvr-rtt=all" in names or "rcvr-rtt=sender" in names,
        metrics="voip-metrics" in {name.partition("=")[0] for name in names},
    )
