"""Configuration sections to the constructor arguments of endpoints and media: values only, nothing is opened here."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from media.play.countries import tones_of
from media.quality.codecs import CodecFactors, CodecImpairment
from media.quality.emodel import SCALES
from media.quality.watch import Thresholds
from media.settings import MediaSettings
from softswitch.b2bua.codec_choice import why_not_coded
from softswitch.b2bua.terms import NOISE_REDUCTION_DB, MediaTerms
from softswitch.callflow.sounds import NetworkTones
from softswitch.dialplan.route import Conference, Dial, Music, Play, Record, Say
from softswitch.endpoints.authentication import PhoneAccount
from softswitch.endpoints.network import Source
from softswitch.endpoints.trunk import NextHop, Trunk
from softswitch.sdp.codec import KNOWN_CODECS
from softswitch.sdp.crypto import SrtpPolicy
from softswitch.sdp.extended_reports import XrPolicy
from softswitch.sdp.opus import parameters_of
from softswitch.sip.digest import Credentials
from softswitch.sip.grammar import HOST
from softswitch.sip.headers import NameAddr
from softswitch.sip.parameters import NO_PARAMETERS
from softswitch.sip.uri import Uri, escape_user
from softswitch.speech.espeak import Espeak
from softswitch.speech.piper import Piper
from softswitch.speech.speaker import engines_of_others
from softswitch.streams.connection import StreamTarget
from softswitch.streams.messages import AudioFormat
from softswitch.transport.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config import schema
    from config.load import Settings
    from softswitch.dialplan.route import Clip, HoldMusic
    from softswitch.dialplan.rules import Dialplan
    from softswitch.sdp.codec import Codec
    from softswitch.speech.engine import SpeechEngine


def listeners(settings: Settings) -> list[Listener]:
    """The SIP sockets to open."""
    advertised = settings.node.advertised_address or ""
    return [
        Listener(listen.transport.upper(), listen.address, listen.port, advertised) for listen in settings.sip.listen
    ]


def media(settings: Settings) -> MediaSettings:
    """What the engine is told."""
    section, quality = settings.media, settings.quality
    return MediaSettings(
        address=section.address,
        port_first=section.ports.first,
        port_last=section.ports.last,
        workers=section.workers,
        priority=section.priority,
        media_timeout=section.timeout,
        latch_window=section.latch_window,
        jitter_buffer=section.jitter_buffer,
        opus_complexity=section.opus_complexity,
        mask_digits=settings.recording.mask_digits,
        codec_factors=CodecFactors({name: _impairment(name, each) for name, each in quality.codecs.items()}),
        thresholds=Thresholds(
            weak_below=quality.weak_below,
            good_from=quality.good_from,
            loss_percent=quality.loss_limit,
            one_way_ms=quality.latency_limit * 1000,
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


def codecs(section: schema.Trunk | schema.Phones) -> tuple[Codec, ...]:
    """Its codecs, best first, Opus with what is asked of it."""
    wanted = section.opus
    opus = parameters_of(wanted.bandwidth, fec=wanted.fec, dtx=wanted.dtx, cbr=wanted.cbr)
    return tuple(
        replace(codec, fmtp=opus.fmtp) if codec.name == "opus" else codec for codec in map(_codec, section.codecs)
    )


def _codec(name: str) -> Codec:
    """`L16/16000` is L16 at another clock rate."""
    plain, _, rate = name.partition("/")
    codec = KNOWN_CODECS[plain.lower()]
    return replace(codec, clock_rate=int(rate)) if rate else codec


def only_relayed(settings: Settings) -> list[str]:
    """For each codec in use that cannot be transcoded on this machine: who has it, and which library is missing."""
    sections: dict[str, schema.Trunk | schema.Phones] = {
        **{f"trunk:{name}": trunk for name, trunk in settings.trunks.items()},
        "phones": settings.phones,
    }
    users: dict[tuple[str, str], list[str]] = {}
    for where, section in sections.items():
        for codec in codecs(section):
            why = why_not_coded(codec)
            if why is not None:
                users.setdefault((codec.name, why), []).append(where)
    return [
        f"{codec} can only be relayed, not transcoded ({', '.join(where)}): {why}"
        for (codec, why), where in users.items()
    ]


def terms(section: schema.Trunk | schema.Phones) -> MediaTerms:
    """What media a trunk, or the phones, may have."""
    return MediaTerms(
        codecs=codecs(section),
        ptime=None if section.ptime is None else round(section.ptime * 1000),
        srtp=SrtpPolicy(section.srtp, tuple(section.srtp_suites)),
        rtcp_xr=XrPolicy(section.rtcp_xr),
        dtmf=section.dtmf,
        reduce_noise=NOISE_REDUCTION_DB if section.noise_reduction else 0,
    )


def phone_terms(settings: Settings) -> dict[str, MediaTerms]:
    """What media each phone may have, by its user name."""
    common = terms(settings.phones)
    return {
        user: common if phone.srtp is None else replace(common, srtp=SrtpPolicy(phone.srtp, common.srtp.suites))
        for user, phone in settings.phones.users.items()
    }


def trunks(settings: Settings) -> dict[str, Trunk]:
    """The trunks by name."""
    return {name: _trunk(name, section) for name, section in settings.trunks.items()}


def accounts(settings: Settings) -> list[PhoneAccount]:
    """The phones that may register."""
    return [PhoneAccount(user, phone.password.reveal()) for user, phone in settings.phones.users.items()]


def phone_domain(settings: Settings) -> str:
    """The host in the phones' addresses: the realm, where that is a name and not a sentence."""
    realm = settings.phones.realm
    return realm if re.fullmatch(HOST, realm) else settings.node.advertised_address or "phones.invalid"


def identities(settings: Settings) -> Mapping[str, NameAddr]:
    """How each phone is presented to whom it calls."""
    domain = phone_domain(settings)
    return {
        user: NameAddr(
            phone.display_name or "", Uri("sip", escape_user(phone.caller_id or user), domain), NO_PARAMETERS
        )
        for user, phone in settings.phones.users.items()
    }


def prompt_files(dialplan: Dialplan, hold: Mapping[str, HoldMusic | None]) -> list[str]:
    """Every file that some rule, or somebody on hold, may hear, once."""
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
    for music in hold.values():
        if music is not None:
            clips += (*music.files, *music.announce)
    return list(dict.fromkeys(clip for clip in clips if isinstance(clip, str)))


def texts(dialplan: Dialplan, hold: Mapping[str, HoldMusic | None]) -> list[Say]:
    """Everything that some rule, or somebody on hold, may hear said, once."""
    found: list[Clip] = []
    for rule in dialplan.rules:
        for action in rule.route.actions:
            if isinstance(action, Play):
                found += action.clips
            elif isinstance(action, Music | Conference):
                found += action.announce
    for music in hold.values():
        found += music.announce if music is not None else ()
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


def every_codec(settings: Settings) -> list[str]:
    """Names of the codecs that somebody here may listen in."""
    sections: list[schema.Trunk | schema.Phones] = list(settings.trunks.values())
    if settings.phones.users:
        sections.append(settings.phones)
    return list(dict.fromkeys(codec.name for section in sections for codec in codecs(section)))


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


def _trunk(name: str, section: schema.Trunk) -> Trunk:
    credentials = None
    if section.username is not None and section.password is not None:
        credentials = Credentials(section.username, section.password.reveal(), section.realm)
    return Trunk(
        name=name,
        sources=tuple(Source.parse(str(source)) for source in section.sources),
        next_hops=tuple(NextHop(hop.host, hop.port, hop.transport.upper()) for hop in section.destinations),
        terms=terms(section),
        credentials=credentials,
        from_domain=section.from_domain,
        max_channels=section.max_channels,
    )
