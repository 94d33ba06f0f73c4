"""The security headers on a bare app: what a page gets, what data gets, and when HSTS is sent."""

import re

import pytest
from flask import Flask, jsonify, render_template_string
from werkzeug.test import TestResponse

from wallet_app.security_headers import init_security_headers


def make_app(*, hsts: bool = False) -> Flask:
    app = Flask(__name__)
    app.config["HSTS"] = hsts
    init_security_headers(app)
    app.add_url_rule("/page", view_func=lambda: "<p>page</p>", endpoint="page")
    app.add_url_rule(
        "/inline",
        view_func=lambda: render_template_string("<script nonce='{{ csp_nonce() }}'></script>{{ csp_nonce() }}"),
        endpoint="inline",
    )
    app.add_url_rule("/data", view_func=lambda: jsonify(ok=True), endpoint="data")
    app.add_url_rule("/kept", view_func=lambda: ("{}", {"Cache-Control": "max-age=60"}), endpoint="kept")
    return app


def get(path: str, *, hsts: bool = False, base_url: str = "http://localhost") -> TestResponse:
    return make_app(hsts=hsts).test_client().get(path, base_url=base_url)


@pytest.mark.parametrize("path", ["/page", "/inline", "/data", "/nowhere"])
def test_every_answer_carries_each_header_once(path: str) -> None:
    headers = get(path).headers
    for name in (
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "X-Frame-Options",
        "Referrer-Policy",
        "Permissions-Policy",
        "Cross-Origin-Opener-Policy",
        "Cross-Origin-Resource-Policy",
        "Cache-Control",
    ):
        assert len(headers.getlist(name)) == 1, name
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"


def test_data_may_load_nothing() -> None:
    assert get("/data").headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_a_page_may_load_our_own_files_only() -> None:
    policy = get("/page").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    for forbidden in ("unsafe", "strict-dynamic", "http:", "https:", "*", "nonce"):
        assert forbidden not in policy


def test_a_nonce_is_the_pages_own_and_new_each_time() -> None:
    client = make_app().test_client()
    seen = set()
    for _ in range(3):
        response = client.get("/inline")
        match = re.fullmatch(r"<script nonce='(.{22})'></script>\1", response.text)
        assert match is not None
        assert response.headers["Content-Security-Policy"].count(f"'nonce-{match[1]}'") == 2
        seen.add(match[1])
    assert len(seen) == 3


def test_a_views_own_cache_rule_stays() -> None:
    assert get("/kept").headers.getlist("Cache-Control") == ["max-age=60"]


def test_hsts_over_https_or_where_configured() -> None:
    assert "Strict-Transport-Security" not in get("/data").headers
    for response in (get("/data", base_url="https://localhost"), get("/data", hsts=True)):
        assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
