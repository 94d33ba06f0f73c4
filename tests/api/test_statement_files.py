"""Statements as CSV: the table, text that no spreadsheet may calculate, and every currency's digits."""

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from flask import Flask

from tests.api.calling import move
from tests.api.statements import ALWAYS, amounts_of, post_at, read, read_csv
from tests.moves import make, transfer
from tests.people import Person

MakePerson = Callable[..., Person]

COLUMNS = ["created_at", "type", "description", "amount", "balance_after", "transaction_id"]


def test_the_file(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer(timezone="Asia/Tokyo")
    for day, amount in ((1, "1"), (15, "9.5"), (16, "-2.25")):
        post_at(app, ana, datetime(2024, 4, day, 15, tzinfo=UTC), amount)
    query = "start_date=2024-04-10&end_date=2024-04-30"
    answer = ana.get(f"/accounts/{ana.account_id}/statement?format=csv&{query}")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    name = f"statement-{ana.account_number}-2024-04-10-2024-04-30.csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    entries = read(ana, query)["entries"]
    lines = list(csv.reader(StringIO(answer.text, newline="")))
    assert lines == [
        COLUMNS,
        ["2024-04-09T15:00:00.000000Z", "opening_balance", "Opening balance", "", "1.00", ""],
        ["2024-04-15T15:00:00.000000Z", "top_up", "", "9.50", "10.50", entries[0]["transaction_id"]],
        ["2024-04-16T15:00:00.000000Z", "withdrawal", "", "-2.25", "8.25", entries[1]["transaction_id"]],
        ["2024-04-30T15:00:00.000000Z", "closing_balance", "Closing balance", "", "8.25", ""],
    ]
    assert answer.text.count("\r\n") == len(lines), "lines end as RFC 4180 has it, the last one too"


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://evil.example","click")',
        "+1+1",
        "-2+3",
        "@SUM(A1:A9)",
        "=cmd|' /C calc'!A0",
        "＝1+1",
        '=1\n"+1,;',
    ],
)
def test_formulas_are_neutralised(make_customer: MakePerson, text: str) -> None:
    ana = make_customer()
    move(ana, "top_up", "3", description=text)
    move(ana, "withdrawal", "1", description=text)
    lines = read_csv(ana)
    assert [line["description"] for line in lines[1:3]] == [f"'{text}"] * 2
    assert [line["amount"] for line in lines] == ["", "3.00", "-1.00", ""], "amounts stay numbers"
    assert [entry["description"] for entry in read(ana)["entries"]] == [text] * 2, "JSON has the text as it is"


@pytest.mark.parametrize("first", ["\t", "\r", "\n"])
def test_control_characters_begin_no_cell(app: Flask, make_customer: MakePerson, first: str) -> None:
    ana = make_customer(balance="5")
    with app.app_context():
        payment = transfer(ana.account_id, make_customer().account_id, "1")
        make(ana.caller, replace(payment, description=f"{first}=1+1"))
    assert read_csv(ana)[2]["description"] == f"'{first}=1+1"


@pytest.mark.parametrize(
    "text", ["plain", "a, b; c", 'he said "=1"', "two\nlines", "1 = 1", "ümlaut 日本語 🎉", "'quoted"]
)
def test_other_text_stays_as_it_is(make_customer: MakePerson, text: str) -> None:
    ana = make_customer()
    move(ana, "top_up", "3", description=text)
    lines = read_csv(ana)
    assert (len(lines), lines[1]["description"]) == (3, text)


@pytest.mark.parametrize(("currency", "amounts"), [("JPY", ["5", "-2"]), ("KWD", ["1.001", "-0.002"])])
def test_every_currency_has_its_own_digits(
    app: Flask, make_customer: MakePerson, currency: str, amounts: list[str]
) -> None:
    ana = make_customer(currency=currency)
    for amount in amounts:
        post_at(app, ana, datetime(2024, 1, 1, tzinfo=UTC), amount, currency)
    statement = read(ana, ALWAYS)
    closing = str(sum(Decimal(amount) for amount in amounts))
    assert (amounts_of(statement), statement["closing_balance"]) == (amounts, closing)
    assert statement["opening_balance"] == f"{Decimal(closing) * 0}"
    lines = read_csv(ana, ALWAYS)
    assert [line["amount"] for line in lines] == ["", *amounts, ""]
    assert lines[-1]["balance_after"] == closing
