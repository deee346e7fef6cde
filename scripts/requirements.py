"""Print what pip has to install, read from pyproject.toml, so that no list is kept twice.

Usage: requirements.py build|wheels|sources LEVEL, where LEVEL is 1 (daemon), 2 (+ demo) or 3 (+ tests and linters).
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

EXTRAS = {1: (), 2: ("demo",), 3: ("demo", "dev")}
SOURCE_ONLY = ("pesq",)  # published without wheels and without build requirements: compiled after the rest is there


def requirements(part: str, level: int) -> list[str]:
    """Return the requirement strings of one part of pyproject.toml."""
    pyproject = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
    if part == "build":
        return [*pyproject["build-system"]["requires"], "wheel"]
    project = pyproject["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for name in EXTRAS[level] for line in extras[name])]
    from_source = [line for line in wanted if re.split(r"[^\w-]", line)[0] in SOURCE_ONLY]
    return from_source if part == "sources" else [line for line in wanted if line not in from_source]


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(sys.argv[1], int(sys.argv[2]))) + "\n")
