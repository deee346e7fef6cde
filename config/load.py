"""From files to `Settings`: read, validate, cross-check, and report every mistake at once.

Where relative paths count from (`Settings.root`): for a folder `…/config/`, the folder that holds it (the project
root in a checkout, `/etc/softswitch` for `/etc/softswitch/config/`); for a single file, the folder it lies in.
`dialplan.yaml` is looked for there too.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from config import checks, messages, yaml12
from config.dialplan_schema import DialplanFile
from config.messages import KeyPath, Positions
from config.problem import ConfigError, Place, Problem
from config.schema import ADMIN_TOKEN, Sections
from config.secrets import SecretReader
from config.values import Surroundings
from config.web_schema import TOKEN_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.call_link_schema import CallLinks
    from config.limits_schema import Limits
    from config.phone_schema import Phones
    from config.schema import (
        Admin,
        Database,
        Logging,
        Media,
        Node,
        Prompts,
        Quality,
        Recording,
        Sip,
    )
    from config.sound_schema import Hold, Speech
    from config.stir_schema import StirShaken
    from config.stream_schema import Stream
    from config.transfer_schema import Transfer
    from config.trunk_schema import Trunk
    from config.web_schema import Web
    from config.webrtc_schema import WebRtc
    from config.yaml12 import Document, Tree

M = TypeVar("M", bound=BaseModel)

_ENTRIES = {"trunks": 2, "phones": 3}
"""Sections of named entries: how deep an entry lies, and so how much one mistake spoils."""

_DEFAULT_PATHS = (("recording", "directory"), ("prompts", "directory"), ("speech", "cache"), ("database", "url"))
"""Defaults that must pass through validation to become absolute."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration that was found good. Immutable; a reload makes another one."""

    node: Node
    sip: Sip
    media: Media
    trunks: Mapping[str, Trunk]
    phones: Phones
    webrtc: WebRtc
    stir_shaken: StirShaken
    quality: Quality
    recording: Recording
    prompts: Prompts
    speech: Speech
    streams: Mapping[str, Stream]
    hold: Hold | None
    transfer: Transfer
    web: Web | None
    call_links: CallLinks
    admin: Admin
    database: Database
    logging: Logging
    limits: Limits
    dialplan: DialplanFile
    root: Path
    """Where relative paths count from; `var/`, the state directory, lies here."""
    files: tuple[Path, ...]
    """What was read, the dialplan last."""
    warnings: tuple[Problem, ...] = ()
    positions: Positions = field(default_factory=lambda: Positions({}), repr=False, compare=False)
    dialplan_positions: Positions = field(default_factory=lambda: Positions({}), repr=False, compare=False)

    @property
    def state_directory(self) -> Path:
        """Database, secrets, lock."""
        return self.root / "var"


def load(
    path: Path,
    dialplan_path: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    create_secrets: bool = False,
) -> Settings:
    """Read a configuration folder (every `*.yaml` in it) or file, and the dialplan.

    `create_secrets`: make the files of secrets with `create: true` that do not exist; done only once all is found
    good. Raises ConfigError with every problem.
    """
    path = _absolute(path)
    root = path.parent
    dialplan_path = root / "dialplan.yaml" if dialplan_path is None else _absolute(dialplan_path)
    found: list[Problem] = []
    files = _files(path, found)
    document = _merged([_read(file, found) for file in files], path)
    dialplan_document = _read(dialplan_path, found)
    positions, dialplan_positions = Positions(document.marks), Positions(dialplan_document.marks)
    raw = checks.Written(document.tree, positions, dialplan_document.tree, dialplan_positions, document.whole)
    tree = _with_defaults(document.tree)
    surroundings = Surroundings(root, SecretReader(root, os.environ if environ is None else environ))

    sections = _validated(Sections, tree, positions, surroundings, found)
    dialplan = _validated(DialplanFile, dialplan_document.tree, dialplan_positions, surroundings, found)
    found += document.problems + dialplan_document.problems
    sound, broken = (sections, frozenset[str]()) if sections is not None else _sound_part(tree, surroundings)
    found += checks.problems(raw, sound, broken)
    warnings = checks.warnings(raw, sound)
    if found or sections is None or dialplan is None:
        raise ConfigError(found, warnings)
    if create_secrets:
        writing = Surroundings(root, SecretReader(root, surroundings.secrets.environ, create=True))
        sections = _validated(Sections, tree, positions, writing, found)
        if sections is None:
            raise ConfigError(found, warnings)
    return Settings(
        **{name: getattr(sections, name) for name in Sections.model_fields},
        dialplan=dialplan,
        root=root,
        files=(*files, dialplan_path),
        warnings=tuple(warnings),
        positions=positions,
        dialplan_positions=dialplan_positions,
    )


def _absolute(path: Path) -> Path:
    """Without `..`, and without following links: the root is where the operator put the folder."""
    return Path(os.path.normpath(path.absolute()))


def _files(path: Path, found: list[Problem]) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.yaml"))
    if not files:
        found.append(Problem(Place(path), "", "no *.yaml file in this folder; config/softswitch.yaml is an example"))
    return files


def _read(path: Path, found: list[Problem]) -> Document:
    before = len(found)
    text, content = "", b""
    try:
        with path.open("rb") as file:
            content = file.read(yaml12.MAX_BYTES + 1)
        if len(content) > yaml12.MAX_BYTES:
            found.append(Problem(Place(path), "", f"larger than {yaml12.MAX_BYTES >> 20} MB"))
        else:
            text = content.decode("utf-8-sig")
    except FileNotFoundError:
        found.append(Problem(Place(path), "", "there is no such file"))
    except OSError as error:
        found.append(Problem(Place(path), "", f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        found.append(Problem(Place(path, line, column), "", "not UTF-8 text"))
    document = yaml12.parse(text, path)
    document.whole = document.whole and len(found) == before
    return document


def _merged(documents: list[Document], path: Path) -> Document:
    """Several files as one: each section may stand in one of them only."""
    start = Place(path)
    whole = bool(documents) and all(document.whole for document in documents)
    merged = yaml12.Document(marks={(): yaml12.Marks(start, start)}, whole=whole)
    for document in documents:
        merged.problems += document.problems
        twice = merged.tree.keys() & document.tree.keys()
        for name in sorted(twice):
            first = merged.marks[name,].key
            message = f"this section is already in {first.file.name}, line {first.line}"
            merged.problems.append(Problem(document.marks[name,].key, name, message))
        merged.tree |= {name: value for name, value in document.tree.items() if name not in twice}
        merged.marks |= {place: marks for place, marks in document.marks.items() if place and place[0] not in twice}
    return merged


def _with_defaults(tree: dict[str, Tree]) -> dict[str, Tree]:
    """A section without keys is an empty one; defaults that depend on the root are filled in."""
    filled = {name: {} if value is None else value for name, value in tree.items()}
    defaults: list[tuple[str, str, Tree]] = [(section, key, _default(section, key)) for section, key in _DEFAULT_PATHS]
    defaults.append(("admin", "token", {"file": ADMIN_TOKEN, "create": True}))
    if "web" in filled:
        defaults.append(("web", "token_key", {"file": TOKEN_KEY, "create": True}))
    for section, key, value in defaults:
        keys = filled.setdefault(section, {})
        if isinstance(keys, dict) and keys.get(key) is None:
            filled[section] = {**keys, key: value}
    return filled


def _default(section: str, key: str) -> str:
    model = Sections.model_fields[section].annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"{section} is not a section")
    return str(model.model_fields[key].default)


def _validated(
    model: type[M], tree: dict[str, Tree], positions: Positions, surroundings: Surroundings, found: list[Problem]
) -> M | None:
    try:
        return model.model_validate(tree, context=surroundings)
    except ValidationError as error:
        found += messages.problems(error.errors(include_url=False), model, positions)
        return None


def _sound_part(tree: dict[str, Tree], surroundings: Surroundings) -> tuple[Sections, frozenset[str]]:
    """What is left when everything with a mistake in it is taken out, and the sections that are lost altogether.

    For cross-checks only, so that the first mistake does not hide the others.
    """
    left = copy.deepcopy(tree)
    broken: set[str] = set()
    for _ in range(3):
        try:
            return Sections.model_validate(left, context=surroundings), frozenset(broken)
        except ValidationError as error:
            findings = error.errors(include_url=False, include_context=False, include_input=False)
            for path in {finding["loc"][: _ENTRIES.get(str(finding["loc"][0]), 1)] for finding in findings}:
                section = str(path[0])
                if not _removed(left, path):
                    left.pop(section, None)
                if section not in left:
                    broken.add(section)
            left = _with_defaults(left)
    return Sections.model_construct(), frozenset(Sections.model_fields)


def _removed(tree: dict[str, Tree], path: KeyPath) -> bool:
    """Take one value out of nested mappings; False when it is not there."""
    holder: Tree = tree
    for part in path[:-1]:
        holder = holder.get(part) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or path[-1] not in holder:
        return False
    del holder[path[-1]]
    return True
