"""Runs the migrations on the app's own engine, one database transaction for all, with short lock waits."""

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

from wallet_app.cli import open_database
from wallet_app.extensions import Base

# A migration that can't have its lock soon gives way instead of queueing every request behind itself.
LOCK_TIMEOUT_MS = 4_000
# Two web machines that start together must not both migrate. Any constant will do.
MIGRATION_LOCK = 7_203_948_211

OWNED_ELSEWHERE = "procrastinate"


def include_object(item: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """Leave the job library's tables, and indexes (written by hand in SQL), out of the model comparison."""
    return not (name or "").startswith(OWNED_ELSEWHERE) and kind != "index"


def run_migrations() -> None:
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        # Every BEGIN of ours sets the timeouts of a request; a migration needs its own, in each of its transactions.
        set_timeouts(connection, lock_timeout_ms=0)
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        try:
            context.configure(
                connection=connection, target_metadata=Base.metadata, include_object=include_object, compare_type=True
            )
            with context.begin_transaction():
                set_timeouts(connection, lock_timeout_ms=LOCK_TIMEOUT_MS)
                context.run_migrations()
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()


def set_timeouts(connection: Connection, *, lock_timeout_ms: int) -> None:
    """Bound the waits for locks in the running transaction, 0 for not at all, and no statement's time."""
    connection.execute(text(f"SET LOCAL lock_timeout = {lock_timeout_ms}"))
    connection.execute(text("SET LOCAL statement_timeout = 0"))


with open_database(current_app):
    run_migrations()
