"""One process per state directory: a lock that the kernel gives back however the process ends."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Self

from softswitch.store.errors import StateLockedError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

LOCK_NAME = "lock"


class StateLock:
    """Holds a state directory for this process, from construction to `release`."""

    def __init__(self, directory: Path) -> None:
        """Create the directory (0750) if need be and lock it.

        Raises StateLockedError when another process has it, StoreError when it cannot be created or written.
        """
        self._path = directory / LOCK_NAME
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StoreError(
                f"cannot use the state directory {directory}: {error.strerror}; create it or give this user access"
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise StateLockedError(
                f"the state directory {directory} is in use by another softswitch"
                f"{f' (process {holder})' if holder else ''}; stop it or configure another directory"
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process have the directory; may be repeated."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
