"""Configuration sections to the constructor arguments of endpoints and media: values only, nothing is opened here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.play.countries import tones_of
from media.quality.codecs import CodecFactors, CodecImpairment
from media.quality.emodel import SCALES
from media.quality.watch import Thresholds
from media.settings import MOST_VIDEO, MediaSettings
from softswitch.callflow.sounds import NetworkTones
from softswitch.contact_center.call_link import Kind, Routing, Validity
from softswitch.contact_center.call_link_wish import Defaults
from softswitch.dialplan.route import Conference, Dial, Music, Play, Record, Say
from softswitch.endpoints.admission import CALLS_PER_WORKER, Envelope
from softswitch.endpoints.callers import CallerLimits
from softswitch.speech.espeak import Espeak
from softswitch.speech.piper import Piper
from softswitch.speech.speaker import engines_of_others
from softswitch.streams.connection import StreamTarget
from softswitch.streams.messages import AudioFormat
from softswitch.time_condition import TimeCondition
from softswitch.transport.listener import Listener
from softswitch.webrtc.ice.state import Pace
from softswitch.webrtc.settings import WebSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config import schema
    from config.load import Settings
    from softswitch.dialplan.route import Clip, HoldMusic
    from softswitch.dialplan.rules import Dialplan
    from softswitch.speech.engine import SpeechEngine


def listeners(settings: Settings) -> list[Listener]:
    """The SIP sockets to open."""
    advertised = settings.node.advertised_address or ""
    return [
        Listener(listen.transport.upper(), listen.address, listen.port, advertised) for listen in settings.sip.listen
    ]


def call_link_defaults(settings: Settings) -> Defaults:
    """What holds for call links of which nothing else is said."""
    section = settings.call_links
    hours = section.hours
    return Defaults(
        kind=Kind(section.kind),
        validity=Validity(section.type),
        routing=Routing(section.routing),
        destination=section.destination or "",
        title=section.title,
        valid_for=section.valid_for,
        longest=section.longest,
        hours=None
        if hours is None
        else TimeCondition(hours.timezone or settings.dialplan.timezone, hours.days, hours.from_, hours.to),
    )


def envelope(settings: Settings) -> Envelope:
    """How much the node takes on."""
    section = settings.limits
    return Envelope(
        calls=CALLS_PER_WORKER * settings.media.workers if section.max_calls is None else section.max_calls,
        calls_per_second=section.calls_per_second,
        loop_lag=section.loop_lag,
        media_load=section.media_load,
        retry_after=round(section.retry_after),
    )


def caller_limits(settings: Settings) -> CallerLimits:
    """What one caller may do over trunks."""
    section = settings.limits.callers
    return CallerLimits(section.concurrent, section.calls_per_day, section.minutes_per_day)


def media(settings: Settings) -> MediaSettings:
    """What the engine is told."""
    section, quality = settings.media, settings.quality
    return MediaSettings(
        address=section.address,
        port_first=section.ports.first,
        port_last=section.ports.last,
        browser_port=settings.webrtc.port,
        browser_ports=(ports.first, ports.last) if (ports := settings.webrtc.ports) is not None else None,
        workers=section.workers,
        priority=section.priority,
        media_timeout=section.timeout,
        latch_window=section.latch_window,
        jitter_buffer=section.jitter_buffer,
        opus_complexity=section.opus_complexity,
        opus_complexity_at_loss=section.opus_complexity_at_loss,
        mask_digits=settings.recording.mask_digits,
        video_kbit=MOST_VIDEO if settings.webrtc.video_kbit is None else settings.webrtc.video_kbit * 3 // 2,
        record_video=settings.recording.video == "video",
        codec_factors=CodecFactors({name: _impairment(name, each) for name, each in quality.codecs.items()}),
        thresholds=Thresholds(
            weak_below=quality.weak_below,
            good_from=quality.good_from,
            loss_percent=quality.loss_limit,
            one_way_ms=quality.latency_limit * 1000,
        ),
    )


def browsers(settings: Settings) -> WebSettings:
    """What browsers' transports are told."""
    section = settings.webrtc
    return WebSettings(
        lite=section.ice == "lite",
        addresses=section.addresses,
        suites=section.srtp_suites,
        pace=Pace(
            connect=section.connect_timeout,
            consent_interval=section.consent.interval,
            consent_timeout=section.consent.timeout,
        ),
    )


def _impairment(name: str, section: schema.CodecFactors) -> CodecImpairment:
    """An operator's values for a codec."""
    return CodecImpairment(
        section.ie,
        section.bpl,
        section.look_ahead * 1000,
        "assumed",
        section.source or f"quality.codecs.{name}",
        SCALES[section.scale],
    )


def media_address(settings: Settings) -> str:
    """The address in SDP; "": the one SIP uses towards the same peer."""
    section = settings.media
    given = section.advertised_address or settings.node.advertised_address
    return given or ("" if section.address in ("0.0.0.0", "::") else section.address)  # noqa: S104  compared with


def prompt_files(dialplan: Dialplan, music: Iterable[HoldMusic | None]) -> list[str]:
    """Every file that some rule, or whoever waits for somebody, may hear, once."""
    clips: list[Clip] = []
    for rule in dialplan.rules:
        for action in rule.route.actions:
            match action:
                case Play():
                    clips += action.clips
                case Conference():
                    clips += (*action.music, *action.announce)
                case Music():
                    clips += (*action.files, *action.announce)
                case Dial():
                    clips += action.ringback.files
                case _:
                    pass
    for each in music:
        if each is not None:
            clips += (*each.files, *each.announce)
    return list(dict.fromkeys(clip for clip in clips if isinstance(clip, str)))


def texts(dialplan: Dialplan, music: Iterable[HoldMusic | None]) -> list[Say]:
    """Everything that some rule, or whoever waits for somebody, may hear said, once."""
    found: list[Clip] = []
    for rule in dialplan.rules:
        for action in rule.route.actions:
            if isinstance(action, Play):
                found += action.clips
            elif isinstance(action, Music | Conference):
                found += action.announce
    for each in music:
        found += each.announce if each is not None else ()
    return list(dict.fromkeys(clip for clip in found if isinstance(clip, Say)))


def tones(settings: Settings) -> NetworkTones:
    """Those of the node's country."""
    found = tones_of(settings.node.country, settings.dialplan.numbering.country_code)
    return NetworkTones(
        ringback=found.ringback,
        busy=found.busy,
        congestion=found.congestion,
        special_information=found.special_information,
    )


def speech_engines(settings: Settings) -> dict[str, SpeechEngine]:
    """Ours, and those of installed packages. Raises SpeechError naming one that does not load."""
    piper = settings.speech.piper
    return {"espeak-ng": Espeak(), "piper": Piper(piper.voices, piper.program), **engines_of_others()}


def stream_targets(settings: Settings) -> dict[str, StreamTarget]:
    """The WebSocket servers that may take part in calls, by name."""
    return {
        name: StreamTarget(
            name,
            section.url,
            AudioFormat(section.encoding, section.rate),
            "" if section.token is None else section.token.reveal(),
            section.connect_timeout,
        )
        for name, section in settings.streams.items()
    }


def records(dialplan: Dialplan) -> bool:
    """Whether some rule has calls recorded, whatever the node's own setting is."""
    return any(
        (isinstance(action, Dial) and bool(action.record)) or (isinstance(action, Record) and action.enabled)
        for rule in dialplan.rules
        for action in rule.route.actions
    )
