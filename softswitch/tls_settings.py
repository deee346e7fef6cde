"""TLS from configuration: whose certificates are shown and asked for, and whether the files can be used at all."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.tls_schema import TrunkTls
from softswitch.transport.certificates import SOON, CertificateError, OwnCertificate, Terms, context_for, ends

if TYPE_CHECKING:
    from config.load import Settings
    from config.problem import Problem
    from config.tls_schema import Tls
    from config.web_schema import WebTls


def terms(settings: Settings) -> tuple[Terms | None, dict[str, Terms]]:
    """TLS of our listeners, None where there is nothing to show; and of connections to each trunk, by its name."""
    section = settings.sip.tls
    own = _own(section)
    known = any(trunk.tls is not None and trunk.tls.identities for trunk in settings.trunks.values())
    ask = section.client_certificate or ("optional" if known else "none")
    server = None if own is None else Terms(own, section.ca, section.minimum_version, ask)
    trunks = {}
    for name, trunk in settings.trunks.items():
        tls = trunk.tls or TrunkTls()
        trunks[name] = Terms(
            _own(tls) or own, tls.ca or section.ca, section.minimum_version, "required" if tls.verify else "none"
        )
    return server, trunks if any(listener.transport == "tls" for listener in settings.sip.listen) else {}


def web_terms(settings: Settings) -> Terms | None:
    """TLS of the web server; None: it speaks plain HTTP, or there is none. Browsers are asked for no certificate."""
    section, common = settings.web, settings.sip.tls
    if section is None or section.https is False:
        return None
    own = _own(common) if section.tls is None else _own(section.tls)
    return None if own is None else Terms(own, None, common.minimum_version, "none")


def _own(section: Tls | TrunkTls | WebTls) -> OwnCertificate | None:
    if section.certificate is None:
        return None
    return OwnCertificate(section.certificate, section.key or section.certificate)


def problems(settings: Settings) -> tuple[list[Problem], list[Problem]]:
    """Certificates and keys that cannot be used, and those that have expired or soon will."""
    wrong: dict[str, Problem] = {}  # what trunks have from sip.tls is wrong once
    doubtful: dict[str, Problem] = {}
    server, trunks = terms(settings)
    sections: list[tuple[tuple[str, ...], Terms]] = [] if server is None else [(("sip", "tls"), server)]
    web = web_terms(settings)
    if web is not None and settings.web is not None and settings.web.tls is not None:
        sections.append((("web", "tls"), web))
    sections += [(("trunks", name, "tls"), each) for name, each in trunks.items()]
    for path, each in sections:
        try:
            context_for(each, server=each in (server, web))
        except CertificateError as error:
            wrong.setdefault(str(error), settings.positions.problem((*path, error.what), str(error)))
            continue
        if each.own is not None and (text := _ending(each.own)):
            doubtful.setdefault(text, settings.positions.problem((*path, "certificate"), text))
    return list(wrong.values()), list(doubtful.values())


def _ending(own: OwnCertificate) -> str:
    end, now = ends(own.certificate), time.time()
    if end is None or end - now >= SOON:
        return ""
    verb = "expired" if end <= now else "expires"
    return f"{own.certificate} {verb} on {datetime.fromtimestamp(end, UTC).date()}"
