"""Holding answers against /openapi.json: what is served must be what is described."""

import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from wallet_app.api.openapi import build_document

BASE = "urn:wallet"


@cache
def _registry() -> Registry[Any]:
    return Registry().with_resource(BASE, Resource(contents=build_document(), specification=DRAFT202012))


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    paths = sorted(build_document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in paths]


@cache
def _validator(path: str, method: str, status: str, media_type: str) -> Draft202012Validator:
    pointer = "/".join(
        part.replace("~", "~0").replace("/", "~1")
        for part in ("paths", path, method, "responses", status, "content", media_type, "schema")
    )
    schema = {"$ref": f"{BASE}#/{pointer}"}
    validator: Draft202012Validator = validator_for(schema, Draft202012Validator)(schema, registry=_registry())
    return validator


def check_against_openapi(method: str, target: str, response: Any) -> None:
    """Fail unless status, media type and body are as described. Addresses that don't exist are not described."""
    path_only = target.partition("?")[0]
    path = next((path for pattern, path in _templates() if pattern.fullmatch(path_only)), None)
    operation = build_document()["paths"].get(path, {}).get(method.lower())
    if operation is None:
        assert response.status_code in {404, 405, 429}, f"{method} {target} is served but not described"
        return
    described = operation["responses"].get(str(response.status_code))
    assert described is not None, f"{method} {path} answers {response.status_code} undescribed: {response.text[:500]}"
    content = described.get("content")
    if content is None:
        assert response.data == b"", f"{method} {path} answers a body where none is described"
        return
    assert response.mimetype in content, f"{method} {path} answers {response.mimetype}"
    body = response.json if response.is_json else response.text
    _validator(path, method.lower(), str(response.status_code), response.mimetype).validate(body)
