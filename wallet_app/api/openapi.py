"""The OpenAPI 3.1 document, built from the endpoints' own declarations."""

import re
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from wallet_app.api.answers import CSV_TYPE, PROBLEM_TYPE
from wallet_app.api.endpoint import OPERATIONS, AnswerKind, MediaKind, Operation, Who

API_VERSION = "1.0.0"
REFERENCES = "#/components/schemas/{model}"
PATH_PARAMETER = re.compile(r"<uuid:(\w+)>")

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details, with our own members.",
    "required": ["type", "title", "status", "detail", "instance", "code", "details", "timestamp", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do about it."},
        "instance": {"type": "string"},
        "code": {"type": "string", "pattern": "^[A-Z0-9_]+$", "description": "Stable; programs decide by it."},
        "details": {"type": "object"},
        "timestamp": {"type": "string", "format": "date-time"},
        "request_id": {"type": "string"},
    },
}

SENT_HEADERS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "Makes the move happen once, however often the request is sent.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "required": True,
        "description": "The ETag last read.",
        "schema": {"type": "string", "examples": ['"3"']},
    },
}


def _describe_header(description: str, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


ANSWERED_HEADERS = {
    "X-Request-Id": _describe_header("The client's own if it sent a sane one, else ours."),
    "RateLimit-Limit": _describe_header("Requests in a window.", "integer"),
    "RateLimit-Remaining": _describe_header("Requests left in this window.", "integer"),
    "RateLimit-Reset": _describe_header("Seconds until the next window.", "integer"),
    "ETag": _describe_header("The version of the object's settings, to be sent as `If-Match`."),
    "Content-Disposition": _describe_header("On a file to be kept: `attachment`, and the name it suggests."),
    "Idempotency-Replayed": _describe_header("`true`: the stored answer of an earlier request with this key."),
    "Retry-After": _describe_header("Whole seconds to wait.", "integer"),
}
EVERY_ANSWER = ("X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@lru_cache(maxsize=1)
def build_document() -> dict[str, Any]:
    """The whole document. Endpoints are declared at import, so it is built once."""
    models = sorted({model for operation in OPERATIONS for model in _list_models(operation)}, key=lambda m: m.__name__)
    mapping, definitions = models_json_schema([(model, "validation") for model in models], ref_template=REFERENCES)
    schemas = {model: mapping[(model, "validation")] for model in models}
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        path = PATH_PARAMETER.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _describe(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wallet_app",
            "version": API_VERSION,
            "description": "A wallet ledger: accounts, transfers, top-ups, withdrawals and reversals.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {**_tidy(definitions.get("$defs", {})), "Problem": PROBLEM_SCHEMA},
            "headers": ANSWERED_HEADERS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _list_models(operation: Operation) -> list[type[BaseModel]]:
    answered = [kind for answer in operation.answers.values() for kind in _list_kinds(answer)]
    candidates = (operation.body, operation.query, *answered)
    return [model for model in candidates if isinstance(model, type)]


def _list_kinds(answer: AnswerKind) -> tuple[MediaKind, ...]:
    if answer is None:
        return ()
    return answer if isinstance(answer, tuple) else (answer,)


def _tidy(schema: Any) -> Any:
    """Drop the titles that pydantic makes of names, and defaults that only say "left out"."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _tidy(value)
        for name, value in schema.items()
        if not (name == "title" and isinstance(value, str)) and not (name == "default" and value in (None, ""))
    }


def _describe(operation: Operation, schemas: dict[type[BaseModel], Any]) -> dict[str, Any]:
    answers = {str(status): _describe_answer(status, kind, schemas) for status, kind in operation.answers.items()}
    errors = {str(status): _describe_error(status) for status in operation.errors}
    responses = {**answers, **errors}
    for status, described in responses.items():
        names = _list_answered_headers(operation, int(status))
        described["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    described = {
        "operationId": f"{operation.tag.lower()}_{operation.name}",
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": _list_parameters(operation),
        "responses": responses,
        "security": [] if operation.who is Who.ANYONE else [{"bearer": []}],
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.body_optional,
            "content": {"application/json": {"schema": schemas[operation.body]}},
        }
    return described


def _list_answered_headers(operation: Operation, status: int) -> list[str]:
    names = list(EVERY_ANSWER if operation.is_limited else EVERY_ANSWER[:1])
    if operation.has_etag and status in operation.answers:
        names.append("ETag")
    if CSV_TYPE in _list_kinds(operation.answers.get(status)):
        names.append("Content-Disposition")
    if "Idempotency-Key" in operation.headers and status in {*operation.answers, 409, 422}:
        names.append("Idempotency-Replayed")
    if status in {429, 503}:
        names.append("Retry-After")
    return names


def _list_parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in PATH_PARAMETER.findall(operation.path)
    ]
    parameters += [SENT_HEADERS[name] for name in operation.headers]
    if operation.query is not None:
        schema = operation.query.model_json_schema(ref_template=REFERENCES)
        required = schema.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": _drop_null(_tidy(value))}
            for name, value in schema["properties"].items()
        ]
    return parameters


def _drop_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is left out, never null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    return {**choices[0], **{name: value for name, value in schema.items() if name != "anyOf"}}


def _describe_answer(status: int, kind: AnswerKind, schemas: dict[type[BaseModel], Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    content = dict(_describe_content(one, schemas) for one in _list_kinds(kind))
    if content:
        described["content"] = content
    return described


def _describe_content(kind: MediaKind, schemas: dict[type[BaseModel], Any]) -> tuple[str, dict[str, Any]]:
    if isinstance(kind, str):
        return kind, {"schema": {"type": "object" if kind == "application/json" else "string"}}
    return "application/json", {"schema": schemas[kind]}


def _describe_error(status: int) -> dict[str, Any]:
    return {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM_TYPE: {"schema": {"$ref": REFERENCES.format(model="Problem")}}},
    }
