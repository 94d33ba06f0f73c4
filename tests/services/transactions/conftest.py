"""Two customers and a member of operations, within an app context."""

from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from tests.people import Person, make_person
from wallet_app.identity.permissions import Role
from wallet_app.ledger.models import Account, Entry, SystemDelta
from wallet_app.transactions.models import IdempotencyKey, Transaction
from wallet_app.uow import run_in_unit_of_work


@dataclass(frozen=True)
class World:
    """Ana has 100 USD, Bo none; both are new in each test."""

    app: Flask
    ana: Person
    bo: Person
    operations: Person

    def read_account(self, person: Person) -> Account:
        return run_in_unit_of_work(lambda session: session.get_one(Account, person.account_id, populate_existing=True))

    def read_balances(self) -> tuple[str, str]:
        """What Ana and Bo have, in cents."""
        ana, bo = (self.read_account(person).balance for person in (self.ana, self.bo))
        return f"{ana:.2f}", f"{bo:.2f}"

    def list_entries(self, person: Person) -> list[Entry]:
        statement = select(Entry).where(Entry.account_id == person.account_id).order_by(Entry.entry_number)
        return list(run_in_unit_of_work(lambda session: session.scalars(statement).all()))

    def list_keys(self, person: Person) -> dict[str, int | None]:
        """The idempotency keys that are kept for a caller, and the status stored under each."""
        statement = select(IdempotencyKey.key, IdempotencyKey.response_status).where(
            IdempotencyKey.caller_id == person.id
        )
        return {row.key: row.response_status for row in run_in_unit_of_work(lambda s: s.execute(statement).all())}

    def take_stock(self) -> dict[str, object]:
        """All that money could leave a trace in: rows of each table, and every balance."""

        def read(session: Session) -> dict[str, object]:
            return {
                "transactions": session.scalar(select(func.count()).select_from(Transaction)),
                "reversed": session.scalar(select(func.count()).where(Transaction.status == "reversed")),
                "entries": session.scalar(select(func.count()).select_from(Entry)),
                "deltas": session.scalar(select(func.count()).select_from(SystemDelta)),
                "movements": session.scalar(text("SELECT count(*) FROM hold_movements")),
                "events": session.scalar(text("SELECT count(*) FROM audit_events")),
                "accounts": session.scalar(
                    text("SELECT md5(string_agg(a::text, '' ORDER BY id)) FROM accounts a WHERE kind = 'customer'")
                ),
            }

        return run_in_unit_of_work(read)


@pytest.fixture
def world(context: Flask) -> World:
    return World(
        context,
        make_person(context, balance="100"),
        make_person(context),
        make_person(context, Role.OPERATIONS),
    )
