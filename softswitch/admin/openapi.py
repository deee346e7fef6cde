"""The OpenAPI 3.1 document, put together from the operations themselves."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from softswitch.admin.operation import Access
from softswitch.admin.schemas import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from softswitch.admin.operation import Json, Operation, Parameter


def document(operations: Iterable[Operation], version: str) -> dict[str, Json]:
    """The whole document."""
    paths: dict[str, dict[str, Json]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "softswitch admin", "version": version},
        "paths": dict(paths),
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> Json:
    responses: dict[str, Json] = {
        str(status): _response(description, schema, operation.media_type if status < 300 else "application/json")
        for status, (description, schema) in operation.responses.items()
    }
    described: dict[str, Json] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": responses,
    }
    if operation.body is not None:
        schema: Json = {"$ref": f"#/components/schemas/{operation.body}"}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    match operation.access:
        case Access.ANYBODY:
            described["security"] = []
        case Access.TOKEN:
            described["security"] = [{"token": []}]
            responses["401"] = _response(HTTPStatus.UNAUTHORIZED.phrase, "Error", "application/json")
        case Access.METRICS:
            described["security"] = [{"token": []}, {}]
            responses["401"] = _response(HTTPStatus.UNAUTHORIZED.phrase, "Error", "application/json")
    return described


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.place == "path",
        "schema": dict(parameter.schema),
    }


def _response(description: str, schema: str | None, media_type: str) -> Json:
    body: Json = {"type": "string"} if schema is None else {"$ref": f"#/components/schemas/{schema}"}
    return {"description": description, "content": {media_type: {"schema": body}}}
