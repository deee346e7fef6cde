"""What each codec costs by itself and under loss: G.113 impairment factors, each with where it comes from.

A value nobody published is not made up: such a codec gets no score, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from media.quality.emodel import NARROWBAND, Scale, loss_impairment, mos

Grounding = Literal["itu", "published", "assumed"]
"""`itu`: a Recommendation of the ITU-T; `published`: refereed measurements; `assumed`: the operator's word."""


@dataclass(frozen=True, slots=True)
class CodecImpairment:
    """Equipment impairment of one codec. G.113 calls all such values provisional planning values."""

    ie: float
    """Ie: what coding alone takes off R."""
    bpl: float
    """Bpl: packet-loss robustness."""
    look_ahead_ms: float
    """Algorithmic delay beyond the packet itself."""
    grounding: Grounding
    source: str
    scale: Scale = NARROWBAND

    @property
    def best_rating(self) -> float:
        """R without loss or delay."""
        return self.scale.best_rating - self.ie

    @property
    def ceiling(self) -> float:
        """The best MOS the codec can reach."""
        return mos(self.best_rating / self.scale.stretch)

    def listening_rating(self, ppl: float, burst_ratio: float) -> float:
        """R without delay for `ppl` percent of packets missing."""
        lost = loss_impairment(self.ie, self.bpl, ppl, burst_ratio, ceiling=self.scale.loss_ceiling)
        return self.scale.best_rating - lost


@dataclass(frozen=True, slots=True)
class Unrated:
    """A codec without usable values, and why."""

    reason: str


_G711_PLC = CodecImpairment(0.0, 25.1, 0.25, "itu", "G.113 appendix I: G.711 with appendix I concealment")
_G711 = CodecImpairment(0.0, 4.3, 0.25, "itu", "G.113 (09/2024) table I.4: G.711 without concealment")
_G729 = CodecImpairment(11.0, 19.0, 5.0, "itu", "G.113 appendix I: G.729A with VAD, 20 ms")
_G723 = CodecImpairment(15.0, 16.1, 7.5, "itu", "G.113 appendix I: G.723.1 6.3 kbit/s with VAD")
_GSM_EFR = CodecImpairment(5.0, 10.0, 0.0, "itu", "G.113 appendix I: GSM-EFR")

OPUS_NARROWBAND_CBR_11 = CodecImpairment(
    2.03, 15.95, 6.5, "published", "Alahmadi, Pocta, Melvin, ACM TOMM 17(4) 133 (2021): Opus NB CBR 11 kbit/s"
)
"""Only true of that bandwidth and bit rate, which SDP cannot tell: never chosen by name, for an operator to choose."""

# By encoding name in lower case: with concealment, and without. The decoders of the lower three conceal by design.
_RATED: dict[str, tuple[CodecImpairment, CodecImpairment]] = {
    "pcma": (_G711_PLC, _G711),
    "pcmu": (_G711_PLC, _G711),
    "g729": (_G729, _G729),
    "g723": (_G723, _G723),
    "gsm-efr": (_GSM_EFR, _GSM_EFR),
}

_REASONS: dict[str, str] = {
    "opus": "no ITU-T values exist for Opus, and published ones depend on a bandwidth and bit rate that SDP hides",
    "g722": "its value (13, wideband scale) is not confirmed, and the narrowband scale does not apply",
    "amr-wb": "rated on the wideband scale, by mode; the narrowband scale does not apply",
    "evs": "rated on the fullband scale, by mode; the narrowband scale does not apply",
    "gsm": "G.113 gives no packet-loss robustness for GSM full rate",
    "ilbc": "G.113 gives no values for iLBC",
    "amr": "values depend on the mode, which changes during a call",
    "l16": "linear PCM has no G.113 value; which bandwidth it carries is not in its name",
}


def codec_impairment(name: str, *, plc: bool) -> CodecImpairment | Unrated:
    """Look `name` (an RTP encoding name, any case) up; `plc`: whether the receiver conceals lost packets."""
    key = name.lower()
    rated = _RATED.get(key)
    if rated is not None:
        return rated[0] if plc else rated[1]
    return Unrated(f"{name}: {_REASONS.get(key, 'no impairment values known')}")
