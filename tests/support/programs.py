"""Programs of others that tests call with. A missing one is a failure, not a skip: `make test` installs them."""

from __future__ import annotations

import asyncio
import os
import shutil

import pytest

PACKAGES = {
    "sipp": "sip-tester",
    "baresip": "baresip",
    "kamailio": "kamailio",
    "espeak-ng": "espeak-ng",
    "turnserver": "coturn",
}
QUIT_PATIENCE = 5.0


def required(program: str) -> str:
    """Return where a program is; fail the test when it is missing."""
    # Debian keeps servers where only root's PATH leads.
    found = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        pytest.fail(f"{program} is not installed: apt-get install {PACKAGES[program]} (scripts/setup test does so)")
    return found


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process that was started here, and wait for it."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), QUIT_PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()
