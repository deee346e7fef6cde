"""The pages' own tests: what of them needs no browser is tested in its own language."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent.parent


def test_the_logic_of_the_pages() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "pages.py", "--test"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
