"""Pydantic's findings in the operator's words, each at its place in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from config.dialplan_schema import Step
from config.problem import Place, Problem, did_you_mean
from config.values import shown
from config.yaml12 import Marks, Tree, dotted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

KeyPath = tuple[str | int, ...]
_CONTAINERS = frozenset({tuple, dict, list, Mapping})


class Positions:
    """Where every value of one or more files stands."""

    def __init__(self, marks: Mapping[KeyPath, Marks]) -> None:
        self._marks = marks

    def known(self, path: KeyPath) -> KeyPath:
        """The longest beginning of `path` that is written in the file."""
        while path and path not in self._marks:
            path = path[:-1]
        return path

    def value(self, path: KeyPath) -> Place:
        """Where the value stands, or what would contain it."""
        return self._marks[self.known(path)].value

    def key(self, path: KeyPath) -> Place:
        """Where the key stands, or what would contain it."""
        return self._marks[self.known(path)].key

    def problem(self, path: KeyPath, message: str) -> Problem:
        """A mistake in the value at `path`; when it is not written there, it is the default that does not fit."""
        return Problem(self.value(path), dotted(path), message)


def problems(errors: Iterable[ErrorDetails], model: type[BaseModel], positions: Positions) -> list[Problem]:
    """One problem per finding, `model` being what was validated."""
    return [_problem(error, model, positions) for error in errors]


def _problem(error: ErrorDetails, model: type[BaseModel], positions: Positions) -> Problem:
    path: KeyPath = tuple(part for part in error["loc"] if part != "[key]")
    kind = error["type"]
    if kind == "extra_forbidden":
        owner = _model_at(model, path[:-1])
        known = positions.known(path)
        noun = "application" if owner is Step else "key"
        hint = did_you_mean(str(path[-1]), _keys(owner))
        return Problem(positions.key(path), dotted(known), f"unknown {noun} {str(path[-1])!r}{hint}")
    if kind == "missing":
        parent = positions.known(path[:-1])
        return Problem(positions.value(parent), dotted((*parent, path[-1])), "is missing")
    place = positions.key(path) if error["loc"][-1:] == ("[key]",) else positions.value(path)
    return Problem(place, dotted(positions.known(path)), _message(error))


def _message(error: ErrorDetails) -> str:
    context: dict[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "literal_error":
            names = [each.strip("'") for each in re.split(r", | or ", str(context["expected"]))]
            hint = did_you_mean(str(error["input"]), names)
            hint = hint if hint.startswith(", did") else ""
            return f"expected {_either(names)}, got {shown(error['input'])}{hint}"
        case "model_type" | "dict_type" | "model_attributes_type" | "mapping_type":
            return f"expected a section of keys, got {_sort(error['input'])}"
        case "string_pattern_mismatch":
            return f"expected something like {context['pattern']}, got {shown(error['input'])}"
        case _:
            return error["msg"][:1].lower() + error["msg"][1:]


def _either(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _sort(value: Tree) -> str:
    """What sort of thing a value is, without the value: it may be a password in the wrong place."""
    match value:
        case None:
            return "nothing"
        case list():
            return "a list"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case _:
            return "text"


def _keys(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The model that describes the section at `path`."""
    annotation: object = model
    for part in path:
        here = _model_in(annotation)
        if here is not None and isinstance(part, str):
            fields = {field.alias or name: field for name, field in here.model_fields.items()}
            if part not in fields:
                return None
            annotation = fields[part].annotation
        else:
            annotation = _inside(annotation)
    return _model_in(annotation)


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model an annotation is, or is an optional or annotated form of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if getattr(annotation, "__origin__", None) in _CONTAINERS:
        return None
    found = (_model_in(inner) for inner in get_args(annotation) if inner is not None)
    return next((model for model in found if model is not None), None)


def _inside(annotation: object) -> object:
    """What a list or mapping holds."""
    origin = getattr(annotation, "__origin__", None)
    arguments = get_args(annotation)
    if origin in _CONTAINERS:
        return arguments[-1] if arguments[-1] is not Ellipsis else arguments[0]
    for inner in arguments:
        if get_args(inner):
            return _inside(inner)
    return None
