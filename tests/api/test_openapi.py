"""/openapi.json: valid, whole, and true of what is served."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.architecture.test_permissions import PUBLIC
from wallet_app.errors import Problem

# Pages for people, which a description for programs leaves out.
PAGES = re.compile(r"/|/docs.*|/backoffice.*|/static/.*")
METHODS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/openapi.json")
    assert answer.mimetype == "application/json"
    document: dict[str, Any] = answer.json
    return document


def list_operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]


def list_schemas(part: Any) -> list[dict[str, Any]]:
    """Every object in the document, however deep."""
    if isinstance(part, list):
        return [schema for item in part for schema in list_schemas(item)]
    if not isinstance(part, dict):
        return []
    return [part, *(schema for item in part.values() for schema in list_schemas(item))]


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_it_tells_of_exactly_what_is_served(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not PAGES.fullmatch(rule.rule)
    }
    described = {(method, path) for method, path, _ in list_operations(document)}
    assert described == served
    assert ("get", "/health") in described


def test_every_operation_is_told_in_full(document: dict[str, Any]) -> None:
    operations = list_operations(document)
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids))
    for method, path, operation in operations:
        name = f"{method} {path}"
        assert operation["summary"], name
        assert not operation["summary"].endswith("."), name
        assert operation["tags"], name
        in_path = [item["name"] for item in operation["parameters"] if item["in"] == "path"]
        assert in_path == re.findall(r"\{(\w+)\}", path), name
        assert any(status.startswith("2") for status in operation["responses"]), name
        if path.startswith("/api/v1"):
            assert {"429", "503"} <= set(operation["responses"]), name
        if "requestBody" in operation:
            assert {"400", "413", "415"} <= set(operation["responses"]), name


def test_security_is_told_as_it_is(document: dict[str, Any]) -> None:
    for method, path, operation in list_operations(document):
        is_public = (method.upper(), re.sub(r"\{(\w+)\}", r"<uuid:\1>", path)) in PUBLIC
        assert operation["security"] == ([] if is_public else [{"bearer": []}]), (method, path)
        assert ("401" in operation["responses"]) is (not is_public or path.endswith("/login")), (method, path)


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for method, path, operation in list_operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, (method, path, status)
    required = set(document["components"]["schemas"]["Problem"]["required"])
    assert required == {
        "type",
        "title",
        "status",
        "detail",
        "instance",
        "code",
        "details",
        "timestamp",
        "request_id",
    }


def test_schemas_speak_json_schema_only(document: dict[str, Any]) -> None:
    """What pydantic knows and JSON Schema does not would be silently ignored by every client."""
    for schema in list_schemas(document["components"]["schemas"]):
        assert not {"ge", "le", "gt", "lt", "min_length", "max_length"} & set(schema), schema
    for _, _, operation in list_operations(document):
        for parameter in operation["parameters"]:
            assert not {"ge", "le", "gt", "lt"} & set(parameter["schema"]), parameter


def find_parameter(document: dict[str, Any], path: str, name: str) -> dict[str, Any]:
    parameters = document["paths"][path]["get"]["parameters"]
    schema: dict[str, Any] = next(item["schema"] for item in parameters if item["name"] == name)
    return schema


def test_limits_are_told(document: dict[str, Any]) -> None:
    for path in ("/api/v1/users", "/api/v1/accounts", "/api/v1/transactions"):
        limit = find_parameter(document, path, "limit")
        assert limit == {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
        assert find_parameter(document, path, "cursor")["maxLength"] == 500
        assert find_parameter(document, path, "q")["maxLength"] == 200
    schemas = document["components"]["schemas"]
    assert schemas["RegisterIn"]["properties"]["password"] == {"type": "string", "minLength": 8, "maxLength": 200}
    name = schemas["RegisterIn"]["properties"]["full_name"]
    assert (name["minLength"], name["maxLength"]) == (1, 200)
    assert schemas["FreezeIn"]["properties"]["scope"] == {"type": "string", "enum": ["debit", "all"], "default": "all"}
    assert schemas["FreezeIn"]["required"] == ["reason"]
    assert schemas["ReasonIn"]["properties"]["reason"]["maxLength"] == 500
    assert "minProperties" not in schemas["TransferIn"]
    for name, schema in schemas.items():
        if name.endswith("In"):
            assert schema.get("additionalProperties") is False or "oneOf" in schema, name


def test_the_kinds_of_moves_are_told_apart_by_type(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["TransactionIn"]
    mapping = schema["discriminator"]["mapping"]
    assert schema["discriminator"]["propertyName"] == "type"
    assert set(mapping) == {"transfer", "top_up", "withdrawal"}
    assert sorted(mapping.values()) == sorted(choice["$ref"] for choice in schema["oneOf"])
    for kind, reference in mapping.items():
        chosen = document["components"]["schemas"][reference.rpartition("/")[2]]
        assert chosen["properties"]["type"]["const"] == kind
        assert "type" in chosen["required"]


def test_examples_and_defaults_are_valid(document: dict[str, Any]) -> None:
    registry: Registry[Any] = Registry().with_resource(
        "urn:wallet", Resource(contents=document, specification=DRAFT202012)
    )
    checked = 0
    schemas = [*list_schemas(document["components"]["schemas"]), *list_schemas(document["paths"])]
    for schema in schemas:
        if not isinstance(schema.get("examples"), list) and "default" not in schema:
            continue
        local = json.loads(json.dumps(schema).replace('"#/', '"urn:wallet#/'))
        validator = Draft202012Validator(local, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for example in [*schema.get("examples", []), *([schema["default"]] if "default" in schema else [])]:
            validator.validate(example)
            checked += 1
    assert checked > 20


def test_headers_are_told(document: dict[str, Any]) -> None:
    paths = document["paths"]
    move = paths["/api/v1/transactions"]["post"]
    assert [item["name"] for item in move["parameters"]] == ["Idempotency-Key"]
    assert "Idempotency-Replayed" in move["responses"]["201"]["headers"]
    assert "Retry-After" in move["responses"]["429"]["headers"]
    account = paths["/api/v1/accounts/{account_id}"]
    assert "ETag" in account["get"]["responses"]["200"]["headers"]
    statement = paths["/api/v1/accounts/{account_id}/statement"]["get"]["responses"]["200"]
    assert set(statement["content"]) == {"application/json", "text/csv"}
    assert "Content-Disposition" in statement["headers"]
    assert "Content-Disposition" not in account["get"]["responses"]["200"]["headers"]
    (if_match,) = [item for item in account["patch"]["parameters"] if item["name"] == "If-Match"]
    assert if_match["required"] is True
    assert {"412", "428"} <= set(account["patch"]["responses"])
    for _, path, operation in list_operations(document):
        for response in operation["responses"].values():
            assert "X-Request-Id" in response["headers"]
            assert ("RateLimit-Limit" in response["headers"]) is not path.startswith(("/health", "/metrics"))


def test_optional_bodies_are_told(document: dict[str, Any]) -> None:
    optional = {
        path
        for _, path, operation in list_operations(document)
        if not operation.get("requestBody", {"required": True})["required"]
    }
    assert optional == {"/api/v1/transactions/{transaction_id}/reversal"}


def test_nothing_secret_is_answered(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if name.endswith("Out"):
            assert not [field for field in schema.get("properties", {}) if "password" in field or "hash" in field], name


def test_problem_types_lead_somewhere(app: Flask) -> None:
    page = app.test_client().get("/docs/problems").text
    waiting: list[type[Problem]] = [Problem]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.is_documented:
            assert f'id="{kind.code}"' in page, kind
