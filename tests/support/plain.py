"""The uncompiled build of arithmetic written in pure Python mode: one source, two builds, compared and fuzzed."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


def load_plain(path: str) -> ModuleType:
    """Load `path`, a .py below the project's root, as Python source, whether or not a compiled build lies beside it."""
    name = "plain_" + Path(path).stem
    loader = SourceFileLoader(name, str(ROOT / path))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module
