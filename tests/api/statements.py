"""Reading statements, and giving accounts a past to read."""

import csv
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

from flask import Flask

from tests.moves import make, top_up, withdrawal
from tests.people import Person
from wallet_app import clock

FIELDS = {"account_id", "currency", "start", "end", "opening_balance", "closing_balance", "entries"}
ALWAYS = "start_date=0001-01-01&end_date=9999-12-31"
MICROSECOND = timedelta(microseconds=1)


def read(person: Person, query: str = "", account_id: UUID | str | None = None) -> dict[str, Any]:
    """A statement whose parts agree with one another."""
    answer = person.get(f"/accounts/{account_id or person.account_id}/statement?{query}")
    assert answer.status_code == 200, answer.text
    statement: dict[str, Any] = answer.json
    assert set(statement) == FIELDS
    expect_agreement(statement)
    return statement


def expect_agreement(statement: dict[str, Any]) -> None:
    """Opening balance and entries add up to the closing one, line by line, and lie within the period in order."""
    balance = Decimal(statement["opening_balance"])
    for entry in statement["entries"]:
        balance += Decimal(entry["amount"])
        assert entry["balance_after"] is None or Decimal(entry["balance_after"]) == balance
        assert statement["start"] <= entry["created_at"] < statement["end"]
    assert balance == Decimal(statement["closing_balance"])
    times = [entry["created_at"] for entry in statement["entries"]]
    assert times == sorted(times)


def read_csv(person: Person, query: str = "") -> list[dict[str, str]]:
    answer = person.get(f"/accounts/{person.account_id}/statement?format=csv&{query}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(StringIO(answer.text, newline="")))


def post_at(app: Flask, person: Person, moment: datetime, amount: str, currency: str = "USD") -> None:
    """A top-up at a moment of the past, or a withdrawal where ``amount`` has a minus."""
    with app.app_context(), clock.at(moment):
        kind = withdrawal if amount.startswith("-") else top_up
        make(person.caller, kind(person.account_id, amount.removeprefix("-"), currency))


def amounts_of(statement: dict[str, Any]) -> list[str]:
    return [entry["amount"] for entry in statement["entries"]]
