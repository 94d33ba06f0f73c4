"""Cross-origin calls: by the list in the environment, and by nothing else."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.conftest import make_config
from tests.people import make_person
from wallet_app import create_app
from wallet_app.extensions import db

SHOP, DESK = "https://shop.example", "http://localhost:3000"
HEADERS = "authorization, content-type, idempotency-key, if-match"
READABLE = {
    "Content-Disposition",
    "ETag",
    "X-Request-Id",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Idempotency-Replayed",
    "Retry-After",
}


@pytest.fixture(scope="module")
def open_app(database_url: str) -> Iterator[Flask]:
    app = create_app(make_config(database_url, CORS_ORIGINS=f"{SHOP}, {DESK}"))
    yield app
    with app.app_context():
        db.engine.dispose()


def split(text: str) -> set[str]:
    return {part.strip() for part in text.split(",")}


def list_cors_headers(headers: object) -> list[str]:
    return [name for name in dict(headers) if name.startswith("Access-Control-")]  # type: ignore[call-overload]


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
def test_by_default_nobody_is_let_in(app: Flask, method: str) -> None:
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": HEADERS}
    answer = app.test_client().open("/api/v1/transactions", method=method, headers=asked)
    assert list_cors_headers(answer.headers) == []


@pytest.mark.parametrize("origin", [SHOP, DESK])
def test_a_listed_origin_reads_answers_and_errors(open_app: Flask, origin: str) -> None:
    token = make_person(open_app).tokens["access_token"]
    client = open_app.test_client(use_cookies=False)
    answers = [
        client.get("/api/v1/users/me", headers={"Origin": origin, "Authorization": f"Bearer {token}"}),
        client.get("/api/v1/users/me", headers={"Origin": origin}),
        client.get("/api/v1/nowhere", headers={"Origin": origin}),
        client.put("/api/v1/users/me", headers={"Origin": origin}),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 404, 405]
    for answer in answers:
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert READABLE <= split(answer.headers["Access-Control-Expose-Headers"])
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/api/v1/transactions", "/api/v1/accounts/01900000-0000-7000-8000-000000000000"])
def test_a_preflight_needs_no_token(open_app: Flask, path: str) -> None:
    method = "POST" if path.endswith("transactions") else "PATCH"
    asked = {"Origin": SHOP, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": HEADERS}
    answer = open_app.test_client().options(path, headers=asked)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert method in split(answer.headers["Access-Control-Allow-Methods"])
    assert split(HEADERS) <= split(answer.headers["Access-Control-Allow-Headers"].lower())
    assert answer.headers["Access-Control-Max-Age"] == "600"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://shop.example",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "https://shop.example:8443",
        "https://shopXexample",
        "null",
        "*",
        "",
    ],
)
def test_other_origins_are_not_let_in(open_app: Flask, origin: str) -> None:
    client = open_app.test_client()
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    for answer in (
        client.get("/api/v1/users/me", headers=asked),
        client.options("/api/v1/transactions", headers=asked),
    ):
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_other_headers_are_not_allowed(open_app: Flask) -> None:
    asked = {
        "Origin": SHOP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-evil",
    }
    answer = open_app.test_client().options("/api/v1/transactions", headers=asked)
    assert "x-evil" not in answer.headers.get("Access-Control-Allow-Headers", "").lower()


@pytest.mark.parametrize("path", ["/backoffice/sign-in", "/docs", "/metrics", "/health"])
def test_the_api_alone_is_open(open_app: Flask, path: str) -> None:
    answer = open_app.test_client().get(path, headers={"Origin": SHOP})
    assert list_cors_headers(answer.headers) == []
