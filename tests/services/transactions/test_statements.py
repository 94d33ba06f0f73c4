"""What a money move costs in statements, and that nothing is asked of the database once it is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import psycopg2.extensions
from flask import Flask
from sqlalchemy import event

from tests.moves import keyed, make, reversal, run, top_up, transfer
from tests.people import Person, make_person
from tests.services.transactions.conftest import World
from wallet_app.api.v1.rendering import render_transaction
from wallet_app.extensions import db
from wallet_app.identity.accounts import get_account_for, open_account
from wallet_app.identity.users import register_customer
from wallet_app.transactions.pipeline import Moved, MoveRequest

# Why each is there. Everything else that a list of moves does, it does in memory.
STATEMENTS = [
    ("BEGIN", "the unit of work, with lock and statement timeouts in the same round trip"),
    ("claim_idempotency_keys", "one effect per key: claims them, or waits for whoever has them"),
    ("lock_accounts", "locks owners and accounts, and reads them after the locks, in statements of its own"),
    ("write_moves", "one set-based statement a table: transactions, entries, balances, deltas, stored answers"),
    ("COMMIT", "the zero-sum trigger looks, and the money has moved"),
]


class RecordingCursor(psycopg2.extensions.cursor):
    """A cursor that notes what is sent, whether SQLAlchemy sends it or we do."""

    seen: ClassVar[list[str]] = []

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - the driver's own name
        self.seen.append(str(query))
        super().execute(query, vars)


@contextmanager
def record_statements() -> Iterator[list[str]]:
    """Everything that is sent to the database inside the block, on connections taken from the pool there."""
    seen: list[str] = []
    RecordingCursor.seen = seen

    def on_checkout(connection: Any, *_: object) -> None:
        connection.cursor_factory = RecordingCursor

    def on_checkin(connection: Any, *_: object) -> None:
        connection.cursor_factory = None

    listeners = [("checkout", on_checkout), ("checkin", on_checkin)]
    for name, listener in listeners:
        event.listen(db.engine, name, listener)
    try:
        yield seen
    finally:
        for name, listener in listeners:
            event.remove(db.engine, name, listener)


def send(world: World, number: int) -> MoveRequest:
    return keyed(transfer(world.ana.account_id, world.bo.account_id, "0.01"), f"key-{number}")


def test_a_hundred_transfers_cost_as_many_statements_as_one(world: World) -> None:
    with record_statements() as of_one:
        run(world.ana.caller, [send(world, 0)])
    with record_statements() as of_a_hundred:
        run(world.ana.caller, [send(world, number) for number in range(1, 101)])
    assert len(of_one) == len(of_a_hundred) == len(STATEMENTS)
    for statement, again, (name, why) in zip(of_one, of_a_hundred, STATEMENTS, strict=True):
        assert name in statement, why
        assert name in again, why


def test_a_hundred_moves_by_staff_cost_one_statement_more(world: World) -> None:
    """Staff leave an audit event for each move: all of them in one statement."""
    move = top_up(world.ana.account_id, "1")
    with record_statements() as of_one:
        run(world.operations.caller, [keyed(move, "one")])
    with record_statements() as of_a_hundred:
        run(world.operations.caller, [keyed(move, f"key-{number}") for number in range(100)])
    assert len(of_one) == len(of_a_hundred) <= len(STATEMENTS) + 1


def test_twenty_reversals_cost_as_many_statements_as_one(world: World) -> None:
    """They also lock the transactions they take back, and read those and their entries after the lock."""
    sent = [make(world.ana.caller, transfer(world.ana.account_id, world.bo.account_id, "1")) for _ in range(21)]
    moves = [keyed(reversal(one), f"key-{number}") for number, one in enumerate(sent)]
    with record_statements() as of_one:
        run(world.bo.caller, moves[:1])
    with record_statements() as of_twenty:
        run(world.bo.caller, moves[1:])
    assert len(of_one) == len(of_twenty) <= len(STATEMENTS) + 3


def test_nothing_is_read_after_the_commit(world: World) -> None:
    """Money that moved must never end in an error because an attribute was read too late."""
    moves = [transfer(world.ana.account_id, world.bo.account_id, "1"), top_up(world.ana.account_id, "1")]
    results = run(world.ana.caller, moves)
    with record_statements() as seen:
        for result in results:
            assert isinstance(result.outcome, Moved)
            assert render_transaction(result.outcome.transaction, for_staff=True)
    assert seen == []


def test_nothing_is_read_after_other_commits_either(world: World) -> None:
    user, account = register_customer(email=f"{world.ana.id}@later.example", password="x" * 12, full_name="Late")
    opened = open_account(world.ana.caller, currency="EUR")
    seen_account = get_account_for(world.ana.caller, opened.id).account
    with record_statements() as seen:
        for row in (user, account, opened, seen_account):
            read_all_attributes(row)
    assert seen == []


def read_all_attributes(row: object) -> None:
    for attribute in row.__mapper__.column_attrs:  # type: ignore[attr-defined]
        getattr(row, attribute.key)


def test_authentication_and_move_are_all_that_a_request_asks(app: Flask) -> None:
    """Over HTTP one statement more: who the caller is."""
    ana, bo = make_person(app, balance="1"), make_person(app)
    body = {"type": "transfer", "to_user_email": bo.email, "amount": "1.00", "currency": "USD"}
    with app.app_context(), record_statements() as seen:
        assert ana.post("/transactions", body, key="k").status_code == 201
    assert len(seen) == len(STATEMENTS) + 1
    assert "find_caller" in seen[0]


def test_a_batch_of_a_thousand_asks_no_more_than_a_single_move(app: Flask) -> None:
    """Over HTTP, and with a key for the whole, which is claimed and answered in the same statements."""
    ana, bo = make_person(app, balance="11"), make_person(app)
    for count in (1, 1000):
        body = {"mode": "atomic", "items": [make_item(bo, f"{count}-{number}") for number in range(count)]}
        with app.app_context(), record_statements() as seen:
            assert ana.post("/transactions/batch", body, key=f"whole-{count}").status_code == 200
        for statement, (name, why) in zip(seen, [("find_caller", "who asks"), *STATEMENTS], strict=True):
            assert name in statement, why


def make_item(recipient: Person, key: str) -> dict[str, str]:
    to = {"to_user_email": recipient.email, "idempotency_key": key}
    return {"type": "transfer", "amount": "0.01", "currency": "USD", **to}
