"""Accounts' settings: label, overdraft limit, freezing, closing; and who changes which."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from tests.api.calling import NOWHERE, expect_faulty_fields, expect_problem, move, pay
from tests.api.evidence import list_events
from tests.people import Person
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]


def edit(person: Person, account_id: Any, body: Any, version: str | None = '"1"') -> Any:
    headers = {} if version is None else {"If-Match": version}
    return person.patch(f"/accounts/{account_id}", body, headers=headers)


def test_the_owner_labels(make_customer: MakePerson) -> None:
    ana = make_customer()
    assert ana.get(f"/accounts/{ana.account_id}").headers["ETag"] == '"1"'
    answer = edit(ana, ana.account_id, {"label": "Purse"})
    assert (answer.status_code, answer.json["label"], answer.json["version"]) == (200, "Purse", 2)
    assert answer.headers["ETag"] == '"2"'
    assert edit(ana, ana.account_id, {"label": None}, '"2"').json["label"] is None


def test_a_stale_version_changes_nothing(make_customer: MakePerson) -> None:
    ana = make_customer()
    edit(ana, ana.account_id, {"label": "First"})
    problem = expect_problem(edit(ana, ana.account_id, {"label": "Second"}), 412, "STALE_VERSION")
    assert problem["details"] == {"version": 2}
    for odd in ('"3"', "2", 'W/"2"', "*", '"02"', '""', '"2', '"2", "3"', '"99999999999"', "x"):
        expect_problem(edit(ana, ana.account_id, {"label": "Second"}, odd), 412, "STALE_VERSION")
    expect_problem(edit(ana, ana.account_id, {"label": "Second"}, None), 428, "VERSION_REQUIRED")
    expect_problem(edit(ana, ana.account_id, {}, None), 428, "VERSION_REQUIRED")
    assert ana.get(f"/accounts/{ana.account_id}").json["label"] == "First"


def test_moves_do_not_change_the_version(make_customer: MakePerson) -> None:
    ana = make_customer(balance="5")
    move(ana, "withdrawal", "1")
    assert ana.get(f"/accounts/{ana.account_id}").headers["ETag"] == '"1"'


def test_of_two_edits_at_once_one_is_stale(make_customer: MakePerson) -> None:
    ana = make_customer()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: edit(ana, ana.account_id, {"label": f"L{n}"}).status_code, range(4)))
    assert sorted(answers) == [200, 412, 412, 412]


def test_operations_set_the_overdraft(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana, bo, operations = make_customer(balance="10"), make_customer(), make_staff(Role.OPERATIONS)
    answer = edit(operations, ana.account_id, {"overdraft_limit": "25.5", "label": "Watched"})
    assert (answer.status_code, answer.json["overdraft_limit"], answer.json["available"]) == (200, "25.50", "35.50")
    assert answer.json["label"] == "Watched"
    (event,) = list_events(app, ana.account_id)
    assert (event.action, event.actor_id) == ("account.edited", operations.id)
    assert event.before is not None
    assert event.after is not None
    assert (event.before["overdraft_limit"], event.after["overdraft_limit"]) == ("0.00", "25.50")
    assert pay(ana, bo, "35.50").status_code == 201
    assert ana.get(f"/accounts/{ana.account_id}").json["balance"] == "-25.50"
    expect_problem(pay(ana, bo, "0.01"), 422, "INSUFFICIENT_FUNDS")
    expect_problem(edit(operations, ana.account_id, {"overdraft_limit": "25.49"}, '"2"'), 422, "OVERDRAFT_IN_USE")
    assert edit(operations, ana.account_id, {"overdraft_limit": 30}, '"2"').json["overdraft_limit"] == "30.00"
    pay(bo, ana, "35.50")
    assert edit(operations, ana.account_id, {"overdraft_limit": "0"}, '"3"').json["overdraft_limit"] == "0.00"


@pytest.mark.parametrize("limit", ["-1", "1.005", "1e3", None, True, [], "99999999999999999999", "", " 1"])
def test_faulty_overdraft_limits(make_customer: MakePerson, make_staff: MakePerson, limit: Any) -> None:
    answer = edit(make_staff(Role.OPERATIONS), make_customer().account_id, {"overdraft_limit": limit})
    expect_faulty_fields(answer, "overdraft_limit", code="INVALID_AMOUNT")


def test_who_may_change_settings(make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana = make_customer()
    expect_problem(edit(ana, ana.account_id, {"overdraft_limit": "100"}), 403, "FORBIDDEN")
    expect_problem(edit(make_customer(), ana.account_id, {"label": "x"}), 404, "NOT_FOUND")
    for role in (Role.SUPPORT, Role.FRAUD_ANALYST, Role.ADMIN, Role.AUDITOR):
        expect_problem(edit(make_staff(role), ana.account_id, {"label": "x"}), 403, "FORBIDDEN")
    assert edit(make_staff(Role.OPERATIONS), ana.account_id, {"label": "x"}).json["label"] == "x"
    for field in ("balance", "status", "currency", "is_primary", "user_id"):
        expect_faulty_fields(edit(ana, ana.account_id, {field: "x"}, '"2"'), field)
    expect_faulty_fields(edit(ana, ana.account_id, {}, '"2"'), "body")


# --- freezing


@pytest.mark.parametrize("role", [Role.OPERATIONS, Role.FRAUD_ANALYST])
def test_freezing_debits(app: Flask, make_customer: MakePerson, make_staff: MakePerson, role: Role) -> None:
    ana, bo, staff = make_customer(balance="10"), make_customer(balance="10"), make_staff(role)
    answer = staff.post(f"/accounts/{ana.account_id}/freeze", {"reason": "phishing", "scope": "debit"})
    assert (answer.status_code, answer.json["status"], answer.json["freeze_scope"]) == (200, "frozen", "debit")
    assert (answer.json["version"], answer.headers["ETag"]) == (2, '"2"')
    for refused in (pay(ana, bo, "1"), move(ana, "withdrawal", "1")):
        assert expect_problem(refused, 422, "ACCOUNT_FROZEN")["details"] == {"scope": "debit"}
    assert pay(bo, ana, "1").status_code == 201
    assert move(ana, "top_up", "1").status_code == 201
    lifted = staff.post(f"/accounts/{ana.account_id}/unfreeze", {"reason": "talked to her"})
    assert (lifted.status_code, lifted.json["status"], lifted.json["freeze_scope"]) == (200, "active", None)
    assert pay(ana, bo, "1").status_code == 201
    frozen, unfrozen = list_events(app, ana.account_id)
    assert (frozen.action, frozen.reason) == ("account.frozen", "phishing")
    assert frozen.after is not None
    assert frozen.after["freeze_scope"] == "debit"
    assert (unfrozen.action, unfrozen.reason) == ("account.unfrozen", "talked to her")
    expect_problem(staff.post(f"/accounts/{ana.account_id}/unfreeze", {"reason": "x"}), 409, "ACCOUNT_NOT_FROZEN")


@pytest.mark.parametrize("scope", [{"scope": "all"}, {}])
def test_freezing_all(make_customer: MakePerson, make_staff: MakePerson, scope: dict[str, str]) -> None:
    ana, bo, operations = make_customer(balance="10"), make_customer(balance="10"), make_staff(Role.OPERATIONS)
    answer = operations.post(f"/accounts/{ana.account_id}/freeze", {"reason": "x", **scope})
    assert answer.json["freeze_scope"] == "all"
    for refused in (pay(ana, bo, "1"), move(ana, "withdrawal", "1"), pay(bo, ana, "1"), move(ana, "top_up", "1")):
        expect_problem(refused, 422, "ACCOUNT_FROZEN")
    assert (ana.read_balance(), bo.read_balance()) == ("10.00", "10.00")
    narrowed = operations.post(f"/accounts/{ana.account_id}/freeze", {"reason": "x", "scope": "debit"})
    assert (narrowed.json["freeze_scope"], narrowed.json["version"]) == ("debit", 3)


def test_faulty_freezes(make_customer: MakePerson, make_staff: MakePerson) -> None:
    operations, path = make_staff(Role.OPERATIONS), f"/accounts/{make_customer().account_id}/freeze"
    expect_faulty_fields(operations.post(path, {}), "reason")
    expect_faulty_fields(operations.post(path, {"reason": " ", "scope": "credit"}), "reason", "scope")
    expect_faulty_fields(operations.post(path, {"reason": "x", "until": "later"}), "until")
    expect_problem(operations.post(f"/accounts/{NOWHERE}/freeze", {"reason": "x"}), 404, "NOT_FOUND")


# --- closing


def test_closing_at_zero_only(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana, bo, admin = make_customer(balance="10"), make_customer(balance="5"), make_staff(Role.ADMIN)
    expect_problem(ana.delete(f"/accounts/{ana.account_id}"), 403, "FORBIDDEN")
    expect_problem(admin.delete(f"/accounts/{ana.account_id}"), 409, "ACCOUNT_NOT_EMPTY")
    received = pay(ana, bo, "10").json["id"]
    closed = admin.delete(f"/accounts/{ana.account_id}")
    assert (closed.status_code, closed.data) == (204, b"")
    shown = ana.get(f"/accounts/{ana.account_id}").json
    assert (shown["status"], shown["is_primary"], shown["version"]) == ("closed", False, 2)
    for refused in (pay(bo, ana, "1"), move(ana, "top_up", "1"), move(ana, "withdrawal", "1")):
        expect_problem(refused, 422, "ACCOUNT_CLOSED")
    expect_problem(move(ana, "transfer", "1", destination_account_id=str(bo.account_id)), 422, "NO_ACCOUNT_IN_CURRENCY")
    expect_problem(bo.post(f"/transactions/{received}/reversal"), 422, "ACCOUNT_CLOSED")
    operations = make_staff(Role.OPERATIONS)
    expect_problem(admin.delete(f"/accounts/{ana.account_id}"), 409, "ACCOUNT_NOT_OPEN")
    expect_problem(operations.post(f"/accounts/{ana.account_id}/freeze", {"reason": "x"}), 409, "ACCOUNT_NOT_OPEN")
    expect_problem(edit(ana, ana.account_id, {"label": "x"}, '"2"'), 409, "ACCOUNT_NOT_OPEN")
    assert [event.action for event in list_events(app, ana.account_id)] == ["account.closed"]
    assert len(ana.get(f"/accounts/{ana.account_id}/entries").json["data"]) == 2, "history stays"
    reopened = ana.post("/accounts", {"currency": "USD"})
    assert (reopened.status_code, reopened.json["is_primary"]) == (201, True)


def test_the_oldest_account_left_becomes_primary(make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana, bo, admin = make_customer(), make_customer(balance="5"), make_staff(Role.ADMIN)
    second, third = (admin.post("/accounts", {"currency": "USD", "user_id": str(ana.id)}).json["id"] for _ in range(2))
    assert admin.delete(f"/accounts/{third}").status_code == 204
    assert admin.delete(f"/accounts/{ana.account_id}").status_code == 204
    promoted = ana.get(f"/accounts/{second}").json
    assert (promoted["is_primary"], promoted["version"]) == (True, 2)
    assert move(bo, "transfer", "5", to_user_email=ana.email).json["destination_account_id"] == second
