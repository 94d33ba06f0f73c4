"""Accounts: opening, listing, reading as they are and as they stood, entries."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.api.calling import NOWHERE, TIME, expect_faulty_fields, expect_problem, move, pay
from tests.api.evidence import find_system_account, list_events
from tests.people import Person
from wallet_app import clock
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]

FIELDS = {
    "id",
    "number",
    "user_id",
    "currency",
    "label",
    "status",
    "freeze_scope",
    "is_primary",
    "balance",
    "held",
    "available",
    "overdraft_limit",
    "version",
    "created_at",
}


# --- opening


def test_opening_a_second_currency(make_customer: MakePerson) -> None:
    ana = make_customer()
    answer = ana.post("/accounts", {"currency": "EUR", "label": " Holidays "})
    assert answer.status_code == 201
    opened = answer.json
    assert set(opened) == FIELDS
    assert (opened["user_id"], opened["currency"], opened["label"]) == (str(ana.id), "EUR", "Holidays")
    assert (opened["status"], opened["freeze_scope"], opened["is_primary"]) == ("active", None, True)
    assert (opened["balance"], opened["held"], opened["available"]) == ("0.00", "0.00", "0.00")
    assert (opened["overdraft_limit"], opened["version"]) == ("0.00", 1)
    assert answer.headers["ETag"] == '"1"'
    assert ana.get(f"/accounts/{opened['id']}").json == opened


def test_a_customer_has_one_account_a_currency(make_customer: MakePerson) -> None:
    ana = make_customer()
    problem = expect_problem(ana.post("/accounts", {"currency": "USD"}), 409, "ACCOUNT_EXISTS")
    assert problem["details"] == {"currency": "USD"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ana.post("/accounts", {"currency": "JPY"}).status_code, range(4)))
    assert sorted(answers) == [201, 409, 409, 409]


def test_a_customer_opens_only_their_own(make_customer: MakePerson) -> None:
    ana, bo = make_customer(), make_customer()
    for other in (str(bo.id), NOWHERE):
        expect_problem(ana.post("/accounts", {"currency": "EUR", "user_id": other}), 404, "NOT_FOUND")
    assert ana.post("/accounts", {"currency": "EUR", "user_id": str(ana.id)}).status_code == 201


def test_administrators_open_more(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana, admin = make_customer(), make_staff(Role.ADMIN)
    body = {"currency": "USD", "user_id": str(ana.id), "label": "Savings"}
    opened = admin.post("/accounts", body)
    assert opened.status_code == 201
    assert (opened.json["user_id"], opened.json["is_primary"]) == (str(ana.id), False)
    (event,) = list_events(app, opened.json["id"])
    assert (event.action, event.actor_id) == ("account.opened", admin.id)
    expect_problem(make_staff(Role.SUPPORT).post("/accounts", body), 403, "FORBIDDEN")
    expect_problem(make_staff(Role.OPERATIONS).post("/accounts", body), 403, "FORBIDDEN")
    expect_problem(admin.post("/accounts", {**body, "user_id": NOWHERE}), 404, "NOT_FOUND")
    expect_problem(make_staff(Role.AUDITOR).post("/accounts", {"currency": "USD"}), 403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["currency"]),
        ({"currency": "XXX"}, ["currency"]),
        ({"currency": "eur"}, ["currency"]),
        ({"currency": "EUR", "balance": "100"}, ["balance"]),
        ({"currency": "EUR", "overdraft_limit": "100"}, ["overdraft_limit"]),
        ({"currency": "EUR", "is_primary": True}, ["is_primary"]),
        ({"currency": "EUR", "label": ""}, ["label"]),
        ({"currency": "EUR", "label": "a" * 201}, ["label"]),
        ({"currency": "EUR", "user_id": "me"}, ["user_id"]),
        ({"currency": "EUR", "user_id": NOWHERE.replace("-", "")}, ["user_id"]),
    ],
)
def test_faulty_openings(make_customer: MakePerson, body: dict[str, Any], fields: list[str]) -> None:
    ana = make_customer()
    expect_faulty_fields(ana.post("/accounts", body), *fields)
    assert len(ana.get("/accounts").json["data"]) == 1


def test_account_numbers_carry_check_digits(make_customer: MakePerson) -> None:
    numbers = {make_customer().account_number for _ in range(5)}
    assert len(numbers) == 5
    for number in numbers:
        assert number is not None
        assert (len(number), number.isdigit(), int(number) % 97) == (12, True, 1)


# --- listing and reading


def test_the_list_has_what_is_ones_own(make_customer: MakePerson) -> None:
    ana, bo = make_customer(), make_customer()
    euros = ana.post("/accounts", {"currency": "EUR"}).json
    listed = ana.get("/accounts").json
    assert [account["id"] for account in listed["data"]] == [euros["id"], str(ana.account_id)], "newest first"
    assert (listed["has_more"], listed["next_cursor"]) == (False, None)
    assert listed["data"][0] == euros
    assert [account["id"] for account in ana.get("/accounts?currency=USD").json["data"]] == [str(ana.account_id)]
    assert ana.get(f"/accounts?user_id={ana.id}").json["data"] == listed["data"]
    assert ana.get(f"/accounts?user_id={bo.id}").json["data"] == []
    assert ana.get("/accounts?status=closed").json["data"] == []
    for faulty, field in (("currency=usd", "currency"), ("status=open", "status"), ("user_id=me", "user_id")):
        expect_faulty_fields(ana.get(f"/accounts?{faulty}"), field)


def test_staff_list_every_customers_accounts(make_customer: MakePerson, make_staff: MakePerson) -> None:
    support, ana = make_staff(Role.SUPPORT), make_customer(full_name="Anastasia Quux-Lim")
    euros = ana.post("/accounts", {"currency": "EUR", "label": "Trip_to Oslo"}).json["id"]

    def find(query: str) -> set[str]:
        return {account["id"] for account in support.get(f"/accounts?{query}").json["data"]}

    both = {str(ana.account_id), euros}
    assert find(f"user_id={ana.id}") == both
    assert find(f"user_id={ana.id}&currency=EUR&status=active") == {euros}
    assert find(f"q={ana.email}") == find(f"q={ana.email[:20].upper()}") == both
    assert find("q=quux-lim&currency=EUR") >= {euros}
    assert find(f"q={ana.account_number}") == {str(ana.account_id)}
    assert find("q=trip_to") >= {euros}
    assert find("q=trip%25to") == set()
    assert find(f"user_id={NOWHERE}") == set()
    everything = support.get("/accounts?limit=100").json
    assert all(account["user_id"] for account in everything["data"]), "the system's own are not listed"


def test_the_systems_own_accounts(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana = make_customer(balance="7.50")
    cash = find_system_account(app)
    for path in ("", "/entries", "/transactions"):
        expect_problem(ana.get(f"/accounts/{cash}{path}"), 404, "NOT_FOUND")
    expect_problem(ana.get(f"/transactions?account_id={cash}"), 404, "NOT_FOUND")
    for role in (Role.SUPPORT, Role.OPERATIONS, Role.FRAUD_ANALYST, Role.ADMIN, Role.AUDITOR):
        staff = make_staff(role)
        shown = staff.get(f"/accounts/{cash}").json
        assert (shown["user_id"], shown["number"]) == (None, "cash-USD")
        assert shown["balance"].startswith("-")
    before = shown["balance"]
    made = move(ana, "top_up", "0.50").json["id"]
    assert float(staff.get(f"/accounts/{cash}").json["balance"]) == float(before) - 0.5
    entries = staff.get(f"/accounts/{cash}/entries?limit=100").json["data"]
    (entry,) = [entry for entry in entries if entry["transaction_id"] == made]
    assert (entry["amount"], entry["balance_after"], entry["type"]) == ("-0.50", None, "top_up")
    assert staff.get(f"/accounts/{cash}?at=2020-01-01T00:00:00Z").json["balance"] == "0.00"


def test_nobody_changes_the_systems_own_accounts(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    make_customer()
    cash, admin, operations = find_system_account(app), make_staff(Role.ADMIN), make_staff(Role.OPERATIONS)
    expect_problem(admin.delete(f"/accounts/{cash}"), 403, "FORBIDDEN")
    expect_problem(operations.post(f"/accounts/{cash}/freeze", {"reason": "x"}), 403, "FORBIDDEN")
    change = operations.patch(f"/accounts/{cash}", {"label": "x"}, headers={"If-Match": '"1"'})
    expect_problem(change, 403, "FORBIDDEN")
    body = {"type": "withdrawal", "account_id": cash, "amount": "1", "currency": "USD"}
    expect_problem(operations.post("/transactions", body), 404, "NOT_FOUND")
    body = {"type": "top_up", "account_id": cash, "amount": "1", "currency": "USD"}
    expect_problem(operations.post("/transactions", body), 404, "NOT_FOUND")
    ana = make_customer(balance="1")
    for recipient in ({"destination_account_id": cash}, {"destination_account_number": "cash-USD"}):
        expect_problem(move(ana, "transfer", "1", **recipient), 404, "NOT_FOUND")
    expect_problem(
        make_staff(Role.ADMIN).post(f"/users/{ana.id}/accounts", {"account_id": cash, "access": "viewer"}),
        403,
        "FORBIDDEN",
    )


def test_the_biggest_of_each_currency(make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana, admin = make_customer(balance="10"), make_staff(Role.ADMIN)
    savings = admin.post("/accounts", {"currency": "USD", "user_id": str(ana.id)}).json["id"]
    euros = ana.post("/accounts", {"currency": "EUR"}).json["id"]

    def find_biggest() -> list[str]:
        return [account["id"] for account in ana.get("/accounts/biggest").json["data"]]

    assert find_biggest() == [euros, str(ana.account_id)], "by currency"
    move(ana, "transfer", "6", destination_account_id=savings)
    assert find_biggest() == [euros, savings]
    answer = admin.get("/accounts/biggest").json
    assert set(answer) == {"data"}
    currencies = [account["currency"] for account in answer["data"]]
    assert currencies == sorted(set(currencies))
    assert all(account["user_id"] for account in answer["data"])


# --- as it stood


def test_a_balance_as_it_stood(make_customer: MakePerson) -> None:
    ana, bo = make_customer(balance="100"), make_customer()
    moments = [pay(ana, bo, amount).json["completed_at"] for amount in ("1", "2", "3")]
    path = f"/accounts/{ana.account_id}"
    assert [ana.get(f"{path}?at={moment}").json["balance"] for moment in moments] == ["99.00", "97.00", "94.00"]
    assert ana.get(f"{path}?at=2000-01-01T00:00:00Z").json["balance"] == "0.00"
    past = ana.get(f"{path}?at={moments[0]}").json
    assert (set(past), past["available"], past["held"]) == (FIELDS, "99.00", "0.00")
    just_before = clock.format_timestamp(clock.parse_timestamp(moments[1]) - timedelta(microseconds=1))
    assert ana.get(f"{path}?at={just_before}").json["balance"] == "99.00"
    later = clock.format_timestamp(clock.now() + timedelta(days=400))
    assert ana.get(f"{path}?at={later}").json["balance"] == "94.00"
    offset = moments[0].replace("Z", "%2B00:00")
    assert ana.get(f"{path}?at={offset}").json["balance"] == "99.00"


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1970-01-01T00:00:00%2B14:00", "2026-01-01t00:00:00z"]
)
def test_extreme_moments(make_customer: MakePerson, at: str) -> None:
    ana = make_customer(balance="1")
    expected = "1.00" if at.startswith("9999") else "0.00"
    assert ana.get(f"/accounts/{ana.account_id}?at={at}").json["balance"] == expected


@pytest.mark.parametrize(
    "at",
    [
        "",
        "now",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00%2B01:00",
        "9999-12-31T23:59:59-01:00",
        "2026-01-01T00:00:00Z%00",
        "2026-01-01T00:00:00Z%0A",
        "1767225600",
        "２０２６-01-01T00:00:00Z",
    ],
)
def test_faulty_moments(make_customer: MakePerson, at: str) -> None:
    ana = make_customer()
    expect_faulty_fields(ana.get(f"/accounts/{ana.account_id}?at={at}"), "at")


# --- entries


def test_entries_are_the_accounts_own_story(make_customer: MakePerson) -> None:
    ana, bo = make_customer(balance="10"), make_customer()
    sent = move(ana, "transfer", "4", destination_account_id=str(bo.account_id), description="Lunch").json
    listed = ana.get(f"/accounts/{ana.account_id}/entries").json
    newest, oldest = listed["data"]
    assert set(newest) == {
        "id",
        "amount",
        "balance_after",
        "transaction_id",
        "type",
        "description",
        "created_at",
    }
    assert (newest["amount"], newest["balance_after"], newest["type"]) == ("-4.00", "6.00", "transfer")
    assert (newest["transaction_id"], newest["description"]) == (sent["id"], "Lunch")
    assert newest["created_at"] == sent["completed_at"]
    assert TIME.fullmatch(newest["created_at"])
    assert (oldest["amount"], oldest["balance_after"], oldest["type"]) == ("10.00", "10.00", "top_up")
    (received,) = bo.get(f"/accounts/{bo.account_id}/entries").json["data"]
    assert (received["amount"], received["balance_after"], received["transaction_id"]) == ("4.00", "4.00", sent["id"])
    expect_problem(bo.get(f"/accounts/{ana.account_id}/entries"), 404, "NOT_FOUND")
    expect_faulty_fields(ana.get(f"/accounts/{ana.account_id}/entries?type=transfer"), "type")
