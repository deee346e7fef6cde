"""JSON Schema for editors: completion, hints and red lines while typing the YAML files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from config.dialplan_schema import DialplanFile
from config.schema import Sections

if TYPE_CHECKING:
    from pydantic import BaseModel

MODELS: dict[str, type[BaseModel]] = {"config": Sections, "dialplan": DialplanFile}


def json_schema(name: str) -> dict[str, Any]:
    """The schema of the configuration files ("config") or of the dialplan ("dialplan"), draft 2020-12."""
    title = {"config": "softswitch configuration", "dialplan": "softswitch dialplan"}[name]
    schema = MODELS[name].model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def json_schema_text(name: str) -> str:
    """The same as text, stable from run to run."""
    return json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"
