"""What of TLS no single key can know: listeners need a certificate, trunks a listener, and names one owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.checks import Written
    from config.messages import KeyPath
    from config.problem import Problem
    from config.schema import Sections
    from config.trunk_schema import Trunk


def problems(written: Written, sections: Sections) -> Iterator[Problem]:
    """Everything that is wrong, the files' contents apart."""
    places, sip = written.positions, sections.sip
    listens = any(listener.transport == "tls" for listener in sip.listen)
    if sip.tls.key is not None and sip.tls.certificate is None:
        yield places.problem(("sip", "tls", "key"), "key without certificate")
    for index, listener in enumerate(sip.listen):
        if listener.transport == "tls" and sip.tls.certificate is None:
            message = "a tls listener needs sip.tls.certificate, this node's certificate"
            yield places.problem(("sip", "listen", index), message)
    owners: dict[str, str] = {}
    for name, trunk in sections.trunks.items():
        path: KeyPath = ("trunks", name)
        uses = next((where for where in _uses(trunk)), None)
        if uses is not None and not listens:
            message = "over TLS, and there is no tls listener in sip.listen to connect from"
            yield places.problem((*path, *uses), message)
        if trunk.tls is None:
            continue
        if trunk.tls.key is not None and trunk.tls.certificate is None:
            yield places.problem((*path, "tls", "key"), "key without certificate")
        if trunk.tls.identities and sip.tls.client_certificate == "none":
            message = "nobody is asked for a certificate: sip.tls.client_certificate is none"
            yield places.problem((*path, "tls", "identities"), message)
        for index, identity in enumerate(trunk.tls.identities):
            other = owners.setdefault(identity, name)
            if other != name:
                message = f"the trunk {other!r} is already known by {identity}"
                yield places.problem((*path, "tls", "identities", index), message)


def warnings(written: Written, sections: Sections) -> Iterator[Problem]:
    """What works, and is probably not meant."""
    transports = {listener.transport for listener in sections.sip.listen}
    for name, trunk in sections.trunks.items():
        for index, hop in enumerate(trunk.destinations):
            if hop.transport in ("udp", "tcp") and hop.transport not in transports:
                message = f"cannot be reached: there is no {hop.transport} listener in sip.listen"
                yield written.positions.problem(("trunks", name, "destinations", index), message)
        if trunk.tls is not None and not trunk.tls.verify:
            message = "whoever answers there is believed to be this trunk: verify is false"
            yield written.positions.problem(("trunks", name, "tls", "verify"), message)


def _uses(trunk: Trunk) -> Iterator[KeyPath]:
    """Where TLS with this trunk is asked for."""
    if trunk.tls is not None and (trunk.tls.identities or trunk.tls.required):
        yield ("tls",)
    registrars = () if trunk.registration is None else trunk.registration.registrar
    for path, hops in ((("destinations",), trunk.destinations), (("registration", "registrar"), registrars)):
        for index, hop in enumerate(hops):
            if hop.transport == "tls" or (hop.transport is None and trunk.tls is not None):
                yield (*path, index)
