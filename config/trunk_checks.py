"""What the keys of a trunk must be to each other, by its type."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.messages import KeyPath, Positions
    from config.problem import Problem
    from config.schema import Sections
    from config.trunk_schema import Trunk


def problems(places: Positions, sections: Sections) -> Iterator[Problem]:
    """Everything that is wrong."""
    for name, trunk in sections.trunks.items():
        yield from _registration(places, ("trunks", name), trunk)
        yield from _authentication(places, ("trunks", name), trunk, sections)
    yield from _contacts(places, sections)
    yield from _users(places, sections)


def warnings(places: Positions, sections: Sections) -> Iterator[Problem]:
    """What works, and is probably not meant."""
    for name, trunk in sections.trunks.items():
        if trunk.type != "authenticated" and trunk.password is not None and trunk.realm is None:
            message = (
                "is used for the realm that asks first, whoever that is behind this trunk: give realm, the one that "
                "the trunk's challenges name"
            )
            yield places.problem(("trunks", name, "password"), message)


def _registration(places: Positions, path: KeyPath, trunk: Trunk) -> Iterator[Problem]:
    section = trunk.registration
    if trunk.type != "registered":
        if section is not None:
            message = f"has no effect: the trunk is of type {trunk.type}; say `type: registered`, or take it out"
            yield places.problem((*path, "registration"), message)
        return
    if trunk.username is None and trunk.password is None:
        yield places.problem((*path, "type"), "a trunk that we register at needs username and password")
    if not trunk.destinations and (section is None or not section.registrar):
        yield places.problem((*path, "type"), "nowhere to register: give destinations, or registration.registrar")
    if section is not None and section.longest_retry < section.retry:
        yield places.problem((*path, "registration", "longest_retry"), "shorter than retry")


def _contacts(places: Positions, sections: Sections) -> Iterator[Problem]:
    """Two registered trunks whose calls could not be told apart."""
    owners: dict[str, str] = {}
    for name, trunk in sections.trunks.items():
        if trunk.type == "registered":
            contact = (trunk.registration and trunk.registration.contact) or name
            other = owners.setdefault(contact, name)
            if other != name:
                message = f"the trunk {other!r} already registers the contact {contact!r}"
                yield places.problem(("trunks", name, "registration", "contact"), message)


def _authentication(places: Positions, path: KeyPath, trunk: Trunk, sections: Sections) -> Iterator[Problem]:
    if trunk.type != "authenticated":
        if trunk.allow_from:
            message = f"is for trunks of type authenticated, this one is {trunk.type}: say sources, or change the type"
            yield places.problem((*path, "allow_from"), message)
        return
    if trunk.username is None and trunk.password is None:
        yield places.problem((*path, "type"), "a trunk that authenticates itself needs username and password")
    if not trunk.allow_from:
        message = "it may call from nowhere: give allow_from, the networks it is in (0.0.0.0/0: all of IPv4)"
        yield places.problem((*path, "type"), message)
    if trunk.sources:
        message = "a source is believed without a password: for a trunk of type authenticated say allow_from"
        yield places.problem((*path, "sources"), message)
    in_clear = "tls" in trunk.model_fields_set and not trunk.tls
    if not in_clear and "tls" not in {str(listener.transport) for listener in sections.sip.listen}:
        message = "its calls come over TLS, and there is no tls listener in sip.listen: add one, or say `tls: false`"
        yield places.problem((*path, "type"), message)


def _users(places: Positions, sections: Sections) -> Iterator[Problem]:
    """One name, one password: who authenticates is known by nothing else."""
    owners: dict[str, str] = {user: f"phone {user!r}" for user in sections.phones.users}
    for name, trunk in sections.trunks.items():
        if trunk.type == "authenticated" and trunk.username is not None:
            other = owners.setdefault(trunk.username, f"trunk {name!r}")
            if other != f"trunk {name!r}":
                message = f"the {other} has the user name {trunk.username!r} already"
                yield places.problem(("trunks", name, "username"), message)
