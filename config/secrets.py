"""Passwords and tokens: referred to in the configuration, read at load, never shown.

A secret is written as `{env: NAME}`, `{file: path}`, `{file: path, create: true}` or, with a warning, as plain text.
`create` makes the file with a random secret when the daemon first starts (mode 0600); `check` only says it will.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES = 4096
MAX_PEM_BYTES = 65536
HIDDEN = "********"

Origin = Literal["env", "file", "created", "plain"]


class Secret:
    """A value that no print, log line, error or dump shows; `reveal()` is the one way to it.

    `origin`: where it came from; `reference`: the variable or file, empty for plain text. Not a dataclass, whose
    fields anything may list (`asdict`, JSON encoders).
    """

    __slots__ = ("_value", "origin", "reference")

    def __init__(self, value: str, origin: Origin, reference: str = "") -> None:
        self._value = value
        self.origin = origin
        self.reference = reference

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret cannot be pickled")


@dataclass(frozen=True, slots=True)
class SecretReader:
    """Turns references into secrets. `root`: what relative paths count from. `create`: whether files may be made."""

    root: Path
    environ: Mapping[str, str] = field(repr=False)
    create: bool = False

    def read(self, written: object) -> Secret:
        """The secret for what stands in the file. Raises ValueError, whose text never contains what was written."""
        match written:
            case Secret():
                return written
            case str() if written:
                return Secret(written, "plain")
            case int() | float() if hasattr(written, "text"):
                return Secret(str(written.text), "plain")
            case {"env": str(name), **rest} if not rest:
                return self._from_environment(name)
            case {"file": str(name), **rest} if not rest or (
                rest.keys() == {"create"} and rest["create"] in (True, False)
            ):
                return self._from_file(self.root / name, create=bool(rest.get("create")))
        raise ValueError("expected {env: NAME}, {file: path}, {file: path, create: true} or text")

    def read_pem(self, written: object) -> Secret:
        """The same for a key in PEM, which has several lines and is never made here. Raises ValueError."""
        match written:
            case Secret():
                return written
            case {"env": str(name), **rest} if not rest:
                return self._from_environment(name)
            case {"file": str(name), **rest} if not rest:
                path = self.root / name
                try:
                    value = path.read_bytes()[:MAX_PEM_BYTES].decode("ascii", "replace")
                except OSError as error:
                    raise ValueError(f"the file {path} cannot be read: {error.strerror}") from None
                return Secret(value, "file", str(path))
        raise ValueError("expected {env: NAME} or {file: path}")

    def _from_environment(self, name: str) -> Secret:
        value = self.environ.get(name, "")
        if not value:
            raise ValueError(f"the environment variable {name!r} is not set or empty")
        return Secret(value, "env", name)

    def _from_file(self, path: Path, *, create: bool) -> Secret:
        try:
            value = path.read_bytes()[: MAX_BYTES + 1]
        except FileNotFoundError:
            if not create:
                raise ValueError(f"the file {path} does not exist; make it, or add `create: true`") from None
            return self._make(path)
        except OSError as error:
            raise ValueError(f"the file {path} cannot be read: {error.strerror}") from None
        text = value.decode(errors="replace").strip()
        if not text or len(value) > MAX_BYTES or "\n" in text or "\N{REPLACEMENT CHARACTER}" in text:
            raise ValueError(f"the file {path} must hold one line of text")
        return Secret(text, "created" if create else "file", str(path))

    def _make(self, path: Path) -> Secret:
        secret = secrets.token_urlsafe(24)
        if self.create:
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(secret + "\n")
            except OSError as error:
                raise ValueError(f"the file {path} cannot be made: {error.strerror}") from None
        return Secret(secret, "created", str(path))
