"""A configuration folder and a dialplan in a temporary place, to be loaded as the daemon would."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING

from config.load import Settings, load
from config.problem import ConfigError
from softswitch import provision

if TYPE_CHECKING:
    from pathlib import Path

    from softswitch.provision import Provision

TRUNK_AND_PHONES = """
    trunks:
      carrier: {sources: [192.0.2.10], destinations: [192.0.2.10]}
      backup: {destinations: [192.0.2.11]}
    phones:
      allow_from: [127.0.0.0/8]
      users:
        1001: {password: {env: PHONE_PASSWORD}}
        1002: {password: {env: PHONE_PASSWORD}}
"""
ENVIRON = {"PHONE_PASSWORD": "correct horse"}


@dataclass(frozen=True, slots=True)
class ConfigFolder:
    """`write` files, then `load`, `provision` or collect `problems`."""

    root: Path

    @classmethod
    def make(cls, root: Path, config: str = TRUNK_AND_PHONES, dialplan: str = "") -> ConfigFolder:
        (root / "config").mkdir()
        folder = cls(root)
        folder.write("config/all.yaml", config)
        folder.write("dialplan.yaml", dialplan)
        return folder

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(dedent(text).lstrip("\n"))

    def load(self, *, create_secrets: bool = False) -> Settings:
        return load(self.root / "config", environ=ENVIRON, create_secrets=create_secrets)

    def provision(self, *, create_secrets: bool = False) -> Provision:
        return provision.load(self.root / "config", environ=ENVIRON, create_secrets=create_secrets)

    def problems(self) -> list[str]:
        """Every mistake as printed, [] when there is none. Paths are relative when the test stands in `root`."""
        try:
            self.provision()
        except ConfigError as error:
            return [str(problem) for problem in error.problems]
        return []
