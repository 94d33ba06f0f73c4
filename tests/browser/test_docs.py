"""/docs in a browser: it loads without any network, runs requests, and signs them with a token."""

import json
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenWindow, Window
from tests.people import PASSWORD, Person
from wallet_app.identity.permissions import Role

RESPONSE = ".live-responses-table"


def find_operation(page: Page, method: str, path: str) -> Locator:
    return page.locator(f".opblock-{method}", has=page.locator(f"[data-path='{path}']"))


def run_operation(page: Page, method: str, path: str, body: object = None) -> tuple[str, str]:
    """Run a call through Try it out; answer the status and the body it shows."""
    operation = find_operation(page, method, path)
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    if body is not None:
        operation.locator("textarea.body-param__text").fill(json.dumps(body))
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(f"{RESPONSE} .response").first
    answer.wait_for()
    status = answer.locator(".response-col_status").inner_text()
    return status.split()[0], answer.locator(".highlight-code code").first.inner_text()


def open_docs(window: Window) -> Page:
    page = window.open("/docs")
    page.locator(".opblock").first.wait_for()
    return page


def test_a_sign_in_signs_the_requests_after_it(open_window: OpenWindow, make_staff: Callable[..., Person]) -> None:
    person = make_staff(Role.SUPPORT)
    page = open_docs(open_window())
    credentials = {"email": person.email, "password": PASSWORD}
    status, body = run_operation(page, "post", "/api/v1/auth/login", credentials)
    assert status == "200", body
    status, body = run_operation(page, "get", "/api/v1/users/me")
    assert status == "200", body
    assert json.loads(body)["email"] == person.email


def test_a_token_can_be_pasted(open_window: OpenWindow, make_customer: Callable[..., Person]) -> None:
    person = make_customer()
    page = open_docs(open_window())
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".auth-container input").fill(person.tokens["access_token"])
    page.locator(".auth-btn-wrapper .authorize").click()
    page.locator(".auth-btn-wrapper .btn-done").click()
    status, body = run_operation(page, "get", "/api/v1/users/me")
    assert status == "200", body
    assert json.loads(body)["email"] == person.email


def test_operations_of_every_kind_unfold(open_window: OpenWindow) -> None:
    page = open_docs(open_window())
    for method, path in (
        ("post", "/api/v1/transactions"),
        ("get", "/api/v1/transactions"),
        ("patch", "/api/v1/accounts/{account_id}"),
        ("delete", "/api/v1/users/{user_id}"),
    ):
        find_operation(page, method, path).locator(".opblock-summary-control").click()
        expect(find_operation(page, method, path).locator(".responses-wrapper")).to_be_visible()
    expect(page.locator(".errors-wrapper")).to_have_count(0)


def test_docs_page(window: Window, make_staff: Callable[..., Person], take_screenshot: Callable[..., None]) -> None:
    page = open_docs(window)
    take_screenshot("docs")
    credentials = {"email": make_staff(Role.ADMIN).email, "password": PASSWORD}
    run_operation(page, "post", "/api/v1/auth/login", credentials)
    take_screenshot("docs-run", find_operation(page, "post", "/api/v1/auth/login"))
    assert not window.overflows()
    # Swagger UI's own markup is not ours to mend.
    assert window.find_axe_violations(but="#swagger-ui") == []


def test_without_javascript_the_page_says_where_to_read(open_window: OpenWindow) -> None:
    page = open_window(javascript=False).open("/docs")
    assert "Running requests here needs JavaScript." in page.locator("body").inner_text()


def test_problems_page(window: Window, take_screenshot: Callable[..., None]) -> None:
    page = window.open("/docs/problems#INSUFFICIENT_FUNDS")
    expect(page.locator("#INSUFFICIENT_FUNDS")).to_be_in_viewport()
    take_screenshot("problems")
    assert not window.overflows()
    assert window.find_axe_violations() == []
