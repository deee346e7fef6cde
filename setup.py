"""Build the compiled engine: every .pyx under media/ and codecs/audiocodecs/, and arithmetic in pure Python mode.

A wheel also gets the browser pages, built first where they are not (scripts/pages.py).

Metadata lives in pyproject.toml; this file exists only because a list of extensions cannot be globbed there.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
CORES = os.cpu_count() or 1
DEBUG = bool(os.environ.get("SOFTSWITCH_DEBUG"))
# No fused multiply-add: the compiled arithmetic gives what the same source gives uncompiled, on every machine.
FLAGS = [*(["-O0", "-g"] if DEBUG else ["-O3", "-fno-strict-aliasing"]), "-ffp-contract=off"]


def is_compiled(source: Path) -> bool:
    """A .pyx, or arithmetic in Cython's pure Python mode: a .py that imports cython, its C types in a .pxd beside it.

    The latter runs uncompiled as well, so that it can be fuzzed and covered.
    """
    if source.suffix != ".py":
        return source.suffix == ".pyx"
    return source.with_suffix(".pxd").exists() and "\nimport cython\n" in source.read_text()


def extensions() -> list[Extension]:
    """One extension per compiled source, named by its import path."""
    found = []
    for folder, root in (("media", ROOT), ("codecs/audiocodecs", ROOT / "codecs")):
        for source in sorted(filter(is_compiled, (ROOT / folder).rglob("*.py*"))):
            name = ".".join(source.relative_to(root).with_suffix("").parts)
            found.append(
                Extension(name, [str(source.relative_to(ROOT))], extra_compile_args=FLAGS, libraries=["m", "pthread"])
            )
    return found


def translators() -> int:
    """Processes that translate side by side; 0 where a process may have no semaphores (a root without /dev/shm)."""
    try:
        multiprocessing.Lock()
    except OSError:
        return 0
    return CORES


class BuildWithPages(build_py):
    """Copies what belongs into a wheel, with the pages; a checkout in place gets them from scripts/setup."""

    def run(self) -> None:
        """Build the pages unless they are what their sources give; then what every package does."""
        if not self.editable_mode:
            subprocess.run([sys.executable, ROOT / "scripts" / "pages.py", "--if-changed"], check=True)
        super().run()


setup(
    cmdclass={"build_py": BuildWithPages},
    options={"build_ext": {"parallel": CORES}},
    packages=[*find_packages(include=["softswitch*", "media*", "config*"]), *find_packages("codecs")],
    package_data={
        "": ["*.pyi", "*.pxd", "*.yaml", "*.json", "*.mako", "py.typed"],
        "softswitch.admin": ["web/dist/*", "web/dist/assets/*"],
    },
    ext_modules=cythonize(
        extensions(),
        nthreads=translators(),
        include_path=[str(ROOT), str(ROOT / "codecs")],
        compiler_directives={
            "language_level": "3",
            "boundscheck": DEBUG,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "annotation_typing": False,  # annotations are for the type checker; C types stand in the .pxd
        },
    ),
)
