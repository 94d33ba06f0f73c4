"""Home tells the truth: its figures are what happened, and it says so when the ledger doesn't balance."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import event, update

from tests.backoffice.visitors import Visitor
from tests.conftest import make_config
from tests.people import Person, make_person, top_up
from wallet_app import clock, create_app
from wallet_app.backoffice.formatting import write_amount
from wallet_app.extensions import db
from wallet_app.identity.permissions import Role
from wallet_app.ledger.models import Account
from wallet_app.uow import run_in_unit_of_work


def read_page(app: Flask) -> str:
    visitor = Visitor(app.test_client())
    visitor.sign_in(make_person(app, Role.SUPPORT).email)
    page = visitor.get("/backoffice/").text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def move(app: Flask, person: Person, amount: str, currency: str) -> None:
    with app.app_context():
        top_up(person.caller, person.account_id, amount, currency)  # type: ignore[arg-type]


def test_an_empty_wallet_says_how_to_begin(fresh_app: Flask) -> None:
    page = read_page(fresh_app)
    assert "Customers 0 Open customer accounts 0 Transactions today 0 Suspended users 0" in page
    assert "No transactions yet today." in page
    assert "No accounts yet." in page


def test_figures_are_what_happened(fresh_app: Flask) -> None:
    with clock.at(clock.now() - timedelta(days=1)):
        ana = make_person(fresh_app, balance="1000.00")
    make_person(fresh_app, currency="JPY", balance="2500")
    move(fresh_app, ana, "0.50", "USD")
    withdrawal = {"type": "withdrawal", "account_id": str(ana.account_id), "amount": "200", "currency": "USD"}
    assert ana.post("/transactions", withdrawal).status_code == 201
    assert ana.post("/transactions", {**withdrawal, "amount": "5000"}).status_code == 422
    page = read_page(fresh_app)
    assert "Customers 2 Open customer accounts 2 Transactions today 3 Suspended users 0" in page
    today, ledger = page.split(" Ledger ")
    # Yesterday's thousand is not today's volume, and what was refused is no transaction.
    assert "JPY 2,500 JPY 1 1 0" in today
    assert "USD 200.50 USD 2 2 0" in today
    assert "Balanced" in ledger
    assert "JPY 2,500 JPY 0 JPY −2,500 JPY 0 JPY" in ledger
    assert "USD 800.50 USD 0.00 USD −800.50 USD 0.00 USD" in ledger


def test_a_reversal_takes_what_it_undid_out_of_the_volume(fresh_app: Flask) -> None:
    ana = make_person(fresh_app, balance="100.00")
    bo = make_person(fresh_app)
    gift = {"type": "transfer", "to_user_email": bo.email, "amount": "30", "currency": "USD"}
    made = ana.post("/transactions", gift).json
    assert bo.post(f"/transactions/{made['id']}/reversal", {"reason": "by mistake"}).status_code == 201
    assert "USD 100.00 USD 3 2 0" in read_page(fresh_app)


def test_a_ledger_that_does_not_balance_is_shown(fresh_app: Flask) -> None:
    ana = make_person(fresh_app, balance="100.00")
    with fresh_app.app_context():
        run_in_unit_of_work(
            lambda session: session.execute(
                update(Account).where(Account.id == ana.account_id).values(balance=Decimal("100.0001"))
            )
        )
    page = read_page(fresh_app)
    assert "! Out of balance" in page
    assert "Balanced" not in page
    assert "0.0001 USD" in page


def test_the_number_of_statements_does_not_grow(fresh_app: Flask) -> None:
    visitor = Visitor(fresh_app.test_client())
    visitor.sign_in(make_person(fresh_app, Role.AUDITOR).email)
    with fresh_app.app_context():
        engine = db.engine
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    counts = []
    for currency in ("USD", "EUR", "KWD"):
        make_person(fresh_app, currency=currency, balance="5")
        seen.clear()
        visitor.get("/backoffice/")
        counts.append(sum(statement.lstrip().startswith("SELECT") for statement in seen))
    # Who is asking, the people, today's transactions, the ledger's totals.
    assert counts == [4, 4, 4]


def test_without_a_database_the_page_says_so() -> None:
    app = create_app(make_config("postgresql://nobody@127.0.0.1:1/nothing"))
    visitor = Visitor(app.test_client())
    with visitor.client.session_transaction() as session:
        session["_user_id"] = "01890000-0000-7000-8000-000000000000"
    response = visitor.get("/backoffice/")
    assert response.status_code == 503
    assert response.mimetype == "text/html"
    assert "The service is not ready" in response.text
    assert "127.0.0.1" not in response.text
    assert visitor.client.get("/docs").status_code == 200


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("1234567.5", "USD", "1,234,567.50 USD"),
        ("-1234.5", "USD", "−1,234.50 USD"),
        ("-0.05", "USD", "−0.05 USD"),
        ("0", "JPY", "0 JPY"),
        ("-999", "JPY", "−999 JPY"),
        ("1000", "KWD", "1,000.000 KWD"),
        ("0.0001", "USD", "0.0001 USD"),
        ("999999999999999999999999.9999", "CLF", "999,999,999,999,999,999,999,999.9999 CLF"),
    ],
)
def test_amounts_read_as_money(value: str, currency: str, text: str) -> None:
    assert re.sub(r"<[^>]*>", "", write_amount(Decimal(value), currency)) == text


def test_customers_of_the_api_have_no_way_in(make_customer: Callable[..., Person], app: Flask) -> None:
    headers = {"Authorization": f"Bearer {make_customer().tokens['access_token']}"}
    response = app.test_client().get("/backoffice/", headers=headers)
    assert response.status_code == 303
