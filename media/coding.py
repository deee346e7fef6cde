"""Which decoders and encoders a leg needs now, made here and lent to its worker.

A leg that is only relayed needs none, and has no voice. One that is connected to a leg it shares no format with gets
decoders for what the other cannot take, and the other an encoder. Whoever else needs a leg as audio (a room, live
encoding, tone detection) says so with `need`.

Coders are lent by a token. The worker tells when it has let go of a token; only then are its coders used again or
freed. They are made on the event loop's thread, never in the packet path, and kept for the next call. Of those that
remember nothing (G.711, L16) one serves all legs, and so never leaves the cache.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from audiocodecs.coding import (
    SAMPLE_RATES,
    CodecUnavailable,
    Decoder,
    Encoder,
    why_no_noise_reduction,
    why_unavailable,
)
from audiocodecs.registry import codec_by_name

from media.commands import PLAIN_ENCODING
from media.value import value_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from media.commands import Encoding, PayloadFormat
    from media.engine import EngineCore
    from media.legs import LegRecord

_NOT_AUDIO = {"TELEPHONE-EVENT", "CN"}
_G711 = {"PCMA", "PCMU"}
_RATES = {"OPUS": (8000, 16000, 24000, 48000), "G722": (8000, 16000)}
"""Of PCM, of codecs that have several: those the resampler knows as well. G.722 at 8 kHz leaves its upper band out."""
_WIDE = 16000
"""Hz, where neither side prescribes a rate."""
_NOISE_RATE = 8000
_KEPT = 64
"""Idle coders of one kind."""


@value_class(frozen=True, slots=True)
class Need:
    """A leg as audio of `rate` Hz: `hear` what its far end says, `speak` to it.

    `paced`: what it says is pulled steadily, through a jitter buffer (voice_pull), rather than decoded on arrival.
    """

    rate: int
    hear: bool = True
    speak: bool = True
    paced: bool = False


@value_class(frozen=True, slots=True)
class Coder:
    """One decoder or encoder as it is asked for; `codec` in capitals, rates in Hz, `encoding` None for decoders.

    `reduce_noise`: dB by which a decoder lowers steady noise.
    """

    codec: str
    sample_rate: int
    clock_rate: int
    encoding: Encoding | None
    reduce_noise: int = 0

    @property
    def kind(self) -> Coder:
        """What it is made as; how it encodes can be changed between calls."""
        return self if self.encoding is None else replace(self, encoding=PLAIN_ENCODING)


@value_class(frozen=True, slots=True)
class Plan:
    """What a leg is to have; `voiced`: a voice even without coders."""

    decoders: tuple[Coder, ...] = ()
    encoder: Coder | None = None
    paced: bool = False
    voiced: bool = False


def _own_rate(format_: PayloadFormat) -> int | None:
    """The only sampling rate of a format's PCM; None when the codec has several."""
    name = format_.name.upper()
    known = codec_by_name(name)
    if known is None or name in _RATES:
        return None
    return format_.clock_rate if name == "L16" else known.sample_rate


def _rate_towards(format_: PayloadFormat, wanted: int) -> int:
    """The rate to open this format's coder at, so that `wanted` needs no resampling if that can be."""
    rates = _RATES.get(format_.name.upper(), ())
    return _own_rate(format_) or next((rate for rate in rates if rate >= wanted), rates[-1] if rates else wanted)


def _coder(format_: PayloadFormat, wanted: int, *, encodes: bool, reduce_noise: int = 0) -> Coder:
    encoding = format_.encoding if encodes else None
    if encoding is not None and _own_rate(format_) is None:
        rates = _RATES.get(format_.name.upper(), ())
        wanted = min(wanted, max((rate for rate in rates if rate <= encoding.highest_rate), default=8000))
    return Coder(format_.name.upper(), _rate_towards(format_, wanted), format_.clock_rate, encoding, reduce_noise)


def _is_carried(format_: PayloadFormat, target: LegRecord) -> bool:
    """Whether the bridge can relay it, as it is or by the A-law/mu-law table."""
    name, rate = format_.name.upper(), format_.clock_rate
    wanted = _G711 if name in _G711 else {name}
    return any(each.clock_rate == rate and each.name.upper() in wanted for each in target.send)


_NOTHING = Plan()


class Coding:
    """Lends coders to legs; every method may be called again with nothing new to say."""

    def __init__(
        self,
        core: EngineCore,
        on_unavailable: Callable[[str], None],
        *,
        opus_complexity: int,
        opus_complexity_at_loss: int,
    ) -> None:
        self._core = core
        self._on_unavailable = on_unavailable
        self._opus_complexity = opus_complexity
        self._opus_complexity_at_loss = opus_complexity_at_loss
        self._tokens = count(1, 2)  # odd: other tokens of a leg are addresses
        self._idle: dict[Coder, deque[Decoder | Encoder]] = {}
        self._shared: dict[Coder, Decoder | Encoder] = {}
        self._refused: set[str] = set()

    # -- what changes ------------------------------------------------------------------------------------------

    def formats_changed(self, record: LegRecord) -> None:
        """After SetFormats: the leg's own needs, and its partner's."""
        self._settle(record)
        if record.partner is not None:
            self._settle(record.partner)

    def connect(self, a: LegRecord, b: LegRecord) -> None:
        """After Connect, which parts both from whomever they were connected to."""
        if a is b or a.partner is b:
            return
        parted = [each.partner for each in (a, b) if each.partner is not None]
        for each in parted:
            each.partner = None
        a.partner, b.partner = b, a
        for each in (*parted, a, b):
            self._settle(each)

    def disconnect(self, a: LegRecord, b: LegRecord) -> None:
        """After Disconnect."""
        if a.partner is b and a is not b:
            a.partner = b.partner = None
            self._settle(a)
            self._settle(b)

    def reduce_noise(self, record: LegRecord, depth: int) -> None:
        """What the leg's far end says is decoded with less noise from now on (dB; 0: as it comes)."""
        why = why_no_noise_reduction() if depth else None
        if why is not None:
            self._refuse("noise reduction", f"noise is not reduced: {why}")
            return
        record.reduce_noise = depth
        self.formats_changed(record)

    def silent(self, record: LegRecord) -> None:
        """The leg's far end stops sending in pauses, and its partner cannot be told: noise is to be said to that."""
        record.silent = True
        self._settle(record)
        if record.partner is not None:
            self._settle(record.partner)

    def need(self, record: LegRecord, why: str, need: Need | None) -> None:
        """Something beside the bridge needs the leg as audio, until it says None for the same `why`."""
        if need is None:
            record.needs.pop(why, None)
        else:
            record.needs[why] = need
        self._settle(record)

    def released(self, record: LegRecord, token: int) -> bool:
        """The worker has let go of what was lent as `token`; False when that is no token of ours."""
        lent = record.coders.pop(token, None)
        if lent is None:
            return False
        for coder, made in lent.items():
            if not any(made is each.get(coder) for each in record.coders.values()):
                self._put_away(coder, made)
        return True

    def gone(self, record: LegRecord) -> None:
        """The leg is reaped: nothing of it is in use any more."""
        if record.partner is not None:
            partner, record.partner.partner, record.partner = record.partner, None, None
            self._settle(partner)
        for token in list(record.coders):
            self.released(record, token)

    # -- what follows ------------------------------------------------------------------------------------------

    def _settle(self, record: LegRecord) -> None:
        plan = self._plan(record)
        former = record.plan or _NOTHING
        if plan == former:
            return
        # What the worker has not let go of yet may be lent again: it is the same worker, and one set at a time.
        before = {coder: each for lent in record.coders.values() for coder, each in lent.items()}
        wanted = plan.decoders if plan.encoder is None else (*plan.decoders, plan.encoder)
        lent = {coder: before.get(coder) or self._take(coder) for coder in wanted}
        made = {coder: each for coder, each in lent.items() if each is not None}
        if not self._core.make_voice(record.leg):
            return
        token = next(self._tokens)
        addresses = [made[coder].address for coder in plan.decoders if coder in made]
        speaks = made[plan.encoder].address if plan.encoder in made else 0
        self._core.set_coders(record.leg, token, addresses, speaks)
        if plan.paced != former.paced:
            self._core.set_playout(record.leg, plan.paced)
        record.coders[token] = made
        record.plan = plan

    def _plan(self, record: LegRecord) -> Plan:
        decoders: dict[str, Coder] = {}
        encoder: Coder | None = None
        for rate, hear, speak in self._wants(record):
            for each in hear:
                decoder = _coder(each, rate, encodes=False, reduce_noise=record.reduce_noise)
                decoders.setdefault(f"{each.name}/{each.clock_rate}".upper(), decoder)
            spoken = self._spoken(record) if speak and encoder is None else None
            if spoken is not None:
                encoder = _coder(spoken, rate, encodes=True)
        return Plan(tuple(decoders.values()), encoder, any(need.paced for need in record.needs.values()), record.silent)

    def _wants(self, record: LegRecord) -> Iterable[tuple[int, list[PayloadFormat], bool]]:
        """(rate, formats to decode, whether to encode) for each reason there is."""
        for need in record.needs.values():
            yield need.rate, self._codable(record.receive) if need.hear else [], need.speak
        partner = record.partner
        if partner is None:
            return
        hear = self._decoded(record, partner)
        spoken = self._spoken(partner) if hear else None
        if spoken is not None:
            yield _own_rate(spoken) or _own_rate(hear[0]) or _WIDE, hear, False
        said = self._decoded(partner, record)
        spoken = self._spoken(record) if said else None
        if spoken is not None:
            yield _own_rate(said[0]) or _own_rate(spoken) or _WIDE, [], True
        elif partner.silent or (partner.sends_events and record.hears_tones):
            yield _NOISE_RATE, [], True

    def _decoded(self, source: LegRecord, target: LegRecord) -> list[PayloadFormat]:
        """The formats of `source` that must be decoded for `target`.

        G.711 of another packet time is packed anew, which loses nothing; other codecs keep their packets: ptime is
        only a wish (RFC 8866 6.4).
        """
        repack = source.ptime != target.ptime and any(each.name.upper() in _G711 for each in target.send)
        return self._codable(
            each
            for each in source.receive
            if source.reduce_noise or not _is_carried(each, target) or (repack and each.name.upper() in _G711)
        )

    def _spoken(self, record: LegRecord) -> PayloadFormat | None:
        """The best format we may send that can be encoded here."""
        return next(iter(self._codable(record.send)), None)

    def _codable(self, formats: Iterable[PayloadFormat]) -> list[PayloadFormat]:
        """The audio among the formats that can be decoded and encoded here; why the rest cannot is told, once."""
        found = []
        for each in formats:
            name = each.name.upper()
            if name in _NOT_AUDIO or name in self._refused:
                continue
            why = why_unavailable(name)
            if why is None:
                # L16 of a rate that nothing here resamples (RFC 3551's 44.1 kHz) is relayed; its other rates are coded.
                if name != "L16" or each.clock_rate in SAMPLE_RATES[name]:
                    found.append(each)
            else:
                self._refuse(name, str(CodecUnavailable(name, why)))
        return found

    def _refuse(self, what: str, why: str) -> None:
        if what not in self._refused:
            self._refused.add(what)
            self._on_unavailable(why)

    # -- coders ------------------------------------------------------------------------------------------------

    def _take(self, coder: Coder) -> Decoder | Encoder | None:
        """The coder that all share, an idle or a new one; None, and told once, when this machine has none."""
        made = self._shared.get(coder.kind)
        if made is not None:
            return made
        idle = self._idle.get(coder.kind)
        made = idle.pop() if idle else None
        try:
            made = self._configured(coder, made)
            if made.memoryless:
                self._shared[coder.kind] = made
            return made
        except CodecUnavailable as error:
            self._refuse(error.codec, str(error))
        except ValueError as error:
            self._refuse(coder.codec, str(CodecUnavailable(coder.codec, str(error))))
        return None

    def _configured(self, coder: Coder, made: Decoder | Encoder | None) -> Decoder | Encoder:
        """The coder that was idle, or a new one, as it is asked for."""
        encoding = coder.encoding
        if encoding is None:
            return made or Decoder(coder.codec, coder.sample_rate, reduce_noise=coder.reduce_noise)
        if not isinstance(made, Encoder):
            made = Encoder(coder.codec, coder.sample_rate)
        made.configure(
            bitrate=encoding.bitrate,
            complexity=self._opus_complexity,
            lossy_complexity=self._opus_complexity_at_loss,
            fec=encoding.fec,
            dtx=encoding.dtx,
            cbr=encoding.cbr,
        )
        return made

    def _put_away(self, coder: Coder, made: Decoder | Encoder) -> None:
        """Keep it for the next call, unless all share it, or it has learnt the noise of this one."""
        if coder.reduce_noise or made.memoryless:
            return
        idle = self._idle.setdefault(coder.kind, deque(maxlen=_KEPT))
        made.reset()
        if isinstance(made, Encoder):
            made.expect_loss(0)
        idle.append(made)
