"""Build the compiled engine: every .pyx under media/ and codecs/audiocodecs/ becomes one extension module.

Metadata lives in pyproject.toml; this file exists only because a list of extensions cannot be globbed there.
"""

from __future__ import annotations

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

ROOT = Path(__file__).parent
DEBUG = bool(os.environ.get("SOFTSWITCH_DEBUG"))
FLAGS = ["-O0", "-g"] if DEBUG else ["-O3", "-fno-strict-aliasing"]


def extensions() -> list[Extension]:
    """One extension per .pyx, named by its import path."""
    found = []
    for folder, root in (("media", ROOT), ("codecs/audiocodecs", ROOT / "codecs")):
        for source in sorted((ROOT / folder).rglob("*.pyx")):
            name = ".".join(source.relative_to(root).with_suffix("").parts)
            found.append(
                Extension(name, [str(source.relative_to(ROOT))], extra_compile_args=FLAGS, libraries=["m", "pthread"])
            )
    return found


setup(
    packages=[*find_packages(include=["softswitch*", "media*", "config*"]), *find_packages("codecs")],
    package_data={"": ["*.pyi", "*.pxd", "*.yaml", "*.json", "*.mako", "py.typed"]},
    ext_modules=cythonize(
        extensions(),
        include_path=[str(ROOT), str(ROOT / "codecs")],
        compiler_directives={
            "language_level": "3",
            "boundscheck": DEBUG,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
        },
    ),
)
