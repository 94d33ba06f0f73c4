"""Idempotency-Key over HTTP: one key, one effect, the same bytes again."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.calling import NOWHERE, expect_problem, move, pay
from tests.people import Person
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]


@pytest.fixture
def ana(make_customer: MakePerson) -> Person:
    return make_customer(balance="100")


@pytest.fixture
def bo(make_customer: MakePerson) -> Person:
    return make_customer()


def transfer(recipient: Person, amount: str = "10") -> dict[str, Any]:
    return {
        "type": "transfer",
        "destination_account_id": str(recipient.account_id),
        "amount": amount,
        "currency": "USD",
    }


def test_a_replay_answers_the_same_bytes_and_moves_nothing(ana: Person, bo: Person) -> None:
    first = ana.post("/transactions", transfer(bo), key="order 1")
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    for _ in range(3):
        again = ana.post("/transactions", transfer(bo), key="order 1")
        assert (again.status_code, again.data) == (201, first.data)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
        assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert bo.read_balance() == "10.00"


def test_without_a_key_every_request_counts(ana: Person, bo: Person) -> None:
    assert {ana.post("/transactions", transfer(bo)).status_code for _ in range(2)} == {201}
    assert bo.read_balance() == "20.00"


def test_the_same_key_with_another_body_is_refused(ana: Person, bo: Person) -> None:
    ana.post("/transactions", transfer(bo), key="k")
    problem = ana.post("/transactions", transfer(bo, "11"), key="k")
    expect_problem(problem, 422, "IDEMPOTENCY_KEY_REUSED")
    assert "Idempotency-Replayed" not in problem.headers
    body = b'{"type":"transfer", "destination_account_id":"%s","amount":"10","currency":"USD"}'
    expect_problem(
        ana.post("/transactions", data=body % str(bo.account_id).encode(), key="k"), 422, "IDEMPOTENCY_KEY_REUSED"
    )
    assert bo.read_balance() == "10.00"
    assert ana.post("/transactions", transfer(bo), key="k").headers["Idempotency-Replayed"] == "true"


def test_the_same_key_at_another_address_is_refused(ana: Person, bo: Person) -> None:
    first, second = (pay(ana, bo, "10").json["id"] for _ in range(2))
    assert bo.post(f"/transactions/{first}/reversal", key="k").status_code == 201
    expect_problem(bo.post(f"/transactions/{second}/reversal", key="k"), 422, "IDEMPOTENCY_KEY_REUSED")
    again = bo.post(f"/transactions/{first}/reversal", key="k")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert ana.read_balance() == "90.00"


def test_a_key_belongs_to_its_caller(ana: Person, bo: Person, make_customer: MakePerson) -> None:
    cy = make_customer(balance="100")
    mine = ana.post("/transactions", transfer(bo), key="same")
    theirs = cy.post("/transactions", transfer(bo), key="same")
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json["id"] != theirs.json["id"]
    assert "Idempotency-Replayed" not in theirs.headers
    assert bo.read_balance() == "20.00"


def test_racing_requests_with_one_key_have_one_effect(ana: Person, bo: Person) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: ana.post("/transactions", transfer(bo), key="race"), range(20)))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {201, 409}
    assert len({answer.data for answer in answers if answer.status_code == 201}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers].count(None) == 1 + statuses[409]
    for answer in answers:
        if answer.status_code == 409:
            expect_problem(answer, 409, "IDEMPOTENCY_IN_PROGRESS")
    assert bo.read_balance() == "10.00"


# --- what is stored, and what is not


def test_a_refusal_by_a_rule_is_stored(ana: Person, bo: Person) -> None:
    first = ana.post("/transactions", transfer(bo, "101"), key="k")
    problem = expect_problem(first, 422, "INSUFFICIENT_FUNDS")
    move(ana, "top_up", "50")
    again = ana.post("/transactions", transfer(bo, "101"), key="k")
    assert (again.status_code, again.data) == (422, first.data)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.mimetype == "application/problem+json"
    assert again.json["request_id"] == problem["request_id"] != again.headers["X-Request-Id"]
    assert bo.read_balance() == "0.00"


def test_a_conflict_of_the_pipeline_is_stored(ana: Person, bo: Person) -> None:
    sent = pay(ana, bo, "10").json["id"]
    bo.post(f"/transactions/{sent}/reversal")
    first = bo.post(f"/transactions/{sent}/reversal", key="k")
    expect_problem(first, 409, "ALREADY_REVERSED")
    again = bo.post(f"/transactions/{sent}/reversal", key="k")
    assert (again.data, again.headers["Idempotency-Replayed"]) == (first.data, "true")


def test_other_errors_leave_the_key_free(
    ana: Person, bo: Person, make_customer: MakePerson, make_staff: MakePerson
) -> None:
    support = make_staff(Role.SUPPORT)
    expect_problem(ana.post("/transactions", {**transfer(bo), "amount": "-1"}, key="k"), 400, "INVALID_AMOUNT")
    expect_problem(ana.post("/transactions", {**transfer(bo), "x": 1}, key="k"), 400, "VALIDATION_ERROR")
    expect_problem(ana.post("/transactions", data=b"{", key="k"), 400, "MALFORMED_BODY")
    expect_problem(
        ana.post("/transactions", data=b"x", key="k", headers={"Content-Type": "text/plain"}),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    )
    unknown = {**transfer(bo), "destination_account_id": NOWHERE}
    expect_problem(ana.post("/transactions", unknown, key="k"), 404, "NOT_FOUND")
    assert ana.post("/transactions", transfer(bo), key="k").status_code == 201
    source = {**transfer(bo), "source_account_id": str(ana.account_id)}
    expect_problem(support.post("/transactions", source, key="k"), 403, "FORBIDDEN")
    sent = pay(ana, bo, "1").json["id"]
    expect_problem(ana.post(f"/transactions/{sent}/reversal", key="free"), 403, "FORBIDDEN")
    expect_problem(make_customer().post(f"/transactions/{sent}/reversal", key="free"), 404, "NOT_FOUND")
    assert ana.post("/transactions", transfer(bo), key="free").status_code == 201
    assert bo.read_balance() == "21.00"


# --- the key itself


@pytest.mark.parametrize("key", ["a", "a" * 255, " inner space ok", "{[()]}~!\"'", "ORDER-1"])
def test_printable_ascii_is_a_key(ana: Person, bo: Person, key: str) -> None:
    assert ana.post("/transactions", transfer(bo), key=key).status_code == 201
    assert ana.post("/transactions", transfer(bo), key=key).headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    "key", ["", "a" * 256, "a\tb", "a\x00b", "a\x7fb", "clé", "ключ".encode().decode("latin-1"), "\x1b[0m"]
)
def test_other_keys_are_400(ana: Person, bo: Person, key: str) -> None:
    expect_problem(ana.post("/transactions", transfer(bo), key=key), 400, "INVALID_IDEMPOTENCY_KEY")
    sent = pay(ana, bo, "1").json["id"]
    expect_problem(bo.post(f"/transactions/{sent}/reversal", key=key), 400, "INVALID_IDEMPOTENCY_KEY")
    assert bo.read_balance() == "1.00"


def test_keys_differ_by_case(ana: Person, bo: Person) -> None:
    for key in ("Key", "key", "KEY"):
        assert ana.post("/transactions", transfer(bo), key=key).status_code == 201
    assert bo.read_balance() == "30.00"
