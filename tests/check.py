"""Everything that can be said about the code without running it: `python -m tests.check`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
# What others build on. Unit tests narrow unions by asserting behaviour, not for the type checker.
TYPED = (
    "softswitch",
    "media",
    "codecs/audiocodecs",
    "config",
    "tests/support",
    "tests/flows",
    "tests/bench",
    "tests/interop",
    "tests/adversity",
)

CHECKS: tuple[tuple[str, list[str]], ...] = (
    ("format", ["ruff", "format", "--check", "."]),
    ("lint", ["ruff", "check", "."]),
    ("types", ["mypy", *TYPED]),
    ("imports", ["lint-imports"]),
    ("pages", ["python", "scripts/pages.py", "--check"]),
)


def main() -> int:
    """Run every check, even after one failed; return the number that failed."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'codecs'}"}
    failed = 0
    for name, (program, *arguments) in CHECKS:
        started = time.monotonic()
        done = subprocess.run(
            [BIN / program, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        verdict = "ok" if done.returncode == 0 else "FAILED"
        sys.stdout.write(f"{name:8} {verdict:7} {time.monotonic() - started:5.1f} s\n")
        if done.returncode:
            failed += 1
            sys.stdout.write(done.stdout + done.stderr)
        sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main())
