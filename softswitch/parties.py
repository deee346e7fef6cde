"""Trunks and phones from their configuration sections: values only, nothing is opened here."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from config.registration_schema import Registration as RegistrationSection
from softswitch import stir_settings
from softswitch.b2bua.channels import Capacity
from softswitch.b2bua.codec_choice import why_not_coded
from softswitch.b2bua.destination import OutwardPolicy
from softswitch.b2bua.header_policy import HeaderTable
from softswitch.b2bua.presentation import OwnNumbers, Presentation
from softswitch.b2bua.terms import NOISE_REDUCTION_DB, MediaTerms
from softswitch.b2bua.transfer import TransferPolicy, TransferRules
from softswitch.b2bua.web import WebTerms
from softswitch.dialplan.number_format import NumberFormat
from softswitch.dialplan.numbers import Numbering
from softswitch.endpoints.authentication import ALGORITHMS, Account
from softswitch.endpoints.identity import IdentityRules, account_origin
from softswitch.endpoints.limits import TrunkLimits
from softswitch.endpoints.network import Source
from softswitch.endpoints.probe import ProbePolicy
from softswitch.endpoints.rates import Rates
from softswitch.endpoints.selection import IN_ORDER, HopPolicy, RankedHop
from softswitch.endpoints.tls_identities import ANY_TRANSPORT, TrunkTls
from softswitch.endpoints.toll import NO_POLICY, TollPolicy
from softswitch.endpoints.trunk import Trunk
from softswitch.endpoints.trunk_registration import RegistrationPolicy
from softswitch.sdp.codec import KNOWN_CODECS
from softswitch.sdp.crypto import SrtpPolicy
from softswitch.sdp.extended_reports import XrPolicy
from softswitch.sdp.opus import parameters_of
from softswitch.sip.digest import Credentials, hashed
from softswitch.sip.grammar import HOST
from softswitch.sip.headers import NameAddr
from softswitch.sip.parameters import NO_PARAMETERS
from softswitch.sip.registration.state import Pace
from softswitch.sip.session.terms import SessionTerms, TimerTerms
from softswitch.sip.uri import Uri, escape_user
from softswitch.transport.dns import Names
from softswitch.transport.listener import is_address
from softswitch.transport.next_hop import NextHop
from softswitch.transport.tls import UNVERIFIED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from config.identity_schema import HeaderRules
    from config.load import Settings
    from config.phone_schema import Phone as PhoneSection
    from config.phone_schema import Phones as PhonesSection
    from config.trunk_schema import Trunk as TrunkSection
    from config.values import NextHop as NextHopValue
    from softswitch.b2bua.attestation import Attestor
    from softswitch.b2bua.origin import Origin
    from softswitch.b2bua.presentation import IdentityHeader
    from softswitch.endpoints.network import Network
    from softswitch.sdp.codec import Codec
    from softswitch.sdp.opus import OpusParameters


def codecs(section: TrunkSection | PhonesSection) -> tuple[Codec, ...]:
    """Its codecs, best first, Opus with what is asked of it."""
    wanted = section.opus
    return _codecs(section.codecs, parameters_of(wanted.bandwidth, fec=wanted.fec, dtx=wanted.dtx, cbr=wanted.cbr))


def _codecs(names: Iterable[str], opus: OpusParameters) -> tuple[Codec, ...]:
    return tuple(replace(codec, fmtp=opus.fmtp) if codec.name == "opus" else codec for codec in map(_codec, names))


def _codec(name: str) -> Codec:
    """`L16/16000` is L16 at another clock rate."""
    plain, _, rate = name.partition("/")
    codec = KNOWN_CODECS[plain.lower()]
    return replace(codec, clock_rate=int(rate)) if rate else codec


def only_relayed(settings: Settings) -> list[str]:
    """For each codec in use that cannot be transcoded on this machine: who has it, and which library is missing."""
    sections: dict[str, TrunkSection | PhonesSection] = {
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


def every_codec(settings: Settings) -> list[str]:
    """Names of the codecs that somebody here may listen in."""
    sections: list[TrunkSection | PhonesSection] = list(settings.trunks.values())
    if settings.phones.users:
        sections.append(settings.phones)
    return list(dict.fromkeys(codec.name for section in sections for codec in codecs(section)))


def terms(section: TrunkSection | PhonesSection) -> MediaTerms:
    """What media a trunk, or the phones, may have."""
    return MediaTerms(
        codecs=codecs(section),
        ptime=None if section.ptime is None else round(section.ptime * 1000),
        srtp=SrtpPolicy(section.srtp, tuple(section.srtp_suites)),
        rtcp_xr=XrPolicy(section.rtcp_xr),
        dtmf=section.dtmf,
        reduce_noise=NOISE_REDUCTION_DB if section.noise_reduction else 0,
    )


def web_terms(settings: Settings) -> WebTerms:
    """What the phones' browsers may have."""
    section = settings.webrtc
    opus = parameters_of(section.bandwidth, fec=True, dtx=True, cbr=False)
    return WebTerms(codecs=_codecs(section.codecs, opus), reconnect=section.reconnect, video_kbit=section.video_kbit)


def phone_terms(settings: Settings) -> dict[str, MediaTerms]:
    """What media each phone may have, by its user name."""
    common = replace(terms(settings.phones), web=web_terms(settings))
    return {
        user: common if phone.srtp is None else replace(common, srtp=SrtpPolicy(phone.srtp, common.srtp.suites))
        for user, phone in settings.phones.users.items()
    }


def transfer_rules(settings: Settings) -> TransferRules:
    """What holds for every transfer."""
    section = settings.transfer
    return TransferRules(
        TransferPolicy(refer=settings.phones.transfer.refer == "accept"), section.on_failure, section.ring_for
    )


def session_terms(section: TrunkSection | PhonesSection) -> SessionTerms:
    """What SIP extensions a trunk, or the phones, may use in a call."""
    timer = section.session_timer
    wanted = TimerTerms(round(timer.expires), round(timer.minimum), timer.refresher) if timer.enabled else None
    return SessionTerms(reliable=section.reliable_provisional, timer=wanted)


def trunks(settings: Settings) -> dict[str, Trunk]:
    """The trunks by name."""
    numbering = _numbering(settings)
    attestor = stir_settings.attestor(settings)
    return {name: _trunk(name, section, numbering, attestor) for name, section in settings.trunks.items()}


def _trunk(name: str, section: TrunkSection, numbering: Numbering, attestor: Attestor | None) -> Trunk:
    credentials = None
    if section.username is not None and section.password is not None:
        credentials = Credentials(section.username, section.password.reveal(), section.realm)
    registration = None
    if section.type == "authenticated":
        credentials = None  # what it proves itself with is not what we show
    if section.type == "registered" and credentials is not None:
        registration = _registration(name, section, credentials)
        if section.registration is not None and not section.registration.authenticate_invites:
            credentials = None
    return Trunk(
        name=name,
        sources=tuple(Source.parse(str(source)) for source in section.sources),
        next_hops=tuple(_next_hop(name, section, hop) for hop in section.destinations),
        terms=terms(section),
        session=session_terms(section),
        transfer=TransferPolicy(refer=section.transfer.refer == "accept", refer_out=section.transfer.refer_out),
        credentials=credentials,
        registration=registration,
        from_domain=section.from_domain,
        identity=_identity_rules(section),
        outward=OutwardPolicy(
            _presentation(section, numbering),
            header_table(section.headers),
            attestor if section.stir_shaken.sign else None,
        ),
        call_path=section.loop_detection,
        follows_redirects=section.redirect == "follow",
        limits=TrunkLimits(
            enabled=section.enabled,
            inbound=section.direction != "outbound",
            outbound=section.direction != "inbound",
            capacity=Capacity(section.channel_limit, section.calls_per_second),
            messages_per_second=section.messages_per_second,
        ),
        tls=ANY_TRANSPORT if section.tls is None else TrunkTls(section.tls.identities, section.tls.required),
        hops=_hops(name, section),
        probe=_probe(section),
        toll=_toll(section, numbering),
        rates=None if section.rates is None else Rates(section.rates),
    )


def _hops(name: str, section: TrunkSection) -> HopPolicy:
    hops = section.destinations
    if section.strategy == "failover" and len({hop.priority for hop in hops}) <= 1:
        return IN_ORDER
    return HopPolicy(
        section.strategy, tuple(RankedHop(_next_hop(name, section, hop), hop.priority, hop.weight) for hop in hops)
    )


def _probe(section: TrunkSection) -> ProbePolicy | None:
    options = section.options
    if not options.enabled:
        return None
    return ProbePolicy(
        interval=options.interval, timeout=options.timeout, down_after=options.down_after, up_after=options.up_after
    )


def _toll(section: TrunkSection, numbering: Numbering) -> TollPolicy:
    international = section.international_allowed
    if international is None:
        international = not numbering.country_code  # what is abroad cannot be told
    if international and not section.destinations_allowed and not section.destinations_denied:
        return NO_POLICY
    return TollPolicy.of(
        international=international,
        allowed=map(numbering.canonical_prefix, section.destinations_allowed),
        denied=map(numbering.canonical_prefix, section.destinations_denied),
    )


def _next_hop(name: str, section: TrunkSection, hop: NextHopValue) -> NextHop:
    """A port without transport is one of UDP (RFC 3263 4.1); an address is no name that DNS could say more of.

    `peer`: whose certificate is expected there, should it come to TLS.
    """
    tls = section.tls
    transport = hop.transport or ("tls" if tls is not None else None)
    if transport is None and (hop.port is not None or is_address(hop.host)):
        transport = "udp"
    expected = hop.host if tls is None or tls.server_name is None else tls.server_name
    proof = "" if tls is None or tls.verify else UNVERIFIED
    peer = "" if transport in ("udp", "tcp") else f"{name} {proof}{expected}"
    return NextHop(hop.host, hop.port or 0, (transport or "").upper(), hop.secure, peer)


def names(settings: Settings) -> Callable[[], Names]:
    """How names of next hops are looked up; to be called once the loop runs."""
    section = settings.sip.dns
    return partial(Names, servers=section.servers, timeout=section.timeout)


def _registration(name: str, section: TrunkSection, credentials: Credentials) -> RegistrationPolicy:
    given = section.registration or RegistrationSection()
    registrars = tuple(_next_hop(name, section, hop) for hop in given.registrar or section.destinations)
    return RegistrationPolicy(
        registrars=registrars,
        domain=Uri("sip", None, given.domain or section.from_domain or registrars[0].uri_host),
        user=given.user or credentials.username,
        credentials=credentials,
        contact_user=given.contact or name,
        pace=Pace(
            expires=round(given.expires),
            first_retry=given.retry,
            longest_retry=given.longest_retry,
            refused_retry=given.refused_retry,
            keep_alive=given.keep_alive,
        ),
        required=given.required,
    )


def _numbering(settings: Settings) -> Numbering:
    section = settings.dialplan.numbering
    return Numbering(section.country_code or "", section.international_prefix, section.national_prefix)


def _identity_rules(section: TrunkSection) -> IdentityRules:
    identity = section.identity
    sources = identity.caller_from or (("pai", "from") if identity.trusted else ("from",))
    return IdentityRules(
        trusted=identity.trusted,
        caller_from=sources,
        rewritten=section.number_format is not None,
        headers=header_table(section.headers),
        standing=section.stir_shaken.attest or ("B" if section.type == "authenticated" else "C"),
        verify=section.stir_shaken.verify,
    )


def _presentation(section: TrunkSection, numbering: Numbering) -> Presentation:
    identity = section.identity
    prefixes = [numbering.canonical_prefix(number[:-1]) for number in identity.numbers if number.endswith("*")]
    exact = [numbering.canonical(number) for number in identity.numbers if not number.endswith("*")]
    default = exact[0] if exact else ""
    if identity.default_caller_id is not None:
        default = numbering.canonical(identity.default_caller_id)
    withheld_in = _WITHHELD_IN[section.anonymization or ("asserted_identity" if identity.trusted else "none")]
    return Presentation(
        domain=section.from_domain,
        format=None if section.number_format is None else NumberFormat(section.number_format),
        present=tuple(header for header in identity.present if header != "from"),
        trusted=identity.trusted,
        withheld_in=withheld_in,
        own=OwnNumbers(frozenset({*exact, default}), tuple(prefixes)) if identity.numbers else None,
        default=default,
        diversion=identity.diversion,
        verstat=identity.trusted,
    )


_WITHHELD_IN: Mapping[str, IdentityHeader | None] = {
    "none": None,
    "asserted_identity": "pai",
    "preferred_identity": "ppi",
    "remote_party_id": "rpid",
}


def header_table(section: HeaderRules) -> HeaderTable:
    """Which headers cross there."""
    patterns = [pattern.lower() for pattern in section.pass_]
    return HeaderTable(
        frozenset(pattern for pattern in patterns if not pattern.endswith("*")),
        tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*")),
        frozenset(name.lower() for name in section.drop),
        tuple(section.add.items()),
    )


def phone_policy(settings: Settings) -> OutwardPolicy:
    """What phones are told of a call."""
    return OutwardPolicy(Presentation(verstat=True), header_table(settings.phones.headers))


def accounts(settings: Settings) -> list[Account]:
    """Who may prove who they are: the phones, and the trunks of type authenticated."""
    realm, phones = settings.phones.realm, settings.phones
    found = [
        Account(
            user=user,
            secrets=_secrets(user, realm, phone),
            networks=phones.allow_from,
        )
        for user, phone in phones.users.items()
    ]
    for name, trunk in settings.trunks.items():
        if (
            trunk.type == "authenticated"
            and trunk.username is not None
            and trunk.password is not None
            and trunk.enabled
        ):
            user, password = trunk.username, trunk.password.reveal()
            found.append(
                Account(
                    user=user,
                    secrets={algorithm: hashed(algorithm, user, realm, password) for algorithm in ALGORITHMS},
                    trunk=name,
                    networks=trunk.allow_from,
                    encrypted=not _said_in_clear(trunk),
                )
            )
    return found


def _secrets(user: str, realm: str, phone: PhoneSection) -> dict[str, str]:
    """H(A1) by algorithm: hashed here, or by whoever wrote the configuration."""
    if phone.password is not None:
        return {name: hashed(name, user, realm, phone.password.reveal()) for name in ALGORITHMS}
    given = {} if phone.ha1 is None else {"SHA-256": phone.ha1.sha256, "MD5": phone.ha1.md5}
    return {name: secret.reveal().lower() for name, secret in given.items() if secret is not None}


def may_authenticate(settings: Settings) -> tuple[Network, ...]:
    """The networks from which somebody may try to prove who he is."""
    trunks = [trunk.allow_from for trunk in settings.trunks.values() if trunk.type == "authenticated" and trunk.enabled]
    return tuple(dict.fromkeys((*settings.phones.allow_from, *(each for networks in trunks for each in networks))))


def _said_in_clear(trunk: TrunkSection) -> bool:
    """`tls: false`, in as many words: nobody sends passwords' digests about in clear for want of a line."""
    return "tls" in trunk.model_fields_set and not trunk.tls


def phone_domain(settings: Settings) -> str:
    """The host in the phones' addresses: the realm, where that is a name and not a sentence."""
    realm = settings.phones.realm
    return realm if re.fullmatch(HOST, realm) else settings.node.advertised_address or "phones.invalid"


def identities(settings: Settings) -> Mapping[str, Origin]:
    """How each phone is presented to whom it calls."""
    domain, numbering, phones = phone_domain(settings), _numbering(settings), settings.phones.users
    return {
        user: account_origin(
            NameAddr(phone.display_name or "", Uri("sip", escape_user(phone.caller_id or user), domain), NO_PARAMETERS),
            user if phone.caller_id in (None, user) else numbering.canonical(phone.caller_id or user),
        )
        for user, phone in phones.items()
    }
