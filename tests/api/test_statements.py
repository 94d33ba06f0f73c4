"""Statements: periods, balances that agree, who reads them, and reading while money moves."""

import csv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from tests.api.calling import expect_faulty_fields, expect_problem, move, pay
from tests.api.evidence import find_system_account
from tests.api.statements import ALWAYS, MICROSECOND, amounts_of, post_at, read, read_csv
from tests.people import Person
from wallet_app import clock
from wallet_app.api.openapi import build_document
from wallet_app.clock import format_timestamp, parse_timestamp
from wallet_app.extensions import db
from wallet_app.identity.permissions import Role
from wallet_app.transactions import statements

MakePerson = Callable[..., Person]

# --- what it says


def test_a_statement_tells_the_accounts_story(make_customer: MakePerson) -> None:
    ana, bo = make_customer(balance="10"), make_customer()
    sent = move(ana, "transfer", "4", destination_account_id=str(bo.account_id), description="Lunch").json
    statement = read(ana, ALWAYS)
    assert (statement["account_id"], statement["currency"]) == (str(ana.account_id), "USD")
    assert (statement["opening_balance"], statement["closing_balance"]) == ("0.00", "6.00")
    assert statement["entries"] == ana.get(f"/accounts/{ana.account_id}/entries").json["data"][::-1], "oldest first"
    assert amounts_of(statement) == ["10.00", "-4.00"]
    assert statement["entries"][1]["transaction_id"] == sent["id"]
    assert amounts_of(read(bo, ALWAYS)) == ["4.00"]


def test_without_dates_it_is_this_month(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer(timezone="Asia/Kuala_Lumpur")
    now = clock.now()
    for days, amount in ((70, "1"), (0, "2")):
        post_at(app, ana, now - timedelta(days=days), amount)
    statement = read(ana)
    assert (statement["opening_balance"], statement["closing_balance"]) == ("1.00", "3.00")
    start, end = parse_timestamp(statement["start"]), parse_timestamp(statement["end"])
    assert [(moment + timedelta(hours=8)).strftime("%d %H:%M:%S.%f") for moment in (start, end)] == [
        "01 00:00:00.000000"
    ] * 2
    assert start <= now < end <= start + timedelta(days=31)
    assert amounts_of(read(ana, f"start_date={start:%Y-%m-%d}")) == ["2.00"], "until today"


def test_days_are_the_owners_and_inclusive(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana = make_customer(timezone="Asia/Kuala_Lumpur")  # UTC+8
    midnight = datetime(2024, 5, 9, 16, tzinfo=UTC)
    for moment, amount in (
        (midnight - MICROSECOND, "1"),
        (midnight, "2"),
        (midnight + timedelta(days=1) - MICROSECOND, "4"),
        (midnight + timedelta(days=1), "8"),
    ):
        post_at(app, ana, moment, amount)
    support = make_staff(Role.SUPPORT, timezone="America/New_York")
    for reader in (ana, support):
        day = read(reader, "start_date=2024-05-10&end_date=2024-05-10", ana.account_id)
        assert (day["start"], day["end"]) == ("2024-05-09T16:00:00.000000Z", "2024-05-10T16:00:00.000000Z")
        assert (day["opening_balance"], amounts_of(day), day["closing_balance"]) == ("1.00", ["2.00", "4.00"], "7.00")
    assert amounts_of(read(ana, "start_date=2024-05-09&end_date=2024-05-09")) == ["1.00"]
    assert amounts_of(read(ana, "start_date=2024-05-11")) == ["8.00"]
    assert amounts_of(read(ana, "end_date=2024-05-09")) == ["1.00"]
    assert amounts_of(read(ana, "end_date=2024-05-31T16:00:00Z")) == ["1.00", "2.00", "4.00", "8.00"]
    exact = "start_date=2024-05-09T16:00:00Z&end_date=2024-05-10T15:59:59.999999Z"
    assert amounts_of(read(ana, exact)) == ["2.00"], "a time as end is outside"
    assert amounts_of(read(ana, exact.replace("Z", "%2B00:00"))) == ["2.00"]


@pytest.mark.parametrize(
    ("day", "start", "hours"), [("2024-03-31", "2024-03-30T23", 23), ("2024-10-27", "2024-10-26T22", 25)]
)
def test_a_day_on_which_the_clocks_change(
    app: Flask, make_customer: MakePerson, day: str, start: str, hours: int
) -> None:
    ana = make_customer(timezone="Europe/Berlin")
    first = parse_timestamp(f"{start}:00:00Z")
    last = first + timedelta(hours=hours) - MICROSECOND
    for moment, amount in ((first - MICROSECOND, "1"), (first, "2"), (last, "4"), (last + MICROSECOND, "8")):
        post_at(app, ana, moment, amount)
    statement = read(ana, f"start_date={day}&end_date={day}")
    assert (statement["opening_balance"], amounts_of(statement)) == ("1.00", ["2.00", "4.00"])
    assert parse_timestamp(statement["end"]) - parse_timestamp(statement["start"]) == timedelta(hours=hours)


def test_consecutive_statements_join_and_agree_with_balances_as_they_stood(
    app: Flask, make_customer: MakePerson
) -> None:
    ana = make_customer(timezone="America/New_York")
    for day in range(1, 29, 3):
        for hour in (0, 4, 5, 23):
            post_at(app, ana, datetime(2024, 2, day, hour, tzinfo=UTC), f"{day}.{hour:02}")
        post_at(app, ana, datetime(2024, 2, day, 23, 59, tzinfo=UTC), "-0.50")
    total, closing = 0, "0.00"
    for first, last in (("2024-01-31", "2024-02-06"), ("2024-02-07", "2024-02-07"), ("2024-02-08", "2024-03-01")):
        statement = read(ana, f"start_date={first}&end_date={last}")
        assert statement["opening_balance"] == closing
        closing = statement["closing_balance"]
        total += len(statement["entries"])
        for moment, balance in ((statement["start"], "opening_balance"), (statement["end"], "closing_balance")):
            just_before = format_timestamp(parse_timestamp(moment) - MICROSECOND)
            seen = ana.get(f"/accounts/{ana.account_id}?at={just_before}").json["balance"]
            assert seen == statement[balance]
    assert total == 50
    assert closing == ana.read_balance()


def test_several_entries_of_one_moment_keep_their_order(app: Flask, make_customer: MakePerson) -> None:
    ana, moment = make_customer(), datetime(2024, 1, 1, 12, tzinfo=UTC)
    for amount in ("5", "-3", "2", "-4"):
        post_at(app, ana, moment, amount)
    assert amounts_of(read(ana, "start_date=2024-01-01&end_date=2024-01-01")) == ["5.00", "-3.00", "2.00", "-4.00"]
    for query in ("start_date=2024-01-01T12:00:00Z&end_date=2024-01-01T12:00:00.000001Z", ALWAYS):
        assert len(read(ana, query)["entries"]) == 4
    after = read(ana, "start_date=2024-01-01T12:00:00.000001Z")
    assert (after["opening_balance"], after["entries"]) == ("0.00", [])


@pytest.mark.parametrize(
    ("query", "balance"),
    [
        ("start_date=2023-12-31&end_date=2023-12-31", "0.00"),
        ("start_date=2024-01-03&end_date=2024-01-04", "5.00"),
        ("start_date=2024-01-01T12:00:00Z&end_date=2024-01-01T12:00:00Z", "0.00"),
        ("start_date=9999-12-31&end_date=9999-12-31", "5.00"),
        ("start_date=0001-01-01&end_date=0001-01-01", "0.00"),
        ("end_date=0001-01-01", "0.00"),
        ("end_date=0001-01-01T00:00:00Z", "0.00"),
        ("start_date=9999-12-31T23:59:59.999999Z&end_date=9999-12-31", "5.00"),
    ],
)
@pytest.mark.parametrize("timezone", ["UTC", "Etc/GMT+12", "Pacific/Kiritimati"])
def test_an_empty_period_opens_and_closes_alike(
    app: Flask, make_customer: MakePerson, timezone: str, query: str, balance: str
) -> None:
    ana = make_customer(timezone=timezone)
    post_at(app, ana, datetime(2024, 1, 1, 12, tzinfo=UTC), "5")
    statement = read(ana, query)
    assert statement["entries"] == []
    assert statement["opening_balance"] == statement["closing_balance"] == balance
    assert [line["type"] for line in read_csv(ana, query)] == ["opening_balance", "closing_balance"]


# --- bad input


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("format=pdf", "format"),
        ("format=CSV", "format"),
        ("format=", "format"),
        ("start_date=2024-01-02&end_date=2024-01-01", "start_date"),
        ("start_date=2024-01-01T00:00:01Z&end_date=2024-01-01T00:00:00Z", "start_date"),
        ("start_date=9999-12-31", "start_date"),
        ("start_date=2024-02-30", "start_date"),
        ("start_date=", "start_date"),
        ("end_date=yesterday", "end_date"),
        ("end_date=2024-01-01T00:00:00", "end_date"),
        ("end_date=10000-01-01", "end_date"),
        ("limit=5", "limit"),
        ("start=2024-01-01", "start"),
    ],
)
def test_faulty_queries(make_customer: MakePerson, query: str, field: str) -> None:
    ana = make_customer()
    expect_faulty_fields(ana.get(f"/accounts/{ana.account_id}/statement?{query}"), field)


def test_a_statement_has_a_longest_length(make_customer: MakePerson, monkeypatch: pytest.MonkeyPatch) -> None:
    description = build_document()["paths"]["/api/v1/accounts/{account_id}/statement"]["get"]["description"]
    assert f"at most {statements.LONGEST_STATEMENT:,} entries" in description
    monkeypatch.setattr(statements, "LONGEST_STATEMENT", 3)
    ana, bo = make_customer(balance="100"), make_customer()
    times = [pay(ana, bo, "1").json["completed_at"] for _ in range(2)]
    assert len(read(ana)["entries"]) == 3, "as many as are allowed"
    times.append(pay(ana, bo, "1").json["completed_at"])
    for query in ("", "format=csv"):
        answer = ana.get(f"/accounts/{ana.account_id}/statement?{query}")
        assert expect_problem(answer, 422, "STATEMENT_TOO_LONG")["details"] == {"limit": 3}
    shorter = read(ana, f"start_date={times[0]}")
    assert (shorter["opening_balance"], shorter["closing_balance"]) == ("100.00", "97.00")


# --- who


def test_who_reads_it(make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana, viewer, operator, stranger = make_customer(balance="5"), *(make_customer() for _ in range(3))
    admin = make_staff(Role.ADMIN)
    for person, access in ((viewer, "viewer"), (operator, "operator")):
        body = {"account_id": str(ana.account_id), "access": access}
        assert admin.post(f"/users/{person.id}/accounts", body).status_code == 201
    readers = [ana, viewer, operator, admin, *(make_staff(role) for role in (Role.SUPPORT, Role.AUDITOR))]
    assert {read(person, "", ana.account_id)["closing_balance"] for person in readers} == {"5.00"}
    for query in ("", "format=csv", "format=pdf"):
        refused = stranger.get(f"/accounts/{ana.account_id}/statement?{query}")
        expect_problem(refused, 404, "NOT_FOUND")


def test_a_closed_account_keeps_its_statements(make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana = make_customer(balance="5")
    move(ana, "withdrawal", "5")
    assert make_staff(Role.ADMIN).delete(f"/accounts/{ana.account_id}").status_code == 204
    assert amounts_of(read(ana)) == ["5.00", "-5.00"]
    assert len(read_csv(ana)) == 4


def test_the_systems_own_accounts(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana, auditor = make_customer(currency="KWD"), make_staff(Role.AUDITOR)
    moments = [datetime(2023, 6, day, tzinfo=UTC) for day in (1, 2, 3)]
    for moment, amount in zip(moments, ("7.001", "1.5", "-0.25"), strict=True):
        post_at(app, ana, moment, amount, "KWD")
    cash = find_system_account(app, "cash", "KWD")
    expect_problem(ana.get(f"/accounts/{cash}/statement"), 404, "NOT_FOUND")
    statement = read(auditor, "start_date=2023-06-02&end_date=2023-06-03", cash)
    assert amounts_of(statement) == ["-1.500", "0.250"]
    assert (statement["opening_balance"], statement["closing_balance"]) == ("-7.001", "-8.251")
    at = auditor.get(f"/accounts/{cash}?at=2023-06-03T23:59:59.999999Z").json["balance"]
    assert at == statement["closing_balance"]
    empty = read(auditor, "start_date=2023-05-01&end_date=2023-05-31", cash)
    assert (empty["opening_balance"], empty["entries"], empty["closing_balance"]) == ("0.000", [], "0.000")
    answer = auditor.get(f"/accounts/{cash}/statement?format=csv&start_date=2023-06-02&end_date=2023-06-03")
    assert "statement-cash-KWD-2023-06-02-2023-06-03.csv" in answer.headers["Content-Disposition"]
    lines = list(csv.DictReader(StringIO(answer.text, newline="")))
    assert [line["balance_after"] for line in lines] == ["-7.001", "", "", "-8.251"]


# --- while money moves


def test_a_statement_is_one_snapshot(app: Flask, make_customer: MakePerson) -> None:
    """Whatever is committed as soon as one part of it has been read is in none of the other parts."""
    ana, start = make_customer(), datetime(2024, 1, 2, tzinfo=UTC)
    post_at(app, ana, start - timedelta(days=1), "1")
    waiting = [(start - MICROSECOND, "2"), (start, "4")]

    def interfere(*execution: Any) -> None:
        if "FROM entries" in execution[2]:
            while waiting:
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(post_at, app, ana, *waiting.pop(0)).result()

    with app.app_context():
        engine = db.engine
    event.listen(engine, "after_cursor_execute", interfere)
    try:
        statement = read(ana, "start_date=2024-01-02")
    finally:
        event.remove(engine, "after_cursor_execute", interfere)
    assert not waiting, "money moved meanwhile"
    assert (statement["opening_balance"], amounts_of(statement)) == ("1.00", [])
    statement = read(ana, "start_date=2024-01-02")
    assert (statement["opening_balance"], amounts_of(statement)) == ("3.00", ["4.00"])


def test_statements_agree_while_money_moves(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    """Periods that begin and end in the middle of what is being moved, read again and again meanwhile."""
    ana, bo, support = make_customer(balance="100"), make_customer(balance="100"), make_staff(Role.SUPPORT)
    cash = find_system_account(app)

    def send(source: Person, destination: Person) -> None:
        for _ in range(25):
            assert pay(source, destination, "0.25").status_code == 201
            assert move(source, "top_up", "0.01").status_code == 201

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(send, *pair) for pair in ((ana, bo), (bo, ana), (ana, bo))]
        count = 0
        while count < 10 or not all(one.done() for one in running):
            now = format_timestamp(clock.now())
            for query in (f"start_date={now}", f"end_date={now}", "", "format=json"):
                read(ana, query)
            read(support, f"start_date={now}", cash)
            count += 1
        for one in running:
            one.result()
    for person in (ana, bo):
        statement = read(person, ALWAYS)
        assert statement["closing_balance"] == person.read_balance()
    assert len(read(ana, ALWAYS)["entries"]) == 1 + 75 + 50
