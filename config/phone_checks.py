"""What the keys of phones must be to each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.messages import KeyPath, Positions
    from config.problem import Problem
    from config.schema import Sections

DIGITS = {"SHA-256": 64, "MD5": 32}


def problems(places: Positions, sections: Sections) -> Iterator[Problem]:
    """Everything that is wrong."""
    phones = sections.phones
    if phones.users and not phones.allow_from:
        message = "phones are configured and may come from nowhere: give phones.allow_from the networks they are in"
        yield places.problem(("phones", "allow_from"), message)
    if phones.minimum_expires > phones.maximum_expires:
        yield places.problem(("phones", "minimum_expires"), "longer than phones.maximum_expires")
    for user, phone in phones.users.items():
        path: KeyPath = ("phones", "users", user)
        if (phone.password is None) == (phone.ha1 is None):
            yield places.problem(path, "expected password or ha1, and one of them only")
        if phone.ha1 is None:
            continue
        for algorithm, secret in (("SHA-256", phone.ha1.sha256), ("MD5", phone.ha1.md5)):
            key = algorithm.replace("-", "").lower()
            if secret is None and algorithm in phones.digest:
                message = f"no {key}, and phones.digest offers {algorithm}: this phone could not use it"
                yield places.problem((*path, "ha1"), message)
            elif secret is not None and not re.fullmatch(rf"[0-9a-fA-F]{{{DIGITS[algorithm]}}}", secret.reveal()):
                message = f"expected {DIGITS[algorithm]} hexadecimal digits"
                yield places.problem((*path, "ha1", key), message)
