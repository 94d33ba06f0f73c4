"""What machines ask: is it up, is it ready, its metrics. And production's headers."""

import re
import socket

import pytest
from flask import Flask
from sqlalchemy import text

from tests.api.calling import expect_problem
from tests.conftest import address_of, make_config
from tests.openapi_check import check_against_openapi
from wallet_app import create_app
from wallet_app.extensions import db


def test_health_looks_no_further_than_the_process() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    client = create_app(make_config(f"postgresql://nobody@127.0.0.1:{port}/nothing")).test_client()
    health = client.get("/health")
    assert (health.status_code, health.json) == (200, {"status": "ok"})
    ready = client.get("/health/ready")
    problem = expect_problem(ready, 503, "NOT_READY")
    assert problem["details"] == {"database": "unreachable"}
    assert int(ready.headers["Retry-After"]) > 0
    check_against_openapi("GET", "/health/ready", ready)
    away = client.post("/api/v1/auth/login", json={"email": "a@b.example", "password": "x"})
    expect_problem(away, 503, "BUSY")
    assert int(away.headers["Retry-After"]) > 0
    check_against_openapi("POST", "/api/v1/auth/login", away)


def test_ready_means_migrated(fresh_app: Flask) -> None:
    client = fresh_app.test_client()
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json["status"]) == (200, "ready")
    check_against_openapi("GET", "/health/ready", ready)
    with fresh_app.app_context():
        db.session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        db.session.commit()
    behind = client.get("/health/ready")
    problem = expect_problem(behind, 503, "NOT_READY")
    assert problem["details"]["migration"] == "0001"
    assert problem["details"]["newest"] == ready.json["migration"]
    with fresh_app.app_context():
        db.session.execute(text("DROP TABLE alembic_version"))
        db.session.commit()
    expect_problem(client.get("/health/ready"), 503, "NOT_READY")


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("path", ["/health", "/health/ready", "/metrics", "/openapi.json"])
def test_machines_get_data_whatever_they_accept(app: Flask, path: str, accept: str) -> None:
    answer = app.test_client().get(path, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.mimetype == ("text/plain" if path == "/metrics" else "application/json")
    assert "X-Request-Id" in answer.headers
    check_against_openapi("GET", path, answer)
    wrong = app.test_client().delete(path, headers={"Accept": accept})
    expect_problem(wrong, 405, "METHOD_NOT_ALLOWED")


def test_metrics_count_requests_by_route_and_not_by_id(app: Flask) -> None:
    client = app.test_client()
    client.get("/api/v1/accounts/01900000-0000-7000-8000-000000000001")
    client.open("/api/v1/users/me", method="BREW")
    metrics = client.get("/metrics").text
    assert re.search(
        r'wallet_requests_total\{method="GET",route="/api/v1/accounts/<uuid:account_id>",status="401"\}', metrics
    )
    assert "01900000" not in metrics
    assert "BREW" not in metrics


def test_a_browser_gets_pages_where_people_look(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/nowhere", headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    data = client.get("/nowhere", headers={"Accept": "application/json"})
    expect_problem(data, 404, "NOT_FOUND")


def test_the_root_leads_to_the_back_office(app: Flask) -> None:
    answer = app.test_client().get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/backoffice/")


def test_production_tells_browsers_to_stay_on_https(database_url: str) -> None:
    settings = {"WALLET_ENV": "production", "SECRET_KEY": "s" * 40, "JWT_SECRET_KEY": "j" * 40}
    app = create_app(make_config(database_url, **settings))
    for path in ("/api/v1/users/me", "/health", "/nowhere"):
        assert app.test_client().get(path).headers["Strict-Transport-Security"] == "max-age=31536000"
    with app.app_context():
        db.engine.dispose()


def test_an_error_of_ours_gives_nothing_away(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"the password of {address_of('wallet')} is hunter2")

    monkeypatch.setattr("wallet_app.api.v1.auth.sessions.verify_credentials", fail)
    answer = app.test_client().post("/api/v1/auth/login", json={"email": "a@b.example", "password": "x"})
    expect_problem(answer, 500, "INTERNAL_ERROR")
    assert "hunter2" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "RateLimit-Remaining" in answer.headers
