"""Error pages and asset addresses on a bare app with the real templates."""

from pathlib import Path

import pytest
from flask import Flask, Response, abort, g
from werkzeug.exceptions import HTTPException

from wallet_app.pages import asset_url, init_pages, render_error_page, wants_page

ROOT = Path(__file__).parents[3]
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def make_app(environment: str = "testing") -> Flask:
    app = Flask(__name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config["ENVIRONMENT"] = environment
    init_pages(app)

    @app.before_request
    def set_request_id() -> None:
        g.request_id = "req-<1>"

    @app.errorhandler(HTTPException)
    def show(error: HTTPException) -> Response | tuple[str, int | None]:
        if wants_page():
            return render_error_page(error.code or 500)
        return "data", error.code

    @app.route("/backoffice/fail/<int:status>", methods=["GET", "POST"])
    def fail(status: int) -> str:
        abort(status)

    return app


@pytest.mark.parametrize(
    ("path", "accept", "expected"),
    [
        ("/backoffice/", "application/json", True),
        ("/backoffice", "*/*", True),
        ("/backofficer", "*/*", False),
        ("/", BROWSER, True),
        ("/nowhere", BROWSER, True),
        ("/nowhere", "*/*", False),
        ("/nowhere", "", False),
        ("/api/v1/nowhere", BROWSER, False),
        ("/health/ready", BROWSER, False),
        ("/openapi.json", BROWSER, False),
        ("/static/none.css", BROWSER, False),
    ],
)
def test_browsers_get_pages_and_clients_get_data(path: str, accept: str, expected: bool) -> None:
    app = make_app()
    with app.test_request_context(path, headers={"Accept": accept}):
        assert wants_page() is expected


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 429, 418, 500, 502, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_error_page_says_what_happened_what_was_done_and_what_next(status: int, method: str) -> None:
    response = make_app().test_client().open(f"/backoffice/fail/{status}", method=method)
    assert response.status_code == status
    assert response.mimetype == "text/html"
    for part in ("What happened", "Effect", "What to do next", "req-&lt;1&gt;", str(status)):
        assert part in response.text


def test_a_failed_change_is_not_called_undone() -> None:
    client = make_app().test_client()
    assert "may or may not have been done" in client.post("/backoffice/fail/500").text
    assert "Nothing was saved or changed" in client.get("/backoffice/fail/500").text


def test_headers_of_the_error_stay() -> None:
    app = make_app()
    with app.test_request_context("/backoffice/"):
        assert render_error_page(405, {"Allow": "GET"}).headers["Allow"] == "GET"


@pytest.mark.parametrize(("environment", "shown"), [("development", True), ("testing", True), ("production", False)])
def test_a_banner_names_every_environment_but_production(environment: str, shown: bool) -> None:
    text = make_app(environment).test_client().get("/backoffice/fail/404").text
    assert (f"<strong>{environment.capitalize()}</strong>" in text) is shown


def test_an_assets_address_changes_with_its_content(tmp_path: Path) -> None:
    app = make_app()
    app.static_folder = str(tmp_path)
    file = tmp_path / "a.css"
    with app.test_request_context("/"):
        file.write_text("a{}")
        first = asset_url("a.css")
        file.write_text("b{}")
        assert first.startswith("/static/a.css?v=")
        assert asset_url("a.css") != first
        with pytest.raises(FileNotFoundError):
            asset_url("none.css")
