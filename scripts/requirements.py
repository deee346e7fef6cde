"""Print what pip has to install, read from pyproject.toml, so that no list is kept twice.

Usage: requirements.py build|project LEVEL, where LEVEL is 1 (daemon), 2 (+ demo) or 3 (+ tests and linters).
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

EXTRAS = {1: (), 2: ("demo",), 3: ("demo", "dev")}


def requirements(part: str, level: int) -> list[str]:
    """Return the requirement strings of one part of pyproject.toml."""
    pyproject = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    if part == "build":
        return list(pyproject["build-system"]["requires"])
    project = pyproject["project"]
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *(line for name in EXTRAS[level] for line in extras[name])]


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(sys.argv[1], int(sys.argv[2]))) + "\n")
