"""Reversals: by the recipient of a transfer and by operations, whole and once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.calling import NOWHERE, expect_faulty_fields, expect_problem, move, pay
from tests.people import Person
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]


@pytest.fixture
def ana(make_customer: MakePerson) -> Person:
    return make_customer(balance="100")


@pytest.fixture
def bo(make_customer: MakePerson) -> Person:
    return make_customer()


@pytest.fixture
def operations(make_staff: MakePerson) -> Person:
    return make_staff(Role.OPERATIONS)


def reverse(person: Person, transaction_id: str, body: Any = None, **kwargs: Any) -> Any:
    return person.post(f"/transactions/{transaction_id}/reversal", body, **kwargs)


def test_the_recipient_gives_a_transfer_back(ana: Person, bo: Person) -> None:
    sent = pay(ana, bo, "30").json
    answer = reverse(bo, sent["id"], {"reason": "Not mine"})
    assert answer.status_code == 201
    reversal = answer.json
    assert (reversal["type"], reversal["status"], reversal["amount"]) == ("reversal", "completed", "30.00")
    assert reversal["original_transaction_id"] == sent["id"]
    assert reversal["source_account_id"] == sent["destination_account_id"]
    assert reversal["destination_account_id"] == sent["source_account_id"]
    assert (reversal["reason"], reversal["initiated_by"]) == ("Not mine", str(bo.id))
    original = ana.get(f"/transactions/{sent['id']}").json
    assert original == {**sent, "status": "reversed", "updated_at": reversal["created_at"]}
    assert ana.get(f"/transactions/{reversal['id']}").json == reversal
    assert (ana.read_balance(), bo.read_balance()) == ("100.00", "0.00")


def test_it_happens_once(ana: Person, bo: Person, operations: Person) -> None:
    sent = pay(ana, bo, "30").json["id"]
    with ThreadPoolExecutor(4) as pool:
        people = [bo, operations, bo, operations]
        statuses = list(pool.map(lambda person: reverse(person, sent).status_code, people))
    assert sorted(statuses) == [201, 409, 409, 409]
    expect_problem(reverse(bo, sent), 409, "ALREADY_REVERSED")
    assert (ana.read_balance(), bo.read_balance()) == ("100.00", "0.00")


def test_who_may_not(ana: Person, bo: Person, make_customer: MakePerson, make_staff: MakePerson) -> None:
    sent = pay(ana, bo, "30").json["id"]
    expect_problem(reverse(ana, sent), 403, "FORBIDDEN")
    expect_problem(reverse(make_customer(), sent), 404, "NOT_FOUND")
    for role in (Role.SUPPORT, Role.FRAUD_ANALYST, Role.ADMIN, Role.AUDITOR):
        expect_problem(reverse(make_staff(role), sent), 403, "FORBIDDEN")
    for kind in ("top_up", "withdrawal"):
        expect_problem(reverse(ana, move(ana, kind, "1").json["id"]), 403, "FORBIDDEN")
    assert bo.read_balance() == "30.00"


@pytest.mark.parametrize(("kind", "after"), [("top_up", "100.00"), ("withdrawal", "100.00")])
def test_operations_reverse_what_touched_the_outside(ana: Person, operations: Person, kind: str, after: str) -> None:
    made = move(ana, kind, "10").json
    answer = reverse(operations, made["id"], {"reason": "Bounced"})
    assert answer.status_code == 201
    reversal = answer.json
    assert reversal["source_account_id"] == made["destination_account_id"]
    assert reversal["destination_account_id"] == made["source_account_id"]
    assert (reversal["fraud_score"], reversal["fraud_flags"]) == (None, [])
    assert ana.read_balance() == after
    expect_problem(reverse(operations, made["id"]), 409, "ALREADY_REVERSED")


def test_a_reversal_is_not_reversed(ana: Person, bo: Person, operations: Person) -> None:
    reversal = reverse(bo, pay(ana, bo, "30").json["id"]).json["id"]
    expect_problem(reverse(operations, reversal), 422, "NOT_REVERSIBLE")
    expect_problem(reverse(ana, reversal), 403, "FORBIDDEN")


def test_what_was_spent_can_not_be_given_back(ana: Person, bo: Person, operations: Person) -> None:
    sent = pay(ana, bo, "30").json["id"]
    move(bo, "withdrawal", "10")
    for person in (bo, operations):
        problem = expect_problem(reverse(person, sent), 422, "INSUFFICIENT_FUNDS")
        assert problem["details"] == {"available": "20.00", "required": "30.00", "currency": "USD"}
    assert ana.get(f"/transactions/{sent}").json["status"] == "completed"
    move(bo, "top_up", "10")
    assert reverse(bo, sent).status_code == 201


def test_operations_pass_a_debit_freeze(ana: Person, bo: Person, operations: Person) -> None:
    first, second = (pay(ana, bo, "10").json["id"] for _ in range(2))
    operations.post(f"/accounts/{bo.account_id}/freeze", {"reason": "x", "scope": "debit"})
    expect_problem(reverse(bo, first), 422, "ACCOUNT_FROZEN")
    assert reverse(operations, first).status_code == 201
    operations.post(f"/accounts/{bo.account_id}/freeze", {"reason": "x", "scope": "all"})
    expect_problem(reverse(operations, second), 422, "ACCOUNT_FROZEN")
    assert bo.read_balance() == "10.00"


def test_the_body_is_optional_and_strict(ana: Person, bo: Person) -> None:
    sent = pay(ana, bo, "30").json["id"]
    expect_faulty_fields(reverse(bo, sent, {"reason": ""}), "reason")
    expect_faulty_fields(reverse(bo, sent, {"amount": "1"}), "amount")
    expect_problem(reverse(bo, sent, data=b"[]"), 400, "MALFORMED_BODY")
    expect_problem(reverse(bo, sent, data=b"null"), 400, "MALFORMED_BODY")
    expect_problem(reverse(bo, sent, data=b" "), 400, "MALFORMED_BODY")
    expect_problem(reverse(bo, NOWHERE), 404, "NOT_FOUND")
    assert bo.read_balance() == "30.00"
    assert reverse(bo, sent, {"reason": None}).status_code == 201


def test_staff_see_the_whole_story(ana: Person, bo: Person, operations: Person, make_staff: MakePerson) -> None:
    sent = pay(ana, bo, "30").json
    reversal = reverse(operations, sent["id"], {"reason": "Fraud"}).json
    for role in (Role.SUPPORT, Role.OPERATIONS, Role.FRAUD_ANALYST, Role.ADMIN, Role.AUDITOR):
        shown = make_staff(role).get(f"/transactions/{sent['id']}").json
        extra = {"fraud_score", "fraud_flags", "entries", "assessment", "timeline"}
        assert set(shown) == set(sent) | extra
        assert {entry["account_id"]: entry["amount"] for entry in shown["entries"]} == {
            str(ana.account_id): "-30.00",
            str(bo.account_id): "30.00",
        }
        created, completed, reversed_ = shown["timeline"]
        assert (created["event"], created["at"], created["by"]) == ("created", sent["created_at"], str(ana.id))
        assert (completed["event"], completed["at"]) == ("completed", sent["completed_at"])
        assert (reversed_["event"], reversed_["at"], reversed_["by"]) == (
            "reversed",
            reversal["created_at"],
            str(operations.id),
        )
        assert (reversed_["reason"], reversed_["transaction_id"]) == ("Fraud", reversal["id"])
    hidden = {"fraud_score", "fraud_flags", "entries", "assessment", "timeline"}
    for answer in (ana.get(f"/transactions/{sent['id']}").json, *ana.get("/transactions").json["data"]):
        assert not hidden & set(answer)
    listed = operations.get(f"/transactions?account_id={bo.account_id}").json["data"]
    assert all(transaction["fraud_flags"] == [] for transaction in listed)
