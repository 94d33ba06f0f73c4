"""The manual's pages, over HTTP."""

from flask.testing import FlaskClient

from wallet_app import errors
from wallet_app.api.docs import list_problem_kinds


def test_the_manual_loads_its_own_files_only(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")


def test_a_problems_type_leads_to_what_it_means(client: FlaskClient) -> None:
    for path in ("/nowhere", "/api/v1/accounts"):
        page, anchor = client.get(path).json["type"].split("#")
        assert f'<tr id="{anchor}">' in client.get(page).text
    page, anchor = client.delete("/health").json["type"].split("#")
    assert f'<tr id="{anchor}">' in client.get(page).text


def test_every_code_is_listed_once() -> None:
    listed = [kind.code for kind in list_problem_kinds()]
    assert len(listed) == len(set(listed))
    own = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Problem)]
    assert {kind.code for kind in own} <= set(listed)
