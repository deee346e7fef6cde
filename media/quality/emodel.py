"""The E-model as pure functions: ITU-T G.107 (06/2015), with G.107.1 (06/2019) and G.107.2 (2023) beside it.

`rating` is the whole narrowband calculation with every parameter of table 2; `delay_impairment`, `loss_impairment` and
`mos` are the parts a softswitch needs (digital legs, echo control in place: R = Ro - Idd - Ie,eff). Wideband and
fullband differ only in constants, so each scale is a value: see `Scale`. Opinion scores of different scales must never
be averaged or compared: see `media.quality.opinion`.
"""

from __future__ import annotations

import math
from math import exp, log2, log10, sqrt

from media.quality.opinion import MosCqe, MosCqef, MosCqew, Opinion
from media.value import value_class


@value_class(frozen=True, slots=True)
class Scale:
    """The constants in which narrowband, wideband and fullband E-models differ."""

    name: str
    opinion: type[Opinion]
    """The type of its scores."""
    best_rating: float
    """R of an unimpaired connection with default parameters."""
    loss_ceiling: float
    """The constant that Ie,eff approaches under total loss (95 in G.107 7-29)."""
    stretch: float
    """Factor on Idd, and divisor of R before it is mapped to an opinion score."""

    def score(self, r: float) -> Opinion:
        """The opinion score of a rating on this scale (G.107 annex B; annex A of the others: Rx = R / stretch)."""
        return self.opinion(mos(r / self.stretch))

    def delay_impairment(self, ta: float) -> float:
        """Idd of this scale for an absolute one-way delay of `ta` ms, in points of its R."""
        return self.stretch * delay_impairment(ta)

    @property
    def best(self) -> Opinion:
        """What an unimpaired connection scores: 4.41 as MOS-CQE, 4.5 as MOS-CQEW and MOS-CQEF."""
        return self.score(self.best_rating)


NARROWBAND = Scale("narrowband", MosCqe, best_rating=93.2, loss_ceiling=95.0, stretch=1.0)
WIDEBAND = Scale("wideband", MosCqew, best_rating=129.0, loss_ceiling=95.0, stretch=1.29)
"""G.107.1 keeps the 95 of narrowband in Ie,eff, though its R reaches 129."""
FULLBAND = Scale("fullband", MosCqef, best_rating=148.0, loss_ceiling=132.0, stretch=1.48)
SCALES = {each.name: each for each in (NARROWBAND, WIDEBAND, FULLBAND)}


@value_class(frozen=True, slots=True)
class Parameters:
    """Input of the full calculation; the defaults are those of G.107 table 2."""

    slr: float = 8.0
    """Send loudness rating, dB."""
    rlr: float = 2.0
    """Receive loudness rating, dB."""
    stmr: float = 15.0
    """Sidetone masking rating, dB."""
    lstr: float = 18.0
    """Listener sidetone rating, dB."""
    ds: float = 3.0
    """D-value of the telephone, send side."""
    telr: float = 65.0
    """Talker echo loudness rating, dB."""
    wepl: float = 110.0
    """Weighted echo path loss, dB."""
    qdu: float = 1.0
    """Quantization distortion units."""
    nc: float = -70.0
    """Circuit noise referred to the 0 dBr point, dBm0p."""
    nfor: float = -64.0
    """Noise floor at the receive side, dBmp."""
    ps: float = 35.0
    """Room noise at the send side, dB(A)."""
    pr: float = 35.0
    """Room noise at the receive side, dB(A)."""
    t: float = 0.0
    """Mean one-way delay of the echo path, ms."""
    tr: float = 0.0
    """Round-trip delay in a closed four-wire loop, ms."""
    ta: float = 0.0
    """Absolute one-way delay, ms; 0 to 500."""
    mt: float = 100.0
    """Minimum perceivable delay, ms."""
    st: float = 1.0
    """Delay sensitivity; 1 is the default class."""
    ie: float = 0.0
    """Equipment impairment factor of the codec."""
    bpl: float = 4.3
    """Packet-loss robustness factor of the codec."""
    ppl: float = 0.0
    """Packet loss, percent; 0 to 20."""
    burst_ratio: float = 1.0
    """Mean burst length over that of random loss; 1 to 8, above 2 only with less than 2 % loss."""
    advantage: float = 0.0
    """Advantage factor A."""


@value_class(frozen=True, slots=True)
class Rating:
    """R and what it is made of (G.107 7-1): R = Ro - Is - Idte - Idle - Idd - Ie,eff + A."""

    r: float
    ro: float
    simultaneous: float
    """Is."""
    talker_echo: float
    """Idte."""
    listener_echo: float
    """Idle."""
    delay: float
    """Idd."""
    equipment: float
    """Ie,eff."""


def rating(p: Parameters) -> Rating:
    """Calculate R from all parameters (G.107 clause 7)."""
    no = _noise(p)
    ro = 15 - 1.5 * (p.slr + no)
    sidetone = _sidetone_impairment(p)
    simultaneous = _loudness_impairment(p, no) + sidetone + _quantization_impairment(p, ro)
    talker_echo = _talker_echo_impairment(p, no, sidetone)
    rle = 10.5 * (p.wepl + 7) * (p.tr + 1) ** -0.25
    listener_echo = (ro - rle) / 2 + sqrt((ro - rle) ** 2 / 4 + 169)
    delay = delay_impairment(p.ta, mt=p.mt, st=p.st)
    equipment = loss_impairment(p.ie, p.bpl, p.ppl, p.burst_ratio)
    r = ro - simultaneous - talker_echo - listener_echo - delay - equipment + p.advantage
    return Rating(r, ro, simultaneous, talker_echo, listener_echo, delay, equipment)


def delay_impairment(ta: float, *, mt: float = 100.0, st: float = 1.0) -> float:
    """Idd for an absolute one-way delay of `ta` ms (G.107 7-27, 7-28)."""
    if ta <= mt:
        return 0.0
    x = log2(ta / mt)
    power = 6 * st
    return 25 * (_norm(x, power) - 3 * _norm(x / 3, power) + 2)


def loss_impairment(
    ie: float, bpl: float, ppl: float, burst_ratio: float = 1.0, *, ceiling: float = NARROWBAND.loss_ceiling
) -> float:
    """Ie,eff for `ppl` percent of packets lost (G.107 7-29)."""
    if ppl <= 0:
        return ie
    return ie + (ceiling - ie) * ppl / (ppl / burst_ratio + bpl)


def mos(r: float) -> float:
    """Mean opinion score, 1 to 4.5, of a rating on the narrowband scale (G.107 annex B)."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    # The cubic dips below 1 for R under 6.5; an opinion score cannot.
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def _norm(x: float, power: float) -> float:
    """(1 + x^p)^(1/p), the soft maximum of 1 and x that the E-model bends its curves with."""
    return math.pow(1 + math.pow(x, power), 1 / power)


def _power_sum(*levels: float) -> float:
    return 10 * log10(sum(10 ** (level / 10) for level in levels))


def _noise(p: Parameters) -> float:
    """No: all noise sources together, referred to the 0 dBr point (7-3 to 7-7)."""
    olr = p.slr + p.rlr
    nos = p.ps - p.slr - p.ds - 100 + 0.004 * (p.ps - olr - p.ds - 14) ** 2
    pre = p.pr + 10 * log10(1 + 10 ** ((10 - p.lstr) / 10))
    nor = p.rlr - 121 + pre + 0.008 * (pre - 35) ** 2
    return _power_sum(p.nc, nos, nor, p.nfor + p.rlr)


def _loudness_impairment(p: Parameters, no: float) -> float:
    """Iolr: too loud a connection (7-9, 7-10)."""
    x = (p.slr + p.rlr + 0.2 * (64 + no - p.rlr)) / 8
    return 20 * (_norm(x, 8) - x)


def _sidetone_impairment(p: Parameters) -> float:
    """Ist: sidetone too loud or too faint (7-11, 7-12)."""
    stmro = -10 * log10(10 ** (-p.stmr / 10) + exp(-p.t / 4) * 10 ** (-p.telr / 10))
    return 12 * _norm((stmro - 13) / 6, 8) - 28 * _norm((stmro + 1) / 19.4, 35) - 13 * _norm((stmro - 3) / 33, 13) + 29


def _quantization_impairment(p: Parameters, ro: float) -> float:
    """Iq: quantizing distortion (7-13 to 7-17)."""
    q = 37 - 15 * log10(p.qdu)
    g = 1.07 + 0.258 * q + 0.0602 * q**2
    y = (ro - 100) / 15 + 46 / 8.4 - g / 9
    z = 46 / 30 - g / 40
    return 15 * log10(1 + 10**y + 10**z)


def _talker_echo_impairment(p: Parameters, no: float, sidetone: float) -> float:
    """Idte: hearing oneself (7-19 to 7-24), with its dependence on the sidetone."""
    if p.t < 1:
        return 0.0
    terv = p.telr - 40 * log10((1 + p.t / 10) / (1 + p.t / 150)) + 6 * exp(-0.3 * p.t**2)
    if p.stmr < 9:
        terv += sidetone / 2
    roe = -1.5 * (no - p.rlr)
    re = 80 + 2.5 * (terv - 14)
    idte = ((roe - re) / 2 + sqrt((roe - re) ** 2 / 4 + 100) - 1) * (1 - exp(-p.t))
    return sqrt(idte**2 + sidetone**2) if p.stmr > 20 else idte
