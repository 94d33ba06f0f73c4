"""Users: one's own profile, and what staff see and do."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.api.calling import NOWHERE, ask, expect_faulty_fields, expect_problem, new_email, sign_in
from tests.api.evidence import list_events
from tests.api.test_sign_in import USER_FIELDS
from tests.people import PASSWORD, Person
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]


# --- one's own


def test_reading_oneself(make_customer: MakePerson) -> None:
    ana = make_customer(full_name="Ana Lim", timezone="Asia/Kuala_Lumpur", currency="MYR")
    mine = ana.get("/users/me").json
    assert set(mine) == USER_FIELDS
    assert (mine["id"], mine["full_name"], mine["timezone"]) == (str(ana.id), "Ana Lim", "Asia/Kuala_Lumpur")
    assert ana.get(f"/users/{ana.id}").json == mine


def test_changing_oneself(make_customer: MakePerson) -> None:
    ana = make_customer()
    before = ana.get("/users/me").json
    changes = {
        "full_name": "Ana Lim-Tan",
        "phone": "+60 12 345",
        "company": "Lim & Tan",
        "tax_id": "C 123",
        "timezone": "Etc/GMT+5",
        "currency": "JPY",
    }
    after = ana.patch("/users/me", changes).json
    assert {name: after[name] for name in changes} == changes
    assert after["updated_at"] > before["updated_at"]
    untouched = USER_FIELDS - set(changes) - {"updated_at"}
    assert {name: after[name] for name in untouched} == {name: before[name] for name in untouched}
    assert ana.get("/users/me").json == after
    assert ana.get(f"/accounts/{ana.account_id}").json["currency"] == "USD", "accounts keep their currency"


def test_null_clears_what_may_be_absent(make_customer: MakePerson) -> None:
    ana = make_customer()
    ana.patch("/users/me", {"phone": "1", "company": "2", "tax_id": "3"})
    cleared = ana.patch("/users/me", {"phone": None, "company": None, "tax_id": None}).json
    assert (cleared["phone"], cleared["company"], cleared["tax_id"]) == (None, None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"full_name": None},
        {"full_name": ""},
        {"timezone": None},
        {"timezone": "Nowhere/Never"},
        {"currency": None},
        {"currency": "usd"},
        {"role": "admin"},
        {"status": "active"},
        {"kyc_status": "approved"},
        {"email": "other@people.example"},
        {"id": NOWHERE},
        {"balance": "1"},
        {"password": PASSWORD},
        {"phone": 5},
        {"company": {"name": "x"}},
    ],
)
def test_what_may_not_be_changed(make_customer: MakePerson, changes: dict[str, Any]) -> None:
    ana = make_customer()
    before = ana.get("/users/me").json
    expect_faulty_fields(ana.patch("/users/me", {"company": "Acme", **changes} if changes else {}), *changes)
    assert ana.get("/users/me").json == before


def test_a_change_changes_something(make_customer: MakePerson) -> None:
    expect_faulty_fields(make_customer().patch("/users/me", {}), "body")


# --- other people


def test_customers_see_nobody_else(make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana, bo, support = make_customer(), make_customer(), make_staff(Role.SUPPORT)
    for other in (bo.id, support.id, NOWHERE):
        for method in ("GET", "PATCH", "DELETE"):
            expect_problem(ana.call(method, f"/users/{other}"), 404, "NOT_FOUND")
    expect_problem(ana.get("/users"), 403, "FORBIDDEN")
    expect_problem(ana.get("/users?limit=0"), 403, "FORBIDDEN")
    expect_problem(ana.post("/users", {}), 403, "FORBIDDEN")


def test_customers_do_not_administer_themselves(make_customer: MakePerson) -> None:
    ana = make_customer()
    expect_problem(ana.patch(f"/users/{ana.id}", {"role": "admin"}), 403, "FORBIDDEN")
    expect_problem(ana.delete(f"/users/{ana.id}"), 403, "FORBIDDEN")
    for action in ("suspend", "reactivate", "accounts"):
        expect_problem(ana.post(f"/users/{ana.id}/{action}", {}), 403, "FORBIDDEN")
    expect_problem(ana.delete(f"/users/{ana.id}/accounts/{ana.account_id}"), 403, "FORBIDDEN")


def test_staff_find_people(make_customer: MakePerson, make_staff: MakePerson) -> None:
    support, mark = make_staff(Role.SUPPORT), new_email().split("@")[0]
    ana = make_customer(full_name=f"Ana 100% {mark}")
    bo = make_customer(email=f"bo.{mark}@people.example")
    bo.patch("/users/me", {"company": "Under_score & Co"})

    def find(query: str) -> list[str]:
        answer = support.get(f"/users?{query}")
        assert answer.status_code == 200
        return [user["id"] for user in answer.json["data"]]

    assert find(f"q={mark}") == [str(bo.id), str(ana.id)], "newest first"
    assert find(f"q=100%25 {mark}") == [str(ana.id)], "a per cent sign is only that"
    assert find(f"q=%25{mark}") == []
    assert find(f"q=ANA 100%25 {mark.upper()}") == [str(ana.id)]
    assert str(bo.id) in find("q=under_score")
    assert find(f"q={mark}&role=support") == []
    assert find(f"q={mark}&role=customer&status=active&kyc_status=none&limit=1") == [str(bo.id)]
    for faulty, field in (
        ("role=king", "role"),
        ("status=gone", "status"),
        ("kyc_status=x", "kyc_status"),
        ("page=2", "page"),
        ("q=a&q=b", "q"),
        (f"q={'a' * 201}", "q"),
    ):
        expect_faulty_fields(support.get(f"/users?{faulty}"), field)


@pytest.mark.parametrize("role", list(Role))
def test_administrators_make_users_in_any_role(app: Flask, make_staff: MakePerson, role: Role) -> None:
    admin = make_staff(Role.ADMIN)
    body = {
        "email": new_email().upper(),
        "password": PASSWORD,
        "full_name": "New Person",
        "role": role.value,
        "company": "Acme",
        "timezone": "Asia/Tokyo",
        "currency": "JPY",
    }
    answer = admin.post("/users", body)
    assert answer.status_code == 201
    made = answer.json
    assert (made["role"], made["email"], made["company"]) == (role.value, body["email"].lower(), "Acme")
    assert (made["timezone"], made["currency"]) == ("Asia/Tokyo", "JPY")
    tokens = sign_in(app, body["email"]).json
    assert ask(app, "GET", "/users/me", token=tokens["access_token"]).json == made
    (event,) = list_events(app, made["id"])
    assert (event.action, event.actor_id, event.after["role"]) == ("user.created", admin.id, role.value)  # type: ignore[index]
    expect_problem(admin.post("/users", body), 409, "EMAIL_TAKEN")
    expect_faulty_fields(admin.post("/users", {**body, "role": "king", "kyc_status": "approved"}), "role", "kyc_status")


def test_administrators_change_others(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    admin, ana = make_staff(Role.ADMIN), make_customer(full_name="Ana")
    changed = admin.patch(f"/users/{ana.id}", {"full_name": "Ann", "role": "support"}).json
    assert (changed["full_name"], changed["role"]) == ("Ann", "support")
    (event,) = list_events(app, ana.id)
    assert (event.action, event.actor_id, event.actor_role) == ("user.edited", admin.id, "admin")
    assert event.before == {"full_name": "Ana", "role": "customer"}
    assert event.after == {"full_name": "Ann", "role": "support"}
    expect_faulty_fields(admin.patch(f"/users/{ana.id}", {"status": "closed"}), "status")
    expect_faulty_fields(admin.patch(f"/users/{ana.id}", {"role": None}), "role")
    expect_problem(admin.patch(f"/users/{NOWHERE}", {"full_name": "x"}), 404, "NOT_FOUND")


def test_nobody_changes_their_own_standing(make_staff: MakePerson) -> None:
    admin, operations = make_staff(Role.ADMIN), make_staff(Role.OPERATIONS)
    expect_problem(admin.patch(f"/users/{admin.id}", {"role": "customer"}), 409, "OWN_USER_PROTECTED")
    expect_problem(admin.delete(f"/users/{admin.id}"), 409, "OWN_USER_PROTECTED")
    for person in (admin, operations):
        expect_problem(person.post(f"/users/{person.id}/suspend", {"reason": "x"}), 409, "OWN_USER_PROTECTED")
    assert admin.patch(f"/users/{admin.id}", {"full_name": "Me"}).json["full_name"] == "Me"


# --- suspending, reactivating, closing


@pytest.mark.parametrize("role", [Role.OPERATIONS, Role.ADMIN])
def test_suspending_and_reactivating(app: Flask, make_customer: MakePerson, make_staff: MakePerson, role: Role) -> None:
    staff, ana = make_staff(role), make_customer()
    expect_problem(staff.post(f"/users/{ana.id}/reactivate", {"reason": "x"}), 409, "USER_NOT_SUSPENDED")
    suspended = staff.post(f"/users/{ana.id}/suspend", {"reason": "under review"})
    assert (suspended.status_code, suspended.json["status"]) == (200, "suspended")
    expect_problem(staff.post(f"/users/{ana.id}/suspend", {"reason": "x"}), 409, "USER_NOT_ACTIVE")
    active = staff.post(f"/users/{ana.id}/reactivate", {"reason": "cleared"})
    assert (active.status_code, active.json["status"]) == (200, "active")
    suspension, reactivation = list_events(app, ana.id)
    assert (suspension.action, suspension.reason) == ("user.suspended", "under review")
    assert (suspension.before, suspension.after) == ({"status": "active"}, {"status": "suspended"})
    assert (reactivation.action, reactivation.reason) == ("user.reactivated", "cleared")
    assert reactivation.request_id == active.headers["X-Request-Id"]


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": "a" * 501}, {"reason": None}])
def test_a_reason_is_needed(make_customer: MakePerson, make_staff: MakePerson, body: dict[str, Any]) -> None:
    ana = make_customer()
    expect_faulty_fields(make_staff(Role.OPERATIONS).post(f"/users/{ana.id}/suspend", body), "reason")
    assert ana.get("/users/me").json["status"] == "active"


def test_the_suspended_read_but_move_nothing(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    operations, ana, bo = make_staff(Role.OPERATIONS), make_customer(balance="10"), make_customer(balance="10")
    back = {"type": "transfer", "destination_account_id": str(ana.account_id), "amount": "1", "currency": "USD"}
    received = bo.post("/transactions", back).json["id"]
    operations.post(f"/users/{ana.id}/suspend", {"reason": "x"})

    assert sign_in(app, ana.email).status_code == 200
    assert ana.get("/users/me").json["status"] == "suspended"
    for path in ("/accounts", f"/accounts/{ana.account_id}", f"/accounts/{ana.account_id}/entries", "/transactions"):
        assert ana.get(path).status_code == 200
    account = str(ana.account_id)
    for body in (
        {"type": "transfer", "destination_account_id": str(bo.account_id)},
        {"type": "withdrawal", "account_id": account},
        {"type": "top_up", "account_id": account},
        {"type": "transfer", "destination_account_id": NOWHERE},
    ):
        answer = ana.post("/transactions", {**body, "amount": "1", "currency": "USD"})
        expect_problem(answer, 422, "USER_SUSPENDED")
    expect_problem(ana.post(f"/transactions/{received}/reversal"), 422, "USER_SUSPENDED")
    assert ana.read_balance() == "11.00"
    assert bo.post("/transactions", back).status_code == 201, "money still comes in"
    operations.post(f"/users/{ana.id}/reactivate", {"reason": "x"})
    body = {"type": "withdrawal", "account_id": account, "amount": "1", "currency": "USD"}
    assert ana.post("/transactions", body).status_code == 201


def test_suspended_staff_lose_what_their_role_gave(make_customer: MakePerson, make_staff: MakePerson) -> None:
    operations, support, ana = make_staff(Role.OPERATIONS), make_staff(Role.SUPPORT), make_customer()
    operations.post(f"/users/{support.id}/suspend", {"reason": "x"})
    assert support.get("/users/me").json["status"] == "suspended"
    expect_problem(support.get("/users"), 403, "FORBIDDEN")
    expect_problem(support.get(f"/accounts/{ana.account_id}"), 404, "NOT_FOUND")


def test_closing_a_user(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    admin, ana = make_staff(Role.ADMIN), make_customer(balance="5.00")
    problem = expect_problem(admin.delete(f"/users/{ana.id}"), 409, "USER_NOT_EMPTY")
    assert problem["details"] == {"account_id": str(ana.account_id)}
    assert ana.get("/users/me").json["status"] == "active"
    body = {"type": "withdrawal", "account_id": str(ana.account_id), "amount": "5", "currency": "USD"}
    withdrawal = ana.post("/transactions", body).json["id"]
    closed = admin.delete(f"/users/{ana.id}")
    assert (closed.status_code, closed.data) == (204, b"")
    assert admin.get(f"/users/{ana.id}").json["status"] == "closed"
    assert admin.get(f"/accounts/{ana.account_id}").json["status"] == "closed"
    assert admin.get(f"/transactions/{withdrawal}").status_code == 200, "history stays"
    assert len(admin.get(f"/accounts/{ana.account_id}/entries").json["data"]) == 2
    expect_problem(admin.delete(f"/users/{ana.id}"), 409, "USER_NOT_ACTIVE")
    expect_problem(admin.post(f"/users/{ana.id}/suspend", {"reason": "x"}), 409, "USER_NOT_ACTIVE")
    expect_problem(admin.post("/accounts", {"currency": "EUR", "user_id": str(ana.id)}), 404, "NOT_FOUND")
    assert [event.action for event in list_events(app, ana.id)] == ["user.closed"]
    register = {"email": ana.email, "password": PASSWORD, "full_name": "Another"}
    expect_problem(ask(app, "POST", "/auth/register", register), 409, "EMAIL_TAKEN")
    bo = make_customer(balance="1")
    body = {"type": "transfer", "to_user_email": ana.email, "amount": "1", "currency": "USD"}
    expect_problem(bo.post("/transactions", body), 404, "NOT_FOUND")
