"""import-linter does not read Cython: the same layers, checked over every import in .pyx and .pxd files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LAYERS = CONTRACTS[0]["layers"]  # top to bottom
IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w.]+(?:\s*,\s*[\w.]+)*))", re.MULTILINE)
SOURCES = sorted(
    (source, root)
    for root in (ROOT, ROOT / "codecs")
    for package in LAYERS
    for source in (root / package).rglob("*.p[yx][xd]")
)


def test_there_are_compiled_sources() -> None:
    assert SOURCES


@pytest.mark.parametrize(("source", "root"), SOURCES, ids=[str(source.relative_to(ROOT)) for source, _ in SOURCES])
def test_imports_go_downwards(source: Path, root: Path) -> None:
    here = LAYERS.index(source.relative_to(root).parts[0])
    imported = {
        name.strip().split(".")[0] for pair in IMPORT.findall(source.read_text()) for name in ",".join(pair).split(",")
    }
    assert not imported & {*LAYERS[:here], "config"}, f"{source} imports upwards"
