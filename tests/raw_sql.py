"""The database behind the application's back: what wrong code, or a person with a shell, could try."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2
from flask import Flask
from psycopg2.extensions import connection as Connection
from sqlalchemy import make_url


@contextmanager
def connect(app: Flask) -> Iterator[Connection]:
    """A plain connection to the app's database; what is not committed is rolled back."""
    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"]).set(drivername="postgresql")
    connection = psycopg2.connect(url.render_as_string(hide_password=False))
    try:
        yield connection
    finally:
        connection.close()


def query(connection: Connection, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
    """Run a statement and return its rows, if it has any. Ids may be given as UUID."""
    values = {name: str(value) if value is not None else None for name, value in (parameters or {}).items()}
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description is not None else []


def wait_for_lock(app: Flask) -> None:
    """Return once some session of the app's database waits for a lock."""
    with connect(app) as connection:
        connection.autocommit = True
        for _ in range(1000):
            if query(
                connection,
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            ):
                return
            time.sleep(0.005)
    raise AssertionError("nobody waited for a lock")


def switch_off_triggers(connection: Connection) -> None:
    """Let this database transaction do what triggers and foreign keys would refuse."""
    query(connection, "SET LOCAL session_replication_role = replica")
