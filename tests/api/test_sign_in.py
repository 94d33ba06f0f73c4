"""Registering, signing in, and what happens when the password is wrong."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import perf_counter
from typing import Any

import pytest
from flask import Flask

from tests.api.calling import (
    TIME,
    UUID7,
    ask,
    expect_faulty_fields,
    expect_problem,
    new_email,
    register,
    sign_in,
)
from tests.people import PASSWORD, Person
from wallet_app import clock
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]

USER_FIELDS = {
    "id",
    "email",
    "full_name",
    "role",
    "status",
    "kyc_status",
    "phone",
    "company",
    "tax_id",
    "timezone",
    "currency",
    "created_at",
    "updated_at",
}


def test_registering_opens_the_first_account(app: Flask) -> None:
    email = new_email()
    answer = register(app, email=email, phone="+60 12-345 6789", currency="MYR", timezone="Asia/Kuala_Lumpur")
    assert answer.status_code == 201
    assert set(answer.json) == {"user", "account"}
    user, account = answer.json["user"], answer.json["account"]
    assert set(user) == USER_FIELDS
    assert user["email"] == email
    assert (user["role"], user["status"], user["kyc_status"]) == ("customer", "active", "none")
    assert (user["phone"], user["company"], user["tax_id"]) == ("+60 12-345 6789", None, None)
    assert (user["currency"], user["timezone"]) == ("MYR", "Asia/Kuala_Lumpur")
    assert UUID7.fullmatch(user["id"])
    assert TIME.fullmatch(user["created_at"])
    assert (account["user_id"], account["currency"], account["is_primary"]) == (user["id"], "MYR", True)
    assert (account["balance"], account["status"], account["version"]) == ("0.00", "active", 1)
    tokens = sign_in(app, email).json
    assert ask(app, "GET", "/users/me", token=tokens["access_token"]).json == user


def test_the_defaults_are_dollars_and_utc(app: Flask) -> None:
    answer = register(app).json
    assert (answer["user"]["currency"], answer["user"]["timezone"]) == ("USD", "UTC")
    assert answer["account"]["currency"] == "USD"


@pytest.mark.parametrize(
    "full_name", ["Ana", "مريم العتيبي", "李小龙", "👩‍👩‍👧 Family", "Zoë O’Neill-Núñez", "a" * 200, " padded "]
)
def test_names_in_any_script(app: Flask, full_name: str) -> None:
    assert register(app, full_name=full_name).json["user"]["full_name"] == full_name.strip()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("full_name", ""),
        ("full_name", "   "),
        ("full_name", "a" * 201),
        ("full_name", 7),
        ("full_name", ["Ana"]),
        ("password", "seven77"),
        ("password", "a" * 201),
        ("password", 1234567890),
        ("currency", "usd"),
        ("currency", "XYZ"),
        ("currency", "USD\n"),
        ("currency", None),
        ("timezone", "Mars/Base"),
        ("timezone", "utc+8"),
        ("timezone", "../etc/passwd"),
        ("timezone", ""),
        ("phone", "0" * 65),
        ("role", "admin"),
        ("balance", "100"),
        ("status", "active"),
        ("company", "Acme"),
    ],
)
def test_faulty_fields_are_refused(app: Flask, field: str, value: Any) -> None:
    body = {"email": new_email(), "password": PASSWORD, "full_name": "Ana", field: value}
    expect_faulty_fields(ask(app, "POST", "/auth/register", body), field)


@pytest.mark.parametrize("field", ["email", "password", "full_name"])
def test_what_is_needed_is_named(app: Flask, field: str) -> None:
    expect_faulty_fields(register(app, **{field: None}), field)


# --- emails


def test_an_email_is_taken_in_whichever_case(app: Flask) -> None:
    email = new_email()
    assert register(app, email=email.title()).json["user"]["email"] == email
    for variant in (email, email.upper(), email.title()):
        expect_problem(register(app, email=variant), 409, "EMAIL_TAKEN")
        assert sign_in(app, variant).status_code == 200


@pytest.mark.parametrize(
    "email",
    [
        "ａｎａ@people.example",  # full-width letters
        "аna@people.example",  # a Cyrillic а
        "ana@рeople.example",
        "\u212aim@people.example",  # the Kelvin sign, whose lower case is an ASCII k
        "ana@people.exampłe",
        "ana@people。example",
        "ana",
        "@people.example",
        "ana@",
        "ana@people",
        "ana@@people.example",
        "a na@people.example",
        " ana@people.example",
        "ana@people.example\n",
        "ana@people.example\u0000",
        "ana@people..example",
        "ana@-people.example",
        "ana@people.example-",
        '"ana"@people.example',
        "ana@[127.0.0.1]",
        "a" * 65 + "@people.example",
        "ana@" + "a" * 64 + ".example",
        "a@" + "b." * 130 + "example",
        "",
        7,
        None,
        ["ana@people.example"],
    ],
)
def test_other_emails_are_no_emails(app: Flask, email: Any) -> None:
    body = {"email": email, "password": PASSWORD, "full_name": "Ana"}
    answer = ask(app, "POST", "/auth/register", body)
    if isinstance(email, str) and "\0" in email:
        expect_problem(answer, 400, "MALFORMED_BODY")
    else:
        expect_faulty_fields(answer, "email")


def test_a_look_alike_signs_nobody_in(app: Flask) -> None:
    email = f"kim.{new_email()}"
    assert register(app, email=email).status_code == 201
    for look_alike in ("\u212a" + email[1:], "ｋ" + email[1:], "к" + email[1:]):
        expect_problem(sign_in(app, look_alike), 401, "INVALID_CREDENTIALS")
    assert sign_in(app, email).status_code == 200


def test_racing_registrations_of_one_email_make_one_person(app: Flask) -> None:
    email = new_email()
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: register(app, email=email).status_code, range(4)))
    assert sorted(statuses) == [201, 409, 409, 409]


# --- signing in


def test_signing_in_gives_a_pair_of_tokens(app: Flask, make_customer: MakePerson) -> None:
    answer = sign_in(app, make_customer().email)
    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)


def test_unknown_and_wrong_are_told_alike(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    closed, admin = make_customer(), make_staff(Role.ADMIN)
    assert admin.delete(f"/users/{closed.id}").status_code == 204
    answers = [
        sign_in(app, make_customer().email, "not the password"),
        sign_in(app, new_email()),
        sign_in(app, "no email at all"),
        sign_in(app, closed.email),
        sign_in(app, make_customer().email, ""),
    ]
    problems = [expect_problem(answer, 401, "INVALID_CREDENTIALS") for answer in answers]
    assert len({(problem["title"], problem["detail"], str(problem["details"])) for problem in problems}) == 1


def test_an_unknown_email_costs_the_same_work(app: Flask, hash_slowly: None) -> None:
    def measure(email: str) -> float:
        times = []
        for _ in range(5):
            started = perf_counter()
            sign_in(app, email, "not the password")
            times.append(perf_counter() - started)
        return min(times)

    email = new_email()
    register(app, email=email)
    known, unknown = measure(email), measure(new_email())
    # Without the work an unknown email would answer twenty times as fast.
    assert 0.4 < known / unknown < 2.5, (known, unknown)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "a@b.example"},
        {"password": "x"},
        {"email": 1, "password": "x"},
        {"email": "a@b.example", "password": None},
        {"email": "a@b.example", "password": "x", "remember": True},
        {"email": "a" * 255, "password": "x"},
        {"email": "a@b.example", "password": "x" * 1001},
    ],
)
def test_a_faulty_sign_in_is_400(app: Flask, body: dict[str, Any]) -> None:
    answer = ask(app, "POST", "/auth/login", body)
    assert expect_problem(answer, 400, "VALIDATION_ERROR")["details"]["fields"]


def fail(app: Flask, email: str, times: int) -> None:
    for _ in range(times):
        expect_problem(sign_in(app, email, "not the password"), 401, "INVALID_CREDENTIALS")


def test_ten_failures_close_the_door_for_that_email_alone(app: Flask, make_customer: MakePerson) -> None:
    ana, bo = make_customer(), make_customer()
    fail(app, ana.email, 5)
    fail(app, ana.email.upper(), 5)
    for password in (PASSWORD, "not the password"):
        refused = sign_in(app, ana.email.title(), password)
        problem = expect_problem(refused, 429, "TOO_MANY_REQUESTS")
        seconds = int(refused.headers["Retry-After"])
        assert 890 <= seconds <= 901
        assert problem["details"] == {"retry_after": seconds}
    assert sign_in(app, bo.email).status_code == 200
    assert ana.get("/users/me").status_code == 200, "who is signed in stays signed in"


def test_unknown_emails_are_counted_alike(app: Flask) -> None:
    email = new_email()
    fail(app, email, 10)
    expect_problem(sign_in(app, email), 429, "TOO_MANY_REQUESTS")


def test_after_fifteen_minutes_the_door_opens_again(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    started = clock.now()
    with clock.at(started):
        fail(app, ana.email, 10)
    with clock.at(started + timedelta(minutes=14, seconds=59)):
        refused = sign_in(app, ana.email)
        expect_problem(refused, 429, "TOO_MANY_REQUESTS")
        assert refused.headers["Retry-After"] in {"1", "2"}
    with clock.at(started + timedelta(minutes=15)):
        assert sign_in(app, ana.email).status_code == 200


def test_only_failures_count(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    for _ in range(12):
        assert sign_in(app, ana.email).status_code == 200
    fail(app, ana.email, 9)
    assert sign_in(app, ana.email).status_code == 200
    fail(app, ana.email, 9)
    assert sign_in(app, ana.email).status_code == 200


def test_guesses_sent_at_once_count_like_guesses_in_a_row(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: sign_in(app, ana.email, f"guess {number}").status_code, range(16)))
    assert (statuses.count(401), statuses.count(429)) == (10, 6)


def test_right_passwords_sent_at_once_all_sign_in(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: sign_in(app, ana.email).status_code, range(12)))
    assert statuses == [200] * 12


def test_guessing_the_current_password_counts_as_guessing(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    body = {"current_password": "not the password", "new_password": "another good one"}
    for _ in range(10):
        expect_problem(ana.post("/auth/password", body), 401, "INVALID_CREDENTIALS")
    expect_problem(ana.post("/auth/password", {**body, "current_password": PASSWORD}), 429, "TOO_MANY_REQUESTS")
    expect_problem(sign_in(app, ana.email), 429, "TOO_MANY_REQUESTS")
