"""Signing in and out of the back office, and what ends a session."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.backoffice.visitors import Visitor
from tests.people import PASSWORD, Person
from wallet_app import clock
from wallet_app.identity.permissions import STAFF, Role

MakeStaff = Callable[..., Person]
WRONG = "Email or password is wrong."


@pytest.mark.parametrize("role", sorted(STAFF))
def test_staff_of_every_role_reach_home(role: Role, make_staff: MakeStaff, visitor: Visitor) -> None:
    person = make_staff(role, full_name="Aisyah <Rahman>")
    response = visitor.sign_in(person.email)
    assert (response.status_code, response.location) == (303, "/backoffice/")
    home = visitor.get("/backoffice/")
    assert home.status_code == 200
    assert "Aisyah &lt;Rahman&gt;" in home.text


def test_the_front_page_leads_to_sign_in(visitor: Visitor) -> None:
    assert visitor.get("/").location == "/backoffice/"
    assert visitor.get("/backoffice/").location == "/backoffice/sign-in"
    assert visitor.get("/backoffice/sign-in").status_code == 200


def test_email_is_read_whatever_its_case_and_the_spaces_around_it(make_staff: MakeStaff, visitor: Visitor) -> None:
    assert visitor.sign_in(f"  {make_staff(Role.ADMIN).email.upper()} ").status_code == 303


def test_no_answer_tells_which_part_was_wrong(
    make_staff: MakeStaff,
    make_customer: Callable[..., Person],
    change_person: Callable[..., None],
    visitor: Visitor,
) -> None:
    suspended, closed, customer = make_staff(Role.ADMIN), make_staff(Role.ADMIN), make_customer()
    change_person(suspended, status="suspended")
    change_person(closed, status="closed")
    attempts = {
        "wrong password": (make_staff(Role.ADMIN).email, "not the password"),
        "unknown email": ("nobody@wallet.example", PASSWORD),
        "suspended": (suspended.email, PASSWORD),
        "closed": (closed.email, PASSWORD),
        "a customer": (customer.email, PASSWORD),
        "no address": ("admin", PASSWORD),
        "a NUL": ("admin\0@wallet.example", "\0"),
        "full-width letters": ("ａdmin@wallet.example", PASSWORD),
        "a long address": (f"{'a' * 5000}@wallet.example", PASSWORD),
        "a long password": (make_staff(Role.ADMIN).email, "x" * 50_000),
    }
    for what, (email, password) in attempts.items():
        response = visitor.sign_in(email, password)
        assert response.status_code == 401, what
        assert WRONG in response.text, what
        assert visitor.get("/backoffice/").status_code == 303, what


def test_empty_fields_are_named(visitor: Visitor) -> None:
    response = visitor.sign_in("", "")
    assert response.status_code == 400
    assert "Enter your email address." in response.text
    assert "Enter your password." in response.text


def test_ten_failures_close_the_door_for_that_email(make_staff: MakeStaff, visitor: Visitor) -> None:
    person, other = make_staff(Role.ADMIN), make_staff(Role.ADMIN)
    for _ in range(10):
        assert visitor.sign_in(person.email, "not the password").status_code == 401
    response = visitor.sign_in(person.email)
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 900
    assert "Try again in 15 minutes" in response.text
    assert visitor.sign_in(other.email).status_code == 303


def test_a_form_without_our_token_signs_nobody_in(make_staff: MakeStaff, visitor: Visitor) -> None:
    person = make_staff(Role.ADMIN)
    data = {"email": person.email, "password": PASSWORD}
    response = visitor.client.post("/backoffice/sign-in", data=data)
    assert (response.status_code, response.location) == (303, "/backoffice/sign-in?stale=1")
    assert "open for too long" in visitor.get(response.location).text
    assert visitor.get("/backoffice/").status_code == 303


def test_signing_in_changes_the_cookie_and_drops_what_it_held(make_staff: MakeStaff, visitor: Visitor) -> None:
    before = visitor.read_csrf_token("/backoffice/sign-in")
    with visitor.client.session_transaction() as session:
        session["planted"] = "by whoever set the cookie"
        old_token = session["csrf_token"]
    visitor.sign_in(make_staff(Role.ADMIN).email)
    assert visitor.read_csrf_token("/backoffice/") != before
    with visitor.client.session_transaction() as session:
        assert "planted" not in session
        assert session["csrf_token"] != old_token


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(make_staff: MakeStaff, visitor: Visitor) -> None:
    cookie = visitor.sign_in(make_staff(Role.ADMIN).email).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires" not in cookie


def test_signing_out_ends_the_session_for_a_copied_cookie_too(
    make_staff: MakeStaff, visitor: Visitor, another_visitor: Visitor
) -> None:
    visitor.sign_in(make_staff(Role.ADMIN).email)
    cookie = visitor.client.get_cookie("wallet_session")
    assert cookie is not None
    another_visitor.client.set_cookie("wallet_session", cookie.value)
    assert another_visitor.get("/backoffice/").status_code == 200
    response = visitor.sign_out()
    assert response.location == "/backoffice/sign-in?signed_out=1"
    assert "You are signed out." in visitor.get(response.location).text
    assert visitor.get("/backoffice/").status_code == 303
    assert another_visitor.get("/backoffice/").status_code == 303


def test_signing_in_again_ends_the_session_before(
    make_staff: MakeStaff, visitor: Visitor, another_visitor: Visitor
) -> None:
    visitor.sign_in(make_staff(Role.ADMIN).email)
    cookie = visitor.client.get_cookie("wallet_session")
    assert cookie is not None
    another_visitor.client.set_cookie("wallet_session", cookie.value)
    form = {"csrf_token": visitor.read_csrf_token("/backoffice/"), "password": PASSWORD}
    visitor.client.post("/backoffice/sign-in", data={**form, "email": make_staff(Role.ADMIN).email})
    assert visitor.get("/backoffice/").status_code == 200
    assert another_visitor.get("/backoffice/").status_code == 303


@pytest.mark.parametrize("change", [{"status": "suspended"}, {"status": "closed"}, {"role": Role.CUSTOMER}])
def test_a_change_of_the_person_counts_from_the_next_request_on(
    change: dict[str, str],
    make_staff: MakeStaff,
    change_person: Callable[..., None],
    visitor: Visitor,
) -> None:
    person = make_staff(Role.ADMIN)
    visitor.sign_in(person.email)
    assert visitor.get("/backoffice/").status_code == 200
    change_person(person, **change)
    assert visitor.get("/backoffice/").status_code == 303


def test_a_new_role_shows_on_the_next_page(
    make_staff: MakeStaff, change_person: Callable[..., None], visitor: Visitor
) -> None:
    person = make_staff(Role.SUPPORT)
    visitor.sign_in(person.email)
    assert "Support" in visitor.get("/backoffice/").text
    change_person(person, role=Role.FRAUD_ANALYST)
    assert "Fraud analyst" in visitor.get("/backoffice/").text


def test_a_session_ends_after_twelve_hours(make_staff: MakeStaff, visitor: Visitor) -> None:
    visitor.sign_in(make_staff(Role.ADMIN).email)
    now = clock.now()
    with clock.at(now + timedelta(hours=11, minutes=59)):
        assert visitor.get("/backoffice/").status_code == 200
    with clock.at(now + timedelta(hours=12, minutes=1)):
        assert visitor.get("/backoffice/").status_code == 303


def test_a_form_sent_after_the_session_ended_says_that_nothing_was_saved(
    make_staff: MakeStaff, visitor: Visitor
) -> None:
    visitor.sign_in(make_staff(Role.ADMIN).email)
    token = visitor.read_csrf_token("/backoffice/")
    with clock.at(clock.now() + timedelta(hours=13)):
        response = visitor.client.post("/backoffice/sign-out", data={"csrf_token": token})
        assert response.location == "/backoffice/sign-in?unsaved=1"
        assert "was not saved" in visitor.get(response.location).text


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/backoffice/?from=2026-01-01", "/backoffice/?from=2026-01-01"),
        ("/backoffice/anything", "/backoffice/anything"),
        ("https://evil.example/backoffice/", "/backoffice/"),
        ("//evil.example/backoffice/", "/backoffice/"),
        ("/\\evil.example/backoffice/", "/backoffice/"),
        ("/backoffice/\\..\\..", "/backoffice/"),
        ("/backofficer", "/backoffice/"),
        ("javascript:alert(1)", "/backoffice/"),
        ("http://[", "/backoffice/"),
        ("/backoffice/\r\nX-Made-Up: 1", "/backoffice/"),
        ("", "/backoffice/"),
    ],
)
def test_signing_in_leads_on_to_our_own_pages_only(
    wanted: str, leads_to: str, make_staff: MakeStaff, visitor: Visitor
) -> None:
    email = make_staff(Role.ADMIN).email
    data = {
        "email": email,
        "password": PASSWORD,
        "csrf_token": visitor.read_csrf_token("/backoffice/sign-in"),
    }
    response = visitor.client.post("/backoffice/sign-in", query_string={"next": wanted}, data=data)
    assert response.location == leads_to


def test_the_page_that_was_asked_for_comes_after_signing_in(make_staff: MakeStaff, visitor: Visitor) -> None:
    to_sign_in = visitor.get("/backoffice/?day=1").location
    assert to_sign_in == "/backoffice/sign-in?next=/backoffice/?day%3D1"
    assert visitor.sign_in(make_staff(Role.ADMIN).email, path=to_sign_in).location == "/backoffice/?day=1"


def test_whoever_is_signed_in_is_not_asked_again(make_staff: MakeStaff, visitor: Visitor) -> None:
    visitor.sign_in(make_staff(Role.ADMIN).email)
    assert visitor.get("/backoffice/sign-in").location == "/backoffice/"
