"""Whatever is sent, the answer is described, is never a 5xx, and refuses without moving money."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.calling import NOWHERE, ask, new_email
from tests.people import PASSWORD, Person, make_person
from wallet_app.identity.permissions import Role

FUZZ = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Lone surrogates included, which JSON can write and UTF-8 can't.
TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
NUMBER = st.one_of(st.integers(), st.floats(), st.decimals(allow_nan=False, allow_infinity=False).map(str))
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
AMOUNT = st.one_of(
    st.decimals(min_value="0.01", max_value="200", places=2).map(str),
    st.sampled_from(["0", "-1", "1e3", "1.005", "٣", "1_0", "", "9" * 20]),
    ANYTHING,
)


@pytest.fixture(scope="module")
def ana(app: Flask) -> Person:
    return make_person(app, balance="1000000.00")


@pytest.fixture(scope="module")
def bo(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture(scope="module")
def support(app: Flask) -> Person:
    return make_person(app, Role.SUPPORT)


def encode(value: Any) -> bytes:
    """JSON as a careless client writes it: NaN, lone surrogates and all."""
    return json.dumps(value).encode()


def expect_an_answer(answer: Any, *successes: int) -> None:
    # What each status may be is held against /openapi.json on the way.
    assert answer.status_code in {*successes, 400, 403, 404, 409, 422}, answer.text


@FUZZ
@given(data=st.data())
def test_moves(ana: Person, bo: Person, data: st.DataObject) -> None:
    accounts = st.sampled_from([str(ana.account_id), str(bo.account_id), NOWHERE]) | ANYTHING
    body = data.draw(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["transfer", "top_up", "withdrawal"]) | ANYTHING},
            optional={
                "amount": AMOUNT,
                "currency": st.sampled_from(["USD", "EUR", "JPY"]) | ANYTHING,
                "account_id": accounts,
                "source_account_id": accounts,
                "destination_account_id": accounts,
                "destination_account_number": st.just(bo.account_number) | ANYTHING,
                "to_user_email": st.just(bo.email) | ANYTHING,
                "description": ANYTHING,
                "metadata": ANYTHING,
                "payout_reference": ANYTHING,
                "balance": ANYTHING,
            },
        )
    )
    key = data.draw(st.none() | st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20))
    expect_an_answer(ana.post("/transactions", data=encode(body), key=key), 201)


@settings(FUZZ, max_examples=150)
@given(data=st.data())
def test_batches(ana: Person, bo: Person, data: st.DataObject) -> None:
    item = st.fixed_dictionaries(
        {"idempotency_key": st.text(min_size=1, max_size=3) | st.sampled_from(["a", "b"])},
        optional={
            "type": st.just("transfer") | ANYTHING,
            "destination_account_id": st.just(str(bo.account_id)) | ANYTHING,
            "amount": AMOUNT,
            "currency": st.just("USD") | ANYTHING,
            "metadata": ANYTHING,
        },
    )
    items = data.draw(st.lists(item, max_size=5) | st.lists(item | ANYTHING, max_size=5) | ANYTHING)
    mode = data.draw(st.sampled_from(["atomic", "independent"]) | ANYTHING)
    key = data.draw(st.none() | st.sampled_from(["a", "b", "whole"]))
    answer = ana.post("/transactions/batch", data=encode({"mode": mode, "items": items}), key=key)
    expect_an_answer(answer, 200)


@settings(FUZZ, max_examples=120)
@given(kind=st.sampled_from(["transfer", "top_up", "withdrawal"]), amount=AMOUNT, metadata=ANYTHING)
def test_an_amount_moves_as_it_is_answered_or_not_at_all(
    ana: Person, bo: Person, kind: str, amount: Any, metadata: Any
) -> None:
    to = {"destination_account_id": str(bo.account_id)} if kind == "transfer" else {"account_id": str(bo.account_id)}
    before = float(bo.read_balance())
    who = ana if kind == "transfer" else bo
    body = {"type": kind, "currency": "USD", "amount": amount, "metadata": metadata, **to}
    answer = who.post("/transactions", data=encode(body))
    expect_an_answer(answer, 201)
    moved = float(answer.json["amount"]) if answer.status_code == 201 else 0.0
    assert float(bo.read_balance()) == pytest.approx(before + (-moved if kind == "withdrawal" else moved))


@FUZZ
@given(
    body=st.dictionaries(
        st.sampled_from(["full_name", "phone", "company", "tax_id", "timezone", "currency", "role"]) | TEXT,
        st.sampled_from(["Asia/Tokyo", "JPY", "Ana", None]) | ANYTHING,
        max_size=4,
    )
)
def test_profiles(bo: Person, body: dict[str, Any]) -> None:
    expect_an_answer(bo.patch("/users/me", data=encode(body)), 200)


@settings(FUZZ, max_examples=150)
@given(
    changes=st.dictionaries(
        st.sampled_from(["email", "password", "full_name", "phone", "currency", "timezone"]) | TEXT,
        st.emails() | ANYTHING,
        max_size=3,
    )
)
def test_registrations(app: Flask, changes: dict[str, Any]) -> None:
    body = {"email": new_email(), "password": PASSWORD, "full_name": "Ana", **changes}
    expect_an_answer(ask(app, "POST", "/auth/register", data=encode(body)), 201)


@settings(FUZZ, max_examples=150)
@given(body=st.fixed_dictionaries({"email": st.emails() | ANYTHING, "password": ANYTHING}) | ANYTHING)
def test_sign_ins(app: Flask, body: Any) -> None:
    answer = ask(app, "POST", "/auth/login", data=encode(body))
    assert answer.status_code in {400, 401, 429}, answer.text


@FUZZ
@given(
    data=st.binary(max_size=200), content_type=st.sampled_from(["application/json", "text/plain", "a/b; charset=\xff"])
)
def test_raw_bytes(ana: Person, data: bytes, content_type: str) -> None:
    answer = ana.post("/transactions", data=data, headers={"Content-Type": content_type})
    assert answer.status_code in {400, 415}, answer.text


PARAMETERS = {
    "limit": st.integers(-5, 200).map(str) | TEXT,
    "cursor": TEXT | st.binary(max_size=40).map(lambda raw: raw.hex()),
    "q": TEXT,
    "user_id": st.just(NOWHERE) | TEXT,
    "account_id": st.just(NOWHERE) | TEXT,
    "currency": st.sampled_from(["USD", "JPY"]) | TEXT,
    "status": st.sampled_from(["active", "completed"]) | TEXT,
    "type": st.sampled_from(["transfer", "fee"]) | TEXT,
    "role": st.sampled_from(["admin", "customer"]) | TEXT,
    "start_date": st.dates().map(str) | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z") | TEXT,
    "end_date": st.dates().map(str) | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z") | TEXT,
    "min_amount": st.decimals(0, 10, places=2).map(str) | TEXT,
    "max_amount": st.decimals(0, 10, places=2).map(str) | TEXT,
    "sort_by": st.sampled_from(["amount", "created_at"]) | TEXT,
    "sort_order": st.sampled_from(["asc", "desc"]) | TEXT,
    "format": st.sampled_from(["json", "csv"]) | TEXT,
    "at": st.datetimes().map(lambda moment: f"{moment.isoformat()}Z") | TEXT,
}


@settings(FUZZ, max_examples=400)
@given(data=st.data())
def test_query_strings(ana: Person, support: Person, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(PARAMETERS)), max_size=4, unique=True))
    values = [(name, data.draw(PARAMETERS[name]).encode("utf-8", "surrogatepass")) for name in names]
    account = f"/accounts/{ana.account_id}"
    person, path = data.draw(
        st.sampled_from(
            [
                (ana, "/transactions"),
                (ana, "/accounts"),
                (ana, account),
                (ana, f"{account}/entries"),
                (ana, f"{account}/statement"),
                (ana, f"{account}/transactions"),
                (support, "/users"),
                (support, "/accounts"),
                (support, "/transactions"),
            ]
        )
    )
    answer = person.get(f"{path}?{urlencode(values)}")
    assert answer.status_code in {200, 400, 404}, answer.text


@FUZZ
@given(raw=st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="#"), max_size=40))
def test_raw_query_strings(ana: Person, raw: str) -> None:
    answer = ana.get(f"/transactions?{raw}")
    assert answer.status_code in {200, 400, 404}, answer.text


@FUZZ
@given(
    name=st.sampled_from(["If-Match", "Idempotency-Key", "X-Request-Id", "Accept", "Content-Type", "Authorization"]),
    value=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60),
)
def test_headers(ana: Person, name: str, value: str) -> None:
    answer = ana.patch(f"/accounts/{ana.account_id}", {"label": 7}, headers={name: value})
    assert answer.status_code in {400, 401, 412, 415, 428}, answer.text
    answer = ana.post("/transactions", {}, headers={name: value})
    assert answer.status_code in {400, 401, 415}, answer.text
