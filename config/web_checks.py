"""What no single key of `web` can know: ports that somebody else has, certificates that are nowhere."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from config.web_schema import LEAST_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.checks import Written
    from config.problem import Problem
    from config.schema import Sections


def problems(written: Written, sections: Sections) -> Iterator[Problem]:
    """What cannot be opened, or would not do what it says."""
    web, places = sections.web, written.positions
    if web is None:
        return
    holders = [
        (f"sip.listen[{index}]", each.address)
        for index, each in enumerate(sections.sip.listen)
        if each.transport != "udp" and each.port == web.port
    ]
    if sections.admin.enabled and sections.admin.port == web.port:
        holders.append(("admin.port", sections.admin.address))
    for holder, address in holders:
        if _overlap(web.address, address):
            yield places.problem(("web", "port"), f"port {web.port} is already taken by {holder}")
    if web.https and web.tls is None and sections.sip.tls.certificate is None:
        yield places.problem(("web", "https"), "there is no certificate: give web.tls, or sip.tls.certificate")
    if web.https is False and web.tls is not None:
        yield places.problem(("web", "tls"), "has no effect: https is false")
    key = web.token_key
    if key.origin != "created" and len(key.reveal()) < LEAST_KEY:
        yield places.problem(("web", "token_key"), f"expected at least {LEAST_KEY} characters")


def warnings(written: Written, sections: Sections) -> Iterator[Problem]:
    """What works, and is probably not meant."""
    web, places = sections.web, written.positions
    if web is None:
        return
    if "*" in web.origins:
        yield places.problem(("web", "origins"), "any site's pages may sign in here with a user's password or token")
    certificate = web.tls is not None or sections.sip.tls.certificate is not None
    plain = web.https is False or not certificate
    if plain and not web.proxies and not ipaddress.ip_address(web.address).is_loopback:
        message = "without HTTPS browsers give pages no microphone: give web.tls, or proxies that have a certificate"
        yield places.problem(("web",), message)


def _overlap(one: str, other: str) -> bool:
    if (":" in one) != (":" in other):
        return False
    wildcards = ("0.0.0.0", "::")  # noqa: S104 - compared with
    return one == other or one in wildcards or other in wildcards
