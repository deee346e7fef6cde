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
    yield from _contacts(places, sections)


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
