"""Every invariant, broken on purpose past all triggers and constraints: verify names just that, and the right ids."""

from collections.abc import Iterator
from typing import cast

import pytest
from flask import Flask
from psycopg2.extensions import connection as Connection
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.people import make_person
from tests.raw_sql import connect, query, switch_off_triggers
from tests.services.ledger.books import Books, plant_transaction
from tests.services.ledger.planted_breaks import PLANTS, Plant
from wallet_app.extensions import db
from wallet_app.identity.permissions import Role
from wallet_app.ledger.verify import Break, verify_ledger
from wallet_app.transactions.verify import run_verification, verify_transactions


@pytest.fixture
def session(books: Books) -> Iterator[Session]:
    """A session in which triggers are off; rolled back after the test."""
    with books.app.app_context(), db.engine.connect() as connection, Session(connection) as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        yield session


def plant(connection: Connection, books: Books, statement: str) -> str | None:
    """Run a statement, or one of the phrases "pay out", "refund", "reverse", "take back"; the id of what it made."""
    verb, *words = statement.split()
    ana, bo, user = books["ana"], books["bo"], books["user"]
    if statement.startswith("pay out"):
        return plant_transaction(connection, "withdrawal", words[-1], source=ana, user=user)
    if verb in {"refund", "reverse"}:
        kind, payer = ("refund", None) if verb == "refund" else ("reversal", bo)
        return plant_transaction(
            connection, kind, words[0], source=payer, destination=ana, original=books[words[-1]], user=user
        )
    if statement.startswith("take back"):
        return plant_transaction(
            connection, "reversal", words[1], source=ana, destination=bo, original=books[words[-1]], user=user
        )
    query(connection, statement, books.ids)
    return None


def test_the_books_are_clean_before(books: Books) -> None:
    with books.app.app_context():
        assert run_verification() == []


@pytest.mark.parametrize("fault", PLANTS, ids=str)
def test_verify_finds_what_was_planted(fault: Plant, books: Books, session: Session) -> None:
    raw = cast("Connection", session.connection().connection.dbapi_connection)
    planted = [made for statement in fault.statements if (made := plant(raw, books, statement))]
    names = {**books.ids, "planted": planted[-1] if planted else ""}
    wanted = sorted((fault.invariant, tuple(names.get(name, name) for name in ids)) for ids in fault.breaks)

    found = verify_ledger(session) + verify_transactions(session)

    if "*" in str(wanted):
        assert [(fault.invariant, ids[0]) for _, ids in wanted] == [(b.invariant, b.ids[0]) for b in found], found
    else:
        assert sorted((b.invariant, b.ids) for b in found) == wanted, found


def test_every_invariant_is_planted() -> None:
    assert {fault.invariant for fault in PLANTS} == {1, 2, 3, 5, 7, 8}


def test_a_break_that_was_committed_is_found_from_outside(fresh_app: Flask) -> None:
    ana = make_person(fresh_app, Role.CUSTOMER, balance="10")
    with connect(fresh_app) as connection:
        switch_off_triggers(connection)
        query(connection, "UPDATE accounts SET balance = 11 WHERE id = %(id)s", {"id": ana.account_id})
        connection.commit()
    with fresh_app.app_context():
        (found,) = run_verification()
    assert found == Break(3, "the balance is 11.0000, the entries sum to 10.0000", (str(ana.account_id),))
