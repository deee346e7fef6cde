"""YAML 1.2 core rules on PyYAML's C parser, with the place of every value.

PyYAML follows YAML 1.1, which is fatal for telephone numbers and working hours: `on` becomes True, `0123` becomes 83,
`12:30` becomes 750, a date becomes an object, and of two equal keys the last silently wins. Here:

- only `true`, `false`, `null`, `~` and numbers are anything but text (YAML 1.2, 10.3.2);
- a number keeps the text it was typed as, so a field that wants text gets `0123`, `+4930`, `1.10` unchanged;
- keys are always text; a key that comes twice is a mistake; merge keys (`<<`) do not exist;
- anchors and aliases work, within a bound on what they expand to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from yaml.resolver import BaseResolver

from config.problem import Place, Problem

if TYPE_CHECKING:
    from pathlib import Path

try:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs leave it out
except ImportError as error:  # pragma: no cover - every wheel of PyYAML has it
    raise ImportError("PyYAML was built without libyaml; install the wheel or libyaml-dev and rebuild") from error

MAX_NODES = 100_000
"""Values a file may hold once aliases are expanded: far above any real one, far below what exhausts memory."""
MAX_BYTES = 4 * 1024 * 1024

Path_ = tuple[str | int, ...]
Tree = Any
"""What YAML gives: dict[str, Tree], list[Tree], str, int, float, bool or None."""


class Integer(int):
    """A whole number that remembers how it was typed."""

    text: str


class Decimal(float):
    """A number with a fraction or exponent that remembers how it was typed."""

    text: str


class Marks(NamedTuple):
    """Where a value stands, and where its key does (the same for list items)."""

    key: Place
    value: Place


@dataclass(slots=True)
class Document:
    """One file as read: `tree` is always a mapping; `marks` has every path in it, () included.

    `whole`: it could be read to its end, so that what is not in `tree` is not in the file.
    """

    tree: dict[str, Tree] = field(default_factory=dict)
    marks: dict[Path_, Marks] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    whole: bool = False


class _Resolver(BaseResolver):
    """Tags plain scalars by YAML 1.2's core schema, except that `+49` and `0123` stay text."""


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
    ("float", r"-?(?:(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?)", list("-0123456789")),
):
    _Resolver.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), _first)


class _Composer(CParser, _Resolver):
    """Text to nodes: the C parser and the resolver above, no constructor."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        _Resolver.__init__(self)


def parse(text: str, path: Path) -> Document:
    """Read one file's text. Mistakes are in `problems`; what could be read is still there."""
    start = Place(path, 1, 1)
    document = Document(marks={(): Marks(start, start)})
    composer = _Composer(text)
    try:
        node = composer.get_single_node()
    except yaml.MarkedYAMLError as error:
        tab = _indenting_tab(text, path) if "\t" in text else None
        document.problems.append(
            Problem(tab, "", "a tab cannot indent YAML: use spaces") if tab else _syntax(error, path)
        )
        return document
    except yaml.YAMLError as error:
        document.problems.append(Problem(Place(path, 1, 1), "", f"cannot be read as YAML: {error}".split("\n")[0]))
        return document
    finally:
        composer.dispose()
    _Builder(document, path).build(node)
    return document


class _Builder:
    """Nodes to plain values, marks and problems."""

    def __init__(self, document: Document, path: Path) -> None:
        self._document = document
        self._path = path
        self._open: set[int] = set()
        self._left = MAX_NODES

    def build(self, node: yaml.Node | None) -> None:
        document = self._document
        document.whole = True
        if node is None or node.tag == "tag:yaml.org,2002:null":
            return
        if not isinstance(node, yaml.MappingNode):
            document.problems.append(Problem(self._place(node), "", "expected `key: value` lines at the top"))
            return
        document.tree = self._value(node, (), self._place(node))
        if self._left < 0:
            document.tree = {}
            document.whole = False
            message = f"too much: aliases expand to over {MAX_NODES} values"
            document.problems.append(Problem(Place(self._path, 1, 1), "", message))

    def _value(self, node: yaml.Node, path: Path_, key: Place) -> Tree:
        place = self._place(node)
        self._document.marks[path] = Marks(key, place)
        self._left -= 1
        if self._left < 0:
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            self._problem(place, path, "an alias inside the value it stands for")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return [self._value(item, (*path, index), self._place(item)) for index, item in enumerate(node.value)]
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Tree]:
        found: dict[str, Tree] = {}
        places: dict[str, Place] = {}
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(place, path, "a key must be plain text")
                continue
            key = key_node.value
            if key in places:
                first = places[key]
                self._problem(place, (*path, key), f"this key is given twice, first on line {first.line}")
                continue
            if key == "<<" and not key_node.style:
                self._problem(place, path, "merge keys (<<) are not part of YAML 1.2: write the values out")
                continue
            places[key] = place
            found[key] = self._value(value_node, (*path, key), place)
        return found

    def _scalar(self, node: yaml.ScalarNode, path: Path_) -> Tree:
        text = node.value
        match node.tag.removeprefix("tag:yaml.org,2002:"):
            case "str":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" | "float" as tag:
                try:
                    number = Integer(text) if tag == "int" else Decimal(text)
                except ValueError:
                    self._problem(self._place(node), path, f"not a number: {text[:40]!r}")
                    return None
                number.text = text
                return number
            case tag:
                self._problem(self._place(node), path, f"the tag {tag!r} means nothing here")
                return None

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._path, node.start_mark.line + 1, node.start_mark.column + 1)

    def _problem(self, place: Place, path: Path_, message: str) -> None:
        self._document.problems.append(Problem(place, dotted(path), message))


def dotted(path: Path_) -> str:
    """A path as written in messages: `routes[2].dial.trunk`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _indenting_tab(text: str, path: Path) -> Place | None:
    for number, line in enumerate(text.splitlines(), start=1):
        indent = line[: len(line) - len(line.lstrip())]
        content = line.lstrip()
        if "\t" in indent and content and not content.startswith("#"):
            return Place(path, number, indent.index("\t") + 1)
    return None


_PLAIN_WORDS = (
    ("mapping values are not allowed", "a second ': ' on one line: quote the value, or start a new line"),
    ("could not find expected ':'", "expected `key: value`"),
    ("did not find expected key", "expected a key: is the indentation the same as on the lines above?"),
    ("did not find expected '-' indicator", "expected '- ': is the indentation the same as on the lines above?"),
    (
        "undefined alias",
        "a value that begins with '*' is an alias, and there is no such anchor: quote it, as in \"*43\"",
    ),
    ("alphabetic or numeric", "a value that begins with '*' or '&' must be quoted"),
    ("cannot start any token", "a value cannot begin with '%', '@' or '`': quote it"),
    ("unexpected end of stream", "a quote is opened and never closed"),
    ("found another document", "one document only: take the '---' line out"),
)
"""libyaml's words, and ours for them."""


def _syntax(error: yaml.MarkedYAMLError, path: Path) -> Problem:
    """Where and what; never the text of the line, which may hold a password."""
    mark = error.problem_mark or error.context_mark
    place = Place(path, mark.line + 1, mark.column + 1) if mark is not None else Place(path, 1, 1)
    problem = error.problem or "cannot be read as YAML"
    problem = next((ours for theirs, ours in _PLAIN_WORDS if theirs in problem), problem)
    if error.context and error.context_mark is not None and error.context_mark.line + 1 != place.line:
        problem += f" ({error.context}, line {error.context_mark.line + 1})"
    return Problem(place, "", problem)
