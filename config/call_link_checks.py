"""What no single key of `call_links` can know: whether there are pages to call from, and an address for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.values import lasting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.checks import Written
    from config.problem import Problem
    from config.schema import Sections


def problems(written: Written, sections: Sections) -> Iterator[Problem]:
    """What could never be used."""
    links, places = sections.call_links, written.positions
    given = written.names("call_links")
    if given and sections.web is None:
        yield places.problem(("call_links",), "guests call from pages of this node: give the section web")
    if links.valid_for > links.longest:
        key = "valid_for" if "valid_for" in given else "longest"
        message = f"links would be valid for {lasting(links.valid_for)}, and may be for {lasting(links.longest)}"
        yield places.problem(("call_links", key), message)


def warnings(written: Written, sections: Sections) -> Iterator[Problem]:
    """What works, and is probably not meant."""
    if written.names("call_links") and sections.web is not None and sections.web.url is None:
        message = "links begin with an address that nobody elsewhere may know: give web.url"
        yield written.positions.problem(("call_links",), message)
