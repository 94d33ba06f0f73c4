"""Accounts shared among people: what a viewer and an operator may do, and what is left when access is taken away."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.api.calling import NOWHERE, expect_faulty_fields, expect_problem, move, pay
from tests.api.evidence import list_events
from tests.people import Person
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]


@pytest.fixture
def admin(make_staff: MakePerson) -> Person:
    return make_staff(Role.ADMIN)


@pytest.fixture
def ana(make_customer: MakePerson) -> Person:
    return make_customer(balance="100")


@pytest.fixture
def cy(make_customer: MakePerson) -> Person:
    return make_customer()


def share(admin: Person, account: Person, user: Person, access: str) -> Any:
    return admin.post(f"/users/{user.id}/accounts", {"account_id": str(account.account_id), "access": access})


def test_granting(app: Flask, admin: Person, ana: Person, cy: Person) -> None:
    answer = share(admin, ana, cy, "viewer")
    assert answer.status_code == 201
    assert (answer.json["user_id"], answer.json["account_id"]) == (str(cy.id), str(ana.account_id))
    assert (answer.json["access"], answer.json["account"]["id"]) == ("viewer", str(ana.account_id))
    assert share(admin, ana, cy, "operator").json["access"] == "operator"
    granted, changed = list_events(app, ana.account_id)
    assert (granted.action, granted.before, granted.actor_id) == ("account.access_granted", None, admin.id)
    assert granted.after == {"user_id": str(cy.id), "access": "viewer"}
    assert (changed.before, changed.after) == (
        {"access": "viewer"},
        {"user_id": str(cy.id), "access": "operator"},
    )


def test_what_can_not_be_granted(admin: Person, ana: Person, cy: Person, make_staff: MakePerson) -> None:
    path = f"/users/{cy.id}/accounts"
    expect_problem(share(admin, ana, ana, "viewer"), 409, "ACCESS_EXISTS")
    expect_problem(share(admin, ana, make_staff(Role.SUPPORT), "viewer"), 409, "CONFLICT")
    expect_problem(admin.post(path, {"account_id": NOWHERE, "access": "viewer"}), 404, "NOT_FOUND")
    body = {"account_id": str(ana.account_id), "access": "viewer"}
    expect_problem(admin.post(f"/users/{NOWHERE}/accounts", body), 404, "NOT_FOUND")
    expect_faulty_fields(admin.post(path, {**body, "access": "owner"}), "access")
    expect_faulty_fields(admin.post(path, {}), "account_id", "access")
    expect_problem(make_staff(Role.OPERATIONS).post(path, body), 403, "FORBIDDEN")
    expect_problem(ana.post(path, body), 404, "NOT_FOUND")
    expect_problem(cy.get(f"/accounts/{ana.account_id}"), 404, "NOT_FOUND")


def test_a_viewer_sees_and_moves_nothing(admin: Person, ana: Person, cy: Person) -> None:
    paid = pay(ana, cy, "1").json["id"]
    share(admin, ana, cy, "viewer")
    account = f"/accounts/{ana.account_id}"
    assert cy.get(account).json["balance"] == "99.00"
    assert cy.get(f"{account}?at=2020-01-01T00:00:00Z").json["balance"] == "0.00"
    assert len(cy.get(f"{account}/entries").json["data"]) == 2
    assert len(cy.get(f"{account}/transactions").json["data"]) == 2
    assert str(ana.account_id) in [shown["id"] for shown in cy.get("/accounts").json["data"]]
    assert cy.get("/accounts/biggest").json["data"][0]["id"] == str(ana.account_id)
    assert [shown["id"] for shown in cy.get(f"/accounts?user_id={ana.id}").json["data"]] == [str(ana.account_id)]
    assert len(cy.get(f"/transactions?user_id={ana.id}").json["data"]) == 2
    own = {shown["id"] for shown in cy.get("/transactions").json["data"]}
    assert paid in own
    assert len(own) == 2, "the top-up of the shared account, and the transfer once"

    shared = {"account_id": str(ana.account_id)}
    expect_problem(move(cy, "withdrawal", "1", **shared), 403, "FORBIDDEN")
    expect_problem(move(cy, "top_up", "1", **shared), 403, "FORBIDDEN")
    to_self = {"source_account_id": str(ana.account_id), "destination_account_id": str(cy.account_id)}
    expect_problem(move(cy, "transfer", "1", **to_self), 403, "FORBIDDEN")
    expect_problem(cy.patch(account, {"label": "x"}, headers={"If-Match": '"1"'}), 403, "FORBIDDEN")
    expect_problem(cy.delete(account), 403, "FORBIDDEN")
    expect_problem(cy.post(f"{account}/freeze", {"reason": "x"}), 403, "FORBIDDEN")
    expect_problem(cy.get(f"/users/{ana.id}"), 404, "NOT_FOUND")
    received = pay(cy, ana, "1").json["id"]
    expect_problem(cy.post(f"/transactions/{received}/reversal"), 403, "FORBIDDEN")
    assert ana.read_balance() == "100.00"


def test_an_operator_moves_its_money(admin: Person, ana: Person, cy: Person) -> None:
    share(admin, ana, cy, "operator")
    shared = {"account_id": str(ana.account_id)}
    assert move(cy, "withdrawal", "10", **shared).json["initiated_by"] == str(cy.id)
    assert move(cy, "top_up", "5", **shared).status_code == 201
    to_self = {"source_account_id": str(ana.account_id), "destination_account_id": str(cy.account_id)}
    assert move(cy, "transfer", "20", **to_self).status_code == 201
    assert (ana.read_balance(), cy.read_balance()) == ("75.00", "20.00")
    expect_problem(
        cy.patch(f"/accounts/{ana.account_id}", {"label": "x"}, headers={"If-Match": '"1"'}), 403, "FORBIDDEN"
    )


def test_the_omitted_source_is_ones_own(admin: Person, ana: Person, cy: Person, make_customer: MakePerson) -> None:
    share(admin, ana, cy, "operator")
    expect_problem(
        move(cy, "transfer", "1", destination_account_id=str(make_customer().account_id)),
        422,
        "INSUFFICIENT_FUNDS",
    )


def test_an_operator_of_the_recipient_reverses(
    admin: Person, ana: Person, cy: Person, make_customer: MakePerson
) -> None:
    sender = make_customer(balance="7")
    share(admin, ana, cy, "operator")
    received = pay(sender, ana, "7").json["id"]
    answer = cy.post(f"/transactions/{received}/reversal", {"reason": "sent by mistake"})
    assert (answer.status_code, answer.json["type"], answer.json["initiated_by"]) == (201, "reversal", str(cy.id))
    assert sender.read_balance() == "7.00"


def test_a_suspended_owners_money_stays(admin: Person, ana: Person, cy: Person) -> None:
    share(admin, ana, cy, "operator")
    admin.post(f"/users/{ana.id}/suspend", {"reason": "x"})
    expect_problem(move(cy, "withdrawal", "1", account_id=str(ana.account_id)), 422, "USER_SUSPENDED")
    assert admin.get(f"/accounts/{ana.account_id}").json["balance"] == "100.00"


def test_what_was_taken_away_is_gone(app: Flask, admin: Person, ana: Person, cy: Person) -> None:
    share(admin, ana, cy, "operator")
    withdrawal = move(cy, "withdrawal", "1", account_id=str(ana.account_id)).json["id"]
    path = f"/users/{cy.id}/accounts/{ana.account_id}"
    expect_problem(cy.delete(path), 403, "FORBIDDEN")
    expect_problem(ana.delete(path), 404, "NOT_FOUND")
    answer = admin.delete(path)
    assert (answer.status_code, answer.data) == (204, b"")
    expect_problem(admin.delete(path), 404, "NOT_FOUND")
    for gone in ("", "/entries", "/transactions", "?at=2020-01-01T00:00:00Z"):
        expect_problem(cy.get(f"/accounts/{ana.account_id}{gone}"), 404, "NOT_FOUND")
    expect_problem(cy.get(f"/transactions/{withdrawal}"), 404, "NOT_FOUND")
    expect_problem(cy.get(f"/transactions?account_id={ana.account_id}"), 404, "NOT_FOUND")
    expect_problem(move(cy, "withdrawal", "1", account_id=str(ana.account_id)), 404, "NOT_FOUND")
    assert cy.get("/transactions").json["data"] == []
    event = list_events(app, ana.account_id)[-1]
    assert (event.action, event.actor_id) == ("account.access_revoked", admin.id)
    assert event.before == {"user_id": str(cy.id), "access": "operator"}
