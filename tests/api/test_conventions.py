"""The API's manners: JSON in, JSON out, problems, ids, times, headers, sizes, types, methods and addresses."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from tests.api.calling import NOWHERE, TIME, UUID7, ask, expect_faulty_fields, expect_problem
from tests.people import Person
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]
LIMIT = 64 * 1024


def fill(size: int) -> bytes:
    """A valid transfer body, padded with spaces to ``size`` bytes."""
    body = json.dumps(
        {"type": "transfer", "destination_account_id": NOWHERE, "amount": "1.00", "currency": "USD"}
    ).encode()
    return body + b" " * (size - len(body))


def test_ids_times_and_amounts(make_customer: MakePerson) -> None:
    ana = make_customer(currency="USD", balance="50")
    account = ana.get(f"/accounts/{ana.account_id}").json
    assert UUID7.fullmatch(account["id"])
    assert TIME.fullmatch(account["created_at"])
    assert (account["balance"], account["held"], account["available"]) == ("50.00", "0.00", "50.00")


@pytest.mark.parametrize(("currency", "shown"), [("JPY", "7"), ("USD", "7.00"), ("KWD", "7.000"), ("CLF", "7.0000")])
def test_amounts_are_padded_to_the_currency(make_customer: MakePerson, currency: str, shown: str) -> None:
    ana = make_customer(currency=currency)
    body = {"type": "top_up", "account_id": str(ana.account_id), "amount": "7", "currency": currency}
    assert ana.post("/transactions", body).json["amount"] == shown
    assert ana.read_balance() == shown


@pytest.mark.parametrize("amount", [b'"12.30"', b"12.30", b"12.3", b'"12.3"'])
def test_strings_and_plain_numbers_are_both_exact(make_customer: MakePerson, amount: bytes) -> None:
    ana = make_customer()
    body = b'{"type":"top_up","account_id":"%s","amount":%s,"currency":"USD"}' % (str(ana.account_id).encode(), amount)
    answer = ana.post("/transactions", data=body)
    assert (answer.status_code, answer.json["amount"], ana.read_balance()) == (201, "12.30", "12.30")


def test_the_largest_amount_is_exact_to_the_last_digit(make_customer: MakePerson) -> None:
    ana = make_customer(currency="CLF")
    body = {
        "type": "top_up",
        "account_id": str(ana.account_id),
        "amount": "99999999999999.9999",
        "currency": "CLF",
    }
    for total in ("99999999999999.9999", "199999999999999.9998"):
        assert ana.post("/transactions", body).status_code == 201
        assert ana.read_balance() == total


def test_a_problem_has_every_member(make_customer: MakePerson) -> None:
    ana, bo = make_customer(balance="100", currency="MYR"), make_customer(currency="MYR")
    body = {
        "type": "transfer",
        "destination_account_id": str(bo.account_id),
        "amount": "150",
        "currency": "MYR",
    }
    problem = expect_problem(ana.post("/transactions", body), 422, "INSUFFICIENT_FUNDS")
    assert problem["details"] == {"available": "100.00", "required": "150.00", "currency": "MYR"}
    assert problem["type"] == "/docs/problems#INSUFFICIENT_FUNDS"


def test_every_faulty_field_is_named_at_once(app: Flask) -> None:
    body = {"email": "nobody", "password": "short", "currency": "usd", "timezone": "Mars/Base", "role": "admin"}
    answer = ask(app, "POST", "/auth/register", body)
    expect_faulty_fields(answer, "email", "password", "full_name", "currency", "timezone", "role")


def test_the_fields_of_a_move_are_named_without_its_type(make_customer: MakePerson) -> None:
    ana = make_customer()
    answer = ana.post("/transactions", {"type": "withdrawal", "currency": "usd", "balance": "1"})
    expect_faulty_fields(answer, "account_id", "amount", "balance", "currency")
    expect_faulty_fields(ana.post("/transactions", {"amount": "1"}), "type")
    expect_faulty_fields(ana.post("/transactions", {"type": "gift", "amount": "1"}), "type")


# --- 401, 403, 404, and permission before the body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users/me"),
        ("GET", "/users"),
        ("GET", "/accounts"),
        ("GET", f"/accounts/{NOWHERE}"),
        ("POST", "/transactions"),
        ("POST", f"/transactions/{NOWHERE}/reversal"),
        ("POST", "/auth/refresh"),
        ("POST", "/auth/logout"),
    ],
)
def test_nobody_gets_401_before_anything_else(app: Flask, method: str, path: str) -> None:
    answer = ask(app, method, path, data=b"not json" if method == "POST" else None, headers={"Content-Type": "a/b"})
    expect_problem(answer, 401, "NOT_SIGNED_IN")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


BAD_BODIES = [
    pytest.param(b"not json", {"Content-Type": "application/json"}, id="malformed"),
    pytest.param(b"{}", {"Content-Type": "text/plain"}, id="wrong type"),
    pytest.param(b"{}" + b" " * LIMIT, {"Content-Type": "application/json"}, id="too large"),
    pytest.param(b"", {}, id="none"),
]


@pytest.mark.parametrize(("data", "headers"), BAD_BODIES)
def test_permission_is_judged_before_the_body(
    make_customer: MakePerson, make_staff: MakePerson, data: bytes, headers: dict[str, str]
) -> None:
    ana, bo, support = make_customer(balance="5"), make_customer(), make_staff(Role.SUPPORT)
    body = {"type": "transfer", "destination_account_id": str(bo.account_id), "amount": "5", "currency": "USD"}
    transfer = ana.post("/transactions", body).json["id"]

    def post(person: Person, path: str, method: str = "POST") -> Any:
        return person.call(method, path, data=data, headers=headers)

    for path in (f"/accounts/{bo.account_id}/freeze", f"/users/{bo.id}/suspend", f"/users/{bo.id}/accounts"):
        expect_problem(post(ana, path), 404, "NOT_FOUND")
        expect_problem(post(support, path), 403, "FORBIDDEN")
    expect_problem(post(ana, f"/accounts/{bo.account_id}", "PATCH"), 404, "NOT_FOUND")
    expect_problem(post(support, f"/accounts/{bo.account_id}", "PATCH"), 403, "FORBIDDEN")
    expect_problem(post(support, "/users"), 403, "FORBIDDEN")
    expect_problem(post(support, f"/users/{bo.id}", "PATCH"), 403, "FORBIDDEN")
    expect_problem(post(make_customer(), f"/transactions/{transfer}/reversal"), 404, "NOT_FOUND")
    expect_problem(post(ana, f"/transactions/{transfer}/reversal"), 403, "FORBIDDEN")
    expect_problem(post(support, f"/transactions/{transfer}/reversal"), 403, "FORBIDDEN")
    expect_problem(post(make_staff(Role.AUDITOR), "/transactions"), 403, "FORBIDDEN")
    assert bo.read_balance() == "5.00"


def test_what_is_not_yours_looks_like_what_is_not_there(make_customer: MakePerson) -> None:
    ana, stranger = make_customer(balance="5"), make_customer()
    body = {"type": "withdrawal", "account_id": str(ana.account_id), "amount": "5", "currency": "USD"}
    transaction = ana.post("/transactions", body).json["id"]
    for path, mine in (("/accounts/{}", ana.account_id), ("/users/{}", ana.id), ("/transactions/{}", transaction)):
        answers = [stranger.get(path.format(name)) for name in (mine, NOWHERE)]
        problems = [expect_problem(answer, 404, "NOT_FOUND") for answer in answers]
        for problem in problems:
            for unique in ("instance", "timestamp", "request_id"):
                del problem[unique]
        assert problems[0] == problems[1]


# --- bodies: size, type


def test_a_body_has_at_most_64_kib(make_customer: MakePerson) -> None:
    ana = make_customer()
    expect_problem(ana.post("/transactions", data=fill(LIMIT)), 404, "NOT_FOUND")
    expect_problem(ana.post("/transactions", data=fill(LIMIT + 1)), 413, "BODY_TOO_LARGE")
    expect_problem(ana.post("/transactions", data=fill(LIMIT + 1), key="k"), 413, "BODY_TOO_LARGE")
    expect_problem(ana.patch("/users/me", data=fill(LIMIT + 1)), 413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 404), (LIMIT + 1, 413), (20 * 1024 * 1024, 413)])
def test_a_chunked_body_is_measured_as_it_comes(make_customer: MakePerson, size: int, status: int) -> None:
    ana = make_customer()
    client = ana.app.test_client(use_cookies=False)
    answer = client.post(
        "/api/v1/transactions",
        data=fill(size),
        headers={
            "Authorization": f"Bearer {ana.tokens['access_token']}",
            "Content-Type": "application/json",
            "Transfer-Encoding": "chunked",
        },
        environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    )
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/problem+json",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "json",
        "",
    ],
)
def test_other_content_types_are_415(make_customer: MakePerson, content_type: str) -> None:
    ana = make_customer()
    answer = ana.post("/transactions", data=fill(200), headers={"Content-Type": content_type})
    expect_problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;charset=UTF8"],
)
def test_json_in_utf_8_is_read(make_customer: MakePerson, content_type: str) -> None:
    answer = make_customer().patch(
        "/users/me", data='{"full_name": "Zoë"}'.encode(), headers={"Content-Type": content_type}
    )
    assert (answer.status_code, answer.json["full_name"]) == (200, "Zoë")


def test_compressed_bodies_are_415(make_customer: MakePerson) -> None:
    answer = make_customer().patch("/users/me", data=b"{}", headers={"Content-Encoding": "gzip"})
    expect_problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_where_a_body_is_optional_none_and_an_empty_object_are_the_same(make_customer: MakePerson) -> None:
    ana, bo = make_customer(balance="10"), make_customer()
    body = {"type": "transfer", "destination_account_id": str(bo.account_id), "amount": "5", "currency": "USD"}
    first, second = (ana.post("/transactions", body).json["id"] for _ in range(2))
    assert bo.post(f"/transactions/{first}/reversal").status_code == 201
    assert bo.post(f"/transactions/{second}/reversal", key="same").status_code == 201
    again = bo.post(f"/transactions/{second}/reversal", {}, key="same")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert ana.read_balance() == "10.00"


# --- request ids


@pytest.mark.parametrize("sane", ["abc", "01J9Z-k_1.2:3", "a" * 100])
def test_a_sane_request_id_comes_back(app: Flask, sane: str) -> None:
    answer = ask(app, "GET", "/users/me", headers={"X-Request-Id": sane})
    assert answer.headers["X-Request-Id"] == sane
    assert answer.json["request_id"] == sane


@pytest.mark.parametrize("odd", ["", "a b", "<script>", "a" * 101, "-a", "ä", "a\tb", '"'])
def test_an_odd_request_id_is_replaced(app: Flask, odd: str) -> None:
    answer = ask(app, "GET", "/users/me", headers={"X-Request-Id": odd})
    UUID(answer.headers["X-Request-Id"])


def test_every_answer_has_a_request_id_of_its_own(make_customer: MakePerson) -> None:
    ana = make_customer()
    answers = [ana.get("/users/me"), ana.get("/users/me"), ana.get("/nowhere"), ana.call("PUT", "/users/me")]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 4


# --- addresses and methods


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/accounts/",
        "//accounts",
        "/users/me/",
        "/accounts/not-a-uuid",
        "/users/1",
        "/transactions/%00",
        "/accounts/%ff",
        "/accounts/%zz",
        f"/accounts/{NOWHERE}%00",
        f"/accounts/{NOWHERE}/nothing",
        "/accounts/../users",
        "/" + "a" * 60_000,
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_unknown_addresses_are_problems_even_for_browsers(make_customer: MakePerson, path: str, accept: str) -> None:
    answer = make_customer().get(path, headers={"Accept": accept})
    expect_problem(answer, 404, "NOT_FOUND")
    assert "RateLimit-Remaining" in answer.headers


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*", "", "garbage;;q=x"])
def test_answers_are_json_whatever_is_accepted(make_customer: MakePerson, accept: str) -> None:
    ana = make_customer()
    assert ana.get("/users/me", headers={"Accept": accept}).mimetype == "application/json"
    expect_problem(ana.get(f"/accounts/{NOWHERE}", headers={"Accept": accept}), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/accounts", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/accounts", "GET, HEAD, OPTIONS, POST"),
        ("PATCH", "/users/me", None),
        ("POST", "/users/me", "GET, HEAD, OPTIONS, PATCH"),
        ("GET", "/auth/login", "OPTIONS, POST"),
        ("TRACE", "/users/me", "GET, HEAD, OPTIONS, PATCH"),
        ("BREW", "/users/me", "GET, HEAD, OPTIONS, PATCH"),
        ("PUT", f"/accounts/{NOWHERE}", "DELETE, GET, HEAD, OPTIONS, PATCH"),
    ],
)
def test_a_wrong_method_says_which_are_right(
    make_customer: MakePerson, method: str, path: str, allowed: str | None
) -> None:
    answer = make_customer().call(method, path, headers={"Accept": "text/html"})
    if allowed is None:
        expect_problem(answer, 400, "MALFORMED_BODY")
        return
    expect_problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == allowed
    assert "RateLimit-Remaining" in answer.headers


def test_head_is_get_without_the_body(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    path, token = f"/accounts/{ana.account_id}", ana.tokens["access_token"]
    head, get = (ask(app, method, path, token=token, check=False) for method in ("HEAD", "GET"))
    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag"):
        assert head.headers[name] == get.headers[name]
    assert ask(app, "HEAD", "/users/me", check=False).status_code == 401


def test_options_tells_the_methods_and_nothing_else(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer(balance="5")
    for path in (f"/accounts/{ana.account_id}", f"/accounts/{NOWHERE}"):
        answer = ask(app, "OPTIONS", path, check=False)
        assert (answer.status_code, answer.data) == (200, b"")
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}
    expect_problem(ask(app, "OPTIONS", "/nowhere", check=False), 404, "NOT_FOUND")


def test_huge_and_odd_headers_are_survived(app: Flask) -> None:
    for value in ("Bearer " + "a" * 100_000, "Bearer \xff\xfe", "Bearer", "bearer  ", "Basic YTpi", "\x01", ""):
        answer = ask(app, "GET", "/users/me", headers={"Authorization": value})
        assert answer.status_code == 401
    answer = ask(app, "GET", "/users/me", headers={"Accept": "a/b," * 20_000, "Cookie": "x=" + "y" * 50_000})
    expect_problem(answer, 401, "NOT_SIGNED_IN")


# --- security headers


@pytest.mark.parametrize("path", ["/users/me", "/nowhere", "/accounts"])
def test_json_answers_carry_the_security_headers(app: Flask, path: str) -> None:
    headers = ask(app, "GET", path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in headers
    assert "Set-Cookie" not in headers


def test_over_https_and_in_production_browsers_are_told_to_stay_there(app: Flask) -> None:
    client = app.test_client(use_cookies=False)
    answer = client.get("/api/v1/users/me", base_url="https://wallet.example")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
