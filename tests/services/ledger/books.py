"""A small ledger with one of everything, and a way to write into it past all code and triggers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Flask
from psycopg2.extensions import connection as Connection
from uuid_utils.compat import uuid7

from tests.moves import lock_account, make, reversal, top_up, transfer, withdrawal
from tests.people import make_person
from tests.raw_sql import connect, query
from wallet_app import clock
from wallet_app.identity.accounts import open_account
from wallet_app.identity.permissions import Role
from wallet_app.ledger.folding import fold_system_deltas
from wallet_app.ledger.holds import HoldChanges, lock_holds
from wallet_app.uow import run_in_unit_of_work


@dataclass(frozen=True)
class Books:
    """The ids of what there is, by name, for SQL parameters.

    ``topped_up`` 100 to ana; ``sent`` 30 and ``given_back`` 20, taken back by ``back``, from ana to bo;
    ``paid_out`` 5 from ana; ``in_euro`` 10 to ana_eur. Of ana's balance of 65, ``hold`` sets aside 15 (of 20, with 5
    captured); ``released`` is over. The system's deltas of ``topped_up`` are folded, later ones are not.
    """

    app: Flask
    ids: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.ids[name]


def write_books(app: Flask) -> Books:
    """Make the books on an empty database, through the services."""
    ana = make_person(app, Role.CUSTOMER)
    bo = make_person(app, Role.CUSTOMER)
    ids: dict[str, Any] = {"ana": ana.account_id, "bo": bo.account_id, "user": ana.id}
    with app.app_context():
        ids["ana_eur"] = open_account(ana.caller, currency="EUR").id
        made = {"topped_up": make(ana.caller, top_up(ana.account_id, "100"))}
        run_in_unit_of_work(fold_system_deltas)
        made["sent"] = make(ana.caller, transfer(ana.account_id, bo.account_id, "30"))
        made["given_back"] = make(ana.caller, transfer(ana.account_id, bo.account_id, "20"))
        made["back"] = make(bo.caller, reversal(made["given_back"]))
        made["paid_out"] = make(ana.caller, withdrawal(ana.account_id, "5"))
        made["in_euro"] = make(ana.caller, top_up(ids["ana_eur"], "10", "EUR"))
        _place_holds(ids, ana.id)
    ids.update({name: transaction.id for name, transaction in made.items()})
    with connect(app) as connection:
        ids.update(_find_entries(connection, ids))
        ids.update({f"m{movement}": movement for (movement,) in query(connection, "SELECT id FROM hold_movements")})
    return Books(app, {name: str(value) for name, value in ids.items()})


def _place_holds(ids: dict[str, Any], user_id: UUID) -> None:
    """Two holds, in steps of a unit of work each, as they would come."""
    until = clock.now() + timedelta(days=7)

    def place(amount: str) -> UUID:
        def work(session: Any) -> UUID:
            connection, changes = session.connection(), HoldChanges()
            account = lock_account(connection, ids["ana"])
            hold = changes.place_hold(account, Decimal(amount), created_by=user_id, at=clock.now(), expires_at=until)
            changes.write(connection)
            return hold.id

        return run_in_unit_of_work(work)

    def finish(session: Any) -> None:
        connection, changes = session.connection(), HoldChanges()
        account = lock_account(connection, ids["ana"])
        holds = lock_holds(connection, [ids["hold"], ids["released"]])
        changes.capture_hold(account, holds[ids["hold"]], Decimal(5), at=clock.now(), final=False)
        changes.release_hold(account, holds[ids["released"]], at=clock.now())
        changes.write(connection)

    ids["hold"] = place("20")
    ids["released"] = place("10")
    run_in_unit_of_work(finish)


def _find_entries(connection: Connection, ids: dict[str, Any]) -> dict[str, str]:
    """Entries by account and number (``ana1``), and the cash accounts with their entries by transaction."""
    found: dict[str, str] = {}
    names = {str(ids[name]): name for name in ("ana", "bo", "ana_eur")}
    for account_id, number, entry_id in query(
        connection, "SELECT account_id::text, entry_number, id::text FROM entries WHERE entry_number IS NOT NULL"
    ):
        found[f"{names[account_id]}{number}"] = entry_id
    for currency, account_id in query(connection, "SELECT currency, id::text FROM accounts WHERE kind = 'cash'"):
        found[f"cash_{currency.lower()}"] = account_id
    return found


def plant_transaction(
    connection: Connection,
    kind: str,
    amount: str,
    *,
    source: str | None = None,
    destination: str | None = None,
    original: str | None = None,
    user: str,
) -> str:
    """Insert a completed USD transaction with entries and balances that agree; None is the system's cash account."""
    transaction_id = str(uuid7())
    (at,) = query(connection, "SELECT max(created_at) + interval '1 second' FROM entries")[0]
    query(
        connection,
        """
        INSERT INTO transactions (id, type, status, amount, currency, source_account_id, destination_account_id,
            original_transaction_id, initiated_by, created_at, updated_at, completed_at)
        VALUES (%(id)s, %(kind)s, 'completed', %(amount)s, 'USD', %(source)s, %(destination)s,
            %(original)s, %(user)s, %(at)s, %(at)s, %(at)s)
        """,
        {
            "id": transaction_id,
            "kind": kind,
            "amount": amount,
            "source": source,
            "destination": destination,
            "original": original,
            "user": user,
            "at": at,
        },
    )
    _plant_leg(connection, transaction_id, source, -Decimal(amount), at)
    _plant_leg(connection, transaction_id, destination, Decimal(amount), at)
    return transaction_id


def _plant_leg(connection: Connection, transaction_id: str, account: str | None, amount: Decimal, at: datetime) -> None:
    values = {"id": uuid7(), "transaction": transaction_id, "account": account, "amount": amount, "at": at}
    if account is None:
        statement = """
            WITH delta AS (
                INSERT INTO system_deltas (account_id, amount)
                SELECT id, %(amount)s FROM accounts WHERE kind = 'cash' AND currency = 'USD' RETURNING account_id)
            INSERT INTO entries (id, transaction_id, account_id, currency, amount, created_at)
            SELECT %(id)s, %(transaction)s, account_id, 'USD', %(amount)s, %(at)s FROM delta
        """
    else:
        statement = """
            WITH moved AS (
                UPDATE accounts
                SET balance = balance + %(amount)s, entry_count = entry_count + 1, last_moved_at = %(at)s
                WHERE id = %(account)s RETURNING balance, entry_count)
            INSERT INTO entries (id, transaction_id, account_id, currency, amount, created_at, entry_number,
                balance_after)
            SELECT %(id)s, %(transaction)s, %(account)s, 'USD', %(amount)s, %(at)s, entry_count, balance FROM moved
        """
    query(connection, statement, values)
