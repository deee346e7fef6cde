"""JSON Schema for editors: completion, hints and red lines while typing the YAML files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from config.dialplan_schema import DialplanFile
from config.schema import Sections
from config.values import lasting

if TYPE_CHECKING:
    from pydantic import BaseModel

MODELS: dict[str, type[BaseModel]] = {"config": Sections, "dialplan": DialplanFile}


def json_schema(name: str) -> dict[str, Any]:
    """The schema of the configuration files ("config") or of the dialplan ("dialplan"), draft 2020-12."""
    title = {"config": "softswitch configuration", "dialplan": "softswitch dialplan"}[name]
    schema = MODELS[name].model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_plain(schema), "title": title}


def _plain(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """Without what nobody reads (titles made of key names, null as a default); defaults as one would write them."""
    if isinstance(schema, list):
        return [_plain(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _plain(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    if "default" in schema:
        plain["default"] = _written(schema["default"], schema.get("pattern", ""))
        if plain["default"] is None:
            del plain["default"]
    return plain


def _written(default: Any, pattern: str) -> Any:  # noqa: ANN401 - JSON
    """A default in the form of the file, None when it says nothing to a reader (whole sections, every day)."""
    match default:
        case bool() | str():
            return default
        case int() | float() if "ms|s" in pattern:
            return lasting(default)
        case int() if ":" in pattern:
            return f"{default // 60:02}:{default % 60:02}"
        case int():
            return default
        case [str(), *_]:
            return default
        case _:
            return None


def json_schema_text(name: str) -> str:
    """The same as text, stable from run to run."""
    return json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"
