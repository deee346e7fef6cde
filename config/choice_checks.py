"""What no single key can know about choosing a trunk and about toll fraud."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from config.messages import KeyPath, Positions
    from config.problem import Problem
    from config.schema import Sections
    from config.yaml12 import Tree


def trunk_name(path: KeyPath, value: Tree) -> tuple[KeyPath, str | None]:
    """The name of a trunk in a `dial`, written by itself or as {name, priority, weight}, and where it stands."""
    if isinstance(value, dict):
        path, value = (*path, "name"), value.get("name")
    return path, value if isinstance(value, str) else getattr(value, "text", None)


def problems(places: Positions, dials: Iterable[tuple[KeyPath, Tree]], sections: Sections) -> Iterator[Problem]:
    """Rules that dial a trunk which may not be dialled, or choose by a price that nobody named."""
    for path, dial in dials:
        if not isinstance(dial, dict) or "trunk" not in dial:
            continue
        given = dial["trunk"]
        for index, value in enumerate(given if isinstance(given, list) else [given]):
            at = (*path, "trunk", index) if isinstance(given, list) else (*path, "trunk")
            here, name = trunk_name(at, value)
            trunk = None if name is None else sections.trunks.get(name)
            if trunk is None:
                continue
            if trunk.direction == "inbound":
                yield places.problem(here, f"the trunk {name!r} is for inbound calls only (trunks.{name}.direction)")
            if str(dial.get("choose", "")).lower() == "least_cost" and trunk.rates is None:
                message = f"least_cost chooses by price, and the trunk {name!r} has none: give it trunks.{name}.rates"
                yield places.problem(here, message)


def undecidable(places: Positions, country_code: str | None, sections: Sections) -> Iterator[Problem]:
    """A rule about calls abroad where nobody has said what is abroad."""
    for name, trunk in sections.trunks.items():
        if trunk.international_allowed is False and country_code is None:
            message = "what is abroad cannot be told without numbering.country_code in the dialplan"
            yield places.problem(("trunks", name, "international_allowed"), message)


def open_abroad(places: Positions, country_code: str | None, sections: Sections) -> Iterator[Problem]:
    """Phones that may call the whole world over a trunk, without anybody having said so."""
    if country_code is not None or not sections.phones.users:
        return
    for name, trunk in sections.trunks.items():
        if trunk.destinations and trunk.international_allowed is None and not trunk.destinations_allowed:
            message = (
                "calls abroad are let through: what is abroad cannot be told without numbering.country_code in the "
                "dialplan; give that, or destinations_allowed, or international_allowed: true"
            )
            yield places.problem(("trunks", name), message)
