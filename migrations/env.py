"""Runs the migrations on the app's own engine, one database transaction for all, with short lock waits."""

from alembic import context
from flask import current_app
from sqlalchemy import text

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
        connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        try:
            context.configure(
                connection=connection, target_metadata=Base.metadata, include_object=include_object, compare_type=True
            )
            with context.begin_transaction():
                context.run_migrations()
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.execute(text("RESET ALL"))
            connection.commit()


with open_database(current_app):
    run_migrations()
