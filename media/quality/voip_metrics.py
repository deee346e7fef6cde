"""The VoIP Metrics block of a far end's extended report (RFC 3611 4.7), read into natural units.

A block is believed as a whole or not at all: whoever sends one impossible figure did not measure the others either.
"""

from __future__ import annotations

from typing import Literal

from media.value import value_class

UNAVAILABLE = 127
LONGEST_RTT_MS = 5000
LONGEST_DELAY_MS = 2000
"""Of an end system, or a jitter buffer: more is no figure of a telephone."""

Concealment = Literal["unspecified", "disabled", "enhanced", "standard"]
_CONCEALMENT: tuple[Concealment, ...] = ("unspecified", "disabled", "enhanced", "standard")

RawMetrics = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int, int]
"""The fields of the block in the order of the wire, without header, SSRC and reserved octet."""


@value_class(frozen=True, slots=True)
class VoipMetrics:
    """What a receiver says of the stream it receives, since its beginning. None: it does not know."""

    loss_percent: float
    discard_percent: float
    """Packets that came too late, or too early, to be played."""
    burst_loss_percent: float
    """Packets missing within bursts (RFC 3611 4.7.2, Gmin)."""
    gap_loss_percent: float
    """Packets missing between bursts."""
    burst_ms: int
    """Mean length of a burst."""
    gap_ms: int
    rtt_ms: int | None
    end_system_ms: int | None
    """What the far end itself adds, one way: buffer, decoding, encoding."""
    signal_dbm: int | None
    noise_dbm: int | None
    echo_return_loss_db: int | None
    """RERL, residual echo return loss."""
    gmin: int
    r: int | None
    """Conversational R, 0 to 100."""
    external_r: int | None
    """R of a network behind the far end (a carrier's mobile network, say)."""
    mos_lq: float | None
    mos_cq: float | None
    concealment: Concealment
    adaptive: bool | None
    """Whether the jitter buffer adapts."""
    buffer_ms: int
    """Nominal depth of the jitter buffer."""
    buffer_most_ms: int
    """The depth it can reach."""

    @classmethod
    def read(cls, raw: RawMetrics) -> VoipMetrics | None:
        """None for a block that cannot be true."""
        loss, discard, burst_density, gap_density, burst, gap, rtt, end_system, signal, noise, rerl, gmin = raw[:12]
        r, external_r, mos_lq, mos_cq, config, nominal, maximum, absolute = raw[12:]
        ratings, opinions = (r, external_r), (mos_lq, mos_cq)
        if loss + discard > 256 or (maximum and nominal > maximum) or (absolute and maximum > absolute):
            return None
        if any(each > 100 and each != UNAVAILABLE for each in ratings):
            return None
        if any(not 10 <= each <= 50 and each != UNAVAILABLE for each in opinions):
            return None
        if nominal > LONGEST_DELAY_MS:
            return None
        return cls(
            loss_percent=loss / 2.56,
            discard_percent=discard / 2.56,
            burst_loss_percent=burst_density / 2.56,
            gap_loss_percent=gap_density / 2.56,
            burst_ms=burst,
            gap_ms=gap,
            rtt_ms=rtt if 0 < rtt <= LONGEST_RTT_MS else None,
            end_system_ms=end_system if 0 < end_system <= LONGEST_DELAY_MS else None,
            signal_dbm=_level(signal),
            noise_dbm=_level(noise),
            echo_return_loss_db=_known(rerl),
            gmin=gmin,
            r=_known(r),
            external_r=_known(external_r),
            mos_lq=None if mos_lq == UNAVAILABLE else mos_lq / 10,
            mos_cq=None if mos_cq == UNAVAILABLE else mos_cq / 10,
            concealment=_CONCEALMENT[config >> 6],
            adaptive={2: False, 3: True}.get(config >> 4 & 3),
            buffer_ms=nominal,
            buffer_most_ms=maximum,
        )


def _known(value: int) -> int | None:
    return None if value == UNAVAILABLE else value


def _level(value: int) -> int | None:
    """Two's complement; 127 is not known (RFC 3611 4.7.4)."""
    return None if value == UNAVAILABLE else value - 256 if value > 127 else value
