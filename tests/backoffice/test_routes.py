"""Rules every back-office route keeps, those of later pages too."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.backoffice.visitors import Visitor
from tests.people import Person
from wallet_app.backoffice.guard import PUBLIC_ENDPOINTS
from wallet_app.identity.permissions import Role


def list_rules(app: Flask) -> list[tuple[str, str, str]]:
    return [
        (rule.endpoint, method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("backoffice.")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_view_names_the_permissions_it_needs(app: Flask) -> None:
    rules = list_rules(app)
    assert {endpoint for endpoint, _, _ in rules} >= PUBLIC_ENDPOINTS
    for endpoint, _, _ in rules:
        has_permissions = hasattr(app.view_functions[endpoint], "required_permissions")
        assert has_permissions is (endpoint not in PUBLIC_ENDPOINTS), endpoint


def test_nobody_gets_in_without_signing_in(app: Flask, visitor: Visitor) -> None:
    token = visitor.read_csrf_token("/backoffice/sign-in")
    for endpoint, method, rule in list_rules(app):
        if endpoint in PUBLIC_ENDPOINTS or "<" in rule:
            continue
        response = visitor.client.open(rule, method=method, data={"csrf_token": token})
        assert response.status_code == 303, endpoint
        assert response.location.startswith("/backoffice/sign-in"), endpoint


def test_no_form_is_taken_without_its_token(app: Flask, make_staff: Callable[..., Person], visitor: Visitor) -> None:
    visitor.sign_in(make_staff(Role.ADMIN).email)
    for endpoint, method, rule in list_rules(app):
        if endpoint in PUBLIC_ENDPOINTS or method == "GET" or "<" in rule:
            continue
        for data in ({}, {"csrf_token": "made up"}):
            response = visitor.client.open(rule, method=method, data=data)
            assert response.status_code == 400, endpoint
            assert "That form could not be verified" in response.text
            assert "Nothing was saved or changed." in response.text
    assert visitor.get("/backoffice/").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/backoffice/nowhere", 404),
        ("GET", "/backoffice/users/1", 404),
        ("GET", "/backoffice/sign-out", 405),
        ("DELETE", "/backoffice/sign-in", 405),
    ],
)
def test_errors_are_pages_with_the_request_id(visitor: Visitor, method: str, path: str, status: int) -> None:
    response = visitor.client.open(path, method=method)
    assert response.status_code == status
    assert response.mimetype == "text/html"
    assert response.headers["X-Request-Id"] in response.text
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")


def test_a_wrong_address_outside_is_a_page_for_a_browser_and_a_problem_for_a_client(visitor: Visitor) -> None:
    page = visitor.client.get("/nowhere", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    for path in ("/nowhere", "/api/v1/nowhere"):
        data = visitor.client.get(path)
        assert (data.status_code, data.mimetype) == (404, "application/problem+json")


def test_pages_are_never_kept_by_caches(visitor: Visitor) -> None:
    assert visitor.get("/backoffice/sign-in").headers["Cache-Control"] == "no-store"


def test_assets_are_kept_for_a_year(visitor: Visitor) -> None:
    text = visitor.get("/backoffice/sign-in").text
    address = text.split('rel="stylesheet" href="')[1].split('"')[0]
    response = visitor.get(address)
    assert response.status_code == 200
    response.close()
    assert "max-age=31536000" in response.headers["Cache-Control"]
    assert "Cookie" not in response.headers.get("Vary", "")
