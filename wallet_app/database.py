"""How we speak to PostgreSQL: psycopg2 in autocommit, with BEGIN, COMMIT and ROLLBACK sent by us.

psycopg2 would send a bare BEGIN in a round trip of its own; ours carries the timeouts of the unit of work along. They
are SET LOCAL: they end with the database transaction, so that a pooler between us and the server may share
connections. A connection that nobody began a transaction on costs one round trip a statement, which is what
authentication wants.
"""

from collections.abc import Callable
from typing import Any

from psycopg2 import InternalError
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

DRIVER = "postgresql+wallet"


class WalletDialect(PGDialect_psycopg2):
    """The psycopg2 dialect with explicit transactions. ``create_engine`` takes both timeouts, in milliseconds.

    The ``isolation_level`` of an engine or connection is not supported: a unit of work is READ COMMITTED, and what
    needs another level begins with SET TRANSACTION.
    """

    supports_statement_cache = True

    def __init__(self, lock_timeout_ms: int = 0, statement_timeout_ms: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.begin_statement = (
            "BEGIN ISOLATION LEVEL READ COMMITTED;"
            f"SET LOCAL lock_timeout = {int(lock_timeout_ms)};"
            f"SET LOCAL statement_timeout = {int(statement_timeout_ms)}"
        )

    def on_connect(self) -> Callable[[Any], None]:
        prepare = super().on_connect()  # type: ignore[no-untyped-call]

        def connect(connection: Any) -> None:
            if prepare is not None:
                prepare(connection)
            connection.autocommit = True

        return connect

    def do_begin(self, dbapi_connection: Any) -> None:
        with dbapi_connection.cursor() as cursor:
            cursor.execute(self.begin_statement)

    def do_commit(self, dbapi_connection: Any) -> None:
        with dbapi_connection.cursor() as cursor:
            cursor.execute("COMMIT")
            if cursor.statusmessage != "COMMIT":
                # An aborted transaction answers COMMIT with ROLLBACK, and no error.
                raise InternalError("the database rolled back instead of committing")

    def do_rollback(self, dbapi_connection: Any) -> None:
        if dbapi_connection.get_transaction_status() != TRANSACTION_STATUS_IDLE:
            with dbapi_connection.cursor() as cursor:
                cursor.execute("ROLLBACK")


registry.register("postgresql.wallet", __name__, "WalletDialect")
