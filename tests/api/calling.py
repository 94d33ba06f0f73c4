"""Calling the API as nobody in particular, and what every refusal must look like."""

import re
from typing import Any
from uuid import uuid4

from flask import Flask

from tests.openapi_check import check_against_openapi
from tests.people import PASSWORD, Person

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NOWHERE = "01900000-0000-7000-8000-000000000000"


def ask(
    app: Flask,
    method: str,
    path: str,
    json: Any = None,
    *,
    data: bytes | None = None,
    headers: dict[str, str] | None = None,
    token: str | None = None,
    check: bool = True,
) -> Any:
    """Call ``path`` under /api/v1 with a client of its own; with ``token`` as bearer, else as nobody."""
    sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
    if data is not None:
        sent.setdefault("Content-Type", "application/json")
    client = app.test_client(use_cookies=False)
    response = client.open(f"/api/v1{path}", method=method, json=json, data=data, headers=sent)
    if check:
        check_against_openapi(method, f"/api/v1{path}", response)
    return response


def expect_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Fail unless the answer is this problem, whole; return it."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    problem: dict[str, Any] = response.json
    expected = {"type", "title", "status", "detail", "instance", "code", "details", "timestamp", "request_id"}
    assert set(problem) == expected
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["instance"] == response.request.path
    assert problem["type"] in {f"/docs/problems#{code}", "about:blank"}
    assert TIME.fullmatch(problem["timestamp"])
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert isinstance(problem["details"], dict)
    assert problem["title"]
    assert problem["detail"].rstrip().endswith((".", "…")), problem["detail"]
    return problem


def expect_faulty_fields(response: Any, *fields: str, code: str = "VALIDATION_ERROR") -> None:
    """Fail unless the answer is 400 and names exactly ``fields``."""
    problem = expect_problem(response, 400, code)
    assert set(problem["details"]["fields"]) == set(fields), problem
    assert all(problem["details"]["fields"].values())


def new_email() -> str:
    return f"{uuid4().hex}@people.example"


def register(app: Flask, **fields: Any) -> Any:
    """Register somebody; ``fields`` replace or complete the usual ones."""
    body = {"email": new_email(), "password": PASSWORD, "full_name": "Ana Lim", **fields}
    return ask(app, "POST", "/auth/register", {name: value for name, value in body.items() if value is not None})


def sign_in(app: Flask, email: str, password: str = PASSWORD) -> Any:
    return ask(app, "POST", "/auth/login", {"email": email, "password": password})


def move(person: Person, kind: str, amount: str, **fields: Any) -> Any:
    body = {"type": kind, "amount": amount, "currency": "USD", **fields}
    if kind != "transfer":
        body.setdefault("account_id", str(person.account_id))
    return person.post("/transactions", body)


def pay(person: Person, recipient: Person, amount: str) -> Any:
    return move(person, "transfer", amount, destination_account_id=str(recipient.account_id))
