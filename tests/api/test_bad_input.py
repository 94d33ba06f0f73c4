"""The catalogue of bad input: each item is a clear 4xx, never a 5xx, and moves nothing."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.api.calling import NOWHERE, ask, expect_problem, new_email
from tests.people import PASSWORD, Person, make_person
from wallet_app.extensions import db
from wallet_app.identity.permissions import Role
from wallet_app.ledger.models import Account

MakePerson = Callable[..., Person]

# As they stand in the body: JSON text, since not all of them can be had from json.dumps.
AMOUNTS = [
    '"1e3"',
    "1e3",
    "1E3",
    '" 1"',
    '"1 "',
    '"1_000"',
    '"٣"',
    '"１２"',
    '"+5"',
    '"-5"',
    "-5",
    '"-0"',
    "-0",
    "-0.0",
    '"0"',
    "0",
    '"0.00"',
    "0.00",
    '"1.005"',
    "1.005",
    '"1."',
    '".5"',
    '"01"',
    '"00.5"',
    "true",
    "false",
    "null",
    "[]",
    '["1"]',
    "{}",
    '{"amount":"1"}',
    '"NaN"',
    '"Infinity"',
    '"-Infinity"',
    "1e400",
    "-1e400",
    '"1e6000000"',
    "1e6000000",
    "1" + "0" * 18,
    '"' + "1" + "0" * 18 + '"',
    '"' + "9" * 15 + '"',
    "9" * 5000,
    '"1,000"',
    '"1,00"',
    '"0x10"',
    '""',
    '" "',
    '"1\\n"',
    '"\\n1"',
    '"1\\u200b"',
    '"½"',
    '"1\\u2044"',
    '"$1"',
    '"1 USD"',
    '"one"',
    '"1.00000"',
    '"0.00001"',
    '"' + "1" * 60_000 + '"',
    "0." + "0" * 60_000 + "1",
]

KINDS = ("transfer", "top_up", "withdrawal")


@pytest.fixture(scope="module")
def ana(app: Flask) -> Person:
    return make_person(app, balance="100.00")


@pytest.fixture(scope="module")
def bo(app: Flask) -> Person:
    return make_person(app, balance="100.00")


@pytest.fixture(autouse=True)
def _nothing_moves(app: Flask, ana: Person, bo: Person) -> Iterator[None]:
    yield
    query = db.select(Account.balance, Account.entry_count).where(Account.id.in_([ana.account_id, bo.account_id]))
    with app.app_context():
        assert [tuple(row) for row in db.session.execute(query)] == [(100, 1), (100, 1)]


def make_body(kind: str, ana: Person, bo: Person, amount: str = '"1"', currency: str = "USD", extra: str = "") -> bytes:
    """A body that would move ``amount`` if there were nothing wrong with it."""
    account = (
        f'"destination_account_id":"{bo.account_id}"' if kind == "transfer" else f'"account_id":"{ana.account_id}"'
    )
    return f'{{"type":"{kind}",{account},"amount":{amount},"currency":"{currency}"{extra}}}'.encode()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("amount", AMOUNTS, ids=[amount[:20] for amount in AMOUNTS])
def test_amounts(ana: Person, bo: Person, kind: str, amount: str) -> None:
    answer = ana.post("/transactions", data=make_body(kind, ana, bo, amount), key="once")
    problem = expect_problem(answer, 400, "INVALID_AMOUNT")
    assert set(problem["details"]["fields"]) == {"amount"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "amount", ["NaN", "Infinity", "-Infinity", "nan", "+1", "01", "1.", ".5", "1_000", "0x10", "'1'", "１", "1 2"]
)
def test_amounts_that_are_no_json(ana: Person, bo: Person, kind: str, amount: str) -> None:
    answer = ana.post("/transactions", data=make_body(kind, ana, bo, amount))
    expect_problem(answer, 400, "MALFORMED_BODY")


@pytest.mark.parametrize("kind", KINDS)
def test_an_amount_is_needed(ana: Person, bo: Person, kind: str) -> None:
    body = make_body(kind, ana, bo).replace(b'"amount":"1",', b"")
    problem = expect_problem(ana.post("/transactions", data=body), 400, "VALIDATION_ERROR")
    assert set(problem["details"]["fields"]) == {"amount"}


@pytest.mark.parametrize(
    ("currency", "amount"),
    [("JPY", "1.0"), ("JPY", "0.5"), ("KWD", "1.0001"), ("USD", "1.001"), ("UZS", "1.005"), ("CLF", "1.00001")],
)
def test_more_digits_than_the_currency_has(make_customer: MakePerson, currency: str, amount: str) -> None:
    cy = make_customer(currency=currency)
    body = {"type": "top_up", "account_id": str(cy.account_id), "currency": currency}
    for written in (json.dumps(amount), amount):
        answer = cy.post("/transactions", data=json.dumps({**body, "amount": 0}).replace("0}", written + "}").encode())
        expect_problem(answer, 400, "INVALID_AMOUNT")
    assert float(cy.read_balance()) == 0


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "spaces": b"   ",
    "an array": b"[]",
    "an array of one": b'[{"type":"transfer"}]',
    "a string": b'"transfer"',
    "a number": b"7",
    "true": b"true",
    "null": b"null",
    "half an object": b'{"type":',
    "two objects": b"{}{}",
    "a comma too many": b'{"type":"transfer",}',
    "single quotes": b"{'type':'transfer'}",
    "a comment": b'{"type":"transfer"/* */}',
    "a form": b"type=transfer&amount=1",
    "xml": b"<transfer/>",
    "a BOM": b"\xef\xbb\xbf{}",
    "UTF-16": '{"type":"transfer"}'.encode("utf-16"),
    "UTF-16 without BOM": '{"type":"transfer"}'.encode("utf-16-le"),
    "UTF-32": '{"type":"transfer"}'.encode("utf-32"),
    "latin-1": '{"description":"é"}'.encode("latin-1"),
    "overlong UTF-8": b'{"description":"\xc0\x80"}',
    "a surrogate in UTF-8": b'{"description":"\xed\xa0\x80"}',
    "a lone surrogate": b'{"description":"\\ud800"}',
    "surrogates the wrong way round": b'{"description":"\\udc00\\ud800"}',
    "a lone surrogate as key": b'{"\\udfff":1}',
    "NUL": b'{"description":"a\\u0000b"}',
    "NUL as key": b'{"\\u0000":1}',
    "NUL raw": b'{"description":"a\x00b"}',
    "a control character raw": b'{"description":"a\x1fb"}',
    "NUL deep down": b'{"metadata":{"k":"\\u0000"}}',
    "duplicate keys": b'{"type":"transfer","type":"top_up"}',
    "duplicate keys by escape": b'{"type":"transfer","t\\u0079pe":"top_up"}',
    "duplicate keys deep down": b'{"metadata":{"k":1,"k":2}}',
    "21 levels": b'{"metadata":' + b"[" * 20 + b"]" * 20 + b"}",
    "10,000 levels of arrays": b"[" * 10_000,
    "10,000 levels of objects": b'{"a":' * 10_000,
    "NaN": b'{"metadata":{"k":NaN}}',
    "Infinity": b'{"metadata":{"k":-Infinity}}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_that_are_not_acceptable_json(app: Flask, ana: Person, body: bytes) -> None:
    for answer in (
        ana.post("/transactions", data=body, key="k"),
        ana.patch("/users/me", data=body),
        ask(app, "POST", "/auth/register", data=body),
        ask(app, "POST", "/auth/login", data=body),
    ):
        expect_problem(answer, 400, "MALFORMED_BODY")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_hundred_thousand_levels(ana: Person, opening: bytes) -> None:
    """Larger than a body may be as arrays, and as objects."""
    expect_problem(ana.post("/transactions", data=opening * 100_000), 413, "BODY_TOO_LARGE")


def test_twenty_megabytes(app: Flask, ana: Person, bo: Person) -> None:
    body = make_body("transfer", ana, bo) + b" " * (20 * 1024 * 1024)
    expect_problem(ana.post("/transactions", data=body), 413, "BODY_TOO_LARGE")
    expect_problem(ask(app, "POST", "/auth/register", data=body), 413, "BODY_TOO_LARGE")
    expect_problem(ask(app, "POST", "/transactions", data=body), 401, "NOT_SIGNED_IN")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "extra",
    [
        ',"balance":"1000000"',
        ',"role":"admin"',
        ',"user_id":"' + NOWHERE + '"',
        ',"status":"completed"',
        ',"id":"' + NOWHERE + '"',
        ',"fee":0',
        ',"sandbox":true',
        ',"Amount":"2"',
        ',"":1',
        ',"__class__":"x"',
    ],
)
def test_unknown_fields(ana: Person, bo: Person, kind: str, extra: str) -> None:
    answer = ana.post("/transactions", data=make_body(kind, ana, bo, extra=extra))
    problem = expect_problem(answer, 400, "VALIDATION_ERROR")
    (field,) = problem["details"]["fields"]
    assert field == json.loads(f"{{{extra[1:]}}}").popitem()[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("currency", ["usd", "US", "USDX", "XXX", "", " USD", "USD ", "U$D", "ＵＳＤ", "ZZZ", "BTC"])
def test_currencies(ana: Person, bo: Person, kind: str, currency: str) -> None:
    answer = ana.post("/transactions", data=make_body(kind, ana, bo, currency=currency))
    problem = expect_problem(answer, 400, "VALIDATION_ERROR")
    assert set(problem["details"]["fields"]) == {"currency"}


IDS: list[Any] = [
    "me",
    "",
    "1",
    7,
    None,
    True,
    [],
    {},
    NOWHERE + " ",
    NOWHERE.replace("-", ""),
    "{" + NOWHERE + "}",
    "urn:uuid:" + NOWHERE,
    NOWHERE[:-1],
    NOWHERE[:-1] + "g",
    NOWHERE.replace("0", "٠"),
    "-" * 36,
    "' OR 1=1 --",
    "a" * 10_000,
]


@pytest.mark.parametrize("odd", IDS, ids=[repr(odd)[:20] for odd in IDS])
def test_ids_in_bodies(ana: Person, bo: Person, odd: Any) -> None:
    good = {"amount": "1", "currency": "USD"}
    to_bo = {"destination_account_id": str(bo.account_id)}
    for body, field in (
        ({**good, "type": "top_up", "account_id": odd}, "account_id"),
        ({**good, "type": "withdrawal", "account_id": odd}, "account_id"),
        ({**good, "type": "transfer", "destination_account_id": odd}, "destination_account_id"),
        ({**good, "type": "transfer", "source_account_id": odd, **to_bo}, "source_account_id"),
    ):
        if odd is None and field == "source_account_id":
            continue  # null is the same as leaving it out
        problem = expect_problem(ana.post("/transactions", body), 400, "VALIDATION_ERROR")
        expected = "body" if odd is None and field == "destination_account_id" else field
        assert set(problem["details"]["fields"]) == {expected}


@pytest.mark.parametrize(
    "odd",
    ["not-a-uuid", "1", "me%00", NOWHERE.replace("-", ""), "%7B" + NOWHERE + "%7D", "..%2F..", "' OR 1=1", "null"],
)
def test_ids_in_addresses(ana: Person, make_staff: MakePerson, odd: str) -> None:
    admin = make_staff(Role.ADMIN)
    for person in (ana, admin):
        for method, path in (
            ("GET", f"/accounts/{odd}"),
            ("PATCH", f"/accounts/{odd}"),
            ("DELETE", f"/accounts/{odd}"),
            ("GET", f"/accounts/{odd}/entries"),
            ("POST", f"/accounts/{odd}/freeze"),
            ("GET", f"/users/{odd}"),
            ("DELETE", f"/users/{odd}"),
            ("POST", f"/users/{odd}/suspend"),
            ("DELETE", f"/users/{ana.id}/accounts/{odd}"),
            ("GET", f"/transactions/{odd}"),
            ("POST", f"/transactions/{odd}/reversal"),
        ):
            expect_problem(person.call(method, path), 404, "NOT_FOUND")


TEXTS: list[Any] = [7, 1.5, True, [], {}, ["a"], {"a": "b"}]


@pytest.mark.parametrize("odd", TEXTS, ids=repr)
def test_text_is_text(app: Flask, ana: Person, bo: Person, odd: Any) -> None:
    good = {"type": "transfer", "amount": "1", "currency": "USD", "destination_account_id": str(bo.account_id)}
    for field in ("type", "currency", "description"):
        problem = expect_problem(ana.post("/transactions", {**good, field: odd}), 400, "VALIDATION_ERROR")
        assert set(problem["details"]["fields"]) == {field}
    for field in ("to_user_email", "destination_account_number"):
        body = {**good, "destination_account_id": None, field: odd}
        problem = expect_problem(ana.post("/transactions", body), 400, "VALIDATION_ERROR")
        assert set(problem["details"]["fields"]) == {field}
    person = {"email": new_email(), "password": PASSWORD, "full_name": "Ana"}
    for field in ("email", "password", "full_name", "phone", "currency", "timezone"):
        answer = ask(app, "POST", "/auth/register", {**person, field: odd})
        assert set(expect_problem(answer, 400, "VALIDATION_ERROR")["details"]["fields"]) == {field}
    for field in ("full_name", "phone", "company", "tax_id", "timezone", "currency"):
        answer = ana.patch("/users/me", {field: odd})
        assert set(expect_problem(answer, 400, "VALIDATION_ERROR")["details"]["fields"]) == {field}


@pytest.mark.parametrize(
    "kind", ["purchase", "exchange", "refund", "reversal", "adjustment", "fee", "gift", "", "TRANSFER"]
)
def test_kinds_that_are_not_moves_here(ana: Person, bo: Person, kind: str) -> None:
    answer = ana.post("/transactions", data=make_body(kind, ana, bo))
    problem = expect_problem(answer, 400, "VALIDATION_ERROR")
    assert set(problem["details"]["fields"]) == {"type"}


def test_a_field_of_another_kind_is_unknown(ana: Person, bo: Person) -> None:
    for kind, extra in (
        ("transfer", f',"account_id":"{ana.account_id}"'),
        ("transfer", ',"payout_reference":"x"'),
        ("top_up", f',"destination_account_id":"{bo.account_id}"'),
        ("withdrawal", f',"to_user_email":"{bo.email}"'),
    ):
        expect_problem(ana.post("/transactions", data=make_body(kind, ana, bo, extra=extra)), 400, "VALIDATION_ERROR")


def test_a_long_wrong_answer_stays_readable(ana: Person) -> None:
    """What was sent is not sent back whole."""
    body = {f"field {number}": "x" * 100 for number in range(400)}
    answer = ana.patch("/users/me", body)
    expect_problem(answer, 400, "VALIDATION_ERROR")
    assert "x" * 100 not in answer.text
