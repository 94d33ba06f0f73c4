"""The back office in a browser: signing in, with JavaScript and without, and how its pages look."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenWindow, Window
from tests.people import PASSWORD, Person
from wallet_app.backoffice.views import home
from wallet_app.errors import Forbidden
from wallet_app.identity.permissions import Role

MakeStaff = Callable[..., Person]
TakeScreenshot = Callable[..., None]


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_signing_in_and_out(javascript: bool, open_window: OpenWindow, make_staff: MakeStaff) -> None:
    window = open_window(javascript=javascript)
    page = window.open("/")
    assert page.url == f"{window.server_url}/backoffice/sign-in"
    person = make_staff(Role.ADMIN, full_name="Aisyah Rahman")
    sign_in(page, person.email, "not the password")
    expect(page.get_by_role("alert")).to_have_text("Email or password is wrong.")
    expect(page.get_by_label("Email")).to_have_value(person.email)
    expect(page.get_by_label("Password")).to_have_value("")
    sign_in(page, person.email)
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    expect(page.get_by_text("Aisyah Rahman")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    page.go_back()
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_the_keyboard_alone_signs_in(open_window: OpenWindow, make_staff: MakeStaff) -> None:
    page = open_window().open("/backoffice/")
    page.keyboard.type(make_staff(Role.ADMIN).email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def check_page(window: Window) -> None:
    assert window.find_axe_violations() == []
    assert not window.overflows()


def test_sign_in_page(window: Window, take_screenshot: TakeScreenshot) -> None:
    page = window.open("/backoffice/")
    take_screenshot("sign-in")
    check_page(window)
    sign_in(page, "", "")
    expect(page.get_by_text("Enter your password.")).to_be_visible()
    take_screenshot("sign-in-empty")
    check_page(window)
    sign_in(page, "nobody@wallet.example")
    expect(page.get_by_role("alert")).to_be_visible()
    take_screenshot("sign-in-wrong")
    check_page(window)


def test_home_page(
    window: Window, make_staff: MakeStaff, make_customer: MakeStaff, take_screenshot: TakeScreenshot
) -> None:
    for currency, balance in (("USD", "1250.50"), ("JPY", "98000"), ("KWD", "12000000.125")):
        make_customer(currency=currency, balance=balance)
    page = window.open("/backoffice/")
    sign_in(page, make_staff(Role.ADMIN, full_name="Maximiliana Featherstonehaugh-Montgomery").email)
    expect(page.get_by_role("rowheader", name="KWD")).to_have_count(2)
    take_screenshot("home")
    check_page(window)


def test_wrong_address(window: Window, take_screenshot: TakeScreenshot) -> None:
    for path in ("/backoffice/nowhere", "/nowhere"):
        page = window.open(path)
        expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    take_screenshot("error-404")
    check_page(window)
    window.open("/backoffice/sign-out")
    take_screenshot("error-405")
    check_page(window)


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (Forbidden(), 403, "You may not do that"),
        (RuntimeError("broken on purpose"), 500, "Something went wrong on our side"),
    ],
    ids=["403", "500"],
)
def test_failing_page(
    error: Exception,
    status: int,
    title: str,
    window: Window,
    make_staff: MakeStaff,
    take_screenshot: TakeScreenshot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> None:
        raise error

    page = window.open("/backoffice/")
    monkeypatch.setattr(home, "read_head_counts", fail)
    sign_in(page, make_staff(Role.ADMIN).email)
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.get_by_text("Nothing was saved or changed.")).to_be_visible()
    assert "broken on purpose" not in page.content()
    take_screenshot(f"error-{status}")
    check_page(window)
