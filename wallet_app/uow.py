"""The unit of work: the only place that commits.

``run_in_unit_of_work(fn)`` calls ``fn(session)`` inside one database transaction and commits. A deadlock (40P01) or
a serialisation failure (40001) makes it run ``fn`` again, at most five times with growing, jittered pauses; so ``fn``
must do nothing but read and write the database.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import psycopg2
from prometheus_client import Counter
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from wallet_app.errors import Unavailable
from wallet_app.extensions import db

log = logging.getLogger(__name__)

TRIES = 5
FIRST_PAUSE_S = 0.01

DEADLOCK = "40P01"
SERIALISATION_FAILURE = "40001"
LOCK_TIMEOUT = "55P03"
ADMIN_SHUTDOWN = "57P01"
# Cancelled by statement_timeout; shut down, crashed or starting up; too many connections.
TRY_LATER = {LOCK_TIMEOUT, ADMIN_SHUTDOWN, "57014", "57P02", "57P03", "53300"}

RETRIES = Counter("wallet_unit_of_work_retries", "Units of work run again after a deadlock or serialisation failure")

S = TypeVar("S", Session, Connection)
T = TypeVar("T")


def run_in_unit_of_work(fn: Callable[[Session], T]) -> T:
    """Run ``fn`` and commit what it did, or nothing.

    Raises:
        Unavailable: locks stayed taken, or the database went away. If it went away during the commit itself, it is
            unknown whether the work is there: clients repeat with their idempotency key.
        Exception: whatever ``fn`` raises, after the rollback.
    """
    return _run(_open_session, fn)


def run_on_connection(fn: Callable[[Connection], T]) -> T:
    """As ``run_in_unit_of_work``, without the ORM around the connection; for the money path."""
    return _run(db.engine.begin, fn)


def _run(open_scope: Callable[[], AbstractContextManager[S]], fn: Callable[[S], T]) -> T:
    """Run ``fn`` in a scope that commits at its end, and again after a deadlock or serialisation failure."""
    for attempt in range(1, TRIES + 1):
        begun = False
        try:
            with open_scope() as scope:
                begun = True
                result = fn(scope)
                notices = _get_notices(scope)
        except PoolTimeout as error:
            raise Unavailable from error
        except DBAPIError as error:
            if error.connection_invalidated and not begun and attempt == 1:
                continue  # the server was restarted behind the pool's back, and nothing has been done yet
            if get_sqlstate(error) not in {DEADLOCK, SERIALISATION_FAILURE}:
                raise_if_unavailable(error)
                raise
            if attempt == TRIES:
                raise Unavailable from error
            RETRIES.inc()
            time.sleep(random.uniform(0.5, 1.5) * FIRST_PAUSE_S * 2**attempt)  # noqa: S311 - jitter, not a secret
        else:
            _report_unsafe_commit(notices)
            return result
    raise AssertionError("unreachable")


@contextmanager
def _open_session() -> Iterator[Session]:
    session = db.session()
    session.rollback()  # ends a read that somebody may have begun
    try:
        session.connection()
        yield session
        session.commit()
    except BaseException:
        _roll_back_quietly(session)
        raise


def fetch_rows(connection: Connection, statement: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Run a statement of the money path on the driver's own cursor, inside the connection's unit of work.

    SQLAlchemy would look up every column of every result anew, which costs more than these statements do.

    Raises:
        DBAPIError: as SQLAlchemy would raise it.
    """
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall()) if cursor.description else []
    except psycopg2.Error as error:
        is_disconnect = connection.dialect.is_disconnect(error, connection.connection, cursor)  # type: ignore[arg-type]
        if is_disconnect:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement, None, error, psycopg2.Error, hide_parameters=True, connection_invalidated=is_disconnect
        ) from error
    finally:
        cursor.close()


def read_one_row(statement: str, parameters: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Run one reading statement outside any database transaction, in a single round trip; for authentication.

    Raises:
        Unavailable: the database does not answer.
    """
    try:
        return _read_row(statement, parameters)
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        if getattr(error, "pgcode", None) in TRY_LATER - {ADMIN_SHUTDOWN}:
            raise Unavailable from error
    except (OperationalError, PoolTimeout) as error:
        raise Unavailable from error
    # The server was restarted behind the pool's back: what else is in the pool is as dead. A read may be repeated.
    db.engine.dispose()
    try:
        return _read_row(statement, parameters)
    except (psycopg2.OperationalError, psycopg2.InterfaceError, OperationalError, PoolTimeout) as error:
        raise Unavailable from error


def _read_row(statement: str, parameters: tuple[Any, ...]) -> tuple[Any, ...] | None:
    connection = db.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(statement, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
    except psycopg2.Error:
        connection.invalidate()
        raise
    else:
        return row
    finally:
        connection.close()


def get_sqlstate(error: DBAPIError) -> str | None:
    """The five characters that PostgreSQL names an error with, or None when the connection itself broke."""
    return getattr(error.orig, "pgcode", None)


def is_rolled_back(error: Exception) -> bool:
    """Whether what raised ``error`` has certainly left nothing behind. Not so if the database went away meanwhile."""
    if not isinstance(error, Unavailable):
        return True
    cause = error.__cause__
    return isinstance(cause, PoolTimeout) or (
        isinstance(cause, DBAPIError) and get_sqlstate(cause) in {LOCK_TIMEOUT, DEADLOCK, SERIALISATION_FAILURE}
    )


def raise_if_unavailable(error: DBAPIError) -> None:
    """Turn a lost connection, a lock or statement timeout into ``Unavailable``; return for every other error."""
    if error.connection_invalidated or get_sqlstate(error) in TRY_LATER or _is_connection_failure(error):
        raise Unavailable from error


def _is_connection_failure(error: DBAPIError) -> bool:
    return type(error.orig).__name__ in {"OperationalError", "InterfaceError"} and get_sqlstate(error) is None


def _roll_back_quietly(session: Session) -> None:
    """A rollback on a dead connection must not hide the error that killed it."""
    try:
        session.rollback()
    except DBAPIError:
        session.invalidate()


def _get_notices(scope: Session | Connection) -> list[str]:
    """What the server said beside its answers, on this very connection."""
    connection = scope.connection() if isinstance(scope, Session) else scope
    return getattr(connection.connection.dbapi_connection, "notices", [])


def _report_unsafe_commit(notices: list[str]) -> None:
    """Report a commit that is not on the synchronous standby.

    A query cancelled while COMMIT waits for the standby "succeeds", and tells so in a WARNING alone.
    """
    if notices:
        if any("synchronous" in notice for notice in notices):
            log.error("committed here, but not confirmed by the synchronous standby")
        notices.clear()
