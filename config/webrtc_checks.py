"""What no single key of `webrtc` can know: ports that somebody else has."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.checks import Written
    from config.problem import Problem
    from config.schema import Sections


def problems(written: Written, sections: Sections) -> Iterator[Problem]:
    """Ports and addresses."""
    yield from _ports(written, sections)
    yield from _addresses(written, sections)


def _ports(written: Written, sections: Sections) -> Iterator[Problem]:
    web, media, places = sections.webrtc, sections.media.ports, written.positions
    taken = {each.port for each in sections.sip.listen if each.transport == "udp"}
    if web.port is not None:
        if web.ports is not None:
            yield places.problem(("webrtc", "ports"), f"has no effect: all browsers share port {web.port}")
        if web.port in taken:
            yield places.problem(("webrtc", "port"), f"port {web.port} is one of sip.listen")
        if media.first <= web.port <= media.last:
            message = f"port {web.port} lies inside media.ports ({media.first}-{media.last})"
            yield places.problem(("webrtc", "port"), message)
    elif web.ports is not None:
        first, last = web.ports.first, web.ports.last
        for port in sorted(port for port in taken if first <= port <= last):
            yield places.problem(("webrtc", "ports"), f"port {port} of sip.listen lies inside {first}-{last}")
        if first <= media.last and media.first <= last and (first, last) != (media.first, media.last):
            message = f"{first}-{last} and media.ports ({media.first}-{media.last}) overlap"
            yield places.problem(("webrtc", "ports"), message)


def _addresses(written: Written, sections: Sections) -> Iterator[Problem]:
    """Only a socket on :: hears both families; any other hears its own."""
    bound = ipaddress.ip_address(sections.media.address)
    for index, text in enumerate(sections.webrtc.addresses):
        address = ipaddress.ip_address(text)
        path = ("webrtc", "addresses", index)
        if address.is_unspecified or address.is_multicast:
            yield written.positions.problem(path, f"{text} is no address a browser could send to")
        elif address.version != bound.version and str(bound) != "::":
            message = f"media sockets are bound to {bound}, which IPv{address.version} does not reach"
            yield written.positions.problem(path, message)
